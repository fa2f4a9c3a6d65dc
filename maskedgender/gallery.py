"""Many photos at once: a row for each face of each, and a row with a sentence for each file that cannot be read."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .answer_html import csv_link, hint, html_table, notice, per_cent, status
from .prediction import csv_rows
from .uploads import touch

if TYPE_CHECKING:
    import keras

MOST_PHOTOS = 200
HINT = "The table appears here, a row for every face."
HEADER = ("File", "Face", "Answer", "Female", "Male")

Row = dict[str, Any]


def answer_many(model: keras.Model, uploads: list[dict[str, Any]] | None) -> Iterator[str]:
    """How many of the photos are done, again and again, and in the end their table, as HTML.

    Args:
        model: any model of `load_model`.
        uploads: Gradio's description of each file: where it lies (`path`), and its name (`orig_name`).
    """
    if not uploads:
        yield hint(HINT)
        return
    if len(uploads) > MOST_PHOTOS:
        yield notice(f"{len(uploads)} files are too many at once; choose {MOST_PHOTOS} or fewer.")
        return
    rows: list[Row] = []
    for done, upload in enumerate(uploads):
        yield _progress(done, len(uploads))
        touch([waiting["path"] for waiting in uploads[done:]])  # a minute may pass before the last one's turn
        rows += [{**row, "file": upload["orig_name"]} for row in csv_rows(model, upload["path"])]
    yield _table(len(uploads), rows)


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
