"""The tab for one photo: its answer, the switch that draws masks, what the model looked at, and what can be saved."""

from __future__ import annotations

import csv
import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..images.photos import MAX_MEGABYTES
from ..masks.drawing import STYLES
from ..networks.classifier import Classifier
from ..places import EXAMPLES
from ..prediction.answers import face_rows
from ..prediction.attribution import overlay
from ..prediction.occlusion import occlusion_map
from .annotation import annotate
from .answer_html import NO_FACE_NOTICE, cards_html, headline, style_name, verdict_html
from .gradio_import import data_url, gr
from .one_photo import ONE_AT_A_TIME, Answer, PhotoAnswers, answer_photo, wears_mask
from .uploads import Given, Photo, preview, saved_csv, saved_picture

HINT = '<p class="hint">Give a photo: the answer comes here.</p>'
PRIVATE: dict[str, Any] = {"api_visibility": "private", "api_name": "page"}  # what only the page itself calls
# The page's JavaScript. A phone shows the answer, which is below the photo; a click says on which card it was; and
# files whose kind the visitor's system does not know, such as HEIC on most, are taken, too: the server knows them.
INTO_VIEW = "() => { if (innerWidth < 768) document.querySelector('#verdict').scrollIntoView(); }"
CLICKED_CARD = """element.addEventListener('click', (event) => {
    const button = event.target.closest('.look');
    if (button) trigger('click', { face: Number(button.value) }); });"""
UNKNOWN_KINDS = """() => {
    const kind = Object.getOwnPropertyDescriptor(Blob.prototype, 'type').get;
    Object.defineProperty(File.prototype, 'type', { get() { return kind.call(this) || 'image/heic'; } }); }"""
Shown = dict[Any, Any]  # what the page's components show from now on


