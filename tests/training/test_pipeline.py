"""A training as notebook and shell run it: what is exported is calibrated, on the images that choose and no others."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from maskedgender.data.layout import TRAINING
from maskedgender.data.listing import list_images
from maskedgender.data.split import split_training
from maskedgender.data.stream import PortraitStream
from maskedgender.networks.answering import answering_cnn
from maskedgender.networks.probabilities import answer_probabilities
from maskedgender.networks.records import BORDER, CALIBRATED, NOT_SURE_BELOW, read_record
from maskedgender.training import pipeline
from maskedgender.training.calibration import LEAST_PORTRAITS, Calibration, _surely_right, calibrate
from maskedgender.training.recipes import RECIPES

from ..support.synthetic import synthetic_dataset
from .test_fitting import SIDE, tiny_cnn


def margins(model: keras.Model, stream: PortraitStream) -> np.ndarray:
    """Logit of male, minus that of female."""
    pairs = answer_probabilities(model, stream).astype(np.float64)
    return np.log(pairs[:, 1] / pairs[:, 0])


@pytest.mark.parametrize(("architecture", "start"), [("masked", "imagnet"), ("small", "imagenet"), ("seed", "a.keras")])
def test_a_start_that_a_network_does_not_have_is_refused(architecture: str, start: str) -> None:
    with pytest.raises(ValueError, match=r"starts? from"):
        pipeline.new_cnn(architecture, "face", start=start)


@pytest.mark.parametrize(
    ("architecture", "view", "side"),
    [("seed", "face", 143), ("seed", "portrait", 100), ("small", "face", 128), ("masked", "face", 160)],
)
def test_each_network_takes_so_many_pixels(architecture: str, view: str, side: int) -> None:
    """The original's sees a face of 100 pixels either way: of crops cut here it takes the middle."""
    model, start = pipeline.new_cnn(architecture, view, start="nothing")
    assert model.input_shape[1:3] == (side, side) and start == "nothing"


@pytest.mark.parametrize(("frozen", "still"), [(None, 3), (1, 1), (0, 0)])
def test_from_imagenet_the_first_stages_stay_frozen(
    frozen: int | None, still: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "start_from_imagenet", lambda model: None)
    model, start = pipeline.new_cnn("masked", "face", start="imagenet", frozen=frozen)
    learns = {layer.name.split("_")[0] for layer in model.layers if layer.trainable and layer.weights}
    assert start == "ImageNet"
    assert learns == {"stem", *(f"stage{stage}" for stage in range(1, 8)), "features", "logits"} - {
        *(f"stage{stage}" for stage in range(1, still + 1)),
        *(["stem"] if still else []),
    }


def test_of_portraits_cut_here_the_face_is_learnt_and_of_kaggles_all(tmp_path: Path) -> None:
    assert pipeline.view_of(synthetic_dataset(tmp_path / "ours", 2, labels_file=True)) == "face"
    assert pipeline.view_of(synthetic_dataset(tmp_path / "kaggles", 2)) == "portrait"


def test_what_is_exported_is_calibrated_on_the_images_that_choose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = list_images(synthetic_dataset(tmp_path, 12, labels_file=True), TRAINING)
    fit, choose = split_training(images, 0.4)
    masked = choose.assign(style=["none" if number % 3 == 0 else "n95" for number in range(len(choose))])
    portraits = pipeline.Portraits(tmp_path / "GenderOcclusionData", fit, masked, images, "")
    streams: list[PortraitStream] = []

    def recorded(model: keras.Model, stream: PortraitStream) -> Calibration:
        streams.append(stream)
        return calibrate(model, stream)

    history = pd.DataFrame({"epoch": [1], "val_accuracy": [0.5], "val_loss": [1.0], "seconds": [1.0]})
    monkeypatch.setattr(pipeline, "train", lambda *_, **__: history)
    monkeypatch.setattr(pipeline, "calibrate", recorded)
    monkeypatch.setattr(pipeline, "mask_head", lambda *_: None)
    monkeypatch.setattr(pipeline, "LEAST_PORTRAITS", 2)
    learnt = pipeline.learn(tiny_cnn(), RECIPES["small"], portraits, tmp_path / "out", "face")
    (stream,) = streams
    assert stream.files == masked["file"][masked["style"] == "n95"].tolist(), "the masked ones of those that choose"
    found = learnt.calibration
    assert found and found.images == len(stream.files) and abs(found.temperature - 1) > 0.01
    plain, exported = answering_cnn(tiny_cnn()), keras.saving.load_model(learnt.file)
    everything = PortraitStream(portraits.dataset, images, (SIDE, SIDE, 3), 8)
    expected = margins(plain, everything) / found.temperature + found.shift
    np.testing.assert_allclose(margins(exported, everything), expected, atol=1e-3)
    record = read_record(learnt.file)
    assert record[CALIBRATED] == "yes" and NOT_SURE_BELOW not in record
    assert learnt.note.startswith('No "not sure" threshold') and "will always answer" in learnt.note


def test_of_too_few_portraits_nothing_is_calibrated_and_a_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = list_images(synthetic_dataset(tmp_path, 12, labels_file=True), TRAINING)
    fit, choose = split_training(images, 0.4)
    portraits = pipeline.Portraits(tmp_path / "GenderOcclusionData", fit, choose, images, "")
    history = pd.DataFrame({"epoch": [1], "val_accuracy": [0.5], "val_loss": [1.0], "seconds": [1.0]})
    monkeypatch.setattr(pipeline, "train", lambda *_, **__: history)
    learnt = pipeline.learn(tiny_cnn(), RECIPES["small"], portraits, tmp_path / "out", "face")
    record = read_record(learnt.file)
    assert learnt.calibration is None and record[CALIBRATED] == "no" and NOT_SURE_BELOW not in record
    assert BORDER not in record
    assert f"The {choose['source'].nunique()} held-out portraits are too few" in learnt.note
    assert "73 are needed, about 730 for training" in learnt.note


def test_so_many_portraits_are_just_enough_for_a_threshold() -> None:
    rights = [np.ones(count, bool) for count in (LEAST_PORTRAITS - 1, LEAST_PORTRAITS)]
    assert [_surely_right(right, np.arange(len(right))) for right in rights] == [False, True]
