"""Find the faces of a photo: in several sizes, turned, and looked at again where they are in doubt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .detector import SCORE_THRESHOLD, Box, Face, detect, overlap
from .geometry import resized, turned_back, turned_size
from .verification import SURE_SCORE, TURNS, in_crowds, looked_at_closely, small_looked_at_closely, turned_face

CLOSE_UP_SIDES = (224, 160)  # faces that fill the picture are found best in small copies of it
CLOSE_UP_SHARE = 0.3  # of the picture's longer side, at least, is a face that counts as a close-up
CLOSE_UP_BONUS = 0.1  # of score: larger copies of a masked face's picture tend to show its bare upper half alone
PASS_SIDES = (320, 640)  # a small photo is not enlarged beyond the first, a large one reduced to the second
SMALL_FACE_SIDE = 80  # pixels of the pass: where there seem to be smaller ones, further passes look again
LEAST_FACE_SIDE = 20  # pixels of the photo: less tells next to nothing, and is texture more often than a face
SMALL_FACES_PASS = 4  # times as large is that pass in which small faces with a mask are found best
SMALL_FACES_BORDER = 0.05
FAINT_SCORE = 0.2  # makes it seem so
SAME_FACE_OVERLAP = 0.6  # of the smaller of two boxes: the one that scores less is the same face, or none
SAME_ROW = 0.5  # of a face's height: a smaller step down stays in the row


def find_faces(photo: np.ndarray, score_threshold: float = SCORE_THRESHOLD) -> list[Face]:
    """All faces of a photo, largest first.

    A pass at up to 640 pixels, and two for close-ups in smaller copies, do for most photos. Where small faces show, or
    no face is sure, passes at twice and four times the size follow; where none is sure, the photo is turned, too.

    Args:
        photo: uint8 array (height, width, 3), RGB.
        score_threshold: faces with a lower score (0..1) are left out.
    """
    longer = max(photo.shape[:2])
    side = min(max(longer, PASS_SIDES[0]), PASS_SIDES[1])
    small_side = SMALL_FACE_SIDE * longer / side
    seen = detect(photo, side, FAINT_SCORE)
    close_ups = _close_ups(photo, score_threshold)
    unsure = all(face.score < SURE_SCORE for face in seen + close_ups)
    if unsure or any(max(face.box[2:]) < small_side for face in seen):
        seen += detect(photo, 2 * side, FAINT_SCORE)
        seen += _small_faces(photo, SMALL_FACES_PASS * min(side, longer) / longer, small_side)
    turned = [face for turn in TURNS for face in _detect_turned(photo, side, turn)] if unsure else []
    small = _checked_small(photo, [face for face in seen if LEAST_FACE_SIDE <= max(face.box[2:]) < small_side])
    large = [face for face in seen if max(face.box[2:]) >= small_side]
    large, small = ([face for face in faces if face.score >= score_threshold] for faces in (large, small))
    return sorted(_chosen(photo, large, close_ups, small, turned), key=lambda face: -face.area)


def find_close_up(photo: np.ndarray, score_threshold: float = SCORE_THRESHOLD) -> Face | None:
    """The face that fills a portrait, framed as by `find_faces` within some hundredths, in a quarter of its time.

    Arguments as for `find_faces`; None where its passes for close-ups find no face.
    """
    return max(_close_ups(photo, score_threshold), key=lambda face: face.score, default=None)


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


def _small_faces(photo: np.ndarray, scale: float, small_side: float) -> list[Face]:
    """The small, whole faces that the photo, scaled, shows: in four parts, for a quarter of the memory."""
    margin = small_side / 8
    overlap = round(small_side + 2 * margin)  # each small face lies within one part, that far from where it was cut
    height, width = (min(length, (length + overlap + 1) // 2) for length in photo.shape[:2])
    found: list[Face] = []
    for top in {0, photo.shape[0] - height}:
        for left in {0, photo.shape[1] - width}:
            part = photo[top : top + height, left : left + width]
            faces = detect(part, round(scale * max(part.shape[:2])), FAINT_SCORE, SMALL_FACES_BORDER)
            moved = [face.moved(left, top) for face in faces if max(face.box[2:]) < small_side]
            found += [face for face in moved if not _is_cut(face, (top, left, height, width), photo, margin)]
    return found


def _is_cut(face: Face, part: tuple[int, int, int, int], photo: np.ndarray, margin: float) -> bool:
    """Whether a face reaches, within the margin, an edge of a part (top, left, height, width) inside the photo."""
    x, y, width, height = face.box
    top, left, high, wide = part
    before = (top > 0 and y < top + margin) or (left > 0 and x < left + margin)
    bottom, right = top + high, left + wide
    beyond_bottom = bottom < photo.shape[0] and y + height > bottom - margin
    return before or beyond_bottom or (right < photo.shape[1] and x + width > right - margin)


def _checked_small(photo: np.ndarray, faces: list[Face]) -> list[Face]:
    """Small faces, each once, with the scores that close looks and crowds give."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if _is_new(face, kept):
            kept.append(small_looked_at_closely(photo, face))
    return in_crowds(kept)


def _chosen(
    photo: np.ndarray, large: list[Face], close_ups: list[Face], small: list[Face], turned: list[Face]
) -> list[Face]:
    """The faces that stand a close look, as the small ones did, each once, however many passes found it.

    A picture that a face fills has little else to be: a close-up that scores more than all these stays as well.
    """
    ranked = [(face.score, face) for face in large + small]
    ranked += [(face.score + CLOSE_UP_BONUS, face) for face in close_ups]
    in_order = [face for _, face in sorted(ranked, key=lambda pair: -pair[0])]
    checked = {id(face) for face in small}
    kept: list[Face] = []
    for face in in_order + sorted(turned, key=lambda face: -face.score):
        if _is_new(face, kept):
            kept += [face] if id(face) in checked else looked_at_closely(photo, face)
    best = [face for face in in_order if _is_close_up(photo, face)][:1]
    if best and all(face.score < best[0].score for face in kept):
        kept = best + [face for face in kept if _is_new(face, best)]
    return kept


def _is_new(face: Face, others: list[Face]) -> bool:
    return all(overlap(face.box, other.box) < SAME_FACE_OVERLAP for other in others)


def _detect_turned(photo: np.ndarray, side: int, turn: int) -> list[Face]:
    """The sure faces of a photo, scaled to `side` pixels, whose heads are turned by about `turn` degrees."""
    scale = side / max(photo.shape[:2])
    height, width = (max(1, round(length * scale)) for length in photo.shape[:2])
    size = turned_size((width, height), turn)
    turned = turned_back(resized(photo, (width, height)), turn, size)
    found = detect(turned, max(size), SURE_SCORE) + _close_ups(turned, SURE_SCORE)
    middle = np.array(photo.shape[1::-1]) / 2
    return [turned_face(face, turn, np.array(size) / 2, middle, 1 / scale) for face in found]
