"""What `maskedgender predict --engine ray` does: answers for an archive of photos, as Parquet files in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer
from tqdm import tqdm

from ..images.buckets import shown
from ..networks.model_files import caution, load_model, require_there
from ..prediction import cluster
from ..prediction.many_photos import Photo, place, require_one_name_each
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
    require_there(model_path)
    model = cluster.given_model(model_path, scale, classes)
    before = cluster.answered_before(out, model)
    if before and not resume:
        raise ValueError(f"There are rows in {shown(out)} already; go on by --resume, or name another folder.")
    require_one_name_each(photos)
    notes = load_model(model_path, scale, classes).notes  # before machines wait for it
    for sentence in filter(None, (caution(model_path), *notes)):
        typer.echo(sentence, err=True)
    names = [str(photo) for photo in photos]
    rest = [name for name in names if place(name) not in before]
    if before and len(rest) == len(names):
        raise ValueError("The rows that are there are of other photos; go on where they were begun, or name others.")
    unread = sum(before.get(place(name), False) for name in names)
    with tqdm(unit="photo", total=len(names), initial=len(names) - len(rest), disable=None) as progress:
        for answered, not_read in cluster.answer_on_cluster(rest, model, out, workers) if rest else ():
            unread += not_read
            progress.update(answered)
    typer.echo(f"{shown(out)}: {counted(len(names), 'photo')}, {unread:,} of them could not be read")
    return unread
