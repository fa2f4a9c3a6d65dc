"""The same things from a shell: `maskedgender make-dataset | train | evaluate | predict | app | kaggle | export`.

Exit status 0 when all went well, 1 when some photos could not be read or the run was stopped, 2 for everything that
the caller has to put right.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import __version__
from ..memory import keep_freed
from ..places import SHIPPED_MODEL
from ..words import counted
from . import options
from .kaggle import kaggle_app
from .one_sentence import SOME_NOT_READ, one_sentence
from .options import (
    ClassesOption,
    DatasetOption,
    Engine,
    Format,
    LooksOption,
    ModelOption,
    ScaleOption,
)
from .quiet_tensorflow import quiet_import, quieten_tensorflow

quieten_tensorflow()

BY_TENSORFLOW = {"KERAS_BACKEND": "tensorflow"}


# Help without rich, which takes as long to import as all the rest.
app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 120},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


app.add_typer(kaggle_app, name="kaggle")


@app.callback()
def maskedgender(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Train a small CNN on masked portraits, and use it on any photo."""
    for stream in (sys.stdout, sys.stderr):  # on Windows a file or pipe may know few letters, and names hold any
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@app.command("make-dataset")
def make_dataset_command(
    portraits: Annotated[
        Path, typer.Option(help="A folder of pictures or of zip files with pictures, or one zip file.")
    ],
    out: Annotated[Path, typer.Option(help="The folder in which to make the dataset.")],
    labels: options.Labels = None,
    variants: Annotated[
        int, typer.Option(min=1, help="The number of images of each portrait, each with a mask of its own.")
    ] = 1,
    unmasked: Annotated[float, typer.Option(min=0, max=1, help="The share of images that get no mask.")] = 0.3,
    seed: Annotated[int, typer.Option(help="The seed of all random choices.")] = 0,
    style: Annotated[
        list[str] | None,
        typer.Option(help="A style of mask to draw. May be repeated. If not given, all styles are drawn."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use only this many rows of each CSV file.")] = None,
    update: Annotated[
        bool,
        typer.Option(
            "--update",
            help="Bring a folder up to date with changed labels: remove images that are no longer listed, move those "
            "whose label has changed, and make those that are missing.",
        ),
    ] = False,
) -> None:
    """Draw masks on labelled portraits.

    The images are laid out like Kaggle's dataset. A run that was stopped goes on where it was.
    """
    with one_sentence():
        from ..data.make_dataset import make_dataset
        from ..data.portraits import find_labels

        labels = labels or find_labels(portraits)
        made = make_dataset(portraits, labels, out, variants, unmasked, seed, style or None, limit, update)
        typer.echo(made.table())
        if warning := made.warning():
            typer.echo(warning, err=True)


@app.command()
def train(
    dataset: DatasetOption = None,
    architecture: options.ArchitectureOption = options.Architecture.MASKED,
    view: options.ViewOption = None,
    image_size: options.ImageSize = None,
    epochs: options.Epochs = 8,
    batch_size: options.BatchSize = 64,
    output: options.Output = options.TRAINED,
    seed: options.Seed = 0,
    limit: options.Limit = None,
    start: options.Start = None,
    frozen: options.Frozen = 5,
    looks: LooksOption = None,
) -> None:
    """Train a network and export it.

    The best epoch is chosen and calibrated, and tested once on the Validation folder. A run that was stopped goes on
    after its last finished epoch.
    """
    keep_freed()
    with one_sentence():
        with quiet_import():
            from .train import train

        seen = view.value if view else None
        size = (image_size, epochs, batch_size, output, seed, limit)
        train(dataset, architecture.value, seen, *size, start, frozen, looks)


@app.command()
def evaluate(
    models: Annotated[list[Path], typer.Argument(help="One or more .keras files.")],
    dataset: DatasetOption = None,
    served: Annotated[
        bool, typer.Option("--served", help="Find the face in each image first, as the app does.")
    ] = False,
    looks: LooksOption = None,
    scale: ScaleOption = None,
    order: Annotated[
        str | None,
        typer.Option(
            "--model-classes", help="The order of the models' outputs, like --classes of predict.", show_default=False
        ),
    ] = None,
) -> None:
    """Measure models on the Validation folder.

    Prints figures with their intervals, also by group of people. Each evaluation is logged.
    """
    with one_sentence():
        with quiet_import():
            from .train import evaluate

        evaluate(models, dataset, served, looks, scale, order)


@app.command()
def predict(
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Photos, folders searched for photos, or addresses such as s3://bucket/folder."),
    ] = None,
    model: ModelOption = SHIPPED_MODEL,
    csv: Annotated[Path | None, typer.Option(help="Write the answers to this CSV file, one row for each face.")] = None,
    resume: options.Resume = False,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1, help="The number of processes that find faces or, with ray, answer. If not given, one for each core."
        ),
    ] = None,
    scale: ScaleOption = None,
    classes: ClassesOption = None,
    listed: Annotated[Path | None, typer.Option("--list", help="A text file with one path per line.")] = None,
    engine: Annotated[Engine, typer.Option(help="What runs the model: local processes, or Ray.")] = Engine.PROCESSES,
    out: Annotated[str | None, typer.Option(help="The folder or address for Ray's rows, as Parquet files.")] = None,
) -> None:
    """Answer for every face in photos.

    Says female, male or not sure, and how likely each label is. The exit status is 0 when every photo was read, 1 when
    some were not, and 2 for wrong usage, or when nothing was found.
    """
    with one_sentence(extra="ray" if engine is Engine.RAY else "train"), _or_by_tensorflow(model):
        from .named_photos import lines, photos_of, require_there

        if csv or out:
            require_there(paths or [])
        photos, passed_over = photos_of([*(paths or []), *(lines(listed) if listed else [])])
        unread = _predicted(engine, photos, model, (csv, out), resume, processes, scale, classes)
        if passed_over:
            typer.echo(f"Skipped: {counted(passed_over, 'file')} without the suffix of a photo.", err=True)
    raise typer.Exit(SOME_NOT_READ if unread else 0)


