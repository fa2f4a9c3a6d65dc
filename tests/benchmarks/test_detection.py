"""The benchmark of face detection: what counts as found and as false, and what is kept and logged."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import typer

from benchmarks import answers, detection
from benchmarks.detection import Scene
from benchmarks.photos import Photo
from maskedgender.faces.detector import Face, detect
from maskedgender.faces.finding import find_faces
from maskedgender.masks.drawing import draw_mask

from ..support.people import collins, hopper


def portrait(person: np.ndarray) -> tuple[np.ndarray, Face]:
    small = cv2.resize(person, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return small, detect(small, 224)[0]


def worn(person: np.ndarray) -> Photo:
    bare, face = portrait(person)
    pixels = draw_mask(bare, face.landmarks, "surgical", np.random.default_rng(0)).photo
    return Photo(pixels, "a.jpg", "Female", "30-39", "White", "surgical", face.box, bare, face.landmarks)


def test_a_box_off_the_face_is_false_and_the_face_not_found():
    picture, face = portrait(collins())
    x, y, width, height = face.box
    table = detection.rows("some", [Scene(picture, [face.box]), Scene(picture, [(x + width, y + height, 20, 20)])])
    shares = table.set_index("figure")["0.60"].to_dict()
    assert shares == {"found": 0.5, "well framed": 0.5, "right way up": 0.5, "false": 0.5}
    assert table["count"].tolist() == [2] * 4 and set(table["pictures"]) == {"some"}


def test_a_higher_threshold_never_finds_more():
    table = detection.rows("turned", detection.turned([Scene(collins(), [find_faces(collins())[0].box])] * 4))
    shares = table[[f"{threshold:.2f}" for threshold in detection.THRESHOLDS]].to_numpy()
    assert (np.diff(shares, axis=1) <= 0).all() and shares[0, 0] == 1


def test_behind_a_close_up_the_small_faces_count_and_the_large_one_is_not_false() -> None:
    portraits = [Scene(small, [face.box]) for small, face in map(portrait, [collins(), hopper()])]
    (scene,) = detection.behind_close_ups([portraits[1], *[portraits[0]] * 4, portraits[0]])
    assert scene.pixels.shape == (3000, 4000, 3) and len(scene.boxes) == 4
    assert all(64 <= round(max(box[2:])) <= 192 for box in scene.boxes)
    assert max(scene.beside[2:]) == pytest.approx(1250)
    shares = detection.rows("some", [scene]).set_index("figure")["0.60"]
    assert shares["found"] == 1 and shares["false"] == 0


@pytest.fixture
def one_portrait(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The benchmark takes one portrait only, and keeps what it finds in a folder of its own; the parts asked for."""
    asked: list[str] = []

    def photos(_: Path, part: str, **__: object) -> list[Photo]:
        asked.append(part)
        return [worn(hopper())]

    monkeypatch.setattr(detection, "photos", photos)
    monkeypatch.setattr(detection, "pictures_without_faces", lambda: [np.full((200, 300, 3), 90, np.uint8)])
    monkeypatch.setattr(detection, "choosing_split", lambda *_: frozenset())
    monkeypatch.setattr(answers, "RESULTS", tmp_path)
    monkeypatch.setattr(detection, "LOOKS", tmp_path / "looks.csv")
    return asked


def test_a_choice_is_kept_and_opens_no_test_image(one_portrait: list[str], tmp_path: Path):
    detection.main(dataset=tmp_path)
    table = pd.read_csv(tmp_path / "detection-choosing.csv").set_index(["pictures", "figure"])
    assert table.loc[("bare", "found"), ["count", "0.30"]].tolist() == [1, 1]
    assert table.loc[("without a face", "false"), "count"] == 4
    assert one_portrait == ["train"] and not (tmp_path / "looks.csv").exists()


@pytest.fixture
def quick(one_portrait: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It measures one kind of pictures only."""
    monkeypatch.setattr(detection, "kinds", lambda worn: {"masked": [Scene(worn[0].pixels, [worn[0].box])]})


def test_a_report_is_kept_and_logged(quick: None, one_portrait: list[str], tmp_path: Path):
    detection.main(validation=True)
    looks = pd.read_csv(tmp_path / "looks.csv")
    assert one_portrait == ["val"] and (tmp_path / "detection-validation.csv").exists()
    assert "FairFace-val 1/8, masked: found" in looks["figure"][0] and "false box 0.00 %" in looks["figure"][0]


def test_a_quick_report_is_logged_and_not_kept(quick: None, tmp_path: Path):
    detection.main(validation=True, every=100)
    assert [file.name for file in tmp_path.iterdir()] == ["looks.csv"]


@pytest.mark.parametrize("given", [{}, {"dataset": Path("masked"), "validation": True}])
def test_to_choose_and_to_report_are_two_runs(given: dict[str, object]):
    with pytest.raises(typer.BadParameter):
        detection.main(**given)
