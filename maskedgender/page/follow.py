"""Faces followed from one picture of a camera to the next, so that their answers and boxes do not flicker."""

from __future__ import annotations

import dataclasses

from ..faces.detector import overlap
from ..prediction.answers import Prediction

SECONDS = 1.0  # over which a face's answer is averaged
SAME_FACE = 0.4  # of the smaller of two boxes lies in the other, where they are of the same face in two pictures
Track = list[tuple[float, Prediction]]  # when a face was seen, and how


def followed(tracks: list[Track], faces: list[Prediction], now: float) -> tuple[list[Track], list[Prediction]]:
    """The tracks with a picture's faces added, and these faces, each with the mean of its track's answers.

    Args:
        tracks: those of the pictures before.
        faces: of this picture.
        now: when it was taken, in seconds.
    """
    tracks = [recent for track in tracks if (recent := [seen for seen in track if now - seen[0] < SECONDS])]
    free, smooth = list(tracks), []
    for face in faces:
        track = max(free, key=lambda one: overlap(one[-1][1].box, face.box), default=[])
        if track and overlap(track[-1][1].box, face.box) > SAME_FACE:
            free = [other for other in free if other is not track]
        else:
            tracks.append(track := [])
        track.append((now, face))
        p_female = sum(seen.p_female for _, seen in track) / len(track)
        sides = zip(*(seen.box for _, seen in track[-3:]), strict=True)
        left, top, width, height = (sum(side) / len(side) for side in sides)
        box = left, top, width, height
        smooth.append(dataclasses.replace(face, box=box, p_female=p_female, p_male=1 - p_female))
    return tracks, smooth
