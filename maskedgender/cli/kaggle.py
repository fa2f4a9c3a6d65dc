"""`maskedgender kaggle train | status | fetch`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..data.layout import KAGGLE_DATASET
from . import options
from .one_sentence import one_sentence

kaggle_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Train on a Kaggle GPU from here.")


@kaggle_app.command("train")
def kaggle_train(
    parameters: Annotated[
        list[str] | None, typer.Argument(help="Other parameters of the notebook, as NAME=value: HOURS=2.")
    ] = None,
    dataset: Annotated[str, typer.Option(help="The dataset on Kaggle, as OWNER/NAME.")] = KAGGLE_DATASET,
    classes: options.FoldersOption = None,
    architecture: options.ArchitectureOption = options.Architecture.MASKED,
    view: options.ViewOption = None,
    image_size: options.ImageSize = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    output: options.Output = options.TRAINED,
    seed: options.Seed = 0,
    limit: options.Limit = None,
    start: Annotated[
        str | None, typer.Option(help="What to start from: imagenet or nothing. If not given, imagenet.")
    ] = None,
) -> None:
    """Train on Kaggle and fetch the model.

    Pushes the training notebook, shows its state until it has run, checks its model, and puts that in place.
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
    """Say how the last run is doing."""
    with one_sentence():
        from ..kaggle import remote_training as kaggle_run

        kaggle_run.status()


@kaggle_app.command("fetch")
def kaggle_fetch() -> None:
    """Wait for the last run and fetch its model."""
    with one_sentence():
        from ..kaggle import remote_training as kaggle_run

        kaggle_run.fetch()
