"""Cut the one framing that training and serving share out of a photo: a face's canonical crop."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .detector import Face
from .geometry import GREY, resized, rotation, turned_about

# Kaggle's masked portraits measure 1.37 times YuNet's box (median of 14), so they are canonical crops as they are.
CROP_OVER_BOX = 1.4
BOX_CENTRE_IN_CROP = (0.50, 0.54)


@dataclass(frozen=True)
class CropWindow:
    """The square of a photo that becomes a canonical crop, in whole pixels before it is turned."""

    left: int
    top: int
    side: int
    angle: float = 0.0  # degrees, clockwise, by which it is turned about its middle

    def to_crop(self, points: np.ndarray, size: int) -> np.ndarray:
        """Points of the photo, (N, 2) in pixels, as pixels of the crop of `size` pixels a side."""
        # Pixel centres lie at +0.5, so that resizing keeps the corners of the window on the corners of the crop.
        within = points + 0.5 - (self.left, self.top)
        if self.angle:
            within = (within - self.side / 2) @ rotation(self.angle) + self.side / 2
        return within * (size / self.side) - 0.5


def crop_window(face: Face) -> CropWindow:
    """The window of a face's canonical crop: side 1.4 times the box's larger side, box centre at (0.50, 0.54)."""
    x, y, width, height = face.box
    side = CROP_OVER_BOX * max(width, height)
    to_middle = (0.5 - np.array(BOX_CENTRE_IN_CROP)) * side  # from the box's centre, in an upright crop
    right, down = rotation(face.angle) @ to_middle - to_middle
    left = x + width / 2 - BOX_CENTRE_IN_CROP[0] * side + right
    top = y + height / 2 - BOX_CENTRE_IN_CROP[1] * side + down
    return CropWindow(round(left), round(top), max(1, round(side)), face.angle)


def canonical_crop(photo: np.ndarray, face: Face, size: int) -> np.ndarray:
    """The canonical crop of a face: uint8 array (size, size, 3) from a photo (height, width, 3), same colour order.

    Where the window reaches over the photo's edge, the edge's pixels are repeated. A turned head is turned upright.
    """
    window = crop_window(face)
    pixels = _turned_patch(photo, window) if window.angle else patch(photo, window)
    return resized(pixels, (size, size))


def patch(photo: np.ndarray, window: CropWindow, grey: bool = False) -> np.ndarray:
    """An upright window's pixels; beyond the photo its edge repeated, or grey. Within it they are the photo's own."""
    rows, above, below = _overlap(window.top, window.side, photo.shape[0])
    columns, left, right = _overlap(window.left, window.side, photo.shape[1])
    inside = photo[rows, columns]
    if not any((above, below, left, right)):
        return inside
    border = cv2.BORDER_CONSTANT if grey else cv2.BORDER_REPLICATE
    return cv2.copyMakeBorder(inside, above, below, left, right, border, value=GREY)


def _overlap(start: int, length: int, all_of_it: int) -> tuple[slice, int, int]:
    """Which part of a line of pixels a stretch covers, one at least, and how many of its own lie before and after."""
    covered = slice(min(max(0, start), all_of_it - 1), min(max(1, start + length), all_of_it))
    inside = covered.stop - covered.start
    before = min(max(0, covered.start - start), length - inside)
    return covered, before, length - inside - before


def _turned_patch(photo: np.ndarray, window: CropWindow) -> np.ndarray:
    """A turned window's pixels, turned upright; beyond the photo its edge repeated."""
    middle = np.array([window.left, window.top]) + (window.side - 1) / 2
    # OpenCV turns no picture with a side of 32,767 pixels or more, so give it that part of the photo which is needed.
    reach = window.side * 2**0.5 / 2 + 2
    sides = np.array(photo.shape[1::-1])
    left, top = np.clip(np.floor(middle - reach), 0, sides - 1).astype(int)
    right, bottom = np.clip(np.ceil(middle + reach), 1, sides).astype(int)
    needed = photo[top:bottom, left:right]
    return turned_about(needed, middle - (left, top), window.angle, (window.side, window.side), cv2.BORDER_REPLICATE)
