"""Answers for thousands of photos: faces found on every core, rows in the photos' order, and going on after a stop.

Processes read the photos, find the faces and cut the crops; the model answers here, for some photos at a time. The
window of photos under way is bounded, so memory does not grow with their number.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..faces.detector import Face
from ..images.buckets import is_address, read_photo_from, shown
from ..images.photos import PhotoError
from ..networks.classifier import Classifier
from ..processes import in_order, pool_of_processes
from .answers import COLUMNS, Row, error_row, face_rows, find_crops, is_unread, name_in_csv, predictions

TOGETHER = 8  # photos whose faces the model answers at once
WORTH_PROCESSES = 24  # photos: for fewer, starting processes takes longer than it saves
MOST_PROCESSES = 61  # that Windows can wait for
SAME_ANSWER = 1e-4  # probabilities that differ by more are another model's

Photo = Path | str  # a path, or an address such as s3://bucket/photo.jpg
Cells = dict[str, str]  # a row, as it was read from a CSV file


class Found(NamedTuple):
    """What a photo file shows; or why nothing."""

    faces: Sequence[Face]  # largest first
    crops: np.ndarray  # theirs, uint8 (N, S, S, 3)
    left_out: int = 0  # how many smaller faces there are beside these
    error: str = ""


def rows_of_photos(model: Classifier, photos: Sequence[Photo], processes: int | None = None) -> Iterator[list[Row]]:
    """The rows of each photo, one a face, numbered from 1, largest first; in the order of the photos.

    A script that calls this needs the usual `if __name__ == "__main__":`, as each process imports it.

    Args:
        photos: files, or addresses; one that cannot be read, or shows no face, gets a row whose `error` says so.
        processes: how many look for faces; one a core when not given. A few photos, or 1, need none.

    Raises:
        ChildProcessError: a process was ended from outside.
    """
    found = zip(photos, _find_all(photos, model.size, processes or os.cpu_count() or 1), strict=True)
    while some := list(islice(found, TOGETHER)):
        faces = [face for _, one in some for face in one.faces]
        answered = iter(predictions(model, faces, np.concatenate([one.crops for _, one in some])))
        for photo, one in some:
            of_photo = list(islice(answered, len(one.faces)))
            yield [error_row(photo, one.error)] if one.error else face_rows(photo, of_photo, one.left_out)


def _find_all(photos: Sequence[Photo], size: int, processes: int) -> Iterator[Found]:
    """Faces and crops of `size` pixels of each photo, in the order of the photos."""
    if processes == 1 or len(photos) < WORTH_PROCESSES:
        yield from (_find(photo, size) for photo in photos)
        return
    try:
        with pool_of_processes(min(processes, MOST_PROCESSES)) as pool:
            yield from in_order(pool, partial(_find, size=size), photos)
    except BrokenProcessPool as error:
        raise ChildProcessError(
            "A process was ended from outside, perhaps for want of memory; go on by --resume, with fewer --processes."
        ) from error


def _find(photo: Photo, size: int) -> Found:
    try:
        return Found(*find_crops(read_photo_from(photo), size))
    except PhotoError as error:
        return Found((), np.empty((0, size, size, 3), np.uint8), error=str(error))


def place(photo: Photo) -> str:
    """A photo's whole path, as the column `file` would hold it: however it is spelled, it is one photo."""
    name = name_in_csv(photo)
    return name if is_address(name) else os.path.abspath(name)  # noqa: PTH100 (links are other photos)


def rows_to_keep(path: Path, photos: Sequence[Photo]) -> list[Cells]:
    """The rows of an earlier run's CSV, without those of photos that are now answered again.

    These are, of `photos`, those that could not be read, and the last one in the CSV, which may have some of its rows
    only, or half of one. ValueError: the file is no table of answers, or of none of the photos.
    """
    other = f"{path} is not a table of answers that can be gone on with; name another file."
    text = path.read_bytes().decode("utf-8-sig", "replace")
    try:
        header, *lines = csv.reader(StringIO(text, newline=""))
    except (csv.Error, ValueError) as error:  # or it is empty
        raise ValueError(other) from error
    if lines and (not text.endswith("\n") or len(lines[-1]) < len(COLUMNS)):  # a name may hold the end of a line
        lines.pop()
    if tuple(header) != COLUMNS or any(len(line) != len(COLUMNS) for line in lines):
        raise ValueError(other)
    rows = [dict(zip(COLUMNS, line, strict=True)) for line in lines]
    named = {place(photo) for photo in photos}
    first = {place(row["file"]): row for row in reversed(rows)}  # a photo's first row tells whether it could be read
    if rows and named.isdisjoint(first):
        raise ValueError(f"{path} has none of these photos; go on in the folder where it was begun, or name another.")
    again = {where for where, row in first.items() if is_unread(row)} | {place(row["file"]) for row in rows[-1:]}
    return [row for row in rows if place(row["file"]) not in again & named]


def require_one_name_each(photos: Sequence[Photo]) -> None:
    """Raise ValueError for addresses that differ in what is not shown: rows could not tell them apart."""
    given: dict[str, Photo] = {}
    for photo in filter(is_address, photos):
        if given.setdefault(place(photo), photo) != photo:
            raise ValueError(f"{shown(photo)} is named twice, with other queries; --resume cannot tell them apart.")


def require_same_model(model: Classifier, rows: Iterable[Cells], path: Path, photos: Sequence[Photo]) -> None:
    """Raise ValueError when the first of the photos that has an answer would get another one now."""
    by_place = {place(photo): photo for photo in photos}
    for then in rows:
        if then["p_female"] and (photo := by_place.get(place(then["file"]))):
            (rows_now,) = rows_of_photos(model, [photo])
            now = next((row for row in rows_now if str(row["face"]) == then["face"]), then)
            if abs(float(str(now["p_female"])) - float(then["p_female"])) > SAME_ANSWER:
                raise ValueError(
                    f"{path} comes from another model, or {then['file']} is another photo now; name that model, or "
                    "another CSV."
                )
            return