class OnePhotoTab:
    """Its components, and what they do."""

    def __init__(self, model: Classifier) -> None:
        """Lay the tab out, inside a gr.Tab."""
        self.model = model
        with gr.Row():
            with gr.Column(scale=4):
                self._lay_out_photo()
            with gr.Column(scale=5):
                self._lay_out_answer()
        self._connect()

    def _lay_out_photo(self) -> None:
        self.photo = Photo(
            label="Photo", alt_text="Your photo", show_label=False, height=330, buttons=[],
            sources=["upload", "webcam", "clipboard"], webcam_options=gr.WebcamOptions(mirror=False), elem_id="photo",
            placeholder=f"# Drop a photo or choose one\nup to {MAX_MEGABYTES} MB",
        )  # fmt: skip
        with (EXAMPLES / "examples.csv").open(encoding="utf-8", newline="") as file:
            listed = list(csv.DictReader(file))
        captions = "".join(
            f"#examples .gallery-item:nth-child({n})::after {{ content: {json.dumps(row['shows'])}; }}"
            for n, row in enumerate(listed, 1)
        )
        gr.HTML(f"<style>{captions}</style>", visible="hidden")
        self.examples = gr.Examples(
            [[str(EXAMPLES / row["file"])] for row in listed], self.photo, label="Or one of these",
            examples_per_page=20, cache_examples=False, elem_id="examples", preload=False, api_visibility="private",
        )  # fmt: skip

    def _lay_out_answer(self) -> None:
        self.verdict = gr.HTML(HINT, elem_id="verdict")
        self.anyway = gr.Button("Answer for the whole picture anyway", visible=False, size="sm", elem_id="anyway")
        self.picture = gr.Image(
            visible=False, interactive=False, label="Faces", show_label=False, buttons=["fullscreen"],
            container=False, elem_id="picture",
        )  # fmt: skip
        self.style = gr.Radio(
            [("as it is", ""), *((style_name(style), style) for style in STYLES)], value="", visible=False,
            label="As it is, or with a mask drawn on every bare face", elem_id="masks",
        )  # fmt: skip
        self.cards = gr.HTML(js_on_load=CLICKED_CARD, apply_default_css=False, elem_id="cards")
        with gr.Row(elem_id="save"):
            self.csv = gr.DownloadButton("Save these answers (CSV)", visible=False, size="sm")
            self.png = gr.DownloadButton("Save the picture (PNG)", visible=False, size="sm")
        self.heats = gr.State({}, time_to_live=180)

    def _connect(self) -> None:
        answer = [self.verdict, self.anyway, self.picture, self.style, self.cards, self.csv, self.png, self.heats]
        outputs = [*answer, self.photo]
        turn: dict[str, Any] = {"concurrency_id": "one", "concurrency_limit": 4, "show_progress_on": [self.verdict]}
        turn |= PRIVATE
        given = self.photo.upload(self.answer, self.photo, outputs, trigger_mode="always_last", **turn)
        self.photo.clear(lambda: self._without_answer(HINT), None, outputs, queue=False, **PRIVATE)
        chosen = self.examples.load_input_event.then(self.answer, self.photo, outputs, **turn)
        for answered in (given, chosen):
            answered.then(None, js=INTO_VIEW, **PRIVATE)
        self.style.input(self.answer, [self.photo, self.style], outputs, trigger_mode="always_last", **turn)
        self.anyway.click(lambda given: (yield from self.answer(given, whole=True)), self.photo, outputs, **turn)
        self.cards.click(
            self.look, [self.photo, self.style, self.heats], [self.verdict, self.cards, self.heats],
            trigger_mode="multiple", concurrency_id="heat", concurrency_limit=2, show_progress="hidden", **PRIVATE,
        )  # fmt: skip

    def answer(self, given: Given | None, style: str = "", whole: bool = False) -> Iterator[Shown]:
        """What the page shows while a photo is answered, and then."""
        if given is None:
            yield self._without_answer(HINT)
        elif given.pixels is None:
            yield {**self._without_answer(notice(html.escape(given.error))), self.photo: None}
        else:
            doing = f"Drawing masks ({style_name(style)})" if style else "Looking for faces"
            yield {self.verdict: f'<p class="hint busy" role="status">{doing} ...</p>'}
            answers = answer_photo(self.model, given.pixels, style, whole)
            if answers.bare:
                yield self._answered(given, answers)
            else:
                gone = self._without_answer(notice(NO_FACE_NOTICE))
                yield {**gone, self.anyway: gr.Button(visible=True), self.photo: preview(given)}

    def _answered(self, given: Given, answers: PhotoAnswers) -> Shown:
        stem = f"{Path(given.name).stem}-{answers.style or 'as-it-is'}"
        picture = saved_picture(annotate(answers.photo, answers.shown), f"{stem}.png", compress_level=1)
        said = headline(answers.bare, answers.shown, answers.style)
        has_face = not answers.bare[0].whole_picture
        can_draw = has_face and not all(map(wears_mask, answers.bare))
        rows = face_rows(given.name, answers.shown, answers.left_out)
        return {
            self.verdict: f'<div role="status">{verdict_html(answers)}</div>',
            self.anyway: gr.Button(visible=False),
            self.picture: gr.Image(picture, visible=True, alt_text=f"Your photo with its faces marked. {said}"),
            self.style: gr.Radio(
                value=answers.style, visible=has_face, interactive=can_draw,
                info=None if can_draw else "No face here is bare.",
            ),
            self.cards: cards_html(answers),
            self.csv: gr.DownloadButton(value=saved_csv(rows, f"{stem}.csv"), visible=True),
            self.png: gr.DownloadButton(value=picture, visible=True),
            self.heats: {},
            self.photo: preview(given),
        }  # fmt: skip

    def _without_answer(self, said: str) -> Shown:
        gone = gr.DownloadButton(visible=False)
        return {
            **{self.verdict: said, self.cards: None, self.csv: gone, self.png: gone, self.heats: {}},
            self.anyway: gr.Button(visible=False),
            self.picture: gr.Image(None, visible=False),
            self.style: gr.Radio(visible=False, value=""),
        }

    def look(self, given: Given | None, style: str, heats: dict[int, Any], event: gr.EventData) -> Iterator[Shown]:
        """The heat maps of the face whose button was pressed; pressed again, they go.

        `heats` are those that are shown, by the face's number: changed in place, as several may be on their way.
        """
        if given is None or given.pixels is None:
            yield {self.verdict: notice(html.escape(given.error if given else "Give a photo first."))}
            return
        number, answers = int(event.face), answer_photo(self.model, given.pixels, style)
        if heats.pop(number, None) is None:
            heats[number] = None
            yield {self.cards: cards_html(answers, heats), self.heats: heats}
            versions = answers.bare[number - 1], answers.masked[number - 1]
            heats[number] = [self._heat(version) for version in versions if version]
        yield {self.cards: cards_html(answers, heats), self.heats: heats}

    def _heat(self, face: Answer) -> str:
        assert face.crop is not None, "only of a whole picture there is none, and it has no button"
        with ONE_AT_A_TIME:
            return data_url(overlay(face.crop, occlusion_map(self.model.predict, face.crop)))


def notice(sentence: str) -> str:
    """A sentence, as HTML, that says why there is no answer."""
    return f'<div class="notice" role="alert">{sentence}</div>'
