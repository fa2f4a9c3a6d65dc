"""Turn pictures and points in the plane, and scale pictures. Angles are degrees, clockwise as one sees the picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

import cv2
import numpy as np

GREY = (128, 128, 128)
WORTH_HALVING = 3  # times fewer pixels a side


def rotation(degrees: float) -> np.ndarray:
    """The matrix (2, 2) that turns a column (x, y) clockwise; y points down."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, -sin], [sin, cos]])


def turned_size(size: tuple[int, int], degrees: float) -> tuple[int, int]:
    """The width and height of the upright rectangle that holds one of the width and height given, turned."""
    cos, sin = np.abs(rotation(degrees)[0])
    return round(size[0] * cos + size[1] * sin), round(size[0] * sin + size[1] * cos)


def turned_back(picture: np.ndarray, degrees: float, size: tuple[int, int]) -> np.ndarray:
    """A picture turned counter-clockwise about its middle, which becomes the middle of the new width and height.

    What lies beyond the picture is grey.
    """
    middle = (np.array(picture.shape[1::-1]) - 1) / 2
    return turned_about(picture, middle, degrees, size, cv2.BORDER_CONSTANT)


def turned_about(
    picture: np.ndarray, middle: np.ndarray, degrees: float, size: tuple[int, int], border: int
) -> np.ndarray:
    """What lies around a point of a picture, turned counter-clockwise.

    Args:
        picture: uint8 array (height, width, 3).
        middle: x and y, between whole numbers from pixel to pixel, of what becomes the middle.
        degrees: how far a thing in the picture is turned that is to be upright.
        size: width and height of the result.
        border: what lies beyond the picture: OpenCV's BORDER_CONSTANT (grey) or BORDER_REPLICATE.
    """
    turn = rotation(degrees)
    start = middle - turn @ ((np.array(size) - 1) / 2)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, np.column_stack([turn, start]), size, flags=how, borderMode=border, borderValue=GREY)


def resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture at a new width and height."""
    smaller = size[0] < picture.shape[1]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)


@dataclass(frozen=True)
class Halves:
    """A picture, its half, that one's half and so on, each made once: the detector is shown many copies of one photo.

    Halving takes OpenCV an eighth of the time of a ratio that is not whole.

    Attributes:
        picture: uint8 array (height, width, 3).
    """

    picture: np.ndarray
    _smaller: list[np.ndarray] = field(default_factory=list)

    def resized(self, size: tuple[int, int]) -> np.ndarray:
        """About the same as `resized`, for the detector: from a half where it is large and halving loses no pixels."""
        larger = self.picture
        for step in count():
            if size[0] * WORTH_HALVING > larger.shape[1] or any(side % 2 for side in larger.shape[:2]):
                break
            if step == len(self._smaller):
                height, width = (side // 2 for side in larger.shape[:2])
                self._smaller.append(cv2.resize(larger, (width, height), interpolation=cv2.INTER_AREA))
            larger = self._smaller[step]
        return resized(larger, size)
