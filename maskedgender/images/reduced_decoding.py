"""Read a portrait from disk at the size that training needs: a JPEG is decoded at a reduced scale, which is quick."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from .photos import PhotoError, decode_photo

SLIGHT = 1.5  # times fewer pixels a side, which need no averaging over areas: that takes four times as long


def read_portrait(path: Path, size: int, *, colour: bool = True) -> np.ndarray:
    """A portrait from disk, scaled to a square: uint8 (size, size, 3), RGB; without colour (size, size, 1).

    Raises:
        ValueError: the file is not a picture that can be read; the message names it.
    """
    try:
        pixels = decode_photo(path.read_bytes(), path, at_least=size)
    except (OSError, PhotoError) as error:
        raise ValueError(f"Cannot read the image {path}: {error}") from error
    if pixels.shape[:2] != (size, size):
        shrinks = min(pixels.shape[:2]) > SLIGHT * size
        pixels = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return pixels if colour else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None]
