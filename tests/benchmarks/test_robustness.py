"""The photos that models are measured on, what is done to them, and how the answers are counted."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest

from benchmarks import accuracy, changes
from benchmarks.answers import CLEAN, CLEAN_ONLY, Answers, answers
from benchmarks.photos import Photo, head_turn, photos
from benchmarks.robustness import CHANGES, DIRECTIONS, MEAN_OF_PHOTOS, table
from maskedgender.faces.crops import canonical_crop, crop_window
from maskedgender.faces.detector import Face
from maskedgender.faces.finding import find_faces
from maskedgender.masks.drawing import draw_mask
from maskedgender.networks.model_files import load_model
from maskedgender.prediction.answers import predict_photo

from ..support.people import FAIRFACE, collins, hopper


def photo_of(pixels: np.ndarray, file: str = "val/1.jpg", bare: np.ndarray | None = None) -> Photo:
    faces = find_faces(pixels if bare is None else bare)
    box, landmarks = (faces[0].box, faces[0].landmarks) if faces else (None, None)
    style = "none" if bare is None else "kn95"
    return Photo(pixels, file, "female", "70+", "White", style, box, pixels if bare is None else bare, landmarks)


@pytest.fixture(scope="module")
def masked() -> Photo:
    face = find_faces(collins())[0]
    drawn = draw_mask(collins(), face.landmarks, "kn95", np.random.default_rng(3))
    return photo_of(drawn.photo, bare=collins())


GREY_SHEET = photo_of(np.full((300, 200, 3), 120, np.uint8))
RED_SHEET = photo_of(np.full((300, 200, 3), (200, 30, 10), np.uint8))


def test_changes_are_as_strong_as_they_say() -> None:
    change, photo = changes.PHOTO_CHANGES, photo_of(hopper())
    assert change["dark"](GREY_SHEET).mean() == pytest.approx(48)
    assert change["bright"](RED_SHEET)[0, 0].tolist() == [255, 48, 16]
    noise = change["noise"](GREY_SHEET).astype(float) - 120
    assert noise.std() == pytest.approx(25, rel=0.05) and abs(noise.mean()) < 1
    assert (change["noise"](GREY_SHEET) == change["noise"](GREY_SHEET)).all(), "the same photo, the same noise"
    detail = [np.abs(cv2.Laplacian(pixels, cv2.CV_32F)).mean() for pixels in (photo.pixels, change["blur"](photo))]
    assert detail[1] < 0.5 * detail[0]
    assert 1 < np.abs(change["JPEG quality 20"](photo).astype(float) - photo.pixels).mean() < 12
    assert change["half resolution"](photo).shape == (300, 256, 3)
    assert change["quarter resolution"](photo).shape == (150, 128, 3)
    for name, changed in change.items():
        red, green, blue = changed(RED_SHEET).reshape(-1, 3).mean(axis=0)
        assert (red == green == blue) if name == "grey" else (red > green + 15 > blue), f"{name} keeps colours"


def test_only_the_mask_is_stretched(masked):
    def rows_of_mask(pixels: np.ndarray) -> np.ndarray:
        return np.flatnonzero((cv2.absdiff(pixels, masked.bare).max(axis=2) > 20).sum(axis=1) > 20)

    height = len(rows_of_mask(masked.pixels))
    taller, shorter = (changes.PHOTO_CHANGES[f"{name} mask"](masked) for name in ("taller", "shorter"))
    assert len(rows_of_mask(taller)) == pytest.approx(1.15 * height, rel=0.06)
    assert len(rows_of_mask(shorter)) == pytest.approx(height / 1.15, rel=0.06)
    hair = slice(0, int(masked.landmarks[0, 1]) - 10)
    assert np.abs(taller[hair].astype(int) - masked.bare[hair]).max() <= 1


def test_faces_get_the_sizes_that_their_files_draw() -> None:
    photo = photo_of(hopper())
    sizes = [changes.face_pixels(replace(photo, file=f"val/{number}.jpg")) for number in range(200)]
    assert 24 <= min(sizes) < 26 and 185 < max(sizes) <= 192 and np.median(sizes) == pytest.approx(68, rel=0.2)
    served = find_faces(changes.at_random_size(photo))[0]
    assert max(served.box[2:]) == pytest.approx(changes.face_pixels(photo), rel=0.1)


FACE = Face((100.0, 80.0, 50.0, 60.0), 0.9, np.zeros((5, 2)))


def test_framings_move_scale_and_turn_the_crop() -> None:
    sheet, before = np.zeros((300, 300, 3), np.uint8), crop_window(FACE)
    after = crop_window(changes.moved(0.1, -0.1)(sheet, FACE)[1])
    assert after.side == before.side
    assert (after.left - before.left, after.top - before.top) == pytest.approx((8.4, -8.4), abs=1)
    wider = changes.scaled(1.1)(sheet, FACE)[1]
    assert crop_window(wider).side == pytest.approx(1.1 * before.side, abs=1)
    assert (wider.box[0] + wider.box[2] / 2, wider.box[1] + wider.box[3] / 2) == pytest.approx((125, 110))
    sheet[109:112, 144:147] = 255  # 20 pixels right of the box's middle
    crop = canonical_crop(*changes.turned(30)(sheet, FACE), before.side)
    row, column = np.argwhere(crop[..., 0] > 128).mean(axis=0) + 0.5 - np.array((0.54, 0.50)) * before.side
    assert (column, row) == pytest.approx((20 * np.cos(np.pi / 6), -20 * np.sin(np.pi / 6)), abs=1.5)


def test_answers_are_those_of_the_served_path_and_stay_with_their_photos():
    model = load_model()
    two_people = np.hstack([np.pad(cv2.resize(hopper(), (256, 300)), ((0, 212), (0, 0), (0, 0))), collins()])
    taken = [photo_of(hopper(), "a"), GREY_SHEET, photo_of(two_people, "c")]
    left = {"moved left": changes.moved(-0.1, 0)}
    given = answers({"ours": model}, taken, False, {**CLEAN_ONLY, "dark": changes.PHOTO_CHANGES["dark"]}, left)["ours"]
    assert list(given) == [CLEAN, "dark", "moved left"]
    assert given[CLEAN].photos["file"].tolist() == ["a", "val/1.jpg", "c"]
    assert given[CLEAN].found.tolist() == [True, False, True]
    for number, photo in ((0, hopper()), (2, two_people)):
        (face, *_) = predict_photo(model, photo)
        assert given[CLEAN].probabilities[number] == pytest.approx((face.p_female, face.p_male), abs=1e-5)
        assert abs(given["moved left"].probabilities[number] - given[CLEAN].probabilities[number]).max() > 1e-4
    assert not answers({"ours": model}, taken[:1], True)["ours"][CLEAN].photos.size, "no mask could be drawn on it"
    (darker, *_) = predict_photo(model, changes.PHOTO_CHANGES["dark"](taken[2]))
    assert given["dark"].probabilities[2] == pytest.approx((darker.p_female, darker.p_male), abs=1e-5)


def answered(right: list[float]) -> Answers:
    """Answers to photos of men that are right (1), wrong (0) or missing (not-a-number)."""
    p_male = np.array(right, np.float32) * 0.8 + 0.1
    return Answers(pd.DataFrame({"label": [1] * len(right)}), np.column_stack([1 - p_male, p_male]))


def test_accuracy_counts_whom_it_did_not_find_and_is_sure_where_it_says() -> None:
    """Of fifty women and fifty men ours errs on five women, and finds not ten men; the seed's on twenty women."""
    people = pd.DataFrame({"label": np.repeat([0, 1], 50), "race": "Black", "age": "20-29", "style": "cloth"})
    people = people.assign(**{"head turn": "0-14", "face size": np.repeat(["24-31", "96-127"], 50)})
    p_male, seeds = np.repeat([0.1, 0.9], 50), np.repeat([0.1, 0.9], 50)
    p_male[:5], p_male[50:60], p_male[60:80], seeds[:20] = 0.8, np.nan, 0.7, 0.6
    ours, theirs = (Answers(people, np.column_stack([1 - p, p]), 0.75) for p in (p_male, seeds))
    assert ours.sure.tolist() == (~np.isnan(p_male) & (p_male != 0.7)).tolist()
    told = accuracy.tables_of({"ours": (ours, ours), "seed_gender": (theirs, theirs)}, masked=True)
    figures = told["accuracy"]["ours, masked"]
    assert figures["face found"].startswith("90.00 %") and figures["of these right"].startswith("92.86 %")
    assert figures["accuracy (95 % interval)"].startswith("94.44 %")
    assert figures["accuracy, no face counted as wrong"].startswith("85.00 %")
    assert figures["answered"].startswith("77.78 %") and figures["balanced accuracy"].startswith("95.00 %")
    groups = told["accuracy-by-group"][lambda rows: rows["model"] == "ours"].set_index("value")
    assert groups.loc["male", ["photos", "count", "answered"]].tolist() == [50, 40, 0.5]
    assert groups.loc["24-31", ["photos", "count", "women called male"]].tolist() == [50, 50, 0.1]
    gaps = told["gaps"].set_index(["model", "figure"])["value"]
    assert gaps["ours", "error, as a share of the seed's"] == pytest.approx(0.25)


