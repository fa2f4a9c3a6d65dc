"""The same things from a shell: `maskedgender make-dataset | train | evaluate | predict | app | kaggle | export`.

Exit status 0 when all went well, 1 when some photos could not be read or the run was stopped, 2 for everything that
the caller has to put right.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from ..images.folders import SUFFIXES, scan
from ..places import LOOKS, SHIPPED_MODEL
from .kaggle import TRAINED, kaggle_app
from .one_sentence import SOME_NOT_READ, one_sentence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before any command imports TensorFlow: errors, no chatter

BY_TENSORFLOW = {"KERAS_BACKEND": "tensorflow"}


class Architecture(str, Enum):  # noqa: UP042 (its str() is never used)
    """The CNNs of the package."""

    MASKED = "masked"
    SMALL = "small"
    SEED = "seed"


class View(str, Enum):  # noqa: UP042 (its str() is never used)
    """How much of a canonical crop a CNN looks at."""

    FACE = "face"
    PORTRAIT = "portrait"


class Format(str, Enum):  # noqa: UP042 (its str() is never used)
    """The formats of export.py."""

    ONNX = "onnx"
    LITERT = "litert"
    LITERT_INT8 = "litert-int8"
    SAVED_MODEL = "saved-model"


# Help without rich, which takes as long to import as all the rest.
app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 120},
)

DatasetOption = Annotated[
    Path | None, typer.Option(help="Dataset folder; without it, Kaggle's, attached or downloaded.", show_default=False)
]
ModelOption = Annotated[
    Path, typer.Option(help="A .keras file, or .h5, .onnx, .tflite.", show_default="the shipped one")
]
ScaleOption = Annotated[
    str | None, typer.Option(help="Of the model's input: 0..255, 0..1 or -1..1, where its file does not tell.")
]
ClassesOption = Annotated[
    str | None, typer.Option(help='Order of the model\'s output: "female,male" or "male,female".', show_default=False)
]
LooksOption = Annotated[Path, typer.Option(help="Log of looks at Validation.", show_default="the checkout's")]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


app.add_typer(kaggle_app, name="kaggle")


@app.callback()
def maskedgender(
    version: Annotated[bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say it.")] = False,
) -> None:
    """Train a small CNN on masked portraits, and put it in front of any photo."""


@app.command("make-dataset")
def make_dataset_command(
    portraits: Annotated[Path, typer.Option(help="Folder with zips or unpacked pictures, or one zip.")],
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="CSV with file, gender and, if known, age, race; repeatable; those beside them without."),
    ] = None,
    variants: Annotated[int, typer.Option(min=1, help="Images a portrait, each with its own mask.")] = 1,
    unmasked: Annotated[float, typer.Option(min=0, max=1, help="Share of images that stay bare.")] = 0.3,
    seed: Annotated[int, typer.Option(help="Decides everything that varies.")] = 0,
    style: Annotated[list[str] | None, typer.Option(help="Mask style to draw; repeatable; all without.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many rows of each CSV.")] = None,
    update: Annotated[
        bool,
        typer.Option(
            "--update",
            help="Bring a folder that was made from other labels up to date: what they no longer list is removed, what "
            "they call otherwise moves, what is missing is made.",
        ),
    ] = False,
) -> None:
    """Draw masks on labelled portraits, and lay them out like Kaggle's dataset; goes on where it stopped."""
    with one_sentence():
        from ..data.make_dataset import make_dataset
        from ..data.portraits import find_labels

        labels = labels or find_labels(portraits)
        made = make_dataset(portraits, labels, out, variants, unmasked, seed, style or None, limit, update)
        typer.echo(made.table())


@app.command()
def train(
    dataset: DatasetOption = None,
    architecture: Annotated[
        Architecture, typer.Option(help="Ours, our small one, or the original's.")
    ] = Architecture.MASKED,
    view: Annotated[View | None, typer.Option(help="Part of the portrait; by the dataset without.")] = None,
    image_size: Annotated[int | None, typer.Option(min=32, help="Pixels; the CNN's or --start's own without.")] = None,
    epochs: Annotated[int | None, typer.Option(min=0, help="The recipe's without; 0 exports --start anew.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="The recipe's without.")] = None,
    output: Annotated[Path, typer.Option(help="Folder for the .keras file and the run's state.")] = TRAINED,
    seed: Annotated[int, typer.Option(help="Of split, weights, order and augmentation.")] = 0,
    limit: Annotated[int | None, typer.Option(min=4, help="Only so many training images.")] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="imagenet, nothing, or a .keras file to go on from, with more of the people on whom it errs most; "
            "without, ImageNet's weights where they are installed."
        ),
    ] = None,
    frozen: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=7,
            help="First stages of our CNN that do not learn; without, 3 from ImageNet and none otherwise.",
        ),
    ] = None,
    looks: LooksOption = LOOKS,
) -> None:
    """Train a CNN, choose its best epoch, calibrate, test once on Validation, export; goes on where it stopped."""
    with one_sentence():
        from .train import train

        seen = view.value if view else None
        size = (epochs, batch_size, output, seed, limit)
        train(dataset, architecture.value, seen, image_size, *size, start, frozen, looks)


