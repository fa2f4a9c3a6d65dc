"""A photo that a browser or a program gives, decoded by the package's own decoder, and results that it gets back."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..images.photos import PhotoError, read_photo_bytes
from ..prediction.answers import write_csv
from .folder import in_use, new_file, own_folder
from .gradio_import import data_url, gr

BROWSERS_SHOW = {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".avif"}
PREVIEW = ".maskedgender-preview.jpg"  # ends the name of what is shown in the place of what browsers cannot show
PREVIEW_SIDE = 1280  # pixels
GONE = "This photo is no longer kept here; give it again."


@dataclass
class Given:
    """A photo as it came: its owner's name for it, and its pixels, uint8 (height, width, 3), RGB, or a sentence."""

    name: str
    pixels: np.ndarray | None = None
    error: str = ""
    path: Path | None = None


class Photo(gr.Image):
    """An image that the package decodes, as any photo: upright, HEIC and 16 bits too, or refused in a sentence."""

    is_template = True  # in the browser it is Gradio's own image

    def preprocess(self, payload: gr.data_classes.ImageData | None) -> Given | None:  # type: ignore[override]
        """What a handler gets."""
        if payload is None:
            return None
        if payload.url and payload.url.startswith("data:"):
            return decoded("camera.jpg", base64.b64decode(payload.url.partition(",")[2]))
        shown = payload.path or ""
        path = Path(shown.removesuffix(PREVIEW))
        name = (payload.orig_name or path.name).removesuffix(PREVIEW)
        try:
            if path.is_relative_to(own_folder()):  # an example stays as it is
                in_use({shown, path})
            return decoded(name, path.read_bytes(), path)
        except OSError:
            return Given(name, error=GONE)

    def example_payload(self) -> Any:
        """What the API page shows: a file, and not an address in the web."""
        return {"path": "photo.jpg", "url": "photo.jpg", "meta": {"_type": "gradio.FileData"}}


class Camera(gr.Image):
    """A streamed camera whose pictures are never files, in neither direction."""

    is_template = True
    preprocess = Photo.preprocess  # type: ignore[assignment]

    def postprocess(self, value: np.ndarray | None) -> Any:  # type: ignore[override]
        """What the browser gets."""
        return None if value is None else gr.data_classes.Base64ImageData(url=data_url(value))


def preview(given: Given) -> Any:
    """For the widget that a photo was given to: a JPEG in the place of what browsers cannot show."""
    if given.pixels is None or given.path is None or given.path.suffix.lower() in BROWSERS_SHOW:
        return gr.skip()
    picture = Image.fromarray(given.pixels)
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    picture.save(shown := f"{given.path}{PREVIEW}", quality=85)
    return shown


def saved_picture(picture: np.ndarray, name: str, **how: Any) -> str:
    """A picture as a file for the visitor, in the format that its name ends in."""
    path = new_file(name)
    Image.fromarray(picture).save(path, **how)
    return str(path)


def saved_csv(rows: Iterable[Mapping[str, object]], name: str) -> str:
    """Rows of answers as a file for the visitor."""
    write_csv(rows, path := new_file(name))
    return str(path)


def decoded(name: str, content: bytes, path: Path | None = None) -> Given:
    """The photo in a file's bytes."""
    try:
        return Given(name, read_photo_bytes(content, name), path=path)
    except PhotoError as error:
        return Given(name, error=str(error))
