"""Draw the answers into the photo: a numbered, coloured and labelled box on each face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..prediction.answers import Prediction
from .style import COLOURS

SHOWN_SIDE = 1280  # pixels of the answer's longer side: enough for a screen, quick to send
LEAST_SIDE = 640  # a smaller photo is shown larger: in its own pixels no label could be read
FRAME = 420, 290  # pixels in which the page, or at least a phone, shows it: there a label must be readable
LABEL, CROWD_LABEL = 13, 9  # pixels of a label's letters in that frame; of those that would cover a crowd's faces
CROWD = 8  # faces; of more, some are small
WORDS_FIT = 1.3  # of a label's width: on a narrower face in a crowd the number alone is written


def annotate(photo: np.ndarray, predictions: Sequence[Prediction]) -> np.ndarray:
    """The photo, uint8 (height, width, 3), RGB, LEAST_SIDE to SHOWN_SIDE pixels a side, with a box on each face."""
    longest = max(photo.shape[:2])
    scale = min(max(longest, LEAST_SIDE), SHOWN_SIDE) / longest
    picture = Image.fromarray(photo)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    if scale != 1:
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    crowd = len(predictions) > CROWD
    for number, prediction in reversed(list(enumerate(predictions, 1))):  # the largest face's label lies on top
        _draw_box(picture, [side * scale for side in prediction.box], number, prediction.answer, crowd)
    return np.asarray(picture)


def _draw_box(picture: Image.Image, box: list[float], number: int, answer: str, crowd: bool) -> None:
    """Draw a box, and its label above it, or inside where the picture ends; both on white, to show on any ground."""
    draw, colour = ImageDraw.Draw(picture), COLOURS[answer]
    width = max(2, round(max(picture.size) / 320))
    x, y, wide, high = box
    ends = np.array([picture.width - 1.0, picture.height - 1.0] * 2)
    # A box may lie outside the picture altogether: it is drawn on the edge next to it.
    left, top, right, bottom = np.clip((x, y, x + wide, y + high), 0, ends).tolist()
    draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline="white", width=width + 2)
    draw.rectangle((left, top, right, bottom), outline=colour, width=width)
    shown = min(1.0, *(most / side for most, side in zip(FRAME, picture.size, strict=True)))
    font = ImageFont.load_default((CROWD_LABEL if crowd else LABEL) / shown)
    label = f"{number}  {answer.replace(' ', '  ')}"  # the font's own space is so narrow that words run together
    if crowd and draw.textlength(label, font) > WORDS_FIT * (right - left):
        label = str(number)
    text = draw.textbbox((0, 0), label, font)
    margin = text[3] / 4
    wide, high = text[2] + 2 * margin, text[3] + margin
    x, y = max(0.0, min(left, picture.width - wide)), top - high if top >= high else top
    draw.rectangle((x, y, x + wide, y + high), fill=colour)
    draw.text((x + margin, y + margin / 2), label, "white", font)
