"""Faces are found where they are, whatever their size, and the canonical crop frames them as the contract says."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import skimage.data

from maskedgender.faces import finding as faces
from maskedgender.faces import views
from maskedgender.faces.crops import CropWindow, canonical_crop, crop_window, patch
from maskedgender.faces.detector import Face, detect, detect_in
from maskedgender.faces.finding import find_faces
from maskedgender.faces.geometry import GREY, Halves, resized, turned_about, turned_back
from maskedgender.faces.views import seen, whole
from maskedgender.images.photos import read_photo
from maskedgender.places import EXAMPLES

from ..support.people import collins, fairface_portraits, hopper


def face_at(x: float, y: float, width: float, height: float) -> Face:
    return Face((x, y, width, height), 1.0, np.zeros((5, 2)))


def numbered(height: int, width: int) -> np.ndarray:
    """A synthetic picture whose pixels say where they are: red is the column, green the row."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows, np.full_like(rows, 77)], -1).astype(np.uint8)


def test_the_crop_shows_the_photos_own_pixels_in_their_order_and_scale():
    """The side is 1.4 times the box's, whose middle, (140, 130), lies at (0.50, 0.54)."""
    crop = canonical_crop(numbered(250, 250), face_at(100, 80, 80, 100), 140)
    assert (crop == numbered(250, 250)[54:194, 70:210]).all() and crop.dtype == np.uint8


@pytest.mark.parametrize("grey", [False, True])
def test_a_patch_is_what_indexing_pixel_by_pixel_gives(grey: bool) -> None:
    rng = np.random.default_rng(0)
    for _ in range(500):
        height, width, side = rng.integers(1, 40, 3)
        photo = rng.integers(0, 255, (height, width, 3)).astype(np.uint8)
        apart = 0 if grey else side  # beside the photo there is its edge alone
        left, top = (int(rng.integers(1 - side - apart, length + apart)) for length in (width, height))
        rows, columns = np.arange(top, top + side), np.arange(left, left + side)
        expected = photo[rows.clip(0, height - 1)[:, None], columns.clip(0, width - 1)]
        if grey:
            expected[(rows < 0) | (rows >= height)] = GREY
            expected[:, (columns < 0) | (columns >= width)] = GREY
        np.testing.assert_array_equal(patch(photo, CropWindow(left, top, int(side)), grey), expected)


