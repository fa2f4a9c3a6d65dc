"""The same things from a shell: `maskedgender make-dataset | train | evaluate | predict | app | kaggle`.

Exit status 0 when all went well, 1 when some photos could not be read or the run was stopped, 2 for everything that
the caller has to put right.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import __version__

if TYPE_CHECKING:
    import keras
    import numpy as np
    import pandas as pd

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before any command imports TensorFlow: errors, no chatter

CHECKOUT = Path(__file__).resolve().parents[1]
SHIPPED_MODEL = CHECKOUT / "models" / "masked_gender.keras"
LOOKS = CHECKOUT / "benchmarks" / "results" / "looks.csv"
PHOTO_SUFFIXES = {".jpg", ".jpeg", ".jfif", ".mpo", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"}
PHOTO_SUFFIXES |= {".heic", ".heif"}
KAGGLE_DATASET = "itsshuvra/gender-classified-dataset-with-masked-face"
TRAINED = Path("trained")  # not models/: what ships is replaced on purpose only
SOME_NOT_READ, TO_PUT_RIGHT = 1, 2


class Architecture(str, Enum):  # noqa: UP042 (its str() is never used)
    """The CNNs of models.py."""

    MASKED = "masked"
    SEED = "seed"


class View(str, Enum):  # noqa: UP042 (its str() is never used)
    """How much of a canonical crop a CNN looks at."""

    FACE = "face"
    PORTRAIT = "portrait"


app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)

DatasetOption = Annotated[
    Path | None, typer.Option(help="Dataset folder; without it, Kaggle's, attached or downloaded.", show_default=False)
]
ModelOption = Annotated[Path, typer.Option(help="A .keras file.", show_default="the shipped one")]
LooksOption = Annotated[Path, typer.Option(help="Log of looks at Validation.", show_default="the checkout's")]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


kaggle_app = typer.Typer(no_args_is_help=True, help="Train on a Kaggle GPU from here: push, wait, fetch.")
app.add_typer(kaggle_app, name="kaggle")


@app.callback()
def maskedgender(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say it.")] = False,
) -> None:
    """Train a small CNN on masked portraits, and put it in front of any photo."""


@app.command("make-dataset")
def make_dataset_command(
    portraits: Annotated[Path, typer.Option(help="Folder with zips or unpacked pictures, or one zip.")],
    labels: Annotated[list[Path], typer.Option(help="CSV with file, gender and, if known, age, race; repeatable.")],
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    variants: Annotated[int, typer.Option(min=1, help="Images a portrait, each with its own mask.")] = 1,
    unmasked: Annotated[float, typer.Option(min=0, max=1, help="Share of images that stay bare.")] = 0.3,
    seed: Annotated[int, typer.Option(help="Decides everything that varies.")] = 0,
    style: Annotated[list[str] | None, typer.Option(help="Mask style to draw; repeatable; all without.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many rows of each CSV.")] = None,
) -> None:
    """Draw masks on labelled portraits, and lay them out like Kaggle's dataset; goes on where it stopped."""
    with _one_sentence():
        from .make_dataset import make_dataset

        typer.echo(make_dataset(portraits, labels, out, variants, unmasked, seed, style or None, limit).table())


