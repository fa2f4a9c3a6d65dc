"""Find the faces of a photo: propose views, detect in them, merge what they show, verify the doubtful, put in order.

Two passes of the detector do for most photos: a small copy shows the faces that fill it; then one sheet of views
shows whether that was all, and, where the best face is in doubt, whether it is one and stands upright. Where it was not
all, or is still in doubt, up to eight passes more look for small faces and for turned heads, and doubtful faces get a
close look of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .detector import BORDER, SCORE_THRESHOLD, Face, overlap
from .geometry import Halves
from .verification import (
    SURE_SCORE,
    TURNS,
    close_looks_at,
    in_crowds,
    is_certain,
    looked_again,
    verified,
    without_a_look,
)
from .views import seen, whole

CLOSE_UP_SIDES = (224, 160)  # faces that fill the picture are found best in small copies of it
CLOSE_UP_SHARE = 0.3  # of the picture's longer side, at least, is a face that counts as a close-up
CLOSE_UP_BONUS = 0.1  # of score: larger copies of a masked face's picture tend to show its bare upper half alone
OVERVIEW_SIDES = (320, 960)  # show whether there are others beside a close-up: of a small photo, of a large one
OVERVIEW_SCALE = 4  # times smaller than the photo, between these
PASS_SIDES = (320, 640)  # a small photo is not enlarged beyond the first, a large one reduced to the second
SMALL_FACE_SIDE = 80  # pixels of that pass: where there seem to be smaller ones, further passes look again
PLAIN_FACE_SIDE = 64  # of it: a face that is certain and has as much does not make it seem so
LEAST_FACE_SIDE = 20  # pixels of the photo: less tells next to nothing, and is texture more often than a face
NARROWEST = 8  # pixels a side: a photo with less holds no face that could be told from texture
NARROW = 0.05  # of the sides: the border of views in which no face fills the picture
LARGER = (1, 2, 4)  # times that pass: small faces with a mask are found best in the last
TURNED_SIDE = 480  # pixels of the photo before it is turned
FAINT_SCORE = 0.2  # makes it seem so
SAME_FACE_OVERLAP = 0.6  # of the smaller of two boxes: the one that scores less is the same face, or none
ALIKE = 0.7  # intersection over union: one close look does for both
MOST_LOOKS = 20  # close looks in a photo: of more faces in doubt, those that score least are judged without


@dataclass
class Candidates:
    """What passes over a photo have shown, in pixels of the photo, one face perhaps several times."""

    close_ups: list[Face]  # that fill the photo, as small copies of it show them
    upright: list[Face]  # as larger copies show them
    main: Face | None  # the one that the first pass showed best, unless it is certain
    looks: list[Face]  # how its own crop shows that one
    turned: list[Face] = field(default_factory=list)  # as turned copies show them


def find_faces(photo: np.ndarray, score_threshold: float = SCORE_THRESHOLD, quick: bool = False) -> list[Face]:
    """All faces of a photo, uint8 (height, width, 3), RGB, largest first; those with a lower score (0..1) are left out.

    With `quick` it is looked at twice only, as each of a camera's pictures: small and turned faces may be missed.
    """
    if min(photo.shape[:2]) < NARROWEST:
        return []  # what the detector makes of a blurred line depends on the machine
    halves = Halves(photo)
    found = _at_first_sight(halves)
    small_side = SMALL_FACE_SIDE * max(photo.shape[:2]) / _pass_side(photo)
    unsure = not _is_sure(found)
    if not quick and (unsure or any(_hints_at_others(face, found, small_side) for face in found.upright)):
        _search(halves, found, unsure, small_side)
    looks = iter([] if quick else [True] * MOST_LOOKS)
    small = _checked_small(photo, [face for face in found.upright if _is_small(face, small_side)], looks)
    found.upright = [face for face in found.upright if max(face.box[2:]) >= small_side] + small
    return sorted(_chosen(photo, found, small, score_threshold, looks), key=lambda face: -face.area)


def find_close_up(photo: np.ndarray, score_threshold: float) -> Face | None:
    """The face that fills a portrait, framed as by `find_faces`, without a look at anything else; None if none does."""
    halves = Halves(photo)
    found = [face for side in CLOSE_UP_SIDES for face in seen([whole(halves, side)], score_threshold)[0]]
    return max((face for face in found if _is_close_up(photo, face)), key=lambda face: face.score, default=None)


def _at_first_sight(halves: Halves) -> Candidates:
    """Two passes: a small copy; then, on one sheet, what it leaves open, and close looks at its best face."""
    photo = halves.picture
    first = seen([whole(halves, CLOSE_UP_SIDES[0])], FAINT_SCORE)[0]
    close_ups = [face for face in first if _is_close_up(photo, face)]
    best = max(close_ups or first, key=lambda face: face.score, default=None)
    main = None if best is None or is_certain(best) else best
    views = [whole(halves, _overview_side(photo) if close_ups else _pass_side(photo), border=NARROW)]
    views += [whole(halves, CLOSE_UP_SIDES[1])] if close_ups else []
    upright, *more = seen([*views, *(close_looks_at(photo, main) if main else [])], FAINT_SCORE)
    close_ups += [face for face in more.pop(0) if _is_close_up(photo, face)] if close_ups else []
    return Candidates(close_ups, upright, main, [face for look in more for face in look])


def _is_sure(found: Candidates) -> bool:
    """Whether a face scores enough in one pass, or passably in two."""
    everyone = found.close_ups + found.upright
    passable = [face for face in everyone if face.score >= SCORE_THRESHOLD]
    twice = any(not _is_new(face, [other]) for face in passable for other in passable if other is not face)
    return twice or any(face.score >= SURE_SCORE for face in everyone)


def _search(halves: Halves, found: Candidates, unsure: bool, small_side: float) -> None:
    """Eight passes at most: larger copies as far as small faces show, and, where no face is sure, turned ones."""
    for times in LARGER:
        if times == 1 and not (unsure or found.close_ups):
            continue  # at first sight this very view was on the sheet
        if times < LARGER[-1] or _some_doubtful([face for face in found.upright if _is_small(face, small_side)]):
            side = times * _pass_side(halves.picture)
            may_fill = unsure and side <= PASS_SIDES[1]  # a face may yet fill the photo: its view needs a border
            shown = seen([whole(halves, side, border=BORDER if may_fill else NARROW)], FAINT_SCORE)[0]
            all_sizes = may_fill or times == 1
            found.upright += [face for face in shown if all_sizes or max(face.box[2:]) < 2 * small_side]
    for turn in TURNS if unsure else ():
        views = [whole(halves, TURNED_SIDE, turn, NARROW), whole(halves, CLOSE_UP_SIDES[1], turn)]
        found.turned += [face for faces in seen(views, SURE_SCORE) for face in faces]


def _some_doubtful(faces: list[Face]) -> bool:
    """Whether one of them scores little in every pass that shows it."""
    certain = [face for face in faces if is_certain(face)]
    return any(_is_new(face, certain) for face in faces if not is_certain(face))


def _pass_side(photo: np.ndarray) -> int:
    return min(max(max(photo.shape[:2]), PASS_SIDES[0]), PASS_SIDES[1])


def _overview_side(photo: np.ndarray) -> int:
    return min(max(max(photo.shape[:2]) // OVERVIEW_SCALE, OVERVIEW_SIDES[0]), OVERVIEW_SIDES[1])


def _is_close_up(photo: np.ndarray, face: Face) -> bool:
    return max(face.box[2:]) > CLOSE_UP_SHARE * max(photo.shape[:2])


def _is_small(face: Face, small_side: float) -> bool:
    return LEAST_FACE_SIDE <= max(face.box[2:]) < small_side


def _hints_at_others(face: Face, found: Candidates, small_side: float) -> bool:
    """Whether it is small, so that smaller ones may be hidden from this pass.

    One that is certain, and not much smaller than what counts as large, says no more than a large one would. Beside
    close-ups it does: there the pass has not been made yet, and only an overview has shown it.
    """
    plain_side = small_side * PLAIN_FACE_SIDE / SMALL_FACE_SIDE
    plain = not found.close_ups and is_certain(face) and max(face.box[2:]) >= plain_side
    return _is_small(face, small_side) and not plain


def _checked_small(photo: np.ndarray, faces: list[Face], looks: Iterator[bool]) -> list[Face]:
    """Small faces, each once, with the scores that close looks, as far as there are any left, and crowds give."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if _is_new(face, kept):
            kept.append(looked_again(photo, face) if is_certain(face) or next(looks, False) else without_a_look(face))
    return in_crowds(kept)


