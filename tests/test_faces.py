"""Faces are found where they are, whatever their size, and the canonical crop frames them as the contract says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from maskedgender import faces
from maskedgender.faces import Face, canonical_crop, crop_window, detect, find_faces

from .people import collins, fairface_portraits, hopper


def face_at(x: float, y: float, width: float, height: float) -> Face:
    return Face((x, y, width, height), 1.0, np.zeros((5, 2)))


def numbered(height: int, width: int) -> np.ndarray:
    """A synthetic picture whose pixels say where they are: red is the column, green the row."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows, np.full_like(rows, 77)], -1).astype(np.uint8)


def test_the_crop_is_14_times_the_box_with_its_centre_a_little_below_the_middle():
    window = crop_window(face_at(100, 80, 80, 100))
    assert window.side == 140
    assert (window.left, window.top) == (140 - 70, round(130 - 0.54 * 140))


def test_the_crop_shows_the_photos_own_pixels_in_their_order_and_scale():
    crop = canonical_crop(numbered(250, 250), face_at(100, 80, 80, 100), 140)
    assert crop.shape == (140, 140, 3)
    assert crop.dtype == np.uint8
    assert (crop == numbered(250, 250)[54:194, 70:210]).all()


def test_where_the_photo_ends_its_edge_is_repeated():
    crop = canonical_crop(numbered(100, 100), face_at(0, 0, 100, 100), 140)
    assert (crop[:, 0, 0] == 0).all()
    assert (crop[0, :, 1] == 0).all()
    assert (crop[-1, -1, :2] == 99).all()


def test_landmarks_move_with_the_crop():
    face = detect(hopper(), 480)[0]
    window = crop_window(face)
    spot = hopper().copy()
    x, y = face.landmarks[2].round().astype(int)
    cv2.circle(spot, (int(x), int(y)), 2, (255, 0, 255), -1)
    changed = np.abs(canonical_crop(spot, face, 256).astype(int) - canonical_crop(hopper(), face, 256)).sum(-1)
    row, column = np.unravel_index(changed.argmax(), changed.shape)
    assert np.abs(window.to_crop(np.array([[x, y]], float), 256)[0] - (column, row)).max() < 3


@pytest.mark.parametrize("scale", [0.2, 0.5, 1, 3])
def test_a_face_is_found_at_any_size(scale):
    photo = cv2.resize(collins(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    found = find_faces(photo)
    assert len(found) == 1
    x, y, width, height = (side / scale for side in found[0].box)
    assert abs(x + width / 2 - 223) < 12
    assert abs(y + height / 2 - 122) < 15


def test_a_close_up_that_fills_the_picture_is_found():
    assert len(find_faces(collins()[70:175, 180:267])) == 1


def test_a_group_photo_gives_every_face_once_largest_first():
    small = cv2.resize(hopper(), None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    group = np.full((512, 512 + 307 + 512, 3), 128, np.uint8)
    group[:, :512] = collins()
    group[100 : 100 + small.shape[0], 512 : 512 + small.shape[1]] = small
    group[:, -512:] = collins()[:, ::-1]
    found = find_faces(group)
    assert len(found) == 3
    assert [face.area for face in found] == sorted((face.area for face in found), reverse=True)


def test_the_detector_is_given_the_bgr_that_it_was_trained_on(monkeypatch):
    class Recorder:
        def setInputSize(self, size): ...  # noqa: N802
        def setScoreThreshold(self, threshold): ...  # noqa: N802

        def detect(self, picture):
            self.middle = picture[picture.shape[0] // 2, picture.shape[1] // 2].tolist()
            return 0, None

    recorder = Recorder()
    monkeypatch.setattr(faces, "_detector", lambda: recorder)
    detect(np.full((100, 100, 3), (250, 120, 3), np.uint8), 224)
    assert recorder.middle == [3, 120, 250]


def test_no_face_no_answer():
    assert find_faces(np.full((300, 400, 3), 200, np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (1, 5000), (5000, 1), (100, 5000), (7, 300)])
def test_photos_too_narrow_for_a_face_have_none(shape):
    assert find_faces(np.full((*shape, 3), 120, np.uint8)) == []


def test_fairface_portraits_are_framed_as_the_contract_measured_them():
    sides = []
    for portrait in fairface_portraits(200):
        found = detect(portrait, 224)
        sides += [144 / max(found[0].box[2:])] if found else []
    assert len(sides) >= 195
    assert 0.92 < np.median(sides) < 1.02
