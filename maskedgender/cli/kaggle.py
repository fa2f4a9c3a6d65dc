"""`maskedgender kaggle train | status | fetch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..kaggle import remote_training
from .options import TRAINED

kaggle_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Train on a Kaggle GPU from here.")


@kaggle_app.command("train")
def kaggle_train(
    dataset: Annotated[str | None, typer.Option(help="OWNER/NAME. If not given, the notebook's dataset.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="The number of epochs.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="The number of images in a batch.")] = None,
    image_size: Annotated[int | None, typer.Option(min=32, help="The side of the network's input in pixels.")] = None,
    frozen: Annotated[int | None, typer.Option(min=0, max=16, help="How many first blocks stay frozen.")] = None,
    limit: Annotated[int | None, typer.Option(min=4, help="Train on this many images only, for a quick try.")] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of all random choices.")] = None,
    output: Annotated[Path, typer.Option(help="The folder on this machine for the model that is fetched.")] = TRAINED,
) -> None:
    """Train on Kaggle and fetch the model.

    Pushes the training notebook, shows its state until it has run, and puts its model into the --output folder. What
    is not given is as the notebook says. You may stop this command: the notebook runs on, and kaggle fetch gets its
    model later.
    """
    given = {"EPOCHS": epochs, "BATCH": batch_size, "SIZE": image_size, "FROZEN": frozen, "LIMIT": limit, "SEED": seed}
    remote_training.train({name: it for name, it in given.items() if it is not None}, output, dataset)


kaggle_app.command()(remote_training.status)
kaggle_app.command()(remote_training.fetch)
