"""What `maskedgender predict` does: answers for photos, to a CSV file or in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import typer
from tqdm import tqdm

from ..faces.yunet import prepare
from ..files import written_whole
from ..networks.model_files import caution, load_model, require_there
from ..prediction.answers import Row, is_unread, per_cent, write_csv
from ..prediction.many_photos import (
    Cells,
    Photo,
    first_rows,
    place,
    require_one_name_each,
    require_same_model,
    rows_of_photos,
    rows_to_keep,
)
from ..words import counted


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
    kept = _rows_kept(csv, resume, photos)
    require_there(model_path)
    prepare()
    model = load_model(model_path, scale, classes)
    for sentence in filter(None, (caution(model_path), *model.notes)):
        typer.echo(sentence, err=True)
    if csv and kept:
        require_same_model(model, kept, csv, photos)
        with written_whole(csv.resolve()) as partial:
            write_csv(kept, partial)
    before = first_rows(kept)
    rest = [photo for photo in photos if place(photo) not in before]
    unread = sum(is_unread(before[where]) for where in {place(photo) for photo in photos} & before.keys())

    def rows() -> Iterator[Row]:
        nonlocal unread
        answered, quiet = rows_of_photos(model, rest, processes), True if len(photos) == 1 else None  # None: unwatched
        for of_photo in tqdm(answered, unit="photo", total=len(photos), initial=len(photos) - len(rest), disable=quiet):
            unread += is_unread(of_photo[0])
            yield from of_photo

    if csv:
        write_csv(rows(), csv, append=bool(kept))
        typer.echo(f"{csv}: {counted(len(photos), 'photo')}, {unread:,} of them could not be read")
    else:
        for row in rows():
            typer.echo(in_words(row, model.not_sure_below))
    return unread


def _rows_kept(csv: Path | None, resume: bool, photos: Sequence[Photo]) -> list[Cells]:
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
    require_one_name_each(photos)
    return rows_to_keep(csv, photos)


def in_words(row: Row, not_sure_below: float | None) -> str:
    """A row of the CSV as a line: "group.jpg, face 2: not sure (female 61 %, male 39 %, mask 98 %)"."""
    if row["error"]:
        said, name = str(row["error"]).removeprefix("./"), Path(str(row["file"])).name
        rest = said.removeprefix(f"{name} ")  # most sentences begin with the photo's name
        return f"{row['file']}: {said}" if rest == said else f"{row['file']} {rest}"
    shares = [
        f"{name} {per_cent(float(str(row[f'p_{name}'])), threshold)}"
        for name, threshold in (("female", not_sure_below), ("male", not_sure_below), ("mask", None))
        if row[f"p_{name}"] not in (None, "")
    ]
    return f"{row['file']}, face {row['face']}: {row['answer']} ({', '.join(shares)})"
