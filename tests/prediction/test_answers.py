"""The answers for a photo: the same by every route, honest about what is not known; and the table of them."""

from __future__ import annotations

import os
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from maskedgender.faces.crops import canonical_crop
from maskedgender.faces.detector import Face
from maskedgender.faces.finding import find_faces
from maskedgender.networks.answering import answering
from maskedgender.networks.classifier import Classifier
from maskedgender.networks.exporting import save_with_record
from maskedgender.networks.model_files import load_model
from maskedgender.prediction import answers
from maskedgender.prediction.answers import (
    Prediction,
    error_row,
    face_rows,
    name_in_csv,
    per_cent,
    predict_file,
    predict_photo,
    write_csv,
)
from maskedgender.prediction.many_photos import rows_of_photos

from ..support.networks import quick_cnn, quick_model
from ..support.people import collins, hopper


def classifier(*bias: float) -> keras.Model:
    """A model that gives the same outputs for every picture: the softmax of these numbers."""
    inputs = keras.Input((64, 64, 3))
    constant = keras.initializers.Constant(list(bias))
    dense = keras.layers.Dense(2, activation="softmax", kernel_initializer="zeros", bias_initializer=constant)
    return keras.Model(inputs, dense(keras.layers.GlobalAveragePooling2D()(inputs)))


def test_a_face_gets_the_answer_of_its_canonical_crop(model: Classifier, photos: dict[str, Path]) -> None:
    """Oracle: detector, crop and a bare call of the model, step by step."""
    crop = canonical_crop(collins(), find_faces(collins())[0], model.size)
    pairs, _ = model.model(crop[None].astype(np.float32), training=False)
    given = predict_photo(model, collins())[0]
    assert (given.p_female, given.p_male) == pytest.approx(tuple(np.asarray(pairs)[0]), abs=1e-5)
    assert predict_file(model, photos["collins"]) == [given] and given.calibrated and given.score > 0.6


def test_crops_are_answered_alike_alone_and_in_a_crowd() -> None:
    model, crops = Classifier(quick_model(32)), np.random.default_rng(0).integers(0, 256, (70, 32, 32, 3), np.uint8)
    alone = np.concatenate([model.predict(crops[number : number + 1]) for number in (0, 63, 64, 69)])
    assert model.predict(crops)[[0, 63, 64, 69]] == pytest.approx(alone, abs=1e-5)
    assert model.predict(crops[:0]).shape == (0, 2)


@pytest.mark.parametrize("shape", [(200, 300), (1, 1)])
def test_no_face_is_an_empty_list_and_the_whole_picture_only_if_asked_for(
    shape: tuple[int, int], model: Classifier
) -> None:
    meadow = np.full((*shape, 3), (60, 140, 60), np.uint8)
    assert predict_photo(model, meadow) == []
    (prediction,) = predict_photo(model, meadow, whole_picture=True)
    assert prediction.whole_picture and prediction.box == (0, 0, shape[1], shape[0]) and prediction.score is None
    assert prediction.p_female + prediction.p_male == pytest.approx(1, abs=1e-6)


def test_each_model_brings_its_own_threshold_of_not_sure() -> None:
    def answer(p_female: float, threshold: float | None) -> str:
        model = Classifier(classifier(float(np.log(p_female)), float(np.log(1 - p_female))), True, threshold)
        (prediction,) = predict_photo(model, hopper())
        assert prediction.p_female == pytest.approx(p_female, abs=1e-5)
        return prediction.answer

    assert [answer(p, 0.83) for p in (0.84, 0.82, 0.18, 0.16)] == ["female", "not sure", "not sure", "male"]
    assert answer(0.82, 0.7) == "female" and answer(0.51, None) == "female"
    at, below = (Prediction((0, 0, 9, 9), 1.0, p, 1 - p, not_sure_below=0.83) for p in (0.83, 0.83 - 1e-9))
    assert (at.answer, below.answer) == ("female", "not sure")


