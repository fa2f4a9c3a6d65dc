"""The web page: a photo goes in; a box on each face, and how likely each of the two labels is, come out.

It runs on this machine alone: no public link, no analytics, no history, no font or script from elsewhere.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import functools
import html
import io
import os
import socket
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when Gradio is imported

import gradio as gr
import keras
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .faces import Face, canonical_crop
from .photos import MissingPhotoError, PhotoError, read_photo
from .prediction import (
    NOT_SURE,
    NOT_SURE_BELOW,
    SHIPPED_MODEL,
    Prediction,
    is_calibrated,
    load_model,
    predict_photo,
)

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
HOST, PORT, PORTS_TRIED = "127.0.0.1", 7860, 100
SHOWN_SIDE = 1280  # pixels of the answer's longer side: enough for a screen, quick to send
CROP_SIDE = 128
UPLOAD_LIMIT = "25mb"
KEEP_SECONDS = 60

# In the picture. White on each has a contrast of at least 4.5:1; they are told apart without red and green.
COLOURS = {"female": "#6d28d9", "male": "#0f766e", NOT_SURE: "#a14a07"}
THEME = gr.themes.Soft(
    primary_hue="violet",
    neutral_hue="slate",
    font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
)
CSS = """
.gradio-container { max-width: 1120px !important; margin: 0 auto; --line: var(--border-color-primary);
  --subdued: var(--neutral-600); --female: #6d28d9; --male: #0f766e; --not-sure: #a14a07; }
.dark .gradio-container, .dark.gradio-container, .gradio-container .dark { --subdued: var(--neutral-300);
  --female: #a78bfa; --male: #2dd4bf; --not-sure: #fbbf24; }
#title h1 { font-size: 1.9rem; letter-spacing: -.02em; margin: .4rem 0 .1rem; }
#title p, .hint, .face .why { color: var(--subdued); margin: 0; }
.gallery { --thumb: 78px; gap: 8px; }
.gallery-item .container, .gallery-item img { width: auto !important; max-width: none !important; }
.gallery-item .container, .gallery-item img { height: var(--thumb) !important; }
#picture img { max-height: 440px; object-fit: contain; }
#words, #words .html-container { padding: 0 !important; }
.hint, .notice { border-radius: 12px; padding: 1.1rem 1.25rem; }
.hint { border: 1px dashed var(--line); text-align: center; padding: 10.3rem 1.25rem; }
.notice { background: #fffbeb; color: #5c2d05; border-left: 5px solid var(--not-sure); }
.notice strong { color: inherit; }
.dark .notice { background: #33220c; color: #fde9c8; }
.summary { font-size: 1.15rem; font-weight: 650; margin: .2rem 0 .6rem; }
.faces { list-style: none; margin: 0; padding: 0; display: grid; gap: .6rem; }
.face { display: flex; gap: .9rem; align-items: center; margin: 0; padding: .75rem; border-radius: 12px;
  background: var(--block-background-fill); border-style: solid; border-width: 1px 1px 1px 5px;
  border-color: var(--line) var(--line) var(--line) var(--answer); }
.face img { width: 84px; height: 84px; border-radius: 8px; margin: 0; flex: none; object-fit: cover; }
.face .said { flex: 1; min-width: 0; }
.face h3 { font-size: 1rem; font-weight: 650; margin: 0 0 .3rem; }
.bar { display: grid; grid-template-columns: 3.6rem 1fr 2.8rem; gap: .5rem; align-items: center; font-size: .9rem; }
.bar .track { height: .7rem; border-radius: .35rem; overflow: hidden; background: var(--line); }
.bar .fill { height: 100%; border-radius: .35rem; }
.bar b { text-align: right; font-variant-numeric: tabular-nums; }
.face .why { font-size: .85rem; margin-top: .35rem; }
#about { font-size: .92rem; border-top: 1px solid var(--line); padding-top: .8rem; }
@media (max-width: 767px) { #photo { height: 250px !important; } .gallery { --thumb: 60px; gap: 5px; }
  .hint { padding: 2.5rem 1.25rem; }
  .face { gap: .7rem; padding: .6rem; } .face img { width: 64px; height: 64px; } }
"""
# On a phone the answer lies below the photo: bring it into view, once its picture has taken its place.
SHOW_ANSWER = """() => setTimeout(() => { const answer = document.getElementById('answer');
  if (window.innerWidth < 768 && answer.querySelector('.summary, .notice'))
    answer.scrollIntoView({ behavior: 'smooth', block: 'start' }); }, 400)"""

# Many systems do not know IMG_1.HEIC for an image, and Gradio refuses what has no kind: give it one by its name.
NAME_KINDS = """() => {
  const named = (files) => [...files].map((file) => file.type || !/[.](heic|heif|avif|tiff?)$/i.test(file.name)
    ? file : new File([file], file.name, { type: 'image/' + file.name.split('.').pop().toLowerCase() }));
  document.addEventListener('change', ({ target }) => { if (target.type !== 'file') return;
    const chosen = new DataTransfer();
    named(target.files).forEach((file) => chosen.items.add(file));
    target.files = chosen.files; }, true);
  document.addEventListener('drop', (event) => { const files = named(event.dataTransfer.files);
    if (files.length) Object.defineProperty(event, 'dataTransfer', { value: { files } }); }, true); }"""

HINT = '<div class="hint">The answer appears here, for every face in the photo.</div>'
NO_FACE_NOTICE = (
    "<strong>No face found in this photo.</strong> Try one in which a face is larger, sharper or seen from the front."
)
DELETED = "The uploaded photo has been deleted, as all are after a minute; choose it again."
ABOUT = f"""**What the answer means.** "Female" and "male" are labels that annotators gave to people's *appearance* in
the photos that the model learned from: two words, chosen by others. The model does not know anyone's gender; only that
person does. It makes mistakes, and not equally often for everyone, so do not use it to decide anything about a person.
When neither label reaches {NOT_SURE_BELOW:.0%}, the answer is "not sure". Photos stay on this machine, and are deleted
about a minute later. """


def build_page(model_path: str | Path = SHIPPED_MODEL) -> gr.Blocks:
    """The page for a model file, not yet launched; ModelError when the file cannot be used."""
    model = load_model(model_path)
    answer, answer_anyway = (functools.partial(_answer, model, whole) for whole in (False, True))
    with gr.Blocks(title="Masked gender", analytics_enabled=False, delete_cache=(20, KEEP_SECONDS)) as page:
        gr.Markdown(
            "# Masked gender\nFemale or male, as the training labels use the words, for every face in a photo, "
            "masks worn or not.",
            elem_id="title",
        )
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
                picture = gr.Image(
                    label="Faces found",
                    show_label=False,  # it would lie on the photo's corner
                    format="jpeg",
                    interactive=False,
                    visible=False,
                    buttons=["download", "fullscreen"],
                    elem_id="picture",
                )
                words = gr.HTML(HINT, elem_id="words")
                anyway = gr.Button("Judge the whole picture all the same", size="sm", visible=False, elem_id="anyway")
        gr.Markdown(ABOUT + _about_model(model, Path(model_path)), elem_id="about")
        numbers = gr.JSON(visible=False)
        outputs = [picture, words, numbers, anyway]
        # Not preprocessed: Gradio would decode the file, bombs included; only read_photo is to open it.
        raw: dict[str, Any] = {"inputs": photo, "outputs": outputs, "preprocess": False, "show_progress": "minimal"}
        photo.change(answer, api_name="predict", **raw).then(None, js=SHOW_ANSWER)
        anyway.click(answer_anyway, api_name="predict_whole_picture", **raw).then(None, js=SHOW_ANSWER)
    return page


def launch(
    model_path: str | Path = SHIPPED_MODEL,
    host: str = HOST,
    port: int = PORT,
    share: bool = False,
    inbrowser: bool = False,
    **options: Any,
) -> gr.Blocks:
    """Open the page and say where it is; in a script this waits until the page is stopped.

    Args:
        model_path: a .keras file.
        host: address to listen on; 127.0.0.1 means this machine alone.
        port: the port wanted; when it is taken, the next free one is used and named.
        share: ask Gradio for a public link, which sends photos through its servers.
        inbrowser: open the page in the default browser.
        options: further arguments of gr.Blocks.launch, such as prevent_thread_lock.

    Raises:
        ModelError: the model file cannot be used.
        OSError: no free port.
    """
    page = build_page(model_path)
    free = free_port(host, port)
    taken = f"Port {port} is taken; the" if free != port else "The"
    print(f"{taken} page is at http://{host}:{free}", flush=True)
    page.launch(
        server_name=host,
        server_port=free,
        share=share,
        inbrowser=inbrowser,
        theme=THEME,
        css=CSS,
        js=NAME_KINDS,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        max_file_size=UPLOAD_LIMIT,
        allowed_paths=[str(EXAMPLES)],
        **{"quiet": not share, **options},
    )
    return page


def free_port(host: str, wanted: int) -> int:
    """The first free port from `wanted` on; OSError when there is none among the next PORTS_TRIED."""
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)):
        with socket.socket() as probe:
            # A page closed just now still holds its port a while; on Windows the option would share a port in use.
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):  # taken: try the next
                probe.bind((host, port))
                return port
    raise OSError(f"Ports {wanted} to {wanted + PORTS_TRIED - 1} are all taken; name another one.")


def annotate(photo: np.ndarray, predictions: list[Prediction]) -> np.ndarray:
    """The photo, at most SHOWN_SIDE pixels a side, with a numbered, coloured and labelled box on each face.

    Args:
        photo: uint8 array (height, width, 3), RGB.
        predictions: its faces; boxes in the photo's pixels.
    """
    scale = min(1.0, SHOWN_SIDE / max(photo.shape[:2]))
    picture = Image.fromarray(photo)
    picture = picture.resize([max(1, round(side * scale)) for side in picture.size], Image.Resampling.LANCZOS)
    for number, prediction in reversed(list(enumerate(predictions, 1))):  # the largest face's label lies on top
        _draw_box(picture, [side * scale for side in prediction.box], f"{number} {prediction.answer}")
    return np.asarray(picture)


def _answer(
    model: keras.Model, whole_picture: bool, upload: dict[str, Any] | None
) -> tuple[Any, str, list[dict[str, Any]], Any]:
    """What the page shows for an uploaded file: annotated picture, words, numbers, button for the whole picture."""
    nothing, no_button = gr.Image(visible=False), gr.Button(visible=False)
    if not upload:
        return nothing, HINT, [], no_button
    path = Path(upload["path"])
    try:
        photo = read_photo(path)
    except MissingPhotoError:
        return nothing, _notice(DELETED), [], no_button
    except PhotoError as error:
        return nothing, _notice(html.escape(str(error))), [], no_button
    predictions = predict_photo(model, photo, whole_picture)
    if not predictions:
        return nothing, _notice(NO_FACE_NOTICE), [], gr.Button(visible=True)
    summary = _summary(predictions)
    picture = gr.Image(
        annotate(photo, predictions), visible=True, alt_text=f"Your photo with its faces marked. {summary}"
    )
    cards = "".join(_card(photo, number, prediction) for number, prediction in enumerate(predictions, 1))
    words = f'<div class="summary" role="status">{summary}</div><ol class="faces">{cards}</ol>'
    return picture, words, [_as_json(prediction) for prediction in predictions], no_button


def _notice(sentence: str) -> str:
    return f'<div class="notice" role="alert">{sentence}</div>'


def _summary(predictions: list[Prediction]) -> str:
    """Such as "3 faces: 2 female, 1 not sure."."""
    counts = [(sum(prediction.answer == answer for prediction in predictions), answer) for answer in COLOURS]
    said = ", ".join(f"{count} {answer}" for count, answer in counts if count)
    if predictions[0].whole_picture:
        return f"No face found; the whole picture: {predictions[0].answer}."
    return f"1 face: {predictions[0].answer}." if len(predictions) == 1 else f"{len(predictions)} faces: {said}."


def _card(photo: np.ndarray, number: int, prediction: Prediction) -> str:
    """One face: its crop, its answer, and a bar for each of the two labels."""
    answer = prediction.answer
    name = "Whole picture" if prediction.whole_picture else f"Face {number}"
    bars = _bar("female", prediction.p_female) + _bar("male", prediction.p_male)
    why = f'<p class="why">Too close to call: neither reaches {NOT_SURE_BELOW:.0%}.</p>' if answer == NOT_SURE else ""
    crop = f'<img src="{_data_url(_crop(photo, prediction))}" alt="{name}, as the model sees it">'
    said = f'<div class="said"><h3>{name}: {answer}</h3>{bars}{why}</div>'
    return f'<li class="face" data-answer="{answer}" style="--answer:{_colour(answer)}">{crop}{said}</li>'


def _bar(label: str, p: float) -> str:
    """A labelled bar; `aria-valuenow` carries the probability in per cent."""
    meter = f'role="meter" aria-label="{label}" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{100 * p:.4f}"'
    fill = f'<div class="fill" style="width:{p:.2%};background:{_colour(label)}"></div>'
    return f'<div class="bar"><span>{label}</span><div class="track" {meter}>{fill}</div><b>{_per_cent(p)}</b></div>'


def _colour(answer: str) -> str:
    """The answer's colour in CSS, lighter on a dark page."""
    return f"var(--{answer.replace(' ', '-')})"


def _per_cent(p: float) -> str:
    """Whole per cent; nothing is certain, so never 0 % or 100 %."""
    return "&gt;99%" if p >= 0.995 else "&lt;1%" if p <= 0.005 else f"{p:.0%}"


def _crop(photo: np.ndarray, prediction: Prediction) -> np.ndarray:
    """What to show of a face, uint8 (height, width, 3), at most CROP_SIDE a side."""
    if not prediction.whole_picture:
        return canonical_crop(photo, Face(prediction.box, 1.0, np.empty((5, 2))), CROP_SIDE)
    picture = Image.fromarray(photo)
    picture.thumbnail((CROP_SIDE, CROP_SIDE))
    return np.asarray(picture)


def _data_url(picture: np.ndarray) -> str:
    """The picture inside the page itself, so that no file of a face is left behind."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def _as_json(prediction: Prediction) -> dict[str, Any]:
    return {**dataclasses.asdict(prediction), "answer": prediction.answer}


def _draw_box(picture: Image.Image, box: list[float], label: str) -> None:
    """Draw a box, and its label above it, or inside where the picture ends; both on white, to show on any ground."""
    draw = ImageDraw.Draw(picture)
    colour = COLOURS[label.split(" ", 1)[1]]
    width = max(2, round(max(picture.size) / 320))
    # A box may lie outside the picture altogether: it is drawn on the edge next to it.
    ends = picture.width - 1.0, picture.height - 1.0
    left, top = (min(max(0.0, corner), end) for corner, end in zip(box, ends, strict=False))
    right, bottom = (min(max(0.0, box[axis] + box[axis + 2]), ends[axis]) for axis in (0, 1))
    draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline="white", width=width + 2)
    draw.rectangle((left, top, right, bottom), outline=colour, width=width)
    # Never so small that a page which shows the picture at half its size makes it unreadable.
    font_size = min(max(box[2] / 6, max(picture.size) / 44, 12), max(picture.size) / 26)
    font = ImageFont.load_default(max(1, font_size))
    text = draw.textbbox((0, 0), label, font)
    wide, high = text[2] + 12, text[3] + 8
    x, y = max(0.0, min(left, picture.width - wide)), top - high if top >= high else top
    draw.rectangle((x, y, x + wide, y + high), fill=colour)
    draw.text((x + 6, y + 3), label, "white", font)


def _examples() -> list[list[str]]:
    """The photos that lie in examples/, one row each as gr.Examples takes them."""
    return [[str(path)] for path in sorted(EXAMPLES.glob("*.jpg"))]


def _about_model(model: keras.Model, path: Path) -> str:
    """What there is to say about a model file that is not the shipped one."""
    if path.resolve() == SHIPPED_MODEL.resolve():
        return ""
    text = f"This page uses the file `{path.name}`, not the shipped model: how often it errs is not known here."
    if not is_calibrated(model):
        text += " Its two outputs are scores scaled to sum to 1, **not calibrated** probabilities."
    return f"\n\n**Another model.** {text} Use files from people you trust only."