@app.command()
def evaluate(
    models: Annotated[list[Path], typer.Argument(help="One or more .keras files.")],
    dataset: DatasetOption = None,
    served: Annotated[bool, typer.Option("--served", help="Find each image's face first, as the app does.")] = False,
    looks: LooksOption = LOOKS,
) -> None:
    """Measure models on the Validation folder: figures with intervals, by group of people; the look is logged."""
    with one_sentence():
        from .train import evaluate

        evaluate(models, dataset, served, looks)


@app.command()
def predict(
    paths: Annotated[list[Path], typer.Argument(help="Photos, or folders searched for photos.")],
    model: ModelOption = SHIPPED_MODEL,
    csv: Annotated[Path | None, typer.Option(help="Write the answers here, one row a face.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a CSV file that a stopped run left.")] = False,
    processes: Annotated[int | None, typer.Option(min=1, help="That find faces; one a core without.")] = None,
    scale: ScaleOption = None,
    classes: ClassesOption = None,
) -> None:
    """Say for each face of each photo: female, male or not sure, and how sure."""
    with one_sentence(), _or_by_tensorflow(model):
        from .predict import predict

        photos, passed_over = _photos(paths)
        if not photos:
            looked = " ".join(sorted(SUFFIXES))
            raise ValueError(f"No photos in {', '.join(map(str, paths))}: looked for {looked}.")
        unread = predict(photos, model, csv, resume, processes, scale, classes)
        if passed_over:
            typer.echo(f"Passed over: {passed_over:,} files that are not named as photos.", err=True)
    raise typer.Exit(SOME_NOT_READ if unread else 0)


@app.command("app")
def app_command(
    model: ModelOption = SHIPPED_MODEL,
    host: Annotated[
        list[str] | None,
        typer.Option(help="Address to listen on, 127.0.0.1 for this machine alone; repeated: names it is called by."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="7860, or the next free one when it is taken.")
    ] = None,
    root_path: Annotated[str | None, typer.Option(help="Where a proxy in front shows it, such as /faces.")] = None,
    share: Annotated[bool, typer.Option("--share", help="A public link: photos go through Gradio's servers.")] = False,
    auth: Annotated[Path | None, typer.Option(help="File with a line NAME:PASSWORD for each who may in.")] = None,
    scale: ScaleOption = None,
    classes: ClassesOption = None,
) -> None:
    """Open the page on this machine, http://127.0.0.1:7860."""
    with one_sentence(), _or_by_tensorflow(model):
        from ..networks.model_files import caution
        from ..page.app import launch

        if warning := caution(model):
            typer.echo(warning, err=True)
        opened = _has_a_desktop()
        shown = {"host": host or (), "port": port, "root_path": root_path, "share": share, "auth": auth}
        launch(model, scale, classes, lambda note: typer.echo(note, err=True), inbrowser=opened, **shown)


@app.command()
def export(
    to: Annotated[Format, typer.Option(help="Format of another runtime.")],
    model: Annotated[Path, typer.Argument(help="A .keras file.", show_default="the shipped one")] = SHIPPED_MODEL,
) -> None:
    """Write a model in another runtime's format, beside it, with its record, and check that answers stay the same."""
    with one_sentence(extra="export"):
        from ..prediction.export import CROPS, FORMATS, export

        path, alike = export(model, to.value)
        told = f"{path}: the same answers as {model.name}" if FORMATS[to.value].same else f"{path}: weights of 8 bits"
        turned = f"the other word for {100 * alike.turned:.1f} % of {CROPS:,} crops"
        typer.echo(f"{told}, within {alike.difference:.1e}; {turned}")


@contextmanager
def _or_by_tensorflow(model: Path) -> Iterator[None]:
    """A model that OpenVINO cannot compute: the same command begins anew with TensorFlow, where it is installed."""
    named = "KERAS_BACKEND" in os.environ  # by the caller, who is obeyed
    try:
        yield
    except Exception as error:
        if named or type(error).__name__ != "BackendError" or not find_spec("tensorflow"):
            raise
        typer.echo(f"OpenVINO cannot compute a layer of {model.name}: TensorFlow answers.", err=True)
        again = [sys.executable, "-m", "maskedgender", *sys.argv[1:]]
        raise typer.Exit(subprocess.run(again, env=os.environ | BY_TENSORFLOW).returncode) from error


def _has_a_desktop() -> bool:
    """Whether a browser has a screen to open on; without one, Python might start a text browser in the terminal."""
    return sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _photos(paths: list[Path]) -> tuple[list[Path], int]:
    """Files as they are named, so that a wrong name is reported; of folders, at any depth, what is named as a photo.

    Also how many other files lie in these folders.
    """
    photos: list[Path] = []
    passed_over = 0
    for path in paths:
        if os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises on a name that is too long)
            found = scan(path)
            photos += found.pictures
            passed_over += found.passed_over
        else:
            photos.append(path)
    return list(dict.fromkeys(photos)), passed_over
