"""What `maskedgender train` and `maskedgender evaluate` do: the steps of the training notebook, in its order."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import typer
from tqdm import tqdm

from ..data.audit import audit
from ..data.layout import BARE, LABELS_FILE, NOT_DESCRIBED, TRAINING, VALIDATION
from ..data.listing import list_images
from ..data.locate import find_dataset
from ..data.split import limited, masked_ones, split_training
from ..data.stream import PortraitStream
from ..measure import card, metrics, records
from ..measure.metrics import answered, percent
from ..networks import checksums
from ..networks.masked import answering_cnn, masked_cnn
from ..networks.model_files import load_model
from ..networks.probabilities import answer_probabilities
from ..networks.seed import seed_cnn
from ..prediction.answers import NOT_SURE_BELOW, predict_file
from ..training import fine_tuning
from ..training import fitting as training
from ..training.calibration import calibrate
from ..training.run_folder import best_epoch

CHECKOUT = Path(__file__).resolve().parents[2]


def train(
    given: Path | None,
    architecture: str,
    view: str | None,
    image_size: int | None,
    epochs: int | None,
    batch_size: int | None,
    output: Path,
    seed: int,
    limit: int | None,
    start: Path | None,
    looks: Path,
) -> None:
    """The steps of the training notebook, in its order; with `start`, on from the weights of that file."""
    found = find_dataset(given)
    fit, choose, test = _split(found, limit, seed)
    keras.utils.set_random_seed(seed)
    view = view or ("face" if (found / LABELS_FILE).is_file() else "portrait")
    model = _new_cnn(architecture, view, image_size or (fine_tuning.image_size(start) if start else None))
    recipe, name = training.RECIPES[architecture], f"{model.name}-{view}-{model.input_shape[1]}px"
    if start:
        fine_tuning.start_from(model, start)
        fit = fine_tuning.more_of_the_missed(model, found, fit, choose, seed)
        recipe = replace(recipe, learning_rate=fine_tuning.LEARNING_RATE * recipe.learning_rate)
        name += f"-from-{checksums.sha256(start)[:8]}"
    typer.echo(f"{found}: {len(fit):,} images to fit, {len(choose):,} to choose by")
    typer.echo(f"{model.name}, {model.count_params():,} parameters, {view}, {model.input_shape[1]} pixels")
    run = output / "runs" / f"{name}-{len(fit)}images-seed{seed}"
    history = training.train(model, recipe, found, fit, choose, run, epochs=epochs, batch_size=batch_size, seed=seed)
    if architecture == "masked":
        model = answering_cnn(model, view)
        calibrate(model, PortraitStream(found, masked_ones(choose), model.input_shape[1:], 64))
    best = best_epoch(history)
    path = training.export(model, output / f"{architecture}_gender.keras")
    checksums.relist(path)
    chosen = {"architecture": architecture, "view": view, "seed": seed, "training_images": len(fit)}
    chosen |= {"training_data": _described(pd.concat([fit, choose])), "commit": records.commit_of(CHECKOUT)}
    chosen |= {"started_from": _start_in_words(start)} if start else {}
    command = " ".join(["maskedgender", *sys.argv[1:]])
    records.write_record(path, records.training_facts(model, history, best, **chosen, command=command))
    tested, pairs = _answers(model, found, test)
    accuracy = metrics.score(tested.label.to_numpy(), pairs).accuracy
    records.append_look(looks, f"{model.name}, {len(fit)} images, epoch {best} of {len(history)}, {found}: {accuracy}")
    typer.echo(f"{path}: best epoch {best} of {len(history)}, Validation accuracy {accuracy}")


def _start_in_words(start: Path) -> str:
    """The file that training went on from, and what its record says of it."""
    facts = card.read_record(start)
    known = [f"{name} {facts[name]}" for name in ("epochs", "training time", "commit") if name in facts]
    return ", ".join([f"{start.name}, SHA-256 {checksums.sha256(start)[:8]}", *known])


def _described(images: pd.DataFrame) -> str:
    """What a model was trained on, in a phrase; an image that came more than once counts once."""
    images = images.drop_duplicates("file")
    masked = 1 - images["style"].isin((BARE, NOT_DESCRIBED)).mean()
    known = "" if (images["style"] == NOT_DESCRIBED).all() else f", {masked:.0%} of them with a drawn mask"
    return f"{len(images):,} images of {images['source'].nunique():,} portraits{known}"


def _split(found: Path, limit: int | None, seed: int) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The training images, or `limit` of them, and the test's, as (fit, choose, test), without what the audit doubts.

    The audit's report is printed: it reads all images once.
    """
    images, test = (list_images(found, part) for part in (TRAINING, VALIDATION))
    if limit:
        images = limited(images, limit, seed)
    typer.echo(f"{found}: looking for copies and damaged files in {len(images) + len(test):,} images")
    doubted = audit(found, images, test)
    typer.echo(doubted)
    return *split_training(doubted.kept(images), seed=seed), doubted.kept(test)


def _new_cnn(architecture: str, view: str, image_size: int | None) -> keras.Model:
    if architecture == "seed":
        return seed_cnn(image_size or (143 if view == "face" else 100), view)  # 100x100 pixels are seen either way
    return masked_cnn(image_size or 128, view)


def evaluate(models: list[Path], given: Path | None, served: bool, looks: Path) -> None:
    """Measure each model, log the looks, print the tables."""
    found = find_dataset(given)
    loaded = {path: load_model(path) for path in models}
    images = list_images(found, VALIDATION)
    answers = {path: _answers(model, found, images, served) for path, model in loaded.items()}
    scores = {path: metrics.score(tested.label.to_numpy(), pairs) for path, (tested, pairs) in answers.items()}
    for path, one in scores.items():
        route = "photo, detector, crop, file" if served else "crop, file"
        records.append_look(looks, f"{path} on {VALIDATION}, by {route}: {one.accuracy}")
    table = pd.DataFrame({str(path): {**scores[path].row(), **_not_sure(*answers[path])} for path in models})
    groups = metrics.accuracy_by_group(*answers[models[0]])
    typer.echo(f"{table.to_string()}\n\n{models[0]}, by group:\n{groups.round(4).to_string(index=False)}")
    if served:
        without = len(images) - len(answers[models[0]][0])
        typer.echo(f"\nno face found in {without:,} of {len(images):,} images: left out")


def _answers(
    model: keras.Model, found: Path, images: pd.DataFrame, served: bool = False
) -> tuple[pd.DataFrame, np.ndarray]:
    """The images of a dataset folder that were answered, and their probabilities, float32 (N, 2).

    With `served` the largest face of each image is found and cropped first; images without one are left out.
    """
    if not served:
        stream = PortraitStream(found, images, model.input_shape[1:], 64)
        return images, answer_probabilities(model, stream)
    shown = tqdm(images.file, unit="photo", disable=None)
    largest = [predict_file(model, found / file)[:1] for file in shown]
    pairs = [(face.p_female, face.p_male) for faces in largest for face in faces]
    return images[[bool(faces) for faces in largest]], np.array(pairs, np.float32).reshape(-1, 2)


def _not_sure(tested: pd.DataFrame, pairs: np.ndarray) -> dict[str, str]:
    """How often the app would answer at all, and how often rightly, as rows for a table."""
    coverage, accuracy = answered(tested.label.to_numpy(), pairs, NOT_SURE_BELOW)
    level = percent(NOT_SURE_BELOW)
    return {f"answered, at {level} or more": str(coverage), "of these right": str(accuracy)}
