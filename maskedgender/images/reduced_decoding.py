"""Read a portrait from disk as fast as a core can: a plain JPEG is decoded at the reduced scale that training needs.

Everything else is read as photos are, so that training learns from the pixels that serving sees.
"""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from .jpeg_scans import makes_too_much_work
from .photos import END_OF_JPEG, decode_photo, decoded_by_opencv

# OpenCV's JPEG decoder is Pillow's, and gives the same pixels in two thirds of the time.
REDUCED = {
    8: (cv2.IMREAD_REDUCED_COLOR_8, cv2.IMREAD_REDUCED_GRAYSCALE_8),
    4: (cv2.IMREAD_REDUCED_COLOR_4, cv2.IMREAD_REDUCED_GRAYSCALE_4),
    2: (cv2.IMREAD_REDUCED_COLOR_2, cv2.IMREAD_REDUCED_GRAYSCALE_2),
    1: (cv2.IMREAD_COLOR, cv2.IMREAD_GRAYSCALE),
}
START_OF_JPEG = b"\xff\xd8"
# What a segment of a JPEG begins with; XMP may tell of a turn, too.
NOT_PLAIN = (b"Exif\0", b"ICC_PROFILE\0", b"http://ns.adobe.com/xap/")
FRAMES = (0xC0, 0xC1, 0xC2)  # the markers of a JPEG's frame: baseline, extended, progressive
SLIGHT = 1.5  # times fewer pixels a side, which need no averaging over areas: that takes four times as long


def read_portrait(path: Path, size: int, *, colour: bool = True) -> np.ndarray:
    """A portrait from disk, scaled to a square: uint8 (size, size, 3), RGB; without colour (size, size, 1).

    Raises:
        ValueError: the file is not a picture that can be read; the message names it.
    """
    try:
        pixels = _decoded(path, path.read_bytes(), size, colour)
    except Exception as error:  # a damaged file can make a decoder raise almost anything
        raise ValueError(f"Cannot read the image {path}: {error}") from error
    if pixels.shape[:2] != (size, size):
        shrinks = min(pixels.shape[:2]) > SLIGHT * size
        pixels = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return pixels if colour else pixels[..., None]


def _decoded(path: Path, data: bytes, size: int, colour: bool) -> np.ndarray:
    """RGB or grey; reduced, but not below `size`."""
    shorter = _shorter_side_of_jpeg(data)
    # OpenCV fills what is missing of a file with grey, and says nothing: Pillow raises an error.
    if shorter and data.endswith(END_OF_JPEG) and not makes_too_much_work(data):
        decoded = _decoded_jpeg(data, shorter // size, colour)
        if decoded is not None:
            return decoded
    pixels = decode_photo(data, path)
    return pixels if colour else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def _shorter_side_of_jpeg(data: bytes) -> int:
    """In pixels, by the header of a plain JPEG of three colours; 0 for all else, and for what is suspiciously large.

    Plain is one without EXIF and XMP, which may tell of a turn, and without a colour profile. Pillow knows it too, but
    takes a tenth of the whole time to say so.
    """
    at = len(START_OF_JPEG) if data.startswith(START_OF_JPEG) else len(data)
    while at + 10 <= len(data) and data[at] == 0xFF:
        length, bits, height, width, colours = struct.unpack_from(">HBHHB", data, at + 2)
        if data[at + 1] in FRAMES:
            usual = (bits, colours) == (8, 3) and height * width <= (Image.MAX_IMAGE_PIXELS or 0)
            return min(height, width) if usual else 0
        if data.startswith(NOT_PLAIN, at + 4):
            return 0
        at += 2 + length
    return 0


def _decoded_jpeg(data: bytes, times_too_large: int, colour: bool) -> np.ndarray | None:
    in_colour, in_grey = next(flags for times, flags in REDUCED.items() if times <= max(1, times_too_large))
    pixels = decoded_by_opencv(data, in_colour if colour else in_grey)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if colour and pixels is not None else pixels
