"""What `maskedgender predict` does: answers for photos, to a CSV file or in words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import typer
from tqdm import tqdm

from ..faces.yunet import prepare
from ..files import written_whole
from ..images.buckets import is_address
from ..networks.classifier import Classifier
from ..networks.model_files import caution, load_model, require_there
from ..prediction.answers import error_row, is_unread, per_cent, write_csv
from ..prediction.many_photos import (
    AnyRow,
    Photo,
    Row,
    find,
    first_rows,
    place,
    require_same_model,
    rows_of_photos,
    to_try_again,
    whole_rows,
    with_new_answers,
)
from ..words import counted

KEPT_TOGETHER = 500  # new answers of photos that are tried again: the whole file is written anew for them


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
    there = _rows_there(csv, resume, photos)
    done: Sequence[AnyRow] = there
    model = None
    if there or any(is_address(photo) or os.path.isfile(photo) for photo in photos):  # noqa: PTH113 (a name may be too long)
        model = _opened(model_path, scale, classes)
    if csv and there and model:
        done = _gone_on_with(there, csv, model, photos, processes)
    before = first_rows(done)
    rest = [photo for photo in photos if place(photo) not in before]
    unread = sum(is_unread(before[place(photo)]) for photo in photos if place(photo) in before)
    if model:
        answered: Iterable[list[Row]] = rows_of_photos(model, rest, processes)
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
        typer.echo(f"{csv}: {counted(len(photos), 'photo')}, {unread:,} of them could not be read")
    else:
        for row in rows():
            typer.echo(in_words(row, model.not_sure_below if model else None))
    return unread


def _opened(path: Path, scale: str | None, classes: str | None) -> Classifier:
    """The model, after what there is to say of its file; meanwhile the detector gets ready."""
    require_there(path)
    prepare()
    model = load_model(path, scale, classes)
    for sentence in (caution(path), *model.notes):
        if sentence:
            typer.echo(sentence, err=True)
    return model


def _gone_on_with(
    done: Sequence[dict[str, str]], csv: Path, model: Classifier, photos: Sequence[Photo], processes: int | None
) -> Sequence[AnyRow]:
    """An earlier run's rows, by the same model; photos that could not be read are tried again. The file has these.

    It gets the new answers as they come, KEPT_TOGETHER at once and what there is of them when the run is stopped.
    """
    require_same_model(model, done, csv)
    tried = to_try_again(done, photos)
    answers = tqdm(
        rows_of_photos(model, tried, processes), "again", len(tried), unit="photo", disable=None if tried else True
    )
    rows: list[AnyRow] = list(done)
    anew: dict[str, list[Row]] = {}
    try:
        for photo, of_photo in zip(tried, answers, strict=True):
            anew[place(photo)] = of_photo
            if len(anew) == KEPT_TOGETHER:
                rows, anew = with_new_answers(rows, anew), {}
                _keep_only(rows, csv)
    finally:
        rows = with_new_answers(rows, anew)
        _keep_only(rows, csv)
    return rows


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
        name = Path(str(row["file"])).name
        said = str(row["error"])  # begins with the photo's name, most often
        rest = said.removeprefix(f"{name} ")
        return f"{row['file']}: {said}" if rest == said else f"{row['file']} {rest}"
    shares = [
        f"{name} {per_cent(float(str(row[f'p_{name}'])), border)}"
        for name, border in (("female", not_sure_below), ("male", not_sure_below), ("mask", None))
        if row[f"p_{name}"] not in (None, "")
    ]
    return f"{row['file']}, face {row['face']}: {row['answer']} ({', '.join(shares)})"
