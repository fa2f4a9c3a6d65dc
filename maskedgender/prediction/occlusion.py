"""What a model looks at in a face: places of the picture are hidden one by one, and the answer is asked again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def occlusion_map(predict: Callable[[np.ndarray], np.ndarray], picture: np.ndarray, grid: int = 10) -> np.ndarray:
    """How much each pixel of (S, S, 3) speaks for the likelier answer: (S, S), log-odds (Zeiler and Fergus, 2014)."""
    side = len(picture)
    centres = (np.arange(grid) + 0.5) * side / grid - 0.5
    profiles = np.exp(-(((np.arange(side) - centres[:, None]) / (0.07 * side)) ** 2) / 2)
    spots = np.einsum("ay,bx->abyx", profiles, profiles).reshape(-1, side, side)
    hidden = picture + (picture.mean(axis=(0, 1)) - picture) * spots[..., None]
    pairs = np.maximum(predict(np.rint([picture, *hidden]).astype(np.uint8)), 1e-6)
    log_odds = np.log(pairs[:, pairs[0].argmax()] / pairs[:, pairs[0].argmin()])
    return np.tensordot(log_odds[0] - log_odds[1:], spots, 1) / spots.sum(axis=0)