def test_a_file_of_the_original_answers_from_true_luma(original_model: Path) -> None:
    """Two sigmoids become a pair that sums to 1, marked as not calibrated; grey is made from RGB, not from BGR."""
    model = load_model(original_model)
    (prediction,) = predict_photo(model, hopper())
    assert not prediction.calibrated and prediction.p_female + prediction.p_male == pytest.approx(1, abs=1e-6)
    crop = canonical_crop(hopper(), find_faces(hopper())[0], 100)
    luma = np.round(crop.astype(float) @ (0.299, 0.587, 0.114))[None, ..., None]
    sigmoids = np.asarray(model.model(luma.astype(np.float32), training=False))[0]
    assert prediction.p_male == pytest.approx(sigmoids[1] / sigmoids.sum(), abs=5e-3)


def test_a_file_that_tells_of_masks_fills_the_column_and_others_leave_it_empty(tmp_path: Path) -> None:
    trained = quick_cnn(64)
    mask = [np.zeros((16, 1), np.float32), np.array([2.0], np.float32)]
    save_with_record(answering(trained, mask), tmp_path / "tells.keras", {})
    save_with_record(answering(trained), tmp_path / "silent.keras", {})
    names = "tells.keras", "silent.keras"
    tells, silent = (predict_photo(load_model(tmp_path / name), collins()) for name in names)
    assert tells[0].p_female == pytest.approx(silent[0].p_female, abs=1e-6)
    rows = [face_rows("photo.jpg", found)[0]["p_mask"] for found in (tells, silent)]
    assert rows == [pytest.approx(1 / (1 + np.exp(-2.0)), abs=1e-6), None]


def test_a_crowd_gets_a_hundred_answers_and_is_told_how_many_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    faces = [Face((number, 0, 150 - number, 150 - number), 0.9, np.zeros((5, 2))) for number in range(103)]
    monkeypatch.setattr(answers, "find_faces", lambda photo, quick=False: faces)
    crowd, model = tmp_path / "crowd.png", Classifier(classifier(0, 1))
    Image.new("RGB", (300, 200)).save(crowd)
    (rows,) = rows_of_photos(model, [crowd])
    assert [row["face"] for row in rows] == [*range(1, 101), None]
    assert [row["width"] for row in rows[:100]] == [150 - number for number in range(100)]
    assert rows[100]["error"] == "3 smaller faces left out: a photo gets answers for 100"


@pytest.mark.parametrize("name", ["=cmd.jpg", "+1.jpg", "-1.jpg", "@x.jpg", "\tx.jpg", " =1+1.jpg", "Zoë 日本.jpg"])
def test_no_cell_is_a_formula_and_names_are_true(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_text("no photo")
    face = Prediction((1, 1, 9, 9), 0.9, 0.8, 0.2)
    write_csv([*face_rows(name, [face]), error_row(name, f"{name} is not a photo.")], "out.csv")
    assert Path("out.csv").read_bytes().startswith(b"\xef\xbb\xbf"), "or Excel would not read other alphabets"
    rows = pd.read_csv("out.csv", keep_default_na=False)
    assert not [cell for cell in (*rows.file, *rows.error) if cell.lstrip(" ").startswith(tuple("=+-@\t"))]
    assert [Path(file).name for file in rows.file] == [name, name] and all(map(os.path.isfile, rows.file))


def test_a_name_that_is_no_utf_8_can_be_written() -> None:
    assert name_in_csv(b"caf\xe9.jpg".decode("utf-8", "surrogateescape")) == "caf\\udce9.jpg"


@pytest.mark.parametrize(
    ("p", "threshold", "told"),
    [
        (0.8196, None, "82 %"),
        (0.8196, 0.82, "81.9 %"),
        (0.8129, 0.82, "81 %"),
        (0.82, 0.82, "82 %"),
        (0.995, None, ">99 %"),
        (0.9949, None, "99 %"),
        (0.005, None, "<1 %"),
    ],
)
def test_a_probability_is_told_in_whole_per_cent_and_never_seems_to_reach_the_threshold(
    p: float, threshold: float | None, told: str
) -> None:
    assert per_cent(p, threshold) == told


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here that is always full")
def test_a_full_disk_is_one_sentence() -> None:
    with pytest.raises(OSError, match=r"^/dev/full cannot be written \(No space left on device\); make room"):
        write_csv([error_row("a.jpg", "no photo")], "/dev/full")
