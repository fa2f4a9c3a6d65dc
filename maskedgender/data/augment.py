"""Augmentation: another believable picture of the same portrait."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np


def augmented(picture: Any, rng: np.random.Generator, strength: float = 1.0) -> Any:
    """A portrait, uint8 (S, S, 3), turned, moved, lit otherwise, by a worse camera, partly covered; milder below 1."""
    side, middle = len(picture), (len(picture) - 1) / 2
    turn, scale = strength * rng.uniform(-30, 30), 1 + strength * rng.uniform(-0.15, 0.15)  # degrees; times
    frame: Any = cv2.getRotationMatrix2D((middle, middle), turn, scale)
    frame[:, 2] += strength * side * rng.uniform(-0.12, 0.12, 2)
    if rng.random() < 0.5:  # mirrored
        frame[0] = -frame[0] + (0, 0, side - 1)
    picture = cv2.warpAffine(picture, frame, (side, side), borderMode=cv2.BORDER_REPLICATE)
    contrast = (1 + strength * rng.uniform(-0.35, 0.35)) * (1 + strength * rng.uniform(-0.1, 0.1, 3))  # of each colour
    levels = (np.arange(256)[:, None] - 128) * contrast + 128 + strength * rng.uniform(-25, 25)
    picture = cv2.LUT(picture, np.clip(levels, 0, 255).astype(np.uint8)[None])
    if rng.random() < 0.1 * strength:  # the colour of a mask must not decide
        picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    worse, few = rng.random(), round(side / rng.uniform(1, 4))  # a worse camera
    if worse < 0.13 * strength:  # of fewer pixels
        picture = cv2.resize(cv2.resize(picture, (few, few), interpolation=cv2.INTER_AREA), (side, side))
    elif worse < 0.3 * strength:  # noisy: a small photo's noise is coarse when it is enlarged
        noise = cv2.resize(rng.standard_normal((few, few, 3), np.float32), (side, side))
        picture = np.clip(picture + rng.uniform(0, 40) * noise, 0, 255).astype(np.uint8)
    elif worse < 0.44 * strength:  # strongly compressed
        compressed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 90))])[1]
        picture = cv2.imdecode(compressed, cv2.IMREAD_COLOR)
    if rng.random() < 0.25 * strength:  # random erasing (Zhong et al., 2017)
        height, width = rng.integers(1, int(0.35 * side), 2)
        top, left = rng.integers(0, side - height), rng.integers(0, side - width)
        picture[top : top + height, left : left + width] = rng.integers(0, 256, (height, width, 3))
    return picture
