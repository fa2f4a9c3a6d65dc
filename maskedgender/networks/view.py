"""The part of the canonical crop that a CNN looks at."""

from __future__ import annotations

import keras
from keras import layers

# FairFace's pixels fill about this part of the canonical crop; the rest repeats its edges.
FACE_SIDE = 0.70
FACE_CENTRE_ROW = 0.585


def viewed(x: keras.KerasTensor, image_size: int, view: str) -> keras.KerasTensor:
    """The part of the crop that the CNN looks at, by a constant crop: square for both views."""
    if view == "portrait":
        return x
    if view != "face":
        raise ValueError(f'The view is "portrait" or "face", not {view!r}.')
    side = round(FACE_SIDE * image_size)
    left = (image_size - side) // 2
    top = round(FACE_CENTRE_ROW * image_size - side / 2)
    return layers.Cropping2D(((top, image_size - side - top), (left, image_size - side - left)), name="face")(x)
