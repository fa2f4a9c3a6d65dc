"""Fitting: it learns, goes on after a stop as if there had been none, and begins anew where something was changed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from maskedgender.data.batches import Batches
from maskedgender.data.pictures import list_pictures
from maskedgender.data.split import split
from maskedgender.networks.answering import answering
from maskedgender.networks.checksums import sha256
from maskedgender.networks.exporting import save_with_record
from maskedgender.networks.records import record_of
from maskedgender.training.calibration import calibrate, threshold_of
from maskedgender.training.fitting import compile_for, fitted
from maskedgender.training.intervals import interval_of
from maskedgender.training.mask_output import mask_output

from ..support.synthetic import synthetic_dataset

SIDE = 32
RUN = """
import sys
from pathlib import Path
from tests.training.test_fitting import run
run(Path(sys.argv[1]), Path(sys.argv[2]), epochs=int(sys.argv[3]))
"""


def tiny_cnn(filters: int = 4) -> keras.Model:
    """A network small enough that a test of training is about training."""
    inputs = keras.Input((SIDE, SIDE, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(filters, 5, strides=4, name="seen")(x)
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.Flatten()(layers.ReLU()(x))
    return keras.Model(inputs, layers.Dense(2, name="logits")(x), name="tiny")


def run(
    dataset: Path, output: Path, epochs: int = 2, filters: int = 4, seed: int = 0
) -> tuple[keras.Model, pd.DataFrame]:
    """Build, compile and fit the tiny network as the notebook does."""
    train, validation, _ = split(list_pictures(dataset))
    batches = Batches(train, SIDE, 16, augment=True, seed=seed)
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    model = tiny_cnn(filters)
    compile_for(model, epochs * len(batches), rate=0.01)
    return model, fitted(model, batches, Batches(validation, SIDE), epochs, output)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    synthetic_dataset(folder, portraits=60, variants=2, labels_file=True)
    return folder


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, keras.Model, pd.DataFrame]:
    """Four epochs in one go: where they were trained, the model, the history."""
    output = tmp_path_factory.mktemp("output")
    return output, *run(dataset, output, epochs=4)


def test_it_learns_and_keeps_its_best_epoch(dataset: Path, trained: tuple[Path, keras.Model, pd.DataFrame]):
    _, model, history = trained
    assert history.epoch.tolist() == [1, 2, 3, 4] and (history.seconds > 0).all()
    assert history.val_accuracy.max() > 0.9
    validation = Batches(split(list_pictures(dataset))[1], SIDE)
    assert model.evaluate(validation, verbose=0)[1] == pytest.approx(history.val_accuracy.max())


def test_a_finished_run_is_not_trained_again(dataset: Path, trained, capsys: pytest.CaptureFixture):
    output, model, history = trained
    again, same = run(dataset, output, epochs=4)
    assert "was finished before" in capsys.readouterr().out
    assert same.equals(history)
    assert all(np.array_equal(*pair) for pair in zip(model.get_weights(), again.get_weights(), strict=True))


@pytest.mark.parametrize("change", [{"filters": 6}, {"seed": 1}, {"epochs": 3}])
def test_whatever_is_changed_is_another_run(dataset: Path, trained, change: dict[str, int], capsys):
    output, *_ = trained
    run(dataset, output, **{"epochs": 4, **change})
    assert "begins" in capsys.readouterr().out


def test_a_stopped_run_goes_on_as_if_there_had_been_no_stop(
    dataset: Path, trained, tmp_path: Path, capsys, monkeypatch
):
    stopped_before = Batches.begin

    def begin(self: Batches, epoch: int, epochs: int) -> None:
        stopped_before(self, epoch, epochs)
        if self.augment and epochs and epoch == 2 and monkeypatch is not None and not resumed:
            raise KeyboardInterrupt

    resumed = False
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Batches, "begin", begin)
        run(dataset, tmp_path, epochs=4)
    resumed = True
    model, history = run(dataset, tmp_path, epochs=4)
    _, whole, figures = trained
    assert "goes on after epoch 2" in capsys.readouterr().out
    pd.testing.assert_frame_equal(history.drop(columns="seconds"), figures.drop(columns="seconds"), rtol=1e-4)
    assert all(np.allclose(*pair, atol=1e-4) for pair in zip(model.get_weights(), whole.get_weights(), strict=True))


def test_a_cell_may_be_run_again_and_changed(dataset: Path, trained, tmp_path: Path, capsys: pytest.CaptureFixture):
    """The same model is compiled and fitted anew, as when a reader runs that cell alone."""
    train, validation, _ = split(list_pictures(dataset))
    batches, checked = Batches(train, SIDE, 16, augment=True), Batches(validation, SIDE)
    model, histories = tiny_cnn(), []
    for rate in (0.01, 0.01, 0.02):
        compile_for(model, 2 * len(batches), rate)
        histories.append(fitted(model, batches, checked, 2, tmp_path))
    told = re.findall(r"(begins|was finished before)\.", capsys.readouterr().out)
    assert told == ["begins", "was finished before", "begins"]
    assert [len(history) for history in histories] == [2, 2, 2] and not histories[2].equals(histories[0])


def test_a_loss_that_is_no_number_ends_the_run_before_anything_is_saved(dataset: Path, tmp_path: Path):
    train, validation, _ = split(list_pictures(dataset))
    batches, model = Batches(train, SIDE, 16, augment=True), tiny_cnn()
    model.layers[-1].bias.assign([np.nan, 0.0])
    compile_for(model, 10)
    with pytest.raises(AssertionError, match="no finite loss"):
        fitted(model, batches, Batches(validation, SIDE), 1, tmp_path)
    assert not list(tmp_path.glob("runs/*/*.h5"))


@pytest.mark.soak
@pytest.mark.parametrize("seconds", [0.0, 0.4, 0.8, 1.2])
def test_a_run_that_was_killed_goes_on(dataset: Path, trained, tmp_path: Path, seconds: float):
    """So many seconds after its log was begun, which is empty in the first epoch."""
    command = [sys.executable, "-c", RUN, str(dataset), str(tmp_path), "4"]
    process = subprocess.Popen(command, start_new_session=True)
    while process.poll() is None and not list(tmp_path.glob("runs/*/history.csv")):
        time.sleep(0.01)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _, history = run(dataset, tmp_path, epochs=4)
    assert history.epoch.tolist() == [1, 2, 3, 4]
    assert history.val_accuracy.max() == pytest.approx(trained[2].val_accuracy.max(), abs=0.05)


@pytest.mark.parametrize("end", [layers.Dense(1, name="one"), layers.Dense(2, "softmax", name="two"), layers.Softmax()])
def test_a_network_that_does_not_end_in_two_logits_is_told(end: layers.Layer):
    inputs = keras.Input((SIDE, SIDE, 3))
    x = end(layers.Dense(2)(layers.Flatten()(inputs)))
    with pytest.raises(ValueError, match=r"The network other must end in Dense\(2\) without an activation"):
        compile_for(keras.Model(inputs, x, name="other"), 10)


def test_calibrated_it_is_as_sure_as_it_should_be():
    """A network that is three times too sure, and prefers one answer, is set right."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 4000)
    honest = rng.normal(2 * labels - 1, 1.0)  # log-odds of male, by construction 2 x
    network = tiny_cnn()
    margin = 3 * (2 * honest) + 1.5
    pairs = 1 / (1 + np.exp(np.column_stack([margin, -margin])))
    kernel, bias = network.layers[-1].get_weights()
    calibrate(network, pairs, labels)
    scaled, shifted = network.layers[-1].get_weights()
    slope = (scaled / kernel).mean()
    assert slope == pytest.approx(1 / 3, abs=0.03)
    assert (shifted - slope * bias) @ [-1, 1] == pytest.approx(-0.5, abs=0.1)


