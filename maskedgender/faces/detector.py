"""The detector of faces: one pass over a photo at one size."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from . import yunet
from .geometry import GREY, Halves

# The highest at which 95 % of masked faces, large and small ones, are found on the choosing split, in steps of 0.05:
# python -m benchmarks.detection. OpenCV's default, 0.9, misses most of them.
SCORE_THRESHOLD = 0.4
BORDER = 0.3  # of the picture's sides, added in grey: faces that fill the picture are missed without it
LEAST_SIDE = 32  # pixels of the scaled photo with its border: in narrower strips YuNet's numbers have no meaning

Box = tuple[float, float, float, float]  # x, y, width, height in pixels


@dataclass(frozen=True)
class Face:
    """One face found in a photo; "right" is the person's own, so left in the picture of an upright head."""

    box: Box  # an upright rectangle of the photo; it may reach over the photo's edges
    score: float  # the detector's confidence, 0..1
    landmarks: np.ndarray  # float (5, 2), x and y in pixels: right eye, left eye, nose tip, right and left mouth corner
    angle: float = 0.0  # degrees, clockwise, by which the head is turned, about: 0 or one of verification.TURNS

    @property
    def area(self) -> float:
        """The box's area in square pixels."""
        return self.box[2] * self.box[3]

    def scaled(self, times: float) -> Face:
        """The same face in a picture that is so many times as large."""
        x, y, width, height = (times * length for length in self.box)
        return replace(self, box=(x, y, width, height), landmarks=self.landmarks * times)

    def moved(self, right: float, down: float) -> Face:
        """The same face in a picture in which it lies elsewhere."""
        x, y, width, height = self.box
        return replace(self, box=(x + right, y + down, width, height), landmarks=np.add(self.landmarks, (right, down)))


def detect(photo: np.ndarray, side: int, score_threshold: float = SCORE_THRESHOLD) -> list[Face]:
    """The faces that one pass shows, largest first; those with a lower score (0..1) are left out.

    The photo, uint8 (height, width, 3), RGB, is scaled so that its longer side has `side` pixels.
    """
    scale = side / max(photo.shape[:2])
    if min(photo.shape[:2]) * scale * (1 + 2 * BORDER) < LEAST_SIDE:
        return []
    height, width = (max(1, round(length * scale)) for length in photo.shape[:2])
    x, y = round(BORDER * width), round(BORDER * height)
    scaled = Halves(photo).resized((width, height))
    bordered = cv2.copyMakeBorder(scaled, y, y, x, x, cv2.BORDER_CONSTANT, value=GREY)
    found = [face.moved(-x, -y).scaled(1 / scale) for face in detect_in(bordered, score_threshold)]
    return sorted(found, key=lambda face: -face.area)


def detect_in(picture: np.ndarray, score_threshold: float) -> list[Face]:
    """One pass of YuNet over a picture, uint8 (height, width, 3), RGB, as it is."""
    rows = yunet.run(picture, score_threshold).tolist()
    return [Face((x, y, wide, high), score, np.reshape(points, (5, 2))) for x, y, wide, high, *points, score in rows]


def overlap(a: Box, b: Box) -> float:
    """The part (0..1) of the smaller box that lies in the other."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height) / min(a[2] * a[3], b[2] * b[3])
