"""The web page: a photo goes in; a box on each face, and how likely each of the two labels is, come out.

It runs on this machine alone: no public link, no analytics, no history, no font or script from elsewhere. Gradio lays
it out and serves it; photos go past it, to the doors of doors.py, so that none of them is ever a file.
"""

from __future__ import annotations

import csv
import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..faces.yunet import prepare
from ..images.folders import NOBODYS, SUFFIXES
from ..images.photos import MAX_MEGABYTES
from ..masks.drawing import STYLES
from ..networks.classifier import Classifier
from ..networks.model_files import load_model, require_there
from ..places import EXAMPLES, SHIPPED_MODEL
from .about_model import about_model, meaning, warning
from .annotation import SHOWN_SIDE, annotate
from .answer_html import NO_FACE_NOTICE, style_name
from .doors import doors
from .gradio_import import gr
from .serving import Served, serve
from .static_files import read_static
from .style import CSS, THEME

__all__ = ["EXAMPLES", "NO_FACE_NOTICE", "SHOWN_SIDE", "annotate", "build_page", "launch"]

TITLE = """# Masked gender
Female or male, as the training data's labels define them, for every face in a photo, with or without a mask."""
ROOT = "${new URL(window.gradio_config?.root ?? '.', document.baseURI).pathname.replace(/[/]$/, '')}"


def build_page(model_path: str | Path = SHIPPED_MODEL) -> gr.Blocks:
    """The page for a model file, not yet launched; ModelError when the file cannot be used."""
    return _page(load_model(model_path), Path(model_path))


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
    require_there(Path(model_path))
    prepare()
    model = load_model(model_path, scale, classes)
    if tell:
        for note in model.notes:
            tell(note)
    return serve(_page(model, Path(model_path)), doors(model), theme=THEME, css=CSS, **how)


def _page(model: Classifier, path: Path) -> gr.Blocks:
    with gr.Blocks(title="Masked gender", analytics_enabled=False) as page:
        gr.Markdown(TITLE, elem_id="title")
        with gr.Tabs():
            with gr.Tab("One photo"):
                _tab("one_photo", EXAMPLES=_examples(), STYLES=_styles())
            with gr.Tab("Many photos"):
                _tab("many_photos", SUFFIXES=" ".join(sorted(SUFFIXES)), NOBODYS=" ".join(NOBODYS))
            with gr.Tab("Live"):
                _tab("live")
        gr.Markdown(meaning(model) + warning(model, path), elem_id="about")
        with gr.Accordion("About this model: how often it is right, for whom, and what it is not for", open=False):
            gr.Markdown(about_model(path), elem_id="model")
    return page


def _tab(name: str, **pieces: str) -> None:
    """The content of a tab: its HTML, whose capital words are replaced, and the script that brings it to life.

    Until the script has done so the content is inert, so that no click is taken and lost.
    """
    content = read_static(f"{name}.html").replace("MEGABYTES", str(MAX_MEGABYTES))
    for word, piece in pieces.items():
        content = content.replace(word, piece)
    started = (
        f"import(`{ROOT}/page/{name}.js`)"
        ".then((script) => { script.start(element); element.querySelector('[inert]').inert = false; });"
    )
    gr.HTML(content, js_on_load=started, elem_id=f"tab-{name}", padding=False)


def _examples() -> str:
    """The photos of examples.csv in its order, each a button; the script, which knows where, fetches their pictures."""
    with (EXAMPLES / "examples.csv").open(encoding="utf-8", newline="") as file:
        shown = [(html.escape(row["file"]), html.escape(row["shows"])) for row in csv.DictReader(file)]
    return "".join(
        f'<li><button type="button" class="example" data-name="{name}" title="{what}">'
        f'<img alt="Example: {what}"></button></li>'
        for name, what in shown
    )


def _styles() -> str:
    """The switch between the photo as it is and with masks of each style."""
    choices = [("", "as it is"), *((style, style_name(style)) for style in STYLES)]
    return "".join(
        f'<label><input type="radio" name="style" value="{value}"{"" if value else " checked"}>{text}</label>'
        for value, text in choices
    )