def _predicted(
    engine: Engine, photos: list[Path | str], model: Path, to: tuple[Path | None, str | None], *options: Any
) -> int:
    """How many of the photos could not be read, by an engine; `to` are the CSV file and the folder for Parquet."""
    csv, out = to
    if engine is Engine.RAY:
        if csv:
            raise ValueError("--engine ray writes no CSV file: name a folder with --out, and leave --csv out.")
        from .predict_on_cluster import predict_on_cluster

        return predict_on_cluster(photos, model, out, *options)
    if out:
        raise ValueError("--out is for --engine ray; name a CSV file with --csv.")
    from .predict import predict

    return predict(photos, model, csv, *options)


@app.command("app")
def app_command(
    model: ModelOption = SHIPPED_MODEL,
    host: Annotated[
        list[str] | None,
        typer.Option(
            help="The address to listen on; 127.0.0.1 serves this machine only. Repeat it to add the names under which "
            "the page is reached."
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The port. If not given: 7860, or the next free one.")
    ] = None,
    root_path: Annotated[
        str | None, typer.Option(help="The path under which a proxy shows the page, such as /faces.")
    ] = None,
    share: Annotated[
        bool, typer.Option("--share", help="Make a public link. Photos then go through Gradio's servers.")
    ] = False,
    auth: Annotated[
        Path | None, typer.Option(help="A file with a line NAME:PASSWORD for each person who may log in.")
    ] = None,
    scale: ScaleOption = None,
    classes: ClassesOption = None,
) -> None:
    """Open the page in a browser.

    Its address is http://127.0.0.1:7860 unless --host or --port say otherwise.
    """
    with one_sentence(), _or_by_tensorflow(model):
        from ..networks.model_files import caution
        from ..page.app import open_page

        if warning := caution(model):
            typer.echo(warning, err=True)
        opened = _has_a_desktop()
        shown: dict[str, Any] = {"host": host or (), "port": port, "root_path": root_path, "share": share, "auth": auth}
        open_page(model, scale, classes, lambda note: typer.echo(note, err=True), inbrowser=opened, **shown)


@app.command()
def export(
    to: Annotated[Format, typer.Option(help="The format to write.")],
    model: Annotated[Path, typer.Argument(help="A .keras file.", show_default="the shipped one")] = SHIPPED_MODEL,
    scale: ScaleOption = None,
    classes: ClassesOption = None,
) -> None:
    """Write a model in another runtime's format.

    The new file lies beside the model, with its record; its answers are checked against the model's.
    """
    with one_sentence(extra="export"):
        with quiet_import():
            from ..prediction.export import CROPS, FORMATS, export

        path, alike = export(model, to.value, scale, classes, typer.echo)
        told = f"{path}: the same answers as {model.name}" if FORMATS[to.value].same else f"{path}: weights of 8 bits"
        turned = f"a different label for {alike.turned:,} of {CROPS:,} crops"
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
