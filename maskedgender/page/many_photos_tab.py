"""The tab for many photos: each is answered as its turn comes, into a gallery and a table that can be saved."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..images.folders import is_nobodys, is_picture
from ..images.photos import PhotoError, read_photo
from ..memory import give_back
from ..networks.classifier import Classifier
from ..prediction.answers import NO_FACE, error_row, face_rows, per_cent
from .annotation import annotate
from .answer_html import answer_words, headline
from .folder import new_file
from .gradio_import import gr
from .one_photo import PhotoAnswers, answer_photo
from .one_photo_tab import PRIVATE, Shown, notice
from .style import COLOURS
from .uploads import saved_csv, saved_picture

MOST = 200  # photos at once
SHOW_EVERY = 1.0  # seconds: all that is there is sent each time
COLUMNS = ("Photo", "Face", "Answer", "Female", "Male")
Row = dict[str, object]


class ManyPhotosTab:
    """Its components, and what they do."""

    def __init__(self, model: Classifier) -> None:
        """Lay the tab out, inside a gr.Tab."""
        self.model = model
        with gr.Row():
            self.files = gr.File(
                file_count="multiple", file_types=["image", ".heic", ".heif", ".hif"], height=140,
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
            headers=list(COLUMNS), datatype=["str", "str", "str", "str", "str"], label="All faces", interactive=False,
            show_search="filter", wrap=True, buttons=["copy"], visible=False, elem_id="table",
        )  # fmt: skip
        self._connect()

    def _connect(self) -> None:
        outputs = [self.progress, self.stop, self.csv, self.zip, self.gallery, self.table, self.files, self.folder]
        turn = {"concurrency_id": "many", "concurrency_limit": 2, "show_progress": "hidden", **PRIVATE}
        runs = [given.upload(self.answer, given, outputs, **turn) for given in (self.files, self.folder)]
        stopped = {
            self.progress: '<p role="status">Stopped. Here is what was answered.</p>',
            self.stop: gr.Button(visible=False),
            self.files: None,
            self.folder: None,
        }
        self.stop.click(lambda: stopped, None, outputs, cancels=runs, queue=False, **PRIVATE)

    def answer(self, paths: Sequence[str] | None) -> Iterator[Shown]:
        """What the page shows while files are answered, and then; one that cannot be read is a row, too."""
        photos = [path for path in map(Path, paths or ()) if is_picture(path) and not is_nobodys(path.name)]
        others = len(paths or ()) - len(photos)
        if not 0 < len(photos) <= MOST:
            said = f"{len(photos)} photos are too many at once; choose {MOST} or fewer."
            yield {self.progress: notice(said if photos else "There is no photo among these files."), **self._ready()}
            return
        rows: list[Row] = []
        table: list[list[object]] = []
        tiles: list[tuple[str, str]] = []
        shown = 0.0
        for number, (photo, name) in enumerate(zip(photos, told_apart(photos), strict=True), 1):
            rows_of_photo, cells, tile = self._of_photo(photo, name)
            rows, table, tiles = [*rows, *rows_of_photo], [*table, *cells], [*tiles, *tile]
            photo.unlink(missing_ok=True)  # it is not needed any more
            if time.monotonic() - shown > SHOW_EVERY and number < len(photos):
                shown = time.monotonic()
                yield {
                    self.progress: _progress(number, len(photos)),
                    self.stop: gr.Button(visible=True),
                    self.gallery: gr.Gallery(tiles, visible=True),
                    self.table: gr.Dataframe(table, visible=True),
                }
        give_back()
        yield self._done(len(photos), others, rows, table, tiles)

    def _of_photo(self, photo: Path, name: str) -> tuple[list[Row], list[list[object]], list[tuple[str, str]]]:
        """A photo's rows for the CSV file, its rows of the table, and its tile, if it has one."""
        try:
            answers = answer_photo(self.model, read_photo(photo))
        except PhotoError as error:
            return [error_row(name, str(error))], [[name, "", str(error), "", ""]], []
        rows = face_rows(name, answers.bare, answers.left_out)
        picture = saved_picture(annotate(answers.photo, answers.bare), f"{Path(name).stem}-answers.jpg", quality=90)
        return rows, _cells(name, answers, rows), [(picture, f"{name}\n{headline(answers.bare)}")]

    def _done(
        self, photos: int, others: int, rows: list[Row], table: list[list[object]], tiles: list[tuple[str, str]]
    ) -> Shown:
        answers, archive = saved_csv(rows, "answers.csv"), new_file("answers.zip")
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
            file.write(answers, "answers.csv")
            for number, (picture, _) in enumerate(tiles, 1):
                file.write(picture, f"{number:03}-{Path(picture).name}")
        said = f'<h2 class="summary" role="status">{summary(rows, photos)}</h2>'
        if others:
            said += f'<p class="why">{others} other file{"s" * (others > 1)} passed over.</p>'
        return {
            self.progress: said,
            self.csv: gr.DownloadButton(value=answers, visible=True),
            self.zip: gr.DownloadButton(value=str(archive), visible=True),
            self.gallery: gr.Gallery(tiles, visible=bool(tiles)),
            self.table: gr.Dataframe(table, visible=True),
            **self._ready(),
        }

    def _ready(self) -> Shown:
        """Ready for other files."""
        return {self.stop: gr.Button(visible=False), self.files: None, self.folder: None}


def summary(rows: Sequence[Row], photos: int) -> str:
    """Such as "4 photos: 4 faces (1 female, 3 male); 1 without a face, 1 that cannot be read."."""
    counts = [(sum(row["answer"] == answer for row in rows), answer) for answer in COLOURS]
    faces, said = sum(count for count, _ in counts), ", ".join(f"{count} {answer}" for count, answer in counts if count)
    first = {row["file"]: str(row["error"]) for row in reversed(rows)}  # of each photo, what its first row says
    empty = sum(error == NO_FACE for error in first.values())
    unread = sum(error not in ("", NO_FACE) for error in first.values())
    rest = ", ".join(
        f"{count} {what}" for count, what in ((empty, "without a face"), (unread, "that cannot be read")) if count
    )
    found = f"{faces} face{'s' * (faces != 1)}" + (f" ({said})" if said else "")
    return f"{photos} photo{'s' * (photos != 1)}: {found}{f'; {rest}' if rest else ''}."


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


def _cells(name: str, answers: PhotoAnswers, rows: Sequence[Row]) -> list[list[object]]:
    """A photo's rows of the table."""
    cells: list[list[object]] = []
    for number, face in enumerate(answers.bare, 1):
        shares = [per_cent(p, face.not_sure_below) for p in (face.p_female, face.p_male)]
        cells.append([name, str(number), answer_words(face), *shares])
    return [*cells, *([name, "", row["error"], "", ""] for row in rows if row["error"])]


def _progress(number: int, of: int) -> str:
    bar = f'<progress value="{number}" max="{of}" aria-label="Answered"></progress>'
    return f'<p role="status">{number} of {of} answered</p>{bar}'
