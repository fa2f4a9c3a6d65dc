"""The web page: a photo goes in; a box on each face, and how likely each of the two labels is, come out.

It runs on this machine alone: no public link, no analytics, no history, no font or script from elsewhere.
"""

from __future__ import annotations

import dataclasses
import functools
import html
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..images.photos import MissingPhotoError, PhotoError, read_photo
from ..masks.drawing import STYLES
from ..networks.classifier import Classifier
from ..networks.model_files import load_model
from ..places import EXAMPLES, SHIPPED_MODEL
from ..prediction.attribution import heat_map, overlay
from .about_model import about_model, meaning, warning
from .annotation import SHOWN_SIDE, annotate
from .answer_html import DELETED, HINT, NO_FACE_NOTICE, answer_html, data_url, hint, notice, picture_html, style_name
from .gradio_import import gr
from .many_photos import HINT as MANY_HINT
from .many_photos import MOST_PHOTOS, Rows, answer_many
from .one_photo import Answer, PhotoAnswers, answer_photo, picture_of
from .scripts import ANSWER_BUTTONS, ON_OPEN, SHOW_ANSWER, SHOW_HEAT
from .serving import Served, private_page, serve
from .style import CSS, THEME

__all__ = ["DELETED", "EXAMPLES", "NO_FACE_NOTICE", "SHOWN_SIDE", "annotate", "build_page", "launch"]

AS_IT_IS = "none"
TITLE = """# Masked gender
Female or male, as the training labels use the words, for every face in a photo, masks worn or not."""


def build_page(model_path: str | Path = SHIPPED_MODEL) -> gr.Blocks:
    """The page for a model file, not yet launched; ModelError when the file cannot be used."""
    return _page(load_model(model_path), Path(model_path))


def _page(model: Classifier, path: Path) -> gr.Blocks:
    with private_page("Masked gender", [EXAMPLES]) as page:
        gr.Markdown(TITLE, elem_id="title")
        with gr.Tabs():
            with gr.Tab("One photo"):
                _one_photo(model)
            with gr.Tab("Many photos"):
                _many_photos(model)
        gr.Markdown(meaning(model) + warning(model, path), elem_id="about")
        with gr.Accordion("About this model: how often it is right, for whom, and what it is not for", open=False):
            gr.Markdown(about_model(path), elem_id="model")
    return page


def launch(
    model_path: str | Path = SHIPPED_MODEL,
    scale: str | None = None,
    classes: str | None = None,
    tell: Callable[[str], object] | None = None,
    **how: Any,
) -> Served:
    """Open the page of a model file and say where it is; in a script this waits until the page is stopped.

    Args:
        model_path: a model file.
        scale, classes: as `load_model` takes them.
        tell: gets each of the notes on the model, which the page shows, too.
        how: host, port, root_path, share, auth, inbrowser and the further arguments of serving.serve.

    Raises:
        ModelError: the model file cannot be used.
        OSError: no free port.
    """
    model = load_model(model_path, scale, classes)
    if tell:
        for note in model.notes:
            tell(note)
    return serve(_page(model, Path(model_path)), theme=THEME, css=CSS, js=ON_OPEN, public=[EXAMPLES], **how)