def test_the_threshold_is_the_lowest_that_is_surely_right_often_enough():
    says = np.repeat([0.6, 0.8, 0.9], 1000)
    right = np.concatenate([np.arange(1000) % 10 < 7, np.arange(1000) % 100 < 93, np.arange(1000) % 100 < 99])
    pairs, labels = np.column_stack([says, 1 - says]), np.where(right, 0, 1)
    sources = pd.Series([str(number) for number in range(3000)])
    assert threshold_of(pairs, labels, sources) == 0.61
    assert threshold_of(pairs, labels, sources, wanted=0.97) == 0.81
    assert threshold_of(pairs[:50], labels[:50], sources[:50]) is None
    assert threshold_of(pairs, labels, sources.str[-1]) is None  # ten portraits tell too little


def test_intervals_count_portraits():
    right = np.array([True, True, False, True] * 25)
    wide = interval_of(right, pd.Series(np.arange(100) // 4))
    narrow = interval_of(right, pd.Series(np.arange(100)))
    assert wide.low < narrow.low < 0.75 < narrow.high < wide.high
    assert narrow.low == pytest.approx(0.6569, abs=1e-4)  # Wilson's, for 75 of 100


def test_the_file_holds_what_a_caller_must_know_and_answers_alike(dataset: Path, trained, tmp_path: Path):
    _, model, _ = trained
    file = tmp_path / "masked_gender.keras"
    digest = save_with_record(answering(model), file, {"not sure below": 0.8, "view": "face", "left out": None})
    contract = {"class order": "female, male", "input scale": "0..255", "calibrated": "yes"}
    assert record_of(file) == {**contract, "not sure below": "0.8", "view": "face"}
    assert digest == sha256(file)
    assert {path.name for path in tmp_path.iterdir()} == {"masked_gender.keras", "masked_gender.json"}
    pictures, labels, _ = Batches(split(list_pictures(dataset))[2], SIDE)[0]
    pairs = keras.saving.load_model(file).predict(pictures, verbose=0)
    assert np.mean(pairs.argmax(axis=1) == labels) > 0.8 and np.allclose(pairs.sum(axis=1), 1)
    mirrored = keras.saving.load_model(file).predict(pictures[:, :, ::-1], verbose=0)
    assert np.allclose(pairs, mirrored, atol=1e-5)


def test_a_mask_is_told_where_the_dataset_knows_faces_with_and_without(dataset: Path, trained):
    _, model, _ = trained
    train, validation, test = split(list_pictures(dataset))
    assert mask_output(model, train, validation) is None  # all are "none"
    train, validation, test = (
        part.assign(style=np.where(part.label, "n95", "none")) for part in (train, validation, test)
    )
    final = answering(model, mask_output(model, train, validation))
    _, worn = final.predict(Batches(test, SIDE), verbose=0)
    assert np.mean((worn[:, 0] > 0.5) == test.label) > 0.8 and worn.shape == (len(test), 1)
