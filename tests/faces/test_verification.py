"""A close look tells small faces from textures, and small faces that are sure make others of their size likely."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from maskedgender.faces.detector import SCORE_THRESHOLD, Face, detect
from maskedgender.faces.verification import (
    CROWD_BONUS,
    CROWD_SCORE,
    CROWD_SIZES,
    SMALL_DOUBT,
    in_crowds,
    looked_again,
)

from ..support.people import collins


def face(side: float, score: float) -> Face:
    return Face((0.0, 0.0, side, side), score, np.zeros((5, 2)))


def scores(*faces: Face) -> list[float]:
    return [one.score for one in in_crowds(list(faces))]


def test_two_sure_faces_of_its_size_make_a_small_face_likely():
    doubtful = face(30, -0.05)
    assert scores(doubtful, face(28, 0.9), face(36, 0.8)) == pytest.approx([CROWD_BONUS - 0.05, 0.9, 0.8])
    assert scores(doubtful, face(28, 0.9), face(36, 0.3))[0] == -0.05
    assert scores(doubtful, face(28, 0.9), face(30 * CROWD_SIZES + 1, 0.9))[0] == -0.05
    assert scores(face(30, 0.3), face(30, 0.6), face(30, 0.7)) == [CROWD_SCORE, 0.6, 0.7], "no surer than they are"


def test_a_small_face_is_confirmed_in_its_own_crop():
    small = cv2.resize(collins(), (150, 150), interpolation=cv2.INTER_AREA)  # its face has 33 pixels
    found = max(detect(small, 600), key=lambda one: one.score)
    doubted = Face(found.box, 0.8, found.landmarks)
    assert SCORE_THRESHOLD < looked_again(small, doubted).score <= 0.8 - SMALL_DOUBT


def test_a_texture_is_not_confirmed():
    brick = cv2.cvtColor(skimage.data.brick(), cv2.COLOR_GRAY2RGB)
    texture = Face((100.0, 100.0, 30.0, 40.0), 0.8, np.zeros((5, 2)))
    assert looked_again(brick, texture).score == pytest.approx(-SMALL_DOUBT)
