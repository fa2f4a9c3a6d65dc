"""What the detector is shown of a photo: views of it, scaled and turned, several of them on one sheet for one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .crops import CropWindow, crop_window, patch
from .detector import BORDER, Box, Face, detect_in
from .geometry import GREY, Halves, rotation, turned_back

CELL = 32  # pixels of YuNet's coarsest grid


@dataclass(frozen=True)
class View:
    """A part of a photo as the detector is shown it."""

    pixels: np.ndarray  # uint8 (height, width, 3), RGB
    middle: np.ndarray  # x and y in the photo of what lies in the view's middle
    scale: float  # pixels of the photo a pixel of the view
    turn: float = 0.0  # degrees by which heads are turned in the photo, clockwise, that are upright in the view
    border: float = BORDER  # share of the view's sides that is added in grey around it

    def to_photo(self, face: Face) -> Face:
        """A face of this view, in pixels of the photo; its box stays an upright rectangle."""
        here, to_photo = np.array(self.pixels.shape[1::-1]) / 2, self.scale * rotation(self.turn).T
        x, y, width, height = face.box
        middle = ((x + width / 2, y + height / 2) - here) @ to_photo + self.middle
        wide, high = (self.scale * side for side in ((height, width) if abs(self.turn) == 90 else (width, height)))
        box = (float(middle[0] - wide / 2), float(middle[1] - high / 2), wide, high)
        return Face(box, face.score, (face.landmarks - here) @ to_photo + self.middle, self.turn)


def whole(photo: Halves, side: int, turn: float = 0.0, border: float = BORDER) -> View:
    """All of a photo, its longer side scaled to `side` pixels before it is turned."""
    sides = photo.picture.shape[:2]
    scale = max(sides) / side
    height, width = (max(1, round(length / scale)) for length in sides)
    pixels = photo.resized((width, height))
    if turn:
        cos, sin = np.abs(rotation(turn)[0])
        pixels = turned_back(pixels, turn, (round(width * cos + height * sin), round(width * sin + height * cos)))
    return View(pixels, np.array(sides[::-1]) / 2, scale, turn, border)


def close_looks(photo: np.ndarray, box: Box, side: int, turns: Sequence[float]) -> list[View]:
    """A face's own canonical crop, upright in the photo, at `side` pixels, turned back by each of `turns`."""
    window = crop_window(Face(box, 1.0, np.zeros((5, 2))))
    margin = round(window.side / 4)  # half as wide again, so that the crop's corners are filled when it is turned
    wide = CropWindow(window.left - margin, window.top - margin, window.side + 2 * margin)
    surroundings = Halves(patch(photo, wide, grey=True)).resized((3 * side // 2, 3 * side // 2))
    middle, scale = np.array([wide.left, wide.top]) + wide.side / 2, wide.side / surroundings.shape[0]
    return [View(turned_back(surroundings, turn, (side, side)), middle, scale, turn) for turn in turns]


def seen(views: Sequence[View], score_threshold: float) -> list[list[Face]]:
    """The faces of each view, in pixels of the photo: one pass of the detector over a sheet with all of them."""
    sheet, places = _sheet(views)
    found: list[list[Face]] = [[] for _ in views]
    for face in detect_in(sheet, score_threshold):
        x, y = face.box[0] + face.box[2] / 2, face.box[1] + face.box[3] / 2
        for number, (view, (left, top)) in enumerate(zip(views, places, strict=True)):
            height, width = view.pixels.shape[:2]
            across, down = (x - left) / width, (y - top) / height
            if max(abs(across - 0.5), abs(down - 0.5)) <= 0.5 + view.border:
                found[number].append(view.to_photo(face.moved(-left, -top)))
                break
    return found


def _sheet(views: Sequence[View]) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Views side by side on grey, each within its border, and where (left, top) each lies."""
    margins = [tuple(round(view.border * length) for length in view.pixels.shape[1::-1]) for view in views]
    sizes = [
        (_whole_cells(view.pixels.shape[1] + 2 * x), _whole_cells(view.pixels.shape[0] + 2 * y))
        for view, (x, y) in zip(views, margins, strict=True)
    ]
    height = max(high for _, high in sizes)
    corners, left, top, column = [], 0, 0, 0
    for wide, high in sizes:  # columns from left to right, each as full as the highest view is high
        if top + high > height:
            left, top, column = left + column, 0, 0
        corners.append((left, top))
        top, column = top + high, max(column, wide)
    sheet = np.zeros((height, left + column, 3), np.uint8)  # black, as OpenCV fills up what one view leaves
    places = [(left + x, top + y) for (left, top), (x, y) in zip(corners, margins, strict=True)]
    for view, (x, y), (left, top) in zip(views, margins, corners, strict=True):
        bordered = cv2.copyMakeBorder(view.pixels, y, y, x, x, cv2.BORDER_CONSTANT, value=GREY)
        sheet[top : top + bordered.shape[0], left : left + bordered.shape[1]] = bordered
    return sheet, places


def _whole_cells(length: int) -> int:
    """Rounded up, so that each view lies on the detector's grid as it would alone."""
    return -(-length // CELL) * CELL
