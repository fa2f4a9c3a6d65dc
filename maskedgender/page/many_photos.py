"""Many photos at once: a row for each face of each, and a row with a sentence for each file that cannot be read."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..images.photos import MissingPhotoError, PhotoError, read_photo
from ..networks.classifier import Classifier
from ..prediction.answers import error_row, photo_rows
from .answer_html import DELETED, csv_link, hint, html_table, notice, per_cent, status
from .uploads import touch

MOST_PHOTOS = 200
HINT = "The table appears here, a row for every face."
HEADER = ("File", "Face", "Answer", "Female", "Male")

Row = dict[str, Any]
Rows = dict[str, list[Row]]
"""The rows of each photo, by the path of its upload."""


def answer_many(
    model: Classifier, uploads: list[dict[str, Any]] | None, before: Rows | None = None
) -> Iterator[tuple[str, Rows]]:
    """How many of the photos are done, again and again, and in the end their table, as HTML; each with the rows so far.

    Args:
        model: any model of `load_model`.
        uploads: Gradio's description of each file: where it lies (`path`), and its name (`orig_name`).
        before: rows that were given already: a photo that stays in the list may be deleted when others join it.
    """
    if not uploads:
        yield hint(HINT), {}
        return
    if len(uploads) > MOST_PHOTOS:
        yield notice(f"{len(uploads)} files are too many at once; choose {MOST_PHOTOS} or fewer."), before or {}
        return
    rows: Rows = {upload["path"]: before[upload["path"]] for upload in uploads if before and upload["path"] in before}
    left = [upload for upload in uploads if upload["path"] not in rows]
    for done, upload in enumerate(left):
        yield _progress(len(uploads) - len(left) + done, len(uploads)), rows
        touch([waiting["path"] for waiting in left[done:]])  # a minute may pass before the last one's turn
        rows[upload["path"]] = _rows(model, upload["path"], upload.get("orig_name") or Path(upload["path"]).name)
    yield _table(len(uploads), [row for upload in uploads for row in rows[upload["path"]]]), rows


def _rows(model: Classifier, path: str, name: str) -> list[Row]:
    """A photo's rows under the name that its owner knows it by."""
    try:
        return photo_rows(model, read_photo(path), name)
    except MissingPhotoError:
        return [error_row(name, DELETED)]
    except PhotoError as error:
        return [error_row(name, str(error))]


def _progress(done: int, photos: int) -> str:
    return (
        f'<div class="live"><label class="hint">{done} of {photos} photos answered '
        f'<progress value="{done}" max="{photos}"></progress></label></div>'
    )


def _table(photos: int, rows: list[Row]) -> str:
    faces = sum(bool(row["answer"]) for row in rows)
    told = (
        f"{photos} photo{'s' * (photos > 1)}: {faces} face{'s' * (faces != 1)}, {len(rows) - faces} without an answer."
    )
    table = html_table("The faces of a photo are numbered from the largest on.", HEADER, "".join(map(_table_row, rows)))
    return (
        status(f'<h2 class="summary">{told}</h2>') + f'<div class="save">{csv_link(rows, "answers.csv")}</div>' + table
    )


def _table_row(row: Row) -> str:
    file = f'<th scope="row" class="file">{html.escape(row["file"])}</th>'
    if not row["answer"]:
        return f'<tr>{file}<td colspan="{len(HEADER) - 1}">{html.escape(str(row["error"]))}</td></tr>'
    cells = (row["face"], row["answer"], per_cent(row["p_female"]), per_cent(row["p_male"]))
    return f"<tr>{file}{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
