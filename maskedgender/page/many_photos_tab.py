"""The tab for many photos: each is answered as its turn comes, into a gallery and a table that can be saved."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..images.folders import is_nobodys, is_picture
from ..images.photos import PhotoError, read_photo
from ..networks.classifier import Classifier
from ..prediction.answers import error_row, face_rows, per_cent
from ..words import counted
from .annotation import annotate
from .answer_html import answer_words, counts, headline, likelier
from .folder import in_use, new_file
from .gradio_import import gr
from .one_photo import answer_photo
from .one_photo_tab import PRIVATE, Shown, notice
from .uploads import saved_csv, saved_picture

MOST = 200  # photos at once
SHOW_EVERY = 1.0  # seconds: all that is there is sent each time
COLUMNS = ["Photo", "Face", "Answer", "How sure"]


class ManyPhotosTab:
    """Its components, and what they do."""

    def __init__(self, model: Classifier) -> None:
        """Lay the tab out, inside a gr.Tab."""
        self.model = model
        with gr.Row():
            self.files = gr.File(
                file_count="multiple", file_types=["image"], height=140,
                label=f"Photos, up to {MOST}", elem_id="files",
            )  # fmt: skip
            self.folder = gr.File(file_count="directory", label="Or a folder", height=140, elem_id="folder")
        self.progress = gr.HTML(elem_id="progress")
        self.stop = gr.Button("Stop", size="sm", visible=False, elem_id="stop")
        with gr.Row(elem_id="save-many"):
            self.csv = gr.DownloadButton("Save the answers (CSV)", visible=False, size="sm")
            self.zip = gr.DownloadButton("Save the pictures (ZIP)", visible=False, size="sm")
        self.gallery = gr.Gallery(
            label="Photos", show_label=False, columns=5, height="auto", object_fit="contain", buttons=["fullscreen"],
            interactive=False, visible=False, elem_id="gallery",
        )  # fmt: skip
        self.table = gr.Dataframe(
            headers=COLUMNS, column_widths=["31%", "13%", "33%", "23%"], label="All faces", interactive=False,
            show_search="filter", wrap=True, buttons=["copy"], visible=False, elem_id="table",
        )  # fmt: skip
        outputs = [self.progress, self.stop, self.csv, self.zip, self.gallery, self.table, self.files, self.folder]
        turn: dict[str, Any] = {"concurrency_id": "many", "concurrency_limit": 2, "show_progress": "hidden", **PRIVATE}
        runs: list[Any] = [given.upload(self.answer, given, outputs, **turn) for given in (self.files, self.folder)]
        self.stop.click(
            lambda: self._ended("<p role='status'>Stopped. Here is what was answered.</p>"), None, outputs,
            cancels=runs, queue=False, **PRIVATE,
        )  # fmt: skip

    def answer(self, paths: Sequence[str] | None) -> Iterator[Shown]:
        """What the page shows while files are answered, and then; one that cannot be read is a row, too."""
        photos = [path for path in map(Path, paths or ()) if is_picture(path) and not is_nobodys(path.name)]
        if not 0 < len(photos) <= MOST:
            many = f"{len(photos)} photos are too many at once; choose {MOST} or fewer."
            yield self._ended(notice(many if photos else "There is no photo among these files."))
            return
        rows: list[dict[str, object]] = []
        table: list[list[object]] = []
        tiles: list[tuple[str, str]] = []
        shown = 0.0
        for number, (path, name) in enumerate(zip(photos, told_apart(photos), strict=True), 1):
            try:
                answers = answer_photo(self.model, read_photo(path))
            except PhotoError as error:
                new = [error_row(name, str(error))]
            else:
                new = face_rows(name, answers.bare, answers.left_out)
                picture = annotate(answers.photo, answers.bare)
                tile = saved_picture(picture, f"{Path(name).stem}-answers.jpg", quality=90)
                tiles.append((tile, f"{name}\n{headline(answers.bare)}"))
                for place, face in enumerate(answers.bare, 1):
                    share = per_cent(max(face.p_female, face.p_male), face.not_sure_below)
                    table.append([name, str(place), answer_words(face), f"{share} {likelier(face)}"])
            rows += new
            table += [[name, "", row["error"], ""] for row in new if row["error"]]
            path.unlink(missing_ok=True)  # it is not needed any more
            if time.monotonic() - shown > SHOW_EVERY and number < len(photos):
                shown = time.monotonic()
                in_use([*photos[number:], *(tile for tile, _ in tiles)])
                bar = f'<progress value="{number}" max="{len(photos)}" aria-label="Answered"></progress>'
                yield {
                    self.progress: f'<p role="status">{number} of {len(photos)} answered</p>{bar}',
                    self.stop: gr.Button(visible=True),
                    **self._found(tiles, table),
                }
        said = f'<h2 class="summary" role="status">{summary(rows, len(photos))}</h2>'
        if others := len(paths or ()) - len(photos):
            said += f'<p class="why">{counted(others, "other file")} passed over.</p>'
        answers_csv = saved_csv(rows, "answers.csv")
        yield {
            **self._ended(said),
            **self._found(tiles, table),
            self.csv: gr.DownloadButton(value=answers_csv, visible=True),
            self.zip: gr.DownloadButton(value=_zipped(answers_csv, [tile for tile, _ in tiles]), visible=True),
        }

    def _found(self, tiles: list[tuple[str, str]], table: list[list[object]]) -> Shown:
        found = gr.Dataframe({"headers": COLUMNS, "data": table}, visible=True)
        return {self.gallery: gr.Gallery(tiles, visible=bool(tiles)), self.table: found}

    def _ended(self, said: str) -> Shown:
        """Ready for other files."""
        return {self.progress: said, self.stop: gr.Button(visible=False), self.files: None, self.folder: None}


def summary(rows: Sequence[dict[str, object]], photos: int) -> str:
    """Such as "4 photos: 4 faces (1 female, 3 male); 1 without an answer."."""
    answers = [str(row["answer"]) for row in rows if row["answer"]]
    without = photos - len({row["file"] for row in rows if row["answer"]})
    found = f"{counted(len(answers), 'face')}{f' ({counts(answers)})' if answers else ''}"
    return f"{counted(photos, 'photo')}: {found}{f'; {without} without an answer' if without else ''}."


def told_apart(photos: Sequence[Path]) -> list[str]:
    """The photos' names; one that is given twice gets a number."""
    names: list[str] = []
    for photo in photos:
        name, count = photo.name, 1
        while name in names:
            count += 1
            name = f"{photo.stem} ({count}){photo.suffix}"
        names.append(name)
    return names


def _zipped(answers: str, pictures: Sequence[str]) -> str:
    """The answers' CSV file and the pictures in an archive."""
    archive = new_file("answers.zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        file.write(answers, "answers.csv")
        for number, picture in enumerate(pictures, 1):
            file.write(picture, f"{number:03}-{Path(picture).name}")
    return str(archive)
