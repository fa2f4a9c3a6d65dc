"""What a model goes by in a face, as a picture: the occlusion map laid over it."""

from __future__ import annotations

import cv2
import numpy as np
from PIL.ImageColor import getrgb

FOR, AGAINST = "#d9822b", "#3b6ea8"  # orange and blue: told apart with any colour vision
LEAST_FULL_COLOUR = 0.5  # log-odds: where no spot matters so much, the overlay stays pale
STRONGEST = 0.75  # the overlay's largest opacity: the face must be seen through it


def overlay(crop: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The crop in grey, under orange (FOR) where it speaks for the likelier label, and blue (AGAINST) where against it.

    The strongest place gets the strongest colour, but a face in which no place matters stays grey.

    Args:
        crop: uint8 array (T, T, 3), RGB; T may be larger than S, for a sharper picture.
        heat: float array (S, S) of `occlusion_map`.

    Returns:
        uint8 array (T, T, 3), RGB.
    """
    full_colour = max(float(np.abs(heat).max()), LEAST_FULL_COLOUR)
    strength = cv2.resize(heat, crop.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None] / full_colour
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    colour = np.where(strength > 0, np.array(getrgb(FOR), np.float32), np.array(getrgb(AGAINST), np.float32))
    return np.rint(grey + (colour - grey) * STRONGEST * np.minimum(np.abs(strength), 1)).astype(np.uint8)
