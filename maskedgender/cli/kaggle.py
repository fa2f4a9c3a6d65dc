"""`maskedgender kaggle train | status | fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..data.layout import KAGGLE_DATASET
from .one_sentence import one_sentence

TRAINED = Path("trained")  # not models/: what ships is replaced on purpose only

kaggle_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Train on a Kaggle GPU from here: push, wait, fetch."
)


@kaggle_app.command("train")
def kaggle_train(
    parameters: Annotated[list[str] | None, typer.Argument(help="NAME=value of the notebook, as EPOCHS=3.")] = None,
    output: Annotated[Path, typer.Option(help="Folder for the .keras file.")] = TRAINED,
    dataset: Annotated[str, typer.Option(help="OWNER/NAME on Kaggle.")] = KAGGLE_DATASET,
) -> None:
    """Push the training notebook, show its state, and put the model, tested, in place."""
    with one_sentence():
        from ..kaggle import remote_training as kaggle_run

        kaggle_run.train(parameters or [], output, dataset)


@kaggle_app.command("status")
def kaggle_status() -> None:
    """Say how the notebook that was pushed last is doing."""
    with one_sentence():
        from ..kaggle import remote_training as kaggle_run

        kaggle_run.status()


@kaggle_app.command("fetch")
def kaggle_fetch() -> None:
    """Wait for the notebook that was pushed last, and put its model in place."""
    with one_sentence():
        from ..kaggle import remote_training as kaggle_run

        kaggle_run.fetch()
