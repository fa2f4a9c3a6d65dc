"""What may happen to a photo on its way to the model: bad light, a bad camera, another size, another framing.

A photo here is a portrait that is enlarged until its face is about 183 pixels high, with its mask (photos.py).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from maskedgender.faces.crops import crop_window
from maskedgender.faces.detector import Face

from .photos import Photo

PhotoChange = Callable[[Photo], np.ndarray]
"""The picture, uint8 RGB, that is handed over instead."""

Framing = Callable[[np.ndarray, Face], tuple[np.ndarray, Face]]
"""A picture and its face, so changed that the canonical crop comes out framed otherwise."""

# Blur, noise and JPEG between the first and the second of five strengths of ImageNet-C (Hendrycks and Dietterich,
# "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", ICLR 2019).
BLUR = 2.0  # pixels, the Gaussian's standard deviation
NOISE = 25.0  # grey levels, standard deviation
JPEG_QUALITY = 20
DARK, BRIGHT = 0.4, 1.6
MASK_STRETCH = 1.15
SMALLEST_FACE, LARGEST_FACE = 24, 192  # pixels; a larger one would be an enlargement, and show nothing more
FACE_SIZES = (24, 32, 48, 64, 96, 128, 193)  # bands of pixels: 24-31, 32-47, ...


def compressed(photo: Photo) -> np.ndarray:
    """Sent through a messenger."""
    encoded = cv2.imencode(".jpg", photo.pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return np.ascontiguousarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1])


def grey(photo: Photo) -> np.ndarray:
    """Without colour."""
    return cv2.cvtColor(cv2.cvtColor(photo.pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def with_stretched_mask(photo: Photo, stretch: float) -> np.ndarray:
    """The face as it is, the mask stretched upwards and downwards from the tip of the nose."""
    if photo.landmarks is None:
        return photo.pixels
    nose = photo.landmarks[2, 1]
    warp = np.array([[1, 0, 0], [0, stretch, nose * (1 - stretch)]])
    drawn = (cv2.absdiff(photo.pixels, photo.bare).max(axis=2) > 6).astype(np.float32)  # 6: not the soft shadow's end
    drawn = cv2.morphologyEx(drawn, cv2.MORPH_CLOSE, np.ones((9, 9)))  # cloth may have the colour of what it hides
    size = photo.pixels.shape[1::-1]
    pixels, alpha = (
        cv2.warpAffine(layer, warp, size, borderMode=cv2.BORDER_REPLICATE) for layer in (photo.pixels, drawn)
    )
    return _levels(photo.bare + (pixels.astype(np.float32) - photo.bare) * alpha[..., None])


PHOTO_CHANGES: dict[str, PhotoChange] = {
    "blur": lambda photo: cv2.GaussianBlur(photo.pixels, (0, 0), BLUR),
    "noise": lambda photo: _levels(photo.pixels + _rng(photo).normal(0, NOISE, photo.pixels.shape)),
    f"JPEG quality {JPEG_QUALITY}": compressed,
    "half resolution": lambda photo: _resized(photo.pixels, 1 / 2),  # the face has about 92 pixels
    "quarter resolution": lambda photo: _resized(photo.pixels, 1 / 4),
    "dark": lambda photo: _levels(photo.pixels * DARK),
    "bright": lambda photo: _levels(photo.pixels * BRIGHT),
    "grey": grey,
    "taller mask": lambda photo: with_stretched_mask(photo, MASK_STRETCH),
    "shorter mask": lambda photo: with_stretched_mask(photo, 1 / MASK_STRETCH),
}


def at_random_size(photo: Photo) -> np.ndarray:
    """Scaled so that the face has the pixels that `face_pixels` gives; as it is where the face is not known."""
    return photo.pixels if photo.box is None else _resized(photo.pixels, face_pixels(photo) / max(photo.box[2:]))


def face_pixels(photo: Photo) -> float:
    """The larger side of the face's box that this photo's file draws, 24 to 192 pixels, small ones as often as large.

    All of FairFace's faces have one size, a user's have any.
    """
    return float(np.exp(_rng(photo).uniform(np.log(SMALLEST_FACE), np.log(LARGEST_FACE))))


def moved(right: float, down: float) -> Framing:
    """The crop's window moved by these shares of its side."""

    def framing(picture: np.ndarray, face: Face) -> tuple[np.ndarray, Face]:
        x, y, *size = face.box
        side = crop_window(face).side
        return picture, replace(face, box=(x + right * side, y + down * side, *size))

    return framing


def scaled(factor: float) -> Framing:
    """The crop's window made larger by this factor, about the middle of the face's box."""

    def framing(picture: np.ndarray, face: Face) -> tuple[np.ndarray, Face]:
        x, y, width, height = face.box
        grown = (x - (factor - 1) * width / 2, y - (factor - 1) * height / 2, factor * width, factor * height)
        return picture, replace(face, box=grown)

    return framing


def turned(degrees: float) -> Framing:
    """The crop's window turned about the middle of the face's box, so that the face leans against the clock."""
    return lambda picture, face: (picture, replace(face, angle=face.angle + degrees))


# Each kind is the mean of its directions.
FRAMINGS: dict[str, dict[str, Framing]] = {
    "crop moved by 10%": {
        f"moved {name}": moved(right, down)
        for name, right, down in (("left", -0.1, 0), ("right", 0.1, 0), ("up", 0, -0.1), ("down", 0, 0.1))
    },
    "crop scaled by 10%": {"wider": scaled(1.1), "tighter": scaled(0.9)},
    "crop turned by 15 degrees": {"turned left": turned(15), "turned right": turned(-15)},
}


def _resized(pixels: np.ndarray, factor: float) -> np.ndarray:
    width, height = (max(1, round(factor * side)) for side in pixels.shape[1::-1])
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)


def _levels(pixels: np.ndarray) -> np.ndarray:
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)


def _rng(photo: Photo) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(photo.file.encode()))