def _one_photo(model: Classifier) -> None:
    """The tab in which a photo is answered as soon as it is there, and again with masks."""
    with gr.Row():
        with gr.Column(scale=4, min_width=320):
            photo = gr.Image(
                label="Your photo",
                type="filepath",
                sources=["upload", "webcam", "clipboard"],
                height=360,
                buttons=["fullscreen"],
                elem_id="photo",
            )
            gr.Examples(_examples(), photo, label="Or one of these", cache_examples=False)
        with gr.Column(scale=5, min_width=320, elem_id="answer"):
            picture = gr.HTML(elem_id="picture")
            masks = gr.Radio(
                [("as it is", AS_IT_IS), *((style_name(style), style) for style in STYLES)],
                value=AS_IT_IS,
                label="As it is, or with a mask drawn on every face",
                elem_id="masks",  # the style sheet shows it as soon as there is a face
            )
            words = gr.HTML(hint(HINT), js_on_load=ANSWER_BUTTONS, elem_id="words")
            anyway = gr.Button("Judge the whole picture all the same", size="sm", visible=False, elem_id="anyway")
    numbers, heat = gr.JSON(visible=False), gr.JSON(visible=False)
    # Not preprocessed: Gradio would decode the file, bombs included; only read_photo is to open it.
    raw: dict[str, Any] = {
        "inputs": [photo, masks],
        "outputs": [picture, words, numbers, anyway],
        "preprocess": False,
        "show_progress": "minimal",
    }
    answer, answer_anyway = (functools.partial(_answer, model, whole) for whole in (False, True))
    photo.change(answer, api_name="predict", **raw).then(None, js=SHOW_ANSWER)
    masks.input(answer, api_visibility="private", **raw)
    anyway.click(answer_anyway, api_name="predict_whole_picture", **raw).then(None, js=SHOW_ANSWER)
    words.look(
        _heat_shower(model), None, heat, trigger_mode="multiple", show_progress="hidden", api_visibility="private"
    ).then(None, heat, js=SHOW_HEAT)


def _many_photos(model: Classifier) -> None:
    """The tab that takes a whole folder's photos, and gives a table."""

    def answer(uploads: list[dict[str, Any]] | None, before: Rows) -> Iterator[tuple[str, Rows]]:
        yield from answer_many(model, uploads, before)

    photos = gr.File(file_count="multiple", label=f"Up to {MOST_PHOTOS} photos", height=240, elem_id="photos")
    table = gr.HTML(hint(MANY_HINT), elem_id="table")
    given = gr.State({})  # the table's rows alone, as long as the tab is open
    photos.change(
        answer, [photos, given], [table, given], preprocess=False, api_name="predict_many", show_progress="hidden"
    )


def _answer(
    model: Classifier, whole_picture: bool, upload: dict[str, Any] | None, style: str | None = AS_IT_IS
) -> tuple[str, str, list[dict[str, Any]], Any]:
    """What the page shows for an uploaded file: annotated picture, words, numbers, button for the whole picture."""
    no_button = gr.Button(visible=False)
    if not upload:
        return "", hint(HINT), [], no_button
    path = Path(upload["path"])
    try:
        photo = read_photo(path)
    except MissingPhotoError:
        return "", notice(DELETED), [], no_button
    except PhotoError as error:
        return "", notice(html.escape(str(error))), [], no_button
    answers = answer_photo(model, photo, style if style in STYLES else None, whole_picture)
    if not answers.as_it_is:
        return "", notice(NO_FACE_NOTICE), [], gr.Button(visible=True)
    words = answer_html(upload.get("orig_name") or path.name, answers)
    return picture_html(answers), words, _numbers(answers), no_button


def _numbers(answers: PhotoAnswers) -> list[dict[str, Any]]:
    """The answers for a program; `with_mask` is None where no mask was asked for, or none fits."""
    with_mask = answers.with_mask or [None] * len(answers.as_it_is)
    return [
        {**_as_json(bare), "with_mask": again and _as_json(again)}
        for bare, again in zip(answers.as_it_is, with_mask, strict=True)
    ]


def _as_json(answer: Answer) -> dict[str, Any]:
    return {**dataclasses.asdict(answer.prediction), "answer": answer.prediction.answer}


def _heat_shower(model: Classifier) -> Callable[[gr.EventData], dict[str, Any]]:
    """What answers the button under a crop: the page sends the crop, and gets its heat map for the same place."""

    def show(event: gr.EventData) -> dict[str, Any]:
        crop = picture_of(event.crop, model.size)
        return {"place": event.place, "picture": data_url(overlay(crop, heat_map(model.model, crop)), "PNG")}

    return show


def _examples() -> list[list[str]]:
    """The photos that lie in examples/, one row each as gr.Examples takes them."""
    return [[str(path)] for path in sorted(EXAMPLES.glob("*.jpg"))]
