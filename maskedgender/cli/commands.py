"""The same things from a shell: `maskedgender make-dataset | train | evaluate | predict | app | kaggle | export`.

Exit status 0 when all went well, 1 when some photos could not be read or the run was stopped, 2 for everything that
the caller has to put right.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from .. import __version__
from ..memory import keep_freed
from ..places import SHIPPED_MODEL
from ..words import counted
from . import options
from .kaggle import kaggle_app
from .one_sentence import SOME_NOT_READ, Commands
from .quiet_tensorflow import quiet_import

# Help without rich, which takes as long to import as all the rest.
app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 120},
)
app.add_typer(kaggle_app, name="kaggle")


@app.callback(invoke_without_command=True)
def maskedgender(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Train a small CNN on masked portraits, and use it on any photo."""
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if not context.invoked_subcommand:
        context.fail("Missing command.")
    for stream in (sys.stdout, sys.stderr):  # on Windows a file or pipe may know few letters, and names hold any
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@app.command("make-dataset")
def make_dataset_command(
    portraits: Annotated[Path, typer.Option(help="A folder of pictures or of zip files, or one zip file.")],
    out: Annotated[Path, typer.Option(help="The folder in which to make the dataset.")],
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            help="A CSV file with the columns file and gender and, if known, age and race. May be repeated. Files "
            "named train/... go to Training, val/... to Validation; if no file is in a folder, a fifth goes to "
            'Validation. If not given, the CSV files with "label" in their names beside the portraits are used.'
        ),
    ] = None,
    variants: Annotated[int, typer.Option(min=1, help="The number of images of each portrait.")] = 1,
    unmasked: Annotated[float, typer.Option(min=0, max=1, help="The share of images that get no mask.")] = 0.3,
    seed: Annotated[int, typer.Option(help="The seed of all random choices.")] = 0,
    style: Annotated[
        list[str] | None, typer.Option(help="A style of mask to draw. May be repeated. If not given, all are drawn.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use only this many rows of each CSV file.")] = None,
    update: Annotated[
        bool,
        typer.Option("--update", help="Bring a folder up to date with its labels: make, move and remove images."),
    ] = False,
) -> None:
    """Draw masks on labelled portraits.

    The images are laid out like Kaggle's dataset. A run that was stopped goes on where it was.
    """
    from ..data.make_dataset import make_dataset
    from ..data.portraits import find_labels

    labels = labels or find_labels(portraits)
    made = make_dataset(portraits, labels, out, variants, unmasked, seed, style, limit, update)
    typer.echo(made.table())
    if warning := made.warning():
        typer.echo(warning, err=True)


@app.command()
def train(
    dataset: options.Dataset = None,
    architecture: Annotated[
        Literal["masked", "seed"],
        typer.Option(help="The network: masked (EfficientNet-Lite0), or seed (the original)."),
    ] = "masked",
    view: Annotated[
        Literal["face", "portrait"] | None,
        typer.Option(help="The part of the portrait that the network sees. If not given, the dataset decides."),
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(min=32, help="The side of the input in pixels. If not given, the network decides.")
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="The number of epochs.")] = 8,
    batch_size: Annotated[int, typer.Option(min=1, help="The number of pictures in a batch.")] = 64,
    output: Annotated[Path, typer.Option(help="The folder for the model and the state of the run.")] = options.TRAINED,
    seed: Annotated[int, typer.Option(help="The seed of all random choices.")] = 0,
    limit: Annotated[int | None, typer.Option(min=4, help="Use at most this many pictures of each part.")] = None,
    start: Annotated[
        str | None, typer.Option(help="Start from a .keras file, nothing or imagenet, the default where installed.")
    ] = None,
    frozen: Annotated[
        int, typer.Option(min=0, max=16, help="How many of the masked network's first blocks stay frozen.")
    ] = 5,
    log: options.TestLog = None,
) -> None:
    """Train a network and export it.

    The best epoch is chosen and calibrated, and tested once on the Validation folder. A run that was stopped goes on
    after its last finished epoch.
    """
    keep_freed()
    with quiet_import():
        from .train import train

    train(dataset, architecture, view, image_size, epochs, batch_size, output, seed, limit, start, frozen, log)


