"""What `maskedgender predict --engine ray` does: answers for an archive of photos, as Parquet files in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer
from tqdm import tqdm

from ..networks.model_files import caution, load_model
from ..prediction import cluster
from ..prediction.many_photos import Photo, place
from ..words import counted


def predict_on_cluster(
    photos: Sequence[Photo],
    model_path: Path,
    out: str | None,
    resume: bool,
    workers: int | None,
    scale: str | None = None,
    classes: str | None = None,
) -> int:
    """Answer for every photo, into Parquet files in the folder `out`; returns how many could not be read.

    Raises:
        ValueError: a package is missing, no folder is named, or it holds rows that are not to be gone on with.
        ModelError: the model file cannot be used.
    """
    if out is None:
        raise ValueError("--engine ray writes its rows into a folder, or an address: name it with --out.")
    cluster.require_ray()
    for sentence in (caution(model_path), *load_model(model_path, scale, classes).notes):  # before machines wait for it
        if sentence:
            typer.echo(sentence, err=True)
    model = cluster.given_model(model_path, scale, classes)
    if not resume and not cluster.is_empty(out):
        raise ValueError(f"There are rows in {out} already; go on with them by --resume, or name another folder.")
    before = cluster.answered_before(out, model)
    names = [str(photo) for photo in photos]
    rest = cluster.left(names, before)
    there = len(names) - len(rest)
    unread_before = {place(name): unread for name, unread in before.items()}
    unread = sum(unread_before.get(place(name), False) for name in names)
    with tqdm(unit="photo", total=len(names), initial=there, disable=None) as progress:
        for answered, not_read in cluster.answer_on_cluster(rest, model, out, workers) if rest else ():
            unread += not_read
            progress.update(answered)
    typer.echo(f"{out}: {counted(len(names), 'photo')}, {unread:,} of them could not be read")
    return unread