def test_the_table_against_counts_by_hand():
    given = {name: answered([1] * 8 + [0] * 2) for name in (*CHANGES, *DIRECTIONS)}
    given["blur"] = answered([1] * 6 + [0] * 4)
    given["noise"] = answered([np.nan] * 4 + [1] * 4 + [0] * 2)
    given["moved left"] = answered([1] * 4 + [0] * 6)
    rows = table(given).set_index("change").round(6)
    assert rows.loc[CLEAN, ["accuracy", "drop", "drop low", "drop high"]].tolist() == [0.8, 0, 0, 0]
    assert rows.loc["blur", "accuracy"] == 0.6 and rows.loc["blur", "drop"] == 0.2
    assert rows.loc["blur", "drop low"] < 0.2 < rows.loc["blur", "drop high"]
    assert rows.loc["noise", "found"] == 0.6 and rows.loc["noise", "drop"] == 0
    assert rows.loc["crop moved by 10%", "accuracy"] == 0.7 and rows.loc["crop moved by 10%", "drop"] == 0.1
    assert rows.loc["crop turned by 15 degrees", "drop"] == 0
    assert rows.loc[MEAN_OF_PHOTOS, "drop"] == pytest.approx(0.02)
    assert rows.loc[MEAN_OF_PHOTOS, "found"] == pytest.approx(0.96)


@pytest.mark.skipif(not (FAIRFACE / "train_labels.csv").is_file(), reason="FairFace is not at ../shared/data/fairface")
def test_photos_come_by_name_with_their_masks_and_what_is_known():
    wanted = {"train/3.jpg", "train/5.jpg"}
    first, second = photos(FAIRFACE, "train", masked=True, only=wanted)
    assert {first.file, second.file} == wanted
    for photo in (first, second):
        assert photo.style != "none" and (photo.pixels != photo.bare).any()
        assert max(photo.box[2:]) == pytest.approx(256 / 1.4, abs=2) and head_turn(photo).startswith(("0-", "15-"))
        mouth = photo.landmarks[3:].mean(axis=0).astype(int)
        assert (photo.pixels[mouth[1], mouth[0]] != photo.bare[mouth[1], mouth[0]]).any(), "the mask is on the mouth"
    (bare, _) = photos(FAIRFACE, "train", masked=False, only=wanted)
    assert bare.style == "none" and (bare.pixels == first.bare).all()
