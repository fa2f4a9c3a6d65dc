"""Answers for thousands of photos: faces found on every core, rows in the photos' order, and going on after a stop.

Processes read the photos, find the faces and cut the crops; the model answers here, for some photos at a time. The
window of photos under way is bounded, so memory does not grow with their number.
"""

from __future__ import annotations

import csv
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from pathlib import Path

import numpy as np

from ..faces.detector import Face
from ..images.buckets import is_address, read_photo_from
from ..images.photos import PhotoError
from ..networks.classifier import Classifier
from ..processes import pool_of_processes
from .answers import COLUMNS, csv_rows, error_row, face_rows, find_crops, is_unread, name_in_csv, predictions

TOGETHER = 8  # photos whose faces the model answers at once
WORTH_PROCESSES = 24  # photos: for fewer, starting processes takes longer than it saves
MOST_PROCESSES = 61  # that Windows can wait for
DEATHS_IN_A_ROW = 3  # after which it is not the photos' fault
ENDED = "was not read to its end"  # in the sentence of a photo during which a process was ended
SAME_ANSWER = 1e-4  # probabilities that differ by more are another model's

Row = dict[str, object]
AnyRow = Mapping[str, object]  # as it was read from a CSV file, too
Photo = Path | str  # a path, or an address such as s3://bucket/photo.jpg


@dataclass(frozen=True)
class Found:
    """What a photo file shows: faces, largest first, crops, uint8 (N, S, S, 3), and how many more; or why nothing."""

    photo: Photo
    faces: list[Face]
    crops: np.ndarray
    left_out: int = 0
    error: str = ""


def rows_of_photos(model: Classifier, photos: Sequence[Photo], processes: int | None = None) -> Iterator[list[Row]]:
    """The rows of each photo, as `csv_rows` gives them, in the order of the photos.

    A script that calls this needs the usual `if __name__ == "__main__":`, as each process imports it.

    Args:
        photos: files, or addresses; one that cannot be read gets a row that says so.
        processes: how many look for faces; one a core when not given. A few photos, or 1, need none.

    Raises:
        ChildProcessError: processes are ended from outside again and again.
    """
    return rows_of_found(model, find_all(photos, model.size, processes or os.cpu_count() or 1))


def rows_of_found(model: Classifier, found: Iterator[Found]) -> Iterator[list[Row]]:
    """The rows of each photo, in which these faces were found."""
    while some := list(islice(found, TOGETHER)):
        faces = [face for one in some for face in one.faces]
        answered = iter(predictions(model, faces, np.concatenate([one.crops for one in some])))
        for one in some:
            if one.error:
                yield [error_row(one.photo, one.error)]
            else:
                yield face_rows(one.photo, list(islice(answered, len(one.faces))), one.left_out)


def find_all(photos: Sequence[Photo], size: int, processes: int) -> Iterator[Found]:
    """Faces and crops of `size` pixels of each photo, in the order of the photos."""
    if processes == 1 or len(photos) < WORTH_PROCESSES:
        yield from (find(photo, size) for photo in photos)
        return
    left = deque(photos)
    while left:
        for found in _find_in_processes(tuple(left), size, min(processes, MOST_PROCESSES)):
            left.popleft()
            yield found
        under_way = [left.popleft() for _ in range(min(len(left), _ahead(processes)))]
        yield from _find_one_by_one(under_way, size)  # shows which photo a process died of; most often there are none


def find(photo: Photo, size: int) -> Found:
    """What one photo shows."""
    try:
        return Found(photo, *find_crops(read_photo_from(photo), size))
    except PhotoError as error:
        return _nothing(photo, size, str(error))


def _find_in_processes(photos: Sequence[Photo], size: int, processes: int) -> Iterator[Found]:
    """`find` of each photo, in order, as far as no process dies."""
    pool = pool_of_processes(processes)
    rest = iter(photos)
    try:
        under_way = deque(pool.submit(find, photo, size) for photo in islice(rest, _ahead(processes)))
        while under_way:
            yield under_way.popleft().result()
            under_way.extend(pool.submit(find, photo, size) for photo in islice(rest, 1))
    except BrokenProcessPool:
        return
    finally:
        pool.shutdown(cancel_futures=True)