def _chosen(
    photo: np.ndarray, found: Candidates, small: list[Face], score_threshold: float, looks: Iterator[bool]
) -> list[Face]:
    """The faces that stand a close look, as the small ones did, each once, however many passes found it.

    A picture that a face fills has little else to be: a close-up that scores more than all these stays as well.
    """
    ranked = [(face.score, face) for face in found.upright if face.score >= score_threshold]
    ranked += [(face.score + CLOSE_UP_BONUS, face) for face in found.close_ups if face.score >= score_threshold]
    in_order = [face for _, face in sorted(ranked, key=lambda pair: -pair[0])]
    checked = {id(face) for face in small}
    kept: list[Face] = []
    for face in in_order + sorted(found.turned, key=lambda face: -face.score):
        if _is_new(face, kept):
            known = _known(face, found)
            if id(face) in checked or is_certain(face) or (known is None and not next(looks, False)):
                kept.append(face)
            else:
                kept += verified(photo, face, known)
    best = [face for face in in_order if _is_close_up(photo, face)][:1]
    if best and all(face.score < best[0].score for face in kept):
        kept = best + [face for face in kept if _is_new(face, best)]
    return kept


def _known(face: Face, found: Candidates) -> list[Face] | None:
    """The close looks that were made already, if they were made at this face as it lies here."""
    if found.main is None or face.angle:
        return None
    smaller, larger = sorted((face.area, found.main.area))
    shared = overlap(face.box, found.main.box) * smaller
    return found.looks if shared > ALIKE * (smaller + larger - shared) else None


def _is_new(face: Face, others: list[Face]) -> bool:
    return all(overlap(face.box, other.box) < SAME_FACE_OVERLAP for other in others)
