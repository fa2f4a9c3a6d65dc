"""Draw the answers into the photo: a numbered, coloured and labelled box on each face."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..prediction.answers import Prediction
from .style import COLOURS

SHOWN_SIDE = 1280  # pixels of the answer's longer side: enough for a screen, quick to send


def annotate(photo: np.ndarray, predictions: list[Prediction]) -> np.ndarray:
    """The photo, at most SHOWN_SIDE pixels a side, with a numbered, coloured and labelled box on each face.

    Args:
        photo: uint8 array (height, width, 3), RGB.
        predictions: its faces; boxes in the photo's pixels.
    """
    scale = min(1.0, SHOWN_SIDE / max(photo.shape[:2]))
    picture = Image.fromarray(photo)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    for number, prediction in reversed(list(enumerate(predictions, 1))):  # the largest face's label lies on top
        _draw_box(picture, [side * scale for side in prediction.box], f"{number} {prediction.answer}")
    return np.asarray(picture)


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
