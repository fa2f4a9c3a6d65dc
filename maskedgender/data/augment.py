"""Augmentation: another believable picture of the same portrait."""

from __future__ import annotations

import cv2
import numpy as np

# Augmentation, as "at most": the detector's box wanders by about a tenth, and people tilt their heads.
SHIFT = 0.12  # of the side
SCALE = 0.15
ROTATION = 30.0  # degrees
GAIN, CHANNEL_GAIN, OFFSET = 0.35, 0.10, 25.0  # contrast, each colour's own part of it, brightness in grey levels
GREY_CHANCE = 0.10  # colour of mask or clothes must not decide
DEGRADE_CHANCE = 0.30  # poor cameras and small pictures: one of the three below
COARSEST, NOISIEST, LEAST_QUALITY = 3.0, 20.0, 15  # times fewer pixels a side; noise in grey levels; JPEG
ERASE_CHANCE, ERASE_SIDE = 0.25, 0.30  # hands, hair, glass: a rectangle of noise


def augmented(portrait: np.ndarray, rng: np.random.Generator, strength: float = 1.0) -> np.ndarray:
    """Another believable picture of the same portrait: uint8 (S, S, 3), RGB, in and out.

    Args:
        strength: 0..1; changes are so much smaller, and worse cameras, grey pictures and noise so much rarer.
    """
    portrait = _reframed(portrait, rng, strength)
    portrait = _relit(portrait, rng, strength)
    if rng.random() < strength * GREY_CHANCE:
        portrait = cv2.cvtColor(cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < strength * DEGRADE_CHANCE:
        portrait = _degraded(portrait, rng)
    if rng.random() < strength * ERASE_CHANCE:
        _erase(portrait, rng)
    return portrait


def _reframed(portrait: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Mirrored or not, turned, scaled and shifted in one warp; edges are repeated, as the canonical crop does."""
    side = portrait.shape[0]
    centre = (side - 1) / 2
    angle, scale = strength * rng.uniform(-ROTATION, ROTATION), 1 + strength * rng.uniform(-SCALE, SCALE)
    turn = cv2.getRotationMatrix2D((centre, centre), angle, scale)
    turn[:, 2] += strength * rng.uniform(-SHIFT, SHIFT, 2) * side
    if rng.random() < 0.5:
        turn[0] = -turn[0] + (0, 0, side - 1)
    return cv2.warpAffine(portrait, turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _relit(portrait: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Another contrast, brightness and tint, by one look-up table a channel."""
    contrast, tint = rng.uniform(-GAIN, GAIN), rng.uniform(-CHANNEL_GAIN, CHANNEL_GAIN, 3)
    gain = (1 + strength * contrast) * (1 + strength * tint)
    levels = np.arange(256.0)[:, None]
    table = (levels - 128) * gain + 128 + strength * rng.uniform(-OFFSET, OFFSET)
    return cv2.LUT(portrait, np.clip(table, 0, 255).astype(np.uint8)[None])


def _degraded(portrait: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As a worse camera gives it: of fewer pixels, noisy, or squeezed."""
    side, kind = portrait.shape[0], rng.integers(3)
    if kind == 0:
        fewer = max(1, round(side / rng.uniform(1, COARSEST)))
        small = cv2.resize(portrait, (fewer, fewer), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
    if kind == 1:
        noise = rng.standard_normal(portrait.shape, dtype=np.float32) * rng.uniform(0, NOISIEST)
        return np.clip(portrait + noise, 0, 255).astype(np.uint8)
    quality = int(rng.integers(LEAST_QUALITY, 90))
    squeezed = cv2.imencode(".jpg", portrait, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(squeezed, cv2.IMREAD_COLOR))


def _erase(portrait: np.ndarray, rng: np.random.Generator) -> None:
    """Noise over a rectangle, in place (Zhong et al., "Random Erasing Data Augmentation", 2017)."""
    side = portrait.shape[0]
    height, width = rng.integers(1, max(2, int(ERASE_SIDE * side)), 2)
    top, left = rng.integers(0, side - height + 1), rng.integers(0, side - width + 1)
    portrait[top : top + height, left : left + width] = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