@app.command()
def evaluate(
    models: Annotated[list[Path], typer.Argument(help="One or more .keras files.")],
    dataset: options.Dataset = None,
    served: Annotated[bool, typer.Option("--served", help="Find each face first, as the app does.")] = False,
    log: options.TestLog = None,
    scale: options.Scale = None,
    order: Annotated[
        str | None, typer.Option("--model-classes", help="The order of the outputs, like --classes of predict.")
    ] = None,
) -> None:
    """Measure models on the Validation folder.

    Prints figures with their intervals, also by group of people. Each evaluation is logged.
    """
    with quiet_import():
        from .train import evaluate

    evaluate(models, dataset, served, log, scale, order)


@app.command()
def predict(
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Photos, folders searched for photos, or addresses such as s3://bucket/folder."),
    ] = None,
    model: options.Model = SHIPPED_MODEL,
    csv: Annotated[Path | None, typer.Option(help="Write the answers to this CSV file, one row for each face.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume a stopped run; unread photos are tried again, but not by ray.")
    ] = False,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that find faces or, with ray, answer. If not given, one a core."),
    ] = None,
    scale: options.Scale = None,
    classes: options.Classes = None,
    listed: Annotated[Path | None, typer.Option("--list", help="A text file with one path per line.")] = None,
    engine: Annotated[Literal["processes", "ray"], typer.Option(help="Local processes, or Ray.")] = "processes",
    out: Annotated[str | None, typer.Option(help="The folder or address for Ray's rows, as Parquet files.")] = None,
) -> None:
    """Answer for every face in photos.

    Says female, male or not sure, and how likely each label is. The exit status is 0 when every photo was read, 1 when
    some were not, and 2 for wrong usage, or when nothing was found.
    """
    from . import predict as by

    if (engine == "ray") != bool(out) or (csv and out):
        raise ValueError(
            "--engine ray and --out go together: Ray writes its rows into the folder or address that --out names, "
            "and no CSV file."
        )
    if csv or out:
        by.require_photos_there(paths or [])
    photos, passed_over = by.photos_of([*(paths or []), *(by.lines(listed) if listed else [])])
    how = resume, processes, scale, classes
    unread = by.predict_by_ray(photos, model, out, *how) if out else by.predict(photos, model, csv, *how)
    if passed_over:
        typer.echo(f"Skipped: {counted(passed_over, 'file')} without the suffix of a photo.", err=True)
    raise typer.Exit(SOME_NOT_READ if unread else 0)


@app.command("app")
def app_command(
    model: options.Model = SHIPPED_MODEL,
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
    root_path: Annotated[str | None, typer.Option(help="The page's path behind a proxy, such as /faces.")] = None,
    share: Annotated[
        bool, typer.Option("--share", help="Make a public link. Photos then go through Gradio's servers.")
    ] = False,
    auth: Annotated[Path | None, typer.Option(help="A file of those who log in, a line NAME:PASSWORD each.")] = None,
    scale: options.Scale = None,
    classes: options.Classes = None,
) -> None:
    """Open the page in a browser.

    Its address is http://127.0.0.1:7860 unless --host or --port say otherwise.
    """
    from ..networks.model_files import caution
    from ..page.app import open_page

    if warning := caution(model):
        typer.echo(warning, err=True)
    # Without a screen, Python might start a text browser in the terminal.
    screen = sys.platform in ("darwin", "win32") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    open_page(
        model, scale, classes, lambda note: typer.echo(note, err=True), host=host or (), port=port,
        root_path=root_path, share=share, auth=auth, inbrowser=screen,
    )  # fmt: skip


@app.command()
def export(
    to: Annotated[Literal["onnx", "litert", "litert-int8", "saved-model"], typer.Option(help="The format to write.")],
    model: Annotated[Path, typer.Argument(help="A .keras file.", show_default="the shipped one")] = SHIPPED_MODEL,
    scale: options.Scale = None,
    classes: options.Classes = None,
) -> None:
    """Write a model in another runtime's format.

    The new file lies beside the model, with its record; its answers are checked against the model's.
    """
    with quiet_import():
        from ..prediction.export import CROPS, EIGHT_BITS, export

    path, difference, turned = export(model, to, scale, classes)
    told = "weights of 8 bits" if to == EIGHT_BITS else f"the same answers as {model.name}"
    typer.echo(f"{path}: {told}, within {difference:.1e}; a different label for {turned:,} of {CROPS:,} crops")