@pytest.mark.parametrize("angle", [90, -90, 180])
def test_the_crop_of_a_turned_head_shows_what_the_upright_photo_shows(angle):
    upright, box = numbered(250, 230), np.zeros((250, 230))
    box[80:180, 60:140] = 1
    lying = np.ascontiguousarray(np.rot90(upright, -angle // 90))
    x, y, width, height = cv2.boundingRect(np.argwhere(np.rot90(box, -angle // 90))[:, ::-1].astype(np.int32))
    face = Face((x, y, width, height), 1.0, np.zeros((5, 2)), angle)
    difference = canonical_crop(lying, face, 140).astype(int) - canonical_crop(upright, face_at(60, 80, 80, 100), 140)
    assert np.abs(difference).max() <= 1  # the window lies on whole pixels


@pytest.mark.parametrize(("x", "y"), [(60, 80), (-30, 40), (190, 170), (-20, 200)])
def test_the_crop_of_a_leaning_head_repeats_the_photos_edges(x: int, y: int):
    photo = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (250, 230, 3), np.uint8), (0, 0), 2)
    face = Face((x, y, 80, 100), 1.0, np.zeros((5, 2)), 30)
    window, wide = crop_window(face), cv2.copyMakeBorder(photo, 300, 300, 300, 300, cv2.BORDER_REPLICATE)
    middle = 300 + np.array([window.left, window.top]) + (window.side - 1) / 2
    expected = turned_about(wide, middle, 30, (window.side, window.side), cv2.BORDER_REPLICATE)
    assert np.abs(canonical_crop(photo, face, window.side).astype(int) - expected).max() <= 2


def test_a_turned_head_in_a_picture_that_is_longer_than_opencv_turns():
    lying = cv2.resize(np.rot90(hopper()), (1200, round(1200 * hopper().shape[1] / hopper().shape[0])))
    face, *_ = find_faces(lying)
    photo = np.full((33_000, 1200, 3), 255, np.uint8)
    photo[20_000 : 20_000 + len(lying)] = lying
    crop = canonical_crop(photo, face.moved(0, 20_000), 128)
    assert face.angle and np.abs(crop.astype(int) - canonical_crop(lying, face, 128)).mean() < 2


@pytest.mark.parametrize("angle", [0, 45, -90, 180])
def test_landmarks_move_with_the_crop(angle):
    found = detect(hopper(), 480)[0]
    face = Face(found.box, found.score, found.landmarks, angle)
    spot = hopper().copy()
    x, y = face.landmarks[3].round().astype(int)
    cv2.circle(spot, (int(x), int(y)), 2, (255, 0, 255), -1)
    changed = np.abs(canonical_crop(spot, face, 256).astype(int) - canonical_crop(hopper(), face, 256)).sum(-1)
    row, column = np.unravel_index(changed.argmax(), changed.shape)
    assert np.abs(crop_window(face).to_crop(np.array([[x, y]], float), 256)[0] - (column, row)).max() < 3


@pytest.mark.parametrize("scale", [0.2, 0.5, 1, 3])
def test_a_face_is_found_at_any_size(scale):
    photo = cv2.resize(collins(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    (found,) = find_faces(photo)
    x, y, width, height = (side / scale for side in found.box)
    assert abs(x + width / 2 - 223) < 12 and abs(y + height / 2 - 122) < 15


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


@pytest.mark.parametrize(("person", "angle"), [(hopper, 45), (hopper, -90), (collins, 90), (collins, 180)])
def test_a_turned_head_is_found_once_and_its_crop_is_upright(person, angle):
    photo = person()
    upright, lying = find_faces(photo)[0], turned_back(photo, -angle, (700, 700))
    found = find_faces(lying)
    assert [face.angle for face in found] == [angle]
    assert abs(max(found[0].box[2:]) / max(upright.box[2:]) - 1) < 0.25
    crop, wanted = canonical_crop(lying, found[0], 64), canonical_crop(photo, upright, 64)
    likeness = [np.corrcoef(np.rot90(crop, quarters).ravel(), wanted.ravel())[0, 1] for quarters in range(4)]
    assert likeness[0] > max(0.5, *likeness[1:])


def test_hardly_a_portrait_is_turned():
    found = [find_faces(portrait) for portrait in fairface_portraits(30)]
    assert sum(some[0].angle != 0 for some in found if some) <= 1


Passes = Callable[..., tuple[int, int]]


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    """Counts the detector's passes over a photo, and the faces that are in doubt there."""

    def counted(photo: np.ndarray, quick: bool = False) -> tuple[int, int]:
        sheets: list[int] = []
        doubts: list[int] = []
        with monkeypatch.context() as patched:
            patched.setattr(views, "detect_in", lambda *given: sheets.append(1) or detect_in(*given))
            for name in ("verified", "looked_again"):
                real = getattr(faces, name)
                patched.setattr(faces, name, lambda *given, real=real: doubts.append(1) or real(*given))
            find_faces(photo, quick=quick)
        return len(sheets), len(doubts)

    return counted


def test_an_easy_photo_takes_two_passes(passes: Passes):
    for name in ("eileen_collins", "grace_hopper", "grace_hopper_masked"):
        assert passes(read_photo(EXAMPLES / f"{name}.jpg"))[0] <= 2, name
    tenth = cv2.resize(hopper(), None, fx=80 / 220, fy=80 / 220, interpolation=cv2.INTER_AREA)
    assert passes(cv2.copyMakeBorder(tenth, 100, 300, 200, 200, cv2.BORDER_REPLICATE))[0] <= 3, "a face of 80 pixels"


def head(name: str, side: int) -> np.ndarray:
    """An example's face and what is around it, so large that the face's box has `side` pixels."""
    photo = read_photo(EXAMPLES / f"{name}.jpg")
    x, y, width, height = find_faces(photo)[0].box
    reach, middle = max(width, height), (x + width / 2, y + height / 2)
    left, top = (max(0, round(at - reach)) for at in middle)
    around = photo[top : round(middle[1] + reach), left : round(middle[0] + reach)]
    return cv2.resize(around, None, fx=side / reach, fy=side / reach, interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("certain", [True, False], ids=["and a certain one", "alone"])
def test_a_large_photo_shows_the_small_faces_behind_a_close_up(certain: bool) -> None:
    photo = np.full((3000, 4000, 3), 130, np.uint8)
    heads = [("barack_obama", 1250, 100, 300), *(("joe_biden", 105, 2600 + 400 * number, 1500) for number in range(3))]
    heads += [("grace_hopper", 300, 2700, 300)] if certain else []
    for name, side, left, top in heads:
        pasted = head(name, side)
        photo[top : top + pasted.shape[0], left : left + pasted.shape[1]] = pasted
    assert len(find_faces(photo)) == len(heads)


def test_no_photo_takes_more_than_twelve_passes_and_twenty_close_looks(passes: Passes):
    small = cv2.resize(collins(), (128, 128), interpolation=cv2.INTER_AREA)
    crowd = np.tile(cv2.GaussianBlur(small, (0, 0), 1.2), (3, 8, 1))
    hard = [crowd, skimage.data.coffee(), turned_back(hopper(), -45, (700, 700)), collins()[::-1].copy()]
    counts, doubts = zip(*map(passes, hard), strict=True)
    assert all(count <= 12 + min(doubtful, 20) for count, doubtful in zip(counts, doubts, strict=True))
    assert doubts[0] > 20, "there are more in doubt than get a look"


def test_quick_looks_twice_only_however_many_are_in_doubt(passes: Passes) -> None:
    worn = read_photo(EXAMPLES / "grace_hopper_masked.jpg")
    crowd = np.tile(cv2.resize(worn, (160, 200), interpolation=cv2.INTER_AREA), (2, 3, 1))
    assert passes(crowd, quick=True)[0] == 2 < passes(crowd)[0]
    assert len(find_faces(crowd, quick=True)) >= 3 and len(find_faces(crowd)) == 6


def test_views_on_one_sheet_show_what_each_shows_alone():
    photo = hopper()
    halves = Halves(photo)
    several = [whole(halves, 224), whole(halves, 160), whole(halves, 300), whole(halves, 320, border=0.05)]
    together = seen(several, 0.5)
    for view, faces_of_view in zip(several, together, strict=True):
        (alone,) = seen([view], 0.5)[0]
        (one,) = faces_of_view
        assert np.abs(np.array(one.box) - alone.box).max() < 0.05 * max(alone.box)
        assert one.score == pytest.approx(alone.score, abs=0.03)


# Two of skimage's pictures do get a false box, "grass" and "text", at scores of 0.52 and 0.60.
@pytest.mark.parametrize("picture", ["coins", "gravel", "moon", "page"])
def test_textures_have_no_faces(picture):
    photo = cv2.cvtColor(getattr(skimage.data, picture)(), cv2.COLOR_GRAY2RGB)
    assert find_faces(photo) == []


def test_threads_find_what_one_finds():
    photos = [collins(), hopper()] * 3

    def found(photo: np.ndarray) -> list[tuple]:
        return [(face.box, face.score, face.angle, face.landmarks.tolist()) for face in find_faces(photo)]

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(found, photos)) == [found(photo) for photo in photos[:2]] * 3


@pytest.mark.parametrize("size", [(224, 168), (640, 480), (1280, 960)])
def test_the_detector_sees_a_large_photo_as_if_it_were_scaled_in_one_step(size: tuple[int, int]):
    photo = cv2.resize(collins()[:384], (4000, 3000), interpolation=cv2.INTER_CUBIC)
    assert np.abs(Halves(photo).resized(size).astype(int) - resized(photo, size)).mean() < 1.5  # grey levels
    odd = photo[:-1, :-3]
    assert (Halves(odd).resized(size) == resized(odd, size)).all(), "half a pixel would be lost at each step"


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (7, 300), (300, 400)])
def test_pictures_of_nothing_and_those_too_narrow_for_a_face_have_none(shape):
    assert find_faces(np.full((*shape, 3), 120, np.uint8)) == []


def test_fairface_portraits_are_framed_as_the_contract_measured_them():
    sides = []
    for portrait in fairface_portraits(100):
        found = detect(portrait, 224)
        sides += [144 / max(found[0].box[2:])] if found else []
    assert len(sides) >= 97
    assert 0.92 < np.median(sides) < 1.02
