"""What `maskedgender predict` does: answers for photos, to a CSV file or in words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import typer
from tqdm import tqdm

from ..files import written_whole
from ..images.buckets import is_address
from ..networks.classifier import Classifier
from ..networks.model_files import caution, load_model
from ..prediction.answers import error_row, is_unread, per_cent, write_csv
from ..prediction.many_photos import Photo, Row, find, place, require_same_model, rows_of_photos, whole_rows


def predict(
    photos: Sequence[Photo],
    model_path: Path,
    csv: Path | None,
    resume: bool,
    processes: int | None,
    scale: str | None = None,
    classes: str | None = None,
) -> int:
    """Answer for every photo, to the CSV file or in words; returns how many could not be read.

    Raises:
        ValueError: the CSV file is there already, or with `resume` is none that can be gone on with.
        OSError: it cannot be written.
    """
    done = _rows_there(csv, resume, photos)
    answered_before = {place(row["file"]): row for row in reversed(done)}  # each photo's first row
    rest = [photo for photo in photos if place(photo) not in answered_before]
    unread = sum(is_unread(answered_before[place(photo)]) for photo in photos if place(photo) in answered_before)
    border = None
    if done or any(is_address(photo) or os.path.isfile(photo) for photo in photos):  # noqa: PTH113 (a name may be too long)
        model = _opened(model_path, scale, classes)
        border = model.not_sure_below
        answered: Iterable[list[Row]] = _answered(model, rest, processes, done, csv)
    else:  # a wrong name is told at once, without a wait for Keras
        answered = ([error_row(photo, find(photo, 1).error)] for photo in photos)

    def rows() -> Iterator[Row]:
        nonlocal unread
        quiet = True if len(photos) == 1 else None  # None: quiet where nobody watches
        for of_photo in tqdm(answered, unit="photo", total=len(photos), initial=len(photos) - len(rest), disable=quiet):
            unread += is_unread(of_photo[0])
            yield from of_photo

    if csv:
        write_csv(rows(), csv, append=bool(done))
        typer.echo(f"{csv}: {len(photos):,} photos, {unread:,} of them could not be read")
    else:
        for row in rows():
            typer.echo(in_words(row, border))
    return unread


def _opened(path: Path, scale: str | None, classes: str | None) -> Classifier:
    """A model, as `load_model` takes it, after the notes on it were told."""
    model = load_model(path, scale, classes)
    for sentence in (caution(path), *model.notes):
        if sentence:
            typer.echo(sentence, err=True)
    return model


def _answered(
    model: Classifier, photos: Sequence[Photo], processes: int | None, done: list[dict[str, str]], csv: Path | None
) -> Iterator[list[Row]]:
    """The rows of each of the photos that are left, by a model that an earlier run's rows, if any, come from too."""
    if csv and done:
        require_same_model(model, done, csv)
        _keep_only(done, csv)
    return rows_of_photos(model, photos, processes)


def _rows_there(csv: Path | None, resume: bool, photos: Sequence[Photo]) -> list[dict[str, str]]:
    """What an earlier run has written and this one goes on with; an earlier run's work is not written over."""
    if csv is None:
        if resume:
            raise ValueError("--resume goes on with a CSV file: name it with --csv.")
        return []
    if not csv.parent.is_dir():
        raise ValueError(f"There is no folder {csv.parent} for {csv.name}; make it, or name another place.")
    if not csv.is_file() or csv.stat().st_size == 0:
        return []
    if not resume:
        raise ValueError(f"{csv} is there already; go on with it by --resume, delete it, or name another file.")
    return whole_rows(csv, photos)


def _keep_only(rows: Sequence[Mapping[str, object]], csv: Path) -> None:
    """Leave these rows in the file and no others; it is complete or unchanged."""
    with written_whole(csv.resolve()) as partial:
        write_csv(rows, partial)


def in_words(row: Row, not_sure_below: float | None) -> str:
    """A row of the CSV as a line: "group.jpg, face 2: not sure (female 61 %, male 39 %, mask 98 %)"."""
    if row["error"]:
        return f"{row['file']}: {row['error']}"
    shares = [
        f"{name} {per_cent(float(str(row[f'p_{name}'])), border)}"
        for name, border in (("female", not_sure_below), ("male", not_sure_below), ("mask", None))
        if row[f"p_{name}"] not in (None, "")
    ]
    return f"{row['file']}, face {row['face']}: {row['answer']} ({', '.join(shares)})"
