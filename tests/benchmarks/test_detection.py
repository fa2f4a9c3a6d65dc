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

from ..support.people import collins, hopper


def portrait(person: np.ndarray) -> tuple[np.ndarray, Face]:
    small = cv2.resize(person, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return small, detect(small, 224)[0]


def test_a_box_off_the_face_is_false_and_the_face_not_found() -> None:
    picture, face = portrait(collins())
    x, y, width, height = face.box
    table = detection.rows("some", [Scene(picture, [face.box]), Scene(picture, [(x + width, y + height, 20, 20)])])
    shares = table.set_index("figure")["0.60"].to_dict()
    assert shares == {"found": 0.5, "well framed": 0.5, "false": 0.5}
    assert table["count"].tolist() == [2] * 3 and set(table["pictures"]) == {"some"}
    by_threshold = table[[f"{threshold:.2f}" for threshold in detection.THRESHOLDS]].to_numpy()
    assert (np.diff(by_threshold, axis=1) <= 0).all(), "a higher threshold never finds more"


def test_behind_a_close_up_the_small_faces_count_and_the_large_one_is_not_false() -> None:
    portraits = [Scene(small, [face.box]) for small, face in map(portrait, [collins(), hopper()])]
    (scene,) = detection.behind_close_ups([portraits[1], *[portraits[0]] * 4, portraits[0]])
    assert scene.pixels.shape == (3000, 4000, 3) and len(scene.boxes) == 4
    assert all(64 <= round(max(box[2:])) <= 192 for box in scene.boxes)
    assert scene.beside and max(scene.beside[2:]) == pytest.approx(1250)
    shares = detection.rows("some", [scene]).set_index("figure")["0.60"]
    assert shares["found"] == 1 and shares["false"] == 0


def test_a_test_is_kept_and_logged_and_a_quick_one_only_logged(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small, face = portrait(hopper())
    taken = Photo(small, "a.jpg", "Female", "30-39", "White", "surgical", face.box, small, face.landmarks)
    monkeypatch.setattr(detection, "photos", lambda _, part, *__: [taken] if part == "val" else [])
    monkeypatch.setattr(detection, "kinds", lambda some: {"masked": [Scene(some[0].pixels, [some[0].box])]})
    monkeypatch.setattr(answers, "RESULTS", tmp_path)
    monkeypatch.setattr(detection, "TEST_LOG", tmp_path / "looks.csv")
    detection.main(test=True, every=100)
    assert [file.name for file in tmp_path.iterdir()] == ["looks.csv"]
    detection.main(test=True)
    assert pd.read_csv(tmp_path / "detection-test.csv")["0.60"].tolist() == [1, 1, 0]
    (_, figure) = pd.read_csv(tmp_path / "looks.csv")["figure"]
    assert "FairFace-val 1/8, masked: found" in figure and "false box 0.00 %" in figure


def test_to_choose_and_to_report_are_two_runs() -> None:
    with pytest.raises(typer.BadParameter):
        detection.main(dataset=Path("masked"), test=True)
