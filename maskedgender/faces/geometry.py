"""Turn pictures and points in the plane, and scale pictures. Angles are degrees, clockwise as one sees the picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

GREY = (128, 128, 128)
WORTH_HALVING = 3  # times fewer pixels a side


def rotation(degrees: float) -> np.ndarray:
    """The matrix (2, 2) that turns a column (x, y) clockwise; y points down."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cos, -sin], [sin, cos]])


def turned_back(picture: np.ndarray, degrees: float, size: tuple[int, int]) -> np.ndarray:
    """A picture turned counter-clockwise about its middle, at a new width and height; what lies beyond it is grey."""
    middle = (np.array(picture.shape[1::-1]) - 1) / 2
    return turned_about(picture, middle, degrees, size, cv2.BORDER_CONSTANT)


def turned_about(
    picture: np.ndarray, middle: np.ndarray, degrees: float, size: tuple[int, int], border: int
) -> np.ndarray:
    """A picture turned counter-clockwise, its point (x, y) `middle` becoming the middle of the new width and height.

    What lies beyond the picture is grey with OpenCV's BORDER_CONSTANT, and its edge repeated with BORDER_REPLICATE.
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
    """

    picture: np.ndarray  # uint8 (height, width, 3)

    @cached_property
    def half(self) -> Halves:
        """The picture at half its width and height, which are even."""
        height, width = (side // 2 for side in self.picture.shape[:2])
        return Halves(cv2.resize(self.picture, (width, height), interpolation=cv2.INTER_AREA))

    def resized(self, size: tuple[int, int]) -> np.ndarray:
        """About the same as `resized`, for the detector: from a half where it is large and halving loses no pixels."""
        height, width = self.picture.shape[:2]
        if size[0] * WORTH_HALVING > width or height % 2 or width % 2:
            return resized(self.picture, size)
        return self.half.resized(size)
