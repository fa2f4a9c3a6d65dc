"""What a model goes by in a face: spots of the crop are hidden one by one, and the answer is asked again.

It needs nothing but the model's answers, so that it works for every file that `load_model` takes, on any backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..networks.classifier import Classifier

if TYPE_CHECKING:
    import keras

FOR, AGAINST = "#d9822b", "#3b6ea8"  # orange and blue: told apart with any colour vision
GRID = 10  # spots along each side of the crop
SPOT_SIGMA = 0.07  # of the crop's side: a spot hides about an eye
LEAST_FULL_COLOUR = 0.5  # log-odds: where no spot matters so much, the overlay stays pale
STRONGEST = 0.75  # the overlay's largest opacity: the face must be seen through it
_SMALLEST = 1e-6  # probabilities nearer to 0 are rounding


def heat_map(model: keras.Model, crop: np.ndarray) -> np.ndarray:
    """How much each place of a canonical crop speaks for the likelier label, by occlusion.

    A soft spot of the crop's mean colour is laid on 100 places in turn, and the loss of log-odds is spread over the
    pixels that it hides (Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014). It
    takes 101 answers of the model: some tenths of a second.

    Args:
        model: as a `Classifier` holds it.
        crop: uint8 array (S, S, 3), RGB, S being the model's input size, as `canonical_crop` gives it.

    Returns:
        float32 array (S, S) in log-odds (nats): above 0, hiding the place makes the likelier label less likely, so the
        place speaks for it; below 0 it speaks against it; 0 where the model does not look. "Not sure" has a likelier
        label too.
    """
    spots = _spots(len(crop))
    pairs = np.maximum(Classifier(model).predict(np.concatenate([crop[None], _hidden(crop, spots)])), _SMALLEST)
    likelier = pairs[0].argmax()
    log_odds = np.log(pairs[:, likelier] / pairs[:, 1 - likelier])
    return (np.tensordot(log_odds[0] - log_odds[1:], spots, 1) / spots.sum(axis=0)).astype(np.float32)


def overlay(crop: np.ndarray, heat: np.ndarray, full_colour: float | None = None) -> np.ndarray:
    """The crop in grey, under orange (FOR) where it speaks for the likelier label, and blue (AGAINST) where against it.

    Args:
        crop: uint8 array (T, T, 3), RGB, the face of the heat map; T may be larger than S, for a sharper picture.
        heat: float32 array (S, S) of `heat_map`.
        full_colour: the log-odds that get the strongest colour; without, those of the strongest place, but at least
            0.5, so that a face in which no place matters stays grey.

    Returns:
        uint8 array (T, T, 3), RGB.
    """
    full_colour = full_colour or max(float(np.abs(heat).max()), LEAST_FULL_COLOUR)
    strength = cv2.resize(heat, crop.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None] / full_colour
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    colour = np.where(strength > 0, _rgb(FOR), _rgb(AGAINST))
    return np.rint(grey + (colour - grey) * STRONGEST * np.minimum(np.abs(strength), 1)).astype(np.uint8)


def _spots(size: int) -> np.ndarray:
    """How much of each pixel each spot hides, 0..1: float32 (GRID * GRID, size, size)."""
    centres = (np.arange(GRID) + 0.5) * size / GRID - 0.5
    profiles = np.exp(-(((np.arange(size) - centres[:, None]) / (SPOT_SIGMA * size)) ** 2) / 2).astype(np.float32)
    return np.einsum("ay,bx->abyx", profiles, profiles).reshape(-1, size, size)


def _hidden(crop: np.ndarray, spots: np.ndarray) -> np.ndarray:
    """The crop under each of the spots: uint8 (N, S, S, 3)."""
    mean = crop.mean(axis=(0, 1), dtype=np.float32)
    return np.rint(crop + (mean - crop) * spots[..., None]).astype(np.uint8)


def _rgb(colour: str) -> np.ndarray:
    """Such as "#d9822b", as float32 (3,), 0..255."""
    return np.array(list(bytes.fromhex(colour[1:])), np.float32)
