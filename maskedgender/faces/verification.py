"""Look again at a face that was found, in its own crop: is it one, and which way up?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .crops import CROP_OVER_BOX, CropWindow, crop_window, patch
from .detector import Face, detect
from .geometry import resized, rotation, turned_back

SURE_SCORE = 0.6  # while no face scores as much, further passes look for one; a turned one must score as much
CERTAIN_SCORE = 0.9  # half of all upright bare faces score as much; others are looked at again in their own crops
CONFIRMED_SCORE = 0.25  # in one of these crops; boxes on textures, taken for turned faces, mostly score less
LEAST_SCORE = 0.1  # in it
LOOK_SIDE = 112  # pixels of the crop for a close look
SMALL_LOOK_SIDE = 256  # of a small face's: with a mask, a tenth of them is not found again in half as many pixels
TURNS = (45, -45, 90, -90, 180)  # degrees, clockwise, by which heads are looked for that are not upright
TURN_GAIN = 0.02  # of score: a head that gains less by being turned counts as it is
TURNED_SCORE = 0.88  # of a head that is found upright too; masked faces upside down look like faces, but score less
SMALL_DOUBT = 0.1  # of score: textures look like small faces more often than like large ones
CROWD_SCORE = 0.5  # of a small face that is sure
CROWD = 2  # so many sure ones, of about its size, make a small face likely
CROWD_SIZES = 1.6  # times smaller or larger, at most
CROWD_BONUS = 0.48  # of score


def looked_at_closely(photo: np.ndarray, face: Face) -> list[Face]:
    """The face, turned the way it scores best if that is no doubt; none when it is not found again in its own crop.

    YuNet finds many heads that lie on their side or upside down, but with landmarks of an upright one, so that the line
    of the eyes does not tell the angle; its score does.
    """
    if face.score >= CERTAIN_SCORE:
        return [face]
    views = _views(photo, face)
    turned = _turned_view(face, views)
    if turned:
        return [turned]
    return [face] if _score(face.angle, views) >= (SURE_SCORE if face.angle else CONFIRMED_SCORE) else []


def small_looked_at_closely(photo: np.ndarray, face: Face) -> Face:
    """A small face, its score times that in its own, enlarged crop, less SMALL_DOUBT; turned if that is no doubt.

    Neither score alone tells small masked faces from textures. Alone, it must also be found in a crop of LOOK_SIDE.
    """
    if face.score >= CERTAIN_SCORE:
        return face
    views = _views(photo, face)
    again = _score(0, _found_again(photo, face, SMALL_LOOK_SIDE, (0,)))
    score = face.score * again - SMALL_DOUBT
    small = replace(face, score=score if _score(0, views) >= CONFIRMED_SCORE else min(score, CONFIRMED_SCORE))
    return _turned_view(face, views) or small


def in_crowds(small: list[Face]) -> list[Face]:
    """Small faces, with CROWD_BONUS more of score, up to CROWD_SCORE, each where others of about its size are sure."""
    sure = [face for face in small if face.score >= CROWD_SCORE]
    return [_likelier(face) if face.score < CROWD_SCORE and _in_crowd(face, sure) else face for face in small]


def _likelier(face: Face) -> Face:
    return replace(face, score=min(CROWD_SCORE, face.score + CROWD_BONUS))


def _in_crowd(face: Face, sure: list[Face]) -> bool:
    times = [max(face.box[2:]) / max(other.box[2:]) for other in sure]
    return sum(1 / CROWD_SIZES <= size <= CROWD_SIZES for size in times) >= CROWD


def turned_face(face: Face, turn: float, here: np.ndarray, there: np.ndarray, scale: float) -> Face:
    """A face found in a picture that was turned back and scaled, in pixels of the photo: `here` was `there`."""
    to_photo = scale * rotation(turn).T
    x, y, width, height = face.box
    middle = ((x + width / 2, y + height / 2) - here) @ to_photo + there
    wide, high = (scale * side for side in ((height, width) if abs(turn) == 90 else (width, height)))
    box = (float(middle[0] - wide / 2), float(middle[1] - high / 2), wide, high)
    return Face(box, face.score, (face.landmarks - here) @ to_photo + there, turn)


def _views(photo: np.ndarray, face: Face) -> list[Face]:
    return _found_again(photo, face, LOOK_SIDE, (0, *TURNS))


def _score(angle: float, views: list[Face]) -> float:
    return max((view.score for view in views if view.angle == angle), default=0.0)


def _turned_view(face: Face, views: list[Face]) -> Face | None:
    """The view of the face that is no doubt better than the face as it is, if one is."""
    best = max(views, key=lambda view: view.score, default=face)
    least = max(TURNED_SCORE, max(_score(face.angle, views), face.score) + TURN_GAIN)
    return best if best.score > least else None


def _found_again(photo: np.ndarray, face: Face, side: int, turns: tuple[int, ...]) -> list[Face]:
    """The face as found again in its own crop of `side` pixels, turned back by each of `turns`, where it is found."""
    window = crop_window(replace(face, angle=0.0))
    margin = (window.side + 3) // 4  # so that the crop's corners are filled when it is turned
    wide = CropWindow(window.left - margin, window.top - margin, window.side + 2 * margin)
    surroundings = resized(patch(photo, wide, grey=True), (3 * side // 2, 3 * side // 2))
    here, there = np.full(2, side / 2), np.array([wide.left, wide.top]) + wide.side / 2
    scale = wide.side / surroundings.shape[0]
    views: list[Face] = []
    for turn in turns:
        found = detect(turned_back(surroundings, turn, (side, side)), side, LEAST_SCORE)
        views += [turned_face(again, turn, here, there, scale) for again in found if _fills_crop(again, side)]
    return views


def _fills_crop(face: Face, side: int) -> bool:
    """Whether a face found in a crop for a close look, of `side` pixels, is the one that the crop was made for."""
    x, y, width, height = (length / side for length in face.box)
    off = max(abs(x + width / 2 - 0.5), abs(y + height / 2 - 0.5))
    return off < 0.2 and 0.6 < max(width, height) * CROP_OVER_BOX < 1.6