def _find_one_by_one(photos: Iterable[Photo], size: int) -> Iterator[Found]:
    """`find` of each photo in a process of its own, so that the one that a process dies of is known by name."""
    deaths = 0
    for photo in photos:
        found = list(_find_in_processes([photo], size, 1))
        deaths = 0 if found else deaths + 1
        if deaths == DEATHS_IN_A_ROW:
            raise ChildProcessError("Processes that read photos are ended again and again; try --processes 1.")
        yield from found or [_nothing(photo, size, _died_of(photo))]


def _ahead(processes: int) -> int:
    """How many photos are under way: enough that no process waits while the model answers."""
    return TOGETHER + 2 * processes


def _nothing(photo: Photo, size: int, error: str) -> Found:
    return Found(photo, [], np.empty((0, size, size, 3), np.uint8), error=error)


def _died_of(photo: Photo) -> str:
    name = name_in_csv(Path(photo).name)
    return f"{name} {ENDED}, as its process was ended, perhaps for want of memory; scale it down."


def place(photo: str | Path) -> str:
    """A photo's whole path, as the column `file` would hold it: however it is spelled, it is one photo."""
    name = name_in_csv(photo)
    return name if is_address(name) else os.path.abspath(name)  # noqa: PTH100 (links are other photos)


def whole_rows(path: Path, photos: Sequence[Photo]) -> list[dict[str, str]]:
    """The rows of an earlier run's CSV, without those of its last photo, which may be some only, or half written.

    They stay where that photo is none of `photos`, which are to be answered now: nobody would answer it again.

    Raises:
        ValueError: the file is no table of answers, or of none of the photos.
    """
    other = f"{path} is not a table of answers that can be gone on with; name another file."
    text = path.read_bytes().decode("utf-8", "replace")
    try:
        header, *lines = csv.reader(StringIO(text, newline="")) if text else [list(COLUMNS)]
    except csv.Error as error:
        raise ValueError(other) from error
    if lines and (not text.endswith("\n") or len(lines[-1]) < len(COLUMNS)):  # a name may hold the end of a line
        lines.pop()
    if tuple(header) != COLUMNS or any(len(line) != len(COLUMNS) for line in lines):
        raise ValueError(other)
    rows = [dict(zip(COLUMNS, line, strict=True)) for line in lines]
    named = {place(photo) for photo in photos}
    if rows and not any(place(row["file"]) in named for row in rows):
        raise ValueError(f"{path} has none of these photos; go on in the folder where it was begun, or name another.")
    return [row for row in rows if row["file"] != rows[-1]["file"] or place(row["file"]) not in named]


def first_rows(rows: Sequence[AnyRow]) -> dict[str, AnyRow]:
    """The first row of each photo, by its place: it tells whether the photo could be read."""
    return {place(str(row["file"])): row for row in reversed(rows)}


def to_try_again(rows: Sequence[AnyRow], photos: Sequence[Photo]) -> list[Photo]:
    """Those of the photos that could not be read, by an earlier run's rows, and may be now.

    Not those during which a process was ended: they might end this one.
    """
    before = {where: str(row["error"]) for where, row in first_rows(rows).items() if is_unread(row)}
    return [photo for photo in photos if place(photo) in before and ENDED not in before[place(photo)]]


def with_new_answers(rows: Sequence[AnyRow], anew: Mapping[str, Sequence[AnyRow]]) -> list[AnyRow]:
    """The rows, where `anew` gives others for a photo, by its place, these: a photo without an answer has one row."""
    return [one for row in rows for one in anew.get(place(str(row["file"])), [row])]


def require_same_model(model: Classifier, rows: Sequence[dict[str, str]], path: Path) -> None:
    """Raise ValueError when the last photo with an answer would get another one now; nothing where it is gone."""
    then = next((row for row in reversed(rows) if row["p_female"]), None)
    if then is None:
        return
    now = next((row for row in csv_rows(model, then["file"]) if str(row["face"]) == then["face"]), None)
    if now is None or not now["p_female"]:
        return
    difference = abs(float(str(now["p_female"])) - _number(then["p_female"], path))
    if difference > SAME_ANSWER or now["answer"] != then["answer"]:
        raise ValueError(
            f"{path} comes from another model, or {then['file']} is another photo now; name that model, or another CSV."
        )


def _number(cell: str, path: Path) -> float:
    try:
        return float(cell)
    except ValueError as error:
        raise ValueError(
            f"{path} has {cell!r} where a probability should be; put that right, or begin anew."
        ) from error
