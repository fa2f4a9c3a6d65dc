"""Masks land on the lower face, follow the head, and take on the photo's light."""

from __future__ import annotations

import contextlib

import cv2
import numpy as np
import pytest

from maskedgender.faces.crops import canonical_crop, crop_window
from maskedgender.faces.detector import Face, detect
from maskedgender.masks.drawing import STYLES, MaskError, draw_mask

from ..support.people import collins, fairface_portraits, hopper

SIZE = 256


def crop_and_landmarks(photo: np.ndarray, face: Face | None = None) -> tuple[np.ndarray, np.ndarray]:
    face = face or detect(photo, 320)[0]
    return canonical_crop(photo, face, SIZE), crop_window(face).to_crop(face.landmarks, SIZE)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two coverages."""
    return float(np.minimum(a, b).sum() / np.maximum(a, b).sum())


def in_right_place(coverage: np.ndarray, landmarks: np.ndarray) -> bool:
    """Nose, mouth and chin covered, eyes free: judged on the pixels, by another rule than the mask maker's."""
    eyes, mouth = landmarks[:2].mean(0), landmarks[3:].mean(0)
    points = np.array([*landmarks, mouth, mouth + 0.35 * (mouth - eyes)])  # the last one is the chin
    columns, rows = points.round().astype(int).clip(0, SIZE - 1).T
    covered = coverage > 0.5
    near = cv2.dilate(covered.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0  # a profile's far corner is on the edge
    under_cloth = covered[rows, columns]
    return bool(under_cloth[[2, 5, 6]].all() and near[rows, columns][3:5].all() and not under_cloth[:2].any())


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("person", [hopper, collins])
def test_every_style_covers_nose_and_mouth_and_leaves_the_eyes_free(style, person):
    crop, landmarks = crop_and_landmarks(person())
    for seed in range(3):
        coverage = draw_mask(crop, landmarks, style, np.random.default_rng(seed)).coverage
        rows, columns = landmarks.round().astype(int)[:, ::-1].T
        assert (coverage[rows[2:], columns[2:]] > 0.9).all()
        assert (coverage[rows[:2], columns[:2]] < 0.1).all()


def test_masks_land_on_the_lower_face_of_at_least_95_percent_of_fairfaces_portraits():
    portraits, placed = fairface_portraits(300), 0
    for number, portrait in enumerate(portraits):
        style = list(STYLES)[number % len(STYLES)]
        for face in detect(portrait, 224)[:1]:
            crop, landmarks = crop_and_landmarks(portrait, face)
            with contextlib.suppress(MaskError):
                coverage = draw_mask(crop, landmarks, style, np.random.default_rng(number)).coverage
                placed += in_right_place(coverage, landmarks)
    assert placed >= 0.95 * len(portraits)


@pytest.mark.parametrize("degrees", [-40, 25, 90])
def test_the_mask_turns_with_the_head(degrees):
    crop, landmarks = crop_and_landmarks(hopper())
    turn = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), degrees, 1)
    turned_landmarks = landmarks @ turn[:, :2].T + turn[:, 2]
    upright = draw_mask(crop, landmarks, "surgical", np.random.default_rng(1)).coverage
    lying = cv2.warpAffine(crop, turn, (SIZE, SIZE))
    turned = draw_mask(lying, turned_landmarks, "surgical", np.random.default_rng(1)).coverage
    assert overlap(cv2.warpAffine(upright, turn, (SIZE, SIZE)), turned) > 0.95


def test_the_far_side_of_a_turned_head_shows_less_mask():
    landmarks = np.array([[95.0, 110], [150, 110], [105, 145], [100, 180], [140, 180]])  # nose far to the left
    coverage = draw_mask(np.full((SIZE, SIZE, 3), 128, np.uint8), landmarks, "cloth", np.random.default_rng(0)).coverage
    columns = np.nonzero((coverage > 0.5).any(0))[0]
    nose = landmarks[2, 0]
    assert nose - columns.min() < 0.6 * (columns.max() - nose)


def test_one_seed_one_mask_and_the_photo_given_stays_as_it_was():
    crop, landmarks = crop_and_landmarks(collins())
    before = crop.copy()
    first, again, other = (
        draw_mask(crop, landmarks, "patterned", np.random.default_rng(seed)).photo for seed in (3, 3, 4)
    )
    assert (crop == before).all()
    assert (first == again).all()
    assert np.abs(first.astype(int) - other).mean() > 3


def test_the_mask_is_as_dark_as_the_photo():
    crop, landmarks = crop_and_landmarks(hopper())
    bright = draw_mask(crop, landmarks, "kn95", np.random.default_rng(2))
    dark = draw_mask((crop * 0.35).astype(np.uint8), landmarks, "kn95", np.random.default_rng(2))
    cloth = bright.coverage > 0.9
    assert dark.photo[cloth].mean() < 0.65 * bright.photo[cloth].mean()


def test_the_mask_is_as_blurred_as_the_photo():
    crop, landmarks = crop_and_landmarks(hopper())
    sharp, blurred = (
        draw_mask(photo, landmarks, "patterned", np.random.default_rng(0)).photo[150:220, 90:170].astype(np.float32)
        for photo in (crop, cv2.GaussianBlur(crop, (0, 0), 4))
    )
    assert np.abs(np.diff(blurred, axis=1)).mean() < 0.6 * np.abs(np.diff(sharp, axis=1)).mean()


@pytest.mark.parametrize(
    "landmarks",
    [
        np.full((5, 2), 100.0),  # all on one point
        np.array([[900.0, 900], [960, 900], [930, 935], [905, 970], [955, 970]]),  # outside the picture
        np.array([[100.0, 240], [160, 240], [130, 275], [105, 310], [155, 310]]),  # only the eyes inside
    ],
)
def test_a_face_that_cannot_be_masked_is_refused(landmarks):
    with pytest.raises(MaskError):
        draw_mask(np.full((SIZE, SIZE, 3), 128, np.uint8), landmarks, "surgical", np.random.default_rng(0))
