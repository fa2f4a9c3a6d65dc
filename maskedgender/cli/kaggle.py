"""`maskedgender kaggle train | status | fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..data.layout import KAGGLE_DATASET
from . import options
from .one_sentence import one_sentence

kaggle_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Train on a Kaggle GPU from here.")


@kaggle_app.command("train")
def kaggle_train(
    parameters: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME=VALUE",
            help="The notebook's parameters by name: CLASSES, ARCHITECTURE, START, VIEW, IMAGE_SIZE, EPOCHS, "
            "BATCH_SIZE, SEED and LIMIT, as the options below; and HOURS, the time limit, 11.5 if not given.",
        ),
    ] = None,
    dataset: Annotated[str, typer.Option(help="The dataset on Kaggle, as OWNER/NAME.")] = KAGGLE_DATASET,
    classes: options.FoldersOption = None,
    architecture: options.ArchitectureOption = options.Architecture.MASKED,
    view: options.ViewOption = None,
    image_size: Annotated[
        int | None, typer.Option(min=32, help="The side of the network's input in pixels. If not given, the network's.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="The number of epochs. If not given, the recipe decides.")
    ] = None,
    batch_size: options.BatchSize = None,
    output: Annotated[
        Path, typer.Option(help="The folder on this machine for the model that is fetched, and its record.")
    ] = options.TRAINED,
    seed: options.Seed = 0,
    limit: options.Limit = None,
    start: Annotated[
        str | None, typer.Option(help="What to start from: imagenet or nothing. If not given, imagenet.")
    ] = None,
) -> None:
    """Train on Kaggle and fetch the model.

    Pushes the training notebook, shows its state until it has run, checks its model, and puts that into the --output
    folder. You may stop this command: the notebook runs on, and kaggle fetch gets its model later.
    """
    given = {
        "CLASSES": classes,
        "ARCHITECTURE": None if architecture is options.Architecture.MASKED else architecture.value,
        "VIEW": view and view.value,
        "IMAGE_SIZE": image_size,
        "EPOCHS": epochs,
        "BATCH_SIZE": batch_size,
        "SEED": seed or None,
        "LIMIT": limit,
        "START": start,
    }
    words = [f"{name}={value}" for name, value in given.items() if value is not None]
    with one_sentence():
        from ..kaggle import remote_training as kaggle_run

        kaggle_run.train([*words, *(parameters or [])], output, dataset)


@kaggle_app.command("status")
def kaggle_status() -> None:
    """Say how the last run is doing.

    That is the one that kaggle train pushed last from here. Nothing is fetched.
    """
    with one_sentence():
        from ..kaggle import remote_training as kaggle_run

        kaggle_run.status()


@kaggle_app.command("fetch")
def kaggle_fetch() -> None:
    """Wait for the last run and fetch its model.

    For a kaggle train that was stopped. The model and its record go into the folder that was given to it as --output,
    or trained/.
    """
    with one_sentence():
        from ..kaggle import remote_training as kaggle_run

        kaggle_run.fetch()