@app.command()
def train(
    dataset: DatasetOption = None,
    architecture: Annotated[Architecture, typer.Option(help="Ours, or the original's.")] = Architecture.MASKED,
    view: Annotated[View | None, typer.Option(help="Part of the portrait; by the dataset without.")] = None,
    image_size: Annotated[int | None, typer.Option(min=32, help="Pixels; the CNN's own without.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="The recipe's without.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="The recipe's without.")] = None,
    output: Annotated[Path, typer.Option(help="Folder for the .keras file and the run's state.")] = TRAINED,
    seed: Annotated[int, typer.Option(help="Of split, weights, order and augmentation.")] = 0,
    limit: Annotated[int | None, typer.Option(min=4, help="Only so many training images.")] = None,
    looks: LooksOption = LOOKS,
) -> None:
    """Train a CNN, choose its best epoch, calibrate, test once on Validation, export; goes on where it stopped."""
    with _one_sentence():
        seen = view.value if view else None
        _train(dataset, architecture.value, seen, image_size, epochs, batch_size, output, seed, limit, looks)


@app.command()
def evaluate(
    models: Annotated[list[Path], typer.Argument(help="One or more .keras files.")],
    dataset: DatasetOption = None,
    served: Annotated[bool, typer.Option("--served", help="Find each image's face first, as the app does.")] = False,
    looks: LooksOption = LOOKS,
) -> None:
    """Measure models on the Validation folder: figures with intervals, by group of people; the look is logged."""
    with _one_sentence():
        _evaluate(models, dataset, served, looks)


@app.command()
def predict(
    paths: Annotated[list[Path], typer.Argument(help="Photos, or folders searched for photos.")],
    model: ModelOption = SHIPPED_MODEL,
    csv: Annotated[Path | None, typer.Option(help="Write the answers here, one row a face.")] = None,
) -> None:
    """Say for each face of each photo: female, male or not sure, and how sure."""
    with _one_sentence():
        unread = _predict(paths, model, csv)
    raise typer.Exit(SOME_NOT_READ if unread else 0)


@app.command("app")
def app_command(
    model: ModelOption = SHIPPED_MODEL,
    host: Annotated[str, typer.Option(help="Address to listen on; 127.0.0.1 is this machine alone.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The next free one when it is taken.")] = 7860,
    share: Annotated[bool, typer.Option("--share", help="A public link: photos go through Gradio's servers.")] = False,
) -> None:
    """Open the page on this machine, http://127.0.0.1:7860."""
    with _one_sentence():
        from .app import launch

        launch(model, host=host, port=port, share=share, inbrowser=_has_a_desktop())


@kaggle_app.command("train")
def kaggle_train(
    parameters: Annotated[list[str] | None, typer.Argument(help="NAME=value of the notebook, as EPOCHS=3.")] = None,
    output: Annotated[Path, typer.Option(help="Folder for the .keras file.")] = TRAINED,
    dataset: Annotated[str, typer.Option(help="OWNER/NAME on Kaggle.")] = KAGGLE_DATASET,
) -> None:
    """Push the training notebook, show its state, and put the model, tested, in place."""
    with _one_sentence():
        from . import kaggle_run

        kaggle_run.train(parameters or [], output, dataset)


@kaggle_app.command("status")
def kaggle_status() -> None:
    """Say how the notebook that was pushed last is doing."""
    with _one_sentence():
        from . import kaggle_run

        kaggle_run.status()


@kaggle_app.command("fetch")
def kaggle_fetch() -> None:
    """Wait for the notebook that was pushed last, and put its model in place."""
    with _one_sentence():
        from . import kaggle_run

        kaggle_run.fetch()


@contextmanager
def _one_sentence() -> Iterator[None]:
    """What the caller can put right ends in one sentence and a status; a fault of ours keeps its traceback."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("\nStopped. What was finished is kept.", err=True)
        raise typer.Exit(SOME_NOT_READ) from None
    except Exception as error:
        if not isinstance(error, (OSError, ValueError)) and type(error).__name__ not in ("ModelError", "PhotoError"):
            raise
        typer.echo(str(error), err=True)
        raise typer.Exit(TO_PUT_RIGHT) from error


def _has_a_desktop() -> bool:
    """Whether a browser has a screen to open on; without one, Python might start a text browser in the terminal."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _train(
    given: Path | None,
    architecture: str,
    view: str | None,
    image_size: int | None,
    epochs: int | None,
    batch_size: int | None,
    output: Path,
    seed: int,
    limit: int | None,
    looks: Path,
) -> None:
    """The steps of the training notebook, in its order."""
    import keras
    import pandas as pd

    from . import dataset, evaluation, training

    found = dataset.find_dataset(given)
    fit, choose = _split(found, limit, seed)
    keras.utils.set_random_seed(seed)
    view = view or ("face" if (found / dataset.LABELS_FILE).is_file() else "portrait")
    model = _new_cnn(architecture, view, image_size)
    typer.echo(f"{found}: {len(fit):,} images to fit, {len(choose):,} to choose by")
    typer.echo(f"{model.name}, {model.count_params():,} parameters, {view}, {model.input_shape[1]} pixels")
    run = output / "runs" / f"{model.name}-{view}-{model.input_shape[1]}px-{len(fit)}images-seed{seed}"
    recipe = training.RECIPES[architecture]
    history = training.train(model, recipe, found, fit, choose, run, epochs=epochs, batch_size=batch_size, seed=seed)
    if architecture == Architecture.MASKED.value:
        model = _mirrored(model, view)
        training.calibrate(model, dataset.PortraitStream(found, choose, model.input_shape[1:], 64))
    best = training.best_epoch(history)
    path = training.export(model, output / f"{architecture}_gender.keras")
    chosen = {"architecture": architecture, "view": view, "seed": seed, "training_images": len(fit)}
    chosen |= {"training_data": _described(pd.concat([fit, choose])), "commit": evaluation.commit_of(CHECKOUT)}
    command = " ".join(["maskedgender", *sys.argv[1:]])
    evaluation.write_record(path, evaluation.training_facts(model, history, best, **chosen, command=command))
    tested, pairs = _answers(model, found, served=False)
    accuracy = evaluation.score(tested.label.to_numpy(), pairs).accuracy
    evaluation.append_look(
        looks, f"{model.name}, {len(fit)} images, epoch {best} of {len(history)}, {found}: {accuracy}"
    )
    typer.echo(f"{path}: best epoch {best} of {len(history)}, Validation accuracy {accuracy}")


def _mirrored(model: keras.Model, view: str) -> keras.Model:
    """The trained masked CNN as the file that answers has it: it looks at each crop and at its mirror image."""
    from .models import masked_cnn

    answering = masked_cnn(model.input_shape[1], view, mirrored=True)
    answering.set_weights(model.get_weights())
    return answering


def _described(images: pd.DataFrame) -> str:
    """What a model was trained on, in a phrase."""
    from .dataset import NOT_DESCRIBED

    masked = 1 - images["style"].isin(("none", NOT_DESCRIBED)).mean()
    known = "" if (images["style"] == NOT_DESCRIBED).all() else f", {masked:.0%} of them with a drawn mask"
    return f"{len(images):,} images of {images['source'].nunique():,} portraits{known}"


def _split(found: Path, limit: int | None, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The training images, or `limit` of them, as (fit, choose)."""
    from . import dataset

    images = dataset.list_images(found, dataset.TRAINING)
    if limit:
        images = images.groupby("label").sample(frac=min(1, limit / len(images)), random_state=seed).sort_index()
    return dataset.split_training(images, seed=seed)


def _new_cnn(architecture: str, view: str, image_size: int | None) -> keras.Model:
    from .models import masked_cnn, seed_cnn

    if architecture == Architecture.SEED.value:
        return seed_cnn(image_size or (143 if view == "face" else 100), view)  # 100x100 pixels are seen either way
    return masked_cnn(image_size or 128, view)


def _evaluate(models: list[Path], given: Path | None, served: bool, looks: Path) -> None:
    """Measure each model, log the looks, print the tables."""
    import pandas as pd

    from . import dataset, evaluation, prediction

    found = dataset.find_dataset(given)
    loaded = {path: prediction.load_model(path) for path in models}
    answers = {path: _answers(model, found, served) for path, model in loaded.items()}
    scores = {path: evaluation.score(tested.label.to_numpy(), pairs) for path, (tested, pairs) in answers.items()}
    for path, one in scores.items():
        route = "photo, detector, crop, file" if served else "crop, file"
        evaluation.append_look(looks, f"{path} on {dataset.VALIDATION}, by {route}: {one.accuracy}")
    table = pd.DataFrame({str(path): {**scores[path].row(), **_not_sure(*answers[path])} for path in models})
    groups = evaluation.accuracy_by_group(*answers[models[0]])
    typer.echo(f"{table.to_string()}\n\n{models[0]}, by group:\n{groups.round(4).to_string(index=False)}")
    if served:
        images = len(dataset.list_images(found, dataset.VALIDATION))
        typer.echo(f"\nno face found in {images - len(answers[models[0]][0]):,} of {images:,} images: left out")


def _answers(model: keras.Model, found: Path, served: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """The Validation images that were answered, and their probabilities, float32 (N, 2).

    With `served` the largest face of each image is found and cropped first; images without one are left out.
    """
    import numpy as np
    from tqdm import tqdm

    from . import dataset, evaluation, prediction

    images = dataset.list_images(found, dataset.VALIDATION)
    if not served:
        stream = dataset.PortraitStream(found, images, model.input_shape[1:], 64)
        return images, evaluation.answer_probabilities(model, stream)
    shown = tqdm(images.file, unit="photo", disable=None)
    largest = [prediction.predict_file(model, found / file)[:1] for file in shown]
    pairs = [(face.p_female, face.p_male) for faces in largest for face in faces]
    return images[[bool(faces) for faces in largest]], np.array(pairs, np.float32).reshape(-1, 2)


def _not_sure(tested: pd.DataFrame, pairs: np.ndarray) -> dict[str, str]:
    """How often the app would answer at all, and how often rightly, as rows for a table."""
    from .evaluation import answered, percent
    from .prediction import NOT_SURE_BELOW

    coverage, accuracy = answered(tested.label.to_numpy(), pairs, NOT_SURE_BELOW)
    level = percent(NOT_SURE_BELOW)
    return {f"answered, at {level} or more": str(coverage), "of these right": str(accuracy)}


def _predict(paths: list[Path], model_path: Path, csv: Path | None) -> int:
    """Answer for every photo, to the CSV file or in words; returns how many could not be read."""
    from tqdm import tqdm

    from . import prediction

    photos = list(_photos(paths))
    if not photos:
        raise ValueError(f"No photos in {', '.join(map(str, paths))}: looked for {' '.join(sorted(PHOTO_SUFFIXES))}.")
    model = prediction.load_model(model_path)
    shown = tqdm(photos, unit="photo", disable=True if len(photos) == 1 else None)
    unread = 0

    def rows() -> Iterator[dict[str, object]]:
        nonlocal unread
        for photo in shown:
            of_photo = prediction.csv_rows(model, photo)
            unread += of_photo[0]["error"] not in ("", None, prediction.NO_FACE)
            yield from of_photo

    if csv:
        prediction.write_csv(rows(), csv)
        typer.echo(f"{csv}: {len(photos):,} photos, {unread:,} of them could not be read")
    else:
        for row in rows():
            typer.echo(_in_words(row).encode("utf-8", "backslashreplace"))  # a name may hold what is no UTF-8
    return unread


def _photos(paths: list[Path]) -> Iterator[Path]:
    """Files as they are named, so that a wrong name is reported; of folders, at any depth, what is named as a photo.

    Broken links, pipes and the like are among them, so that they are reported too.
    """
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises on a name that is too long)
            named = (file for file in path.rglob("*") if file.suffix.lower() in PHOTO_SUFFIXES)
            yield from sorted(file for file in named if not file.is_dir())
        else:
            yield path


def _in_words(row: dict[str, object]) -> str:
    """A row of the CSV as a line: "group.jpg, face 2: not sure (female 61 %, male 39 %)"."""
    if row["error"]:
        return f"{row['file']}: {row['error']}"
    female, male = (f"{float(str(row[name])):.0%}".replace("%", " %") for name in ("p_female", "p_male"))
    return f"{row['file']}, face {row['face']}: {row['answer']} (female {female}, male {male})"
