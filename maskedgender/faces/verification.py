"""Look again at a face that was found, in its own crop: is it one, and which way up?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .crops import CROP_OVER_BOX, crop_window
from .detector import Face
from .views import View, close_looks, seen

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


def is_certain(face: Face) -> bool:
    """Whether it needs no close look."""
    return face.score >= CERTAIN_SCORE


def verified(photo: np.ndarray, face: Face, looks: list[Face] | None = None) -> list[Face]:
    """The face, turned the way it scores best if that is no doubt; none when it is not found again in its own crop.

    YuNet finds many heads that lie on their side or upside down, but with landmarks of an upright one, so that the line
    of the eyes does not tell the angle; its score does. `looks` is what `close_looks_at` has shown, if it has already.
    """
    if looks is None:
        looks = [one for look in seen(close_looks_at(photo, face), LEAST_SCORE) for one in look]
    views = _of_face(face, looks)
    turned = _turned_view(face, views)
    if turned:
        return [turned]
    return [face] if _score(face.angle, views) >= (SURE_SCORE if face.angle else CONFIRMED_SCORE) else []


def looked_again(photo: np.ndarray, face: Face) -> Face:
    """A small face, its score times that in its own, enlarged crop, less SMALL_DOUBT; turned if that is no doubt.

    Neither score alone tells small masked faces from textures. Alone, it must also be found in a crop of LOOK_SIDE.
    """
    if is_certain(face):
        return face
    enlarged = close_looks(photo, face.box, SMALL_LOOK_SIDE, (0,))
    again, *looks = seen([*enlarged, *close_looks_at(photo, face)], LEAST_SCORE)
    views = _of_face(face, [one for look in looks for one in look])
    score = face.score * _score(0, _of_face(face, again)) - SMALL_DOUBT
    small = replace(face, score=score if _score(0, views) >= CONFIRMED_SCORE else min(score, CONFIRMED_SCORE))
    return _turned_view(face, views) or small


def without_a_look(face: Face) -> Face:
    """A small face with the score that `looked_again` gives when its own crop scores as the face does."""
    return replace(face, score=face.score**2 - SMALL_DOUBT)


def close_looks_at(photo: np.ndarray, face: Face) -> list[View]:
    """Views of a face's own crop, upright and turned back by each of TURNS."""
    return close_looks(photo, face.box, LOOK_SIDE, (0, *TURNS))


def in_crowds(small: list[Face]) -> list[Face]:
    """Small faces, with CROWD_BONUS more of score, up to CROWD_SCORE, each where others of about its size are sure."""
    sure = np.array([max(face.box[2:]) for face in small if face.score >= CROWD_SCORE])
    found = []
    for face in small:
        times = sure / max(face.box[2:])
        crowd = np.count_nonzero((times >= 1 / CROWD_SIZES) & (times <= CROWD_SIZES))
        likelier = face.score < CROWD_SCORE and crowd >= CROWD
        found.append(replace(face, score=min(CROWD_SCORE, face.score + CROWD_BONUS)) if likelier else face)
    return found


def _of_face(face: Face, views: list[Face]) -> list[Face]:
    """Those of the faces that close looks show which lie in the crop's middle and are as large as it is made for."""
    window = crop_window(replace(face, angle=0.0))
    middle = np.array([window.left, window.top]) + window.side / 2

    def is_it(view: Face) -> bool:
        x, y, width, height = view.box
        off = np.abs((x + width / 2, y + height / 2) - middle).max() / window.side
        return off < 0.2 and 0.6 < CROP_OVER_BOX * max(width, height) / window.side < 1.6

    return [view for view in views if is_it(view)]


def _score(angle: float, views: list[Face]) -> float:
    return max((view.score for view in views if view.angle == angle), default=0.0)


def _turned_view(face: Face, views: list[Face]) -> Face | None:
    """The view of the face that is no doubt better than the face as it is, if one is."""
    best = max(views, key=lambda view: view.score, default=face)
    least = max(TURNED_SCORE, max(_score(face.angle, views), face.score) + TURN_GAIN)
    return best if best.score > least else None
