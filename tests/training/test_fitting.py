"""Training: it learns, goes on after a kill as if nothing had happened, calibrates exactly, exports whole files."""

from __future__ import annotations

import errno
import math
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from maskedgender.data.layout import LABELS_FILE, TRAINING
from maskedgender.data.listing import list_images
from maskedgender.data.split import split_training
from maskedgender.data.stream import PortraitStream
from maskedgender.measure.metrics import accuracy_with_interval
from maskedgender.networks.seed import seed_cnn
from maskedgender.networks.small import small_cnn
from maskedgender.training import fitting as training
from maskedgender.training.calibration import border_of_not_sure, calibrate, fold_calibration
from maskedgender.training.fitting import (
    best_epoch,
    export,
    train,
    with_precision,
)
from maskedgender.training.recipes import RECIPES
from maskedgender.training.run_folder import RunFolder, TrainingError

from ..support.synthetic import synthetic_dataset

SIDE = 48


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_dataset(tmp_path_factory.mktemp("dataset"), portraits=80)


def tiny_cnn() -> keras.Model:
    """Two layers between the ends of a small_cnn, so that tests of training are about training."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = keras.layers.Conv2D(8, 5, strides=4, activation="relu")(x)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.Dense(2, name="logits")(keras.layers.Dropout(0.1)(keras.layers.Flatten()(x)))
    return keras.Model(inputs, keras.layers.Softmax(dtype="float32", name="female_male")(x), name="small_cnn")


def train_small(dataset: Path, folder: Path, **changes: object) -> tuple[keras.Model, pd.DataFrame]:
    fit, choose = split_training(list_images(dataset, TRAINING), 0.25)
    model = tiny_cnn()
    arguments = {"epochs": 4, "batch_size": 16, **changes}
    return model, train(model, RECIPES["small"], dataset, fit, choose, folder, **arguments)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, pd.DataFrame, Path]:
    folder = tmp_path_factory.mktemp("run")
    return *train_small(dataset, folder), folder


def chosen_stream(dataset: Path) -> PortraitStream:
    return PortraitStream(dataset, split_training(list_images(dataset, TRAINING), 0.25)[1], (SIDE, SIDE, 3), 16)


def test_training_learns_and_tells_each_epoch(trained: tuple[keras.Model, pd.DataFrame, Path]) -> None:
    _, history, _ = trained
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    assert history["val_accuracy"].max() > 0.9
    assert {"loss", "accuracy", "val_loss", "learning_rate", "seconds", "images_per_second"} <= set(history.columns)


def test_model_holds_the_best_epochs_weights(trained: tuple[keras.Model, pd.DataFrame, Path], dataset: Path) -> None:
    model, history, _ = trained
    stream = chosen_stream(dataset)
    right = np.mean(model.predict(stream, verbose=0).argmax(axis=1) == stream.labels)
    assert right == pytest.approx(history["val_accuracy"].max())


def test_best_epoch_is_the_most_accurate_then_the_one_of_least_loss() -> None:
    history = pd.DataFrame(
        {"epoch": [1, 2, 3, 4], "val_accuracy": [0.8, 0.9, 0.9, 0.7], "val_loss": [1, 0.5, 0.4, 0.1]}
    )
    assert best_epoch(history) == 3


def test_finished_run_is_not_repeated(trained: tuple[keras.Model, pd.DataFrame, Path], dataset: Path) -> None:
    model, history, folder = trained
    times = {path: path.stat().st_mtime_ns for path in folder.glob("epoch-*")}
    again, same = train_small(dataset, folder)
    pd.testing.assert_frame_equal(same, history)
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    assert {path: path.stat().st_mtime_ns for path in folder.glob("epoch-*")} == times
    assert len(times) <= 2  # the last and the best


def test_folder_of_another_run_is_refused(trained: tuple[keras.Model, pd.DataFrame, Path], dataset: Path) -> None:
    with pytest.raises(ValueError, match=r"another run \(batch_size 16 there, 8 now; seed 0 there, 1 now\)"):
        train_small(dataset, trained[2], batch_size=8, seed=1)


def test_progress_tells_epochs_pace_and_measures(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_small(dataset, tmp_path, epochs=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line[:9] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert all("images/s" in line and "held-out loss" in line for line in lines)


def test_each_epoch_has_its_own_order(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    read = PortraitStream.__getitem__

    def recorded(self: PortraitStream, index: int) -> tuple[np.ndarray, np.ndarray]:
        if self.shuffle:
            seen.append((self.epoch, index))
        return read(self, index)

    monkeypatch.setattr(PortraitStream, "__getitem__", recorded)
    train_small(dataset, tmp_path, epochs=3)
    batches = math.ceil(120 / 16)
    each_once = [(epoch, index) for epoch in range(3) for index in range(batches)]
    assert sorted(seen[2:]) == each_once  # Keras looks at two batches before the first epoch


TRAIN = """
import sys
from pathlib import Path
from tests.training.test_fitting import train_small
train_small(Path(sys.argv[1]), Path(sys.argv[2]), epochs=12)
"""


def test_killed_run_goes_on_after_its_last_whole_epoch(dataset: Path, tmp_path: Path) -> None:
    history = tmp_path / "history.csv"
    repository = Path(__file__).resolve().parents[2]
    running = subprocess.Popen([sys.executable, "-c", TRAIN, dataset, tmp_path], cwd=repository)
    deadline = time.monotonic() + 600
    while not (history.is_file() and len(pd.read_csv(history)) >= 2):
        assert running.poll() is None, "the run ended by itself"
        assert time.monotonic() < deadline, "no epoch within ten minutes"
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    before = pd.read_csv(history)
    assert len(before) < 12
    half_written = tmp_path / f"partial-epoch-{len(before) + 1:04d}.npz"
    half_written.write_bytes(b"half a file, as a kill leaves it")

    survived, after = train_small(dataset, tmp_path, epochs=12)
    assert after["epoch"].tolist() == list(range(1, 13))
    pd.testing.assert_frame_equal(after[: len(before)], before)
    # The schedule went on too: after one epoch of warming up, a cosine down to zero.
    schedule = [0.5 * (1 + math.cos(math.pi * (epoch - 1) / 11)) * 0.002 for epoch in range(1, 13)]
    np.testing.assert_allclose(after["learning_rate"], schedule, atol=1e-6)
    assert not half_written.exists()
    assert_as_accurate(survived, train_small(dataset, tmp_path / "unbroken", epochs=12)[0], dataset)


def assert_as_accurate(survived: keras.Model, unbroken: keras.Model, dataset: Path) -> None:
    """What a run that was killed has learnt lies within the interval of an unbroken run's accuracy."""
    stream = chosen_stream(dataset)
    right = [
        int((model.predict(stream, verbose=0).argmax(axis=1) == stream.labels).sum()) for model in (survived, unbroken)
    ]
    share = accuracy_with_interval(right[1], len(stream.labels))
    assert share.low <= right[0] / len(stream.labels) <= share.high


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset whose labels.csv tells ages and races: the brightness of the first pixels would tell them too."""
    root = synthetic_dataset(tmp_path_factory.mktemp("described"), portraits=80, labels_file=True)
    labels = pd.read_csv(root / LABELS_FILE)
    labels["age"] = np.take(["20-29", "30-39", "60-69"], np.arange(len(labels)) % 3)
    labels["race"] = np.take(["Black", "White"], np.arange(len(labels)) % 2)
    labels.to_csv(root / LABELS_FILE, index=False)
    return root


def test_helper_heads_teach_and_are_gone_afterwards(described: Path, tmp_path: Path) -> None:
    model, history = train_small(described, tmp_path)
    assert [output.shape for output in model.outputs] == [(None, 2)]
    assert not any("helper" in layer.name for layer in model.layers)
    assert {features for _, features in kernels_kept(tmp_path)} == {2, 3}  # gender and race, age
    stream = chosen_stream(described)
    right = np.mean(model.predict(stream, verbose=0).argmax(axis=1) == stream.labels)
    assert right == pytest.approx(history["val_accuracy"].max())  # gender's, not the mean of the heads'
    assert history["val_accuracy"].max() > 0.9


def test_what_has_two_values_or_more_has_a_head() -> None:
    fit = pd.DataFrame({"age": ["20-29"] * 3, "race": ["Black"] * 3, "style": ["kn95", "none", "kn95"]})
    choose = fit.assign(race="White")
    heads = training._helpers(training._with_worn(fit), training._with_worn(choose))
    assert heads == {"race": ["Black", "White"], "worn": ["no", "yes"]}


def test_without_descriptions_there_are_no_heads(
    dataset: Path, trained: tuple[keras.Model, pd.DataFrame, Path]
) -> None:
    assert {features for _, features in kernels_kept(trained[2])} == {2}
    _, labels = PortraitStream(dataset, list_images(dataset, TRAINING), (SIDE, SIDE, 3), 4)[0]
    assert labels.shape == (4,)


def test_a_stopped_run_with_heads_goes_on(described: Path, tmp_path: Path) -> None:
    train_small(described, tmp_path / "stopped", hours=0.0)
    model, history = train_small(described, tmp_path / "stopped")
    _, unbroken = train_small(described, tmp_path / "unbroken")
    assert history["epoch"].tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(history["learning_rate"], unbroken["learning_rate"])
    assert history["val_accuracy"].max() > 0.9
    assert len(model.outputs) == 1


def kernels_kept(folder: Path) -> set[tuple[int, ...]]:
    """The shapes of the matrices that the last epoch's file holds."""
    with np.load(max(folder.glob("epoch-*.npz"))) as state:
        return {state[name].shape for name in state.files if state[name].ndim == 2}


def test_mixed_precision_trains_and_gives_back_float32(dataset: Path, tmp_path: Path) -> None:
    train_small(dataset, tmp_path, epochs=1, precision="mixed_float16", batch_size=40)
    model, history = train_small(dataset, tmp_path, epochs=1, precision="mixed_float16", batch_size=40)
    assert np.isfinite(history["loss"]).all()
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}


@pytest.mark.parametrize(("first", "then"), [("mixed_float16", "float32"), ("float32", "mixed_float16")])
def test_a_run_begun_on_a_gpu_goes_on_on_a_cpu_and_back(
    first: str, then: str, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        pass

    def killed(run: RunFolder, *given: object) -> None:
        keep(run, *given)
        raise KilledError

    keep = RunFolder.keep
    with monkeypatch.context() as patched, pytest.raises(KilledError):
        patched.setattr(RunFolder, "keep", killed)
        train_small(dataset, tmp_path, epochs=2, precision=first)
    _, history = train_small(dataset, tmp_path, epochs=2, precision=then)
    _, unbroken = train_small(dataset, tmp_path / "unbroken", epochs=2, precision=then)
    assert history["epoch"].tolist() == [1, 2]
    assert history["loss"][1] == pytest.approx(unbroken["loss"][1], abs=0.05), "with the optimizer's state"


def test_seed_recipe_is_the_originals(dataset: Path, tmp_path: Path) -> None:
    recipe = RECIPES["seed"]
    assert (recipe.epochs, recipe.batch_size, recipe.learning_rate) == (30, 32, 0.001)
    assert not (recipe.augment or recipe.cosine or recipe.weight_decay)
    images = list_images(dataset, TRAINING)
    keras.utils.set_random_seed(0)
    model = seed_cnn(SIDE)
    train(model, recipe, dataset, images[40:120], images[:40], tmp_path / "run", epochs=1)
    file = export(model, tmp_path / "seed.keras")
    loaded = keras.saving.load_model(file)
    assert loaded.layers[-1].activation is keras.activations.sigmoid
    assert loaded.input_shape == (None, SIDE, SIDE, 1)


def test_folded_calibration_equals_explicit_scaling(
    trained: tuple[keras.Model, pd.DataFrame, Path], dataset: Path
) -> None:
    model = with_precision(trained[0], "float32")
    x, _ = chosen_stream(dataset)[0]
    logits = keras.Model(model.input, model.get_layer("logits").output).predict(x, verbose=0)
    fold_calibration(model, temperature=2.5, shift=0.7)
    p_male = 1 / (1 + np.exp(-((logits[:, 1] - logits[:, 0]) / 2.5 + 0.7)))
    np.testing.assert_allclose(model.predict(x, verbose=0), np.stack([1 - p_male, p_male], axis=1), atol=1e-6)


def test_calibration_recovers_what_was_spoilt(dataset: Path) -> None:
    model, stream = tiny_cnn(), chosen_stream(dataset)
    x = np.concatenate([stream[index][0] for index in range(len(stream))])
    logits = keras.Model(model.input, model.get_layer("logits").output).predict(x, verbose=0)
    margin = logits[:, 1] - logits[:, 0]
    # Labels that follow the model's own margin, standardised, with noise: a model that is right about 8 times in 10.
    truth = 2 * (margin - margin.mean()) / margin.std()
    stream.labels = (np.random.default_rng(0).random(len(truth)) < 1 / (1 + np.exp(-truth))).astype(np.int32)
    good = calibrate(model, stream)
    honest = model.predict(x, verbose=0)
    fold_calibration(model, temperature=0.2, shift=-1.5)
    spoilt = calibrate(model, stream)
    assert spoilt.loss_after < spoilt.loss_before
    assert spoilt.loss_after == pytest.approx(good.loss_after, abs=1e-3)
    assert spoilt.temperature == pytest.approx(5, rel=0.05)
    np.testing.assert_allclose(model.predict(x, verbose=0), honest, atol=0.01)


def test_calibration_of_a_model_that_knows_nothing_says_one_half(dataset: Path) -> None:
    model, stream = tiny_cnn(), chosen_stream(dataset)
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([np.zeros_like(kernel), bias + np.array([0, 2], bias.dtype)])
    stream.labels = np.arange(len(stream.labels), dtype=np.int32) % 4 // 3  # a quarter is male
    calibrate(model, stream)
    np.testing.assert_allclose(model.predict(stream, verbose=0)[:, 1], 0.5, atol=0.001)


class Chosen:
    """A choosing split whose pictures are their own margins, so that what is right is known exactly."""

    shuffle = augment = False

    def __init__(self, margin: np.ndarray, labels: np.ndarray) -> None:
        self.margin, self.labels = margin, labels


class Margins:
    """A model whose two logits are half a margin below and above 0."""

    name = "margins"
    layers = ()  # it is no file that answers, with a CNN inside

    def __init__(self) -> None:
        self.kernel, self.bias = np.array([[-0.5, 0.5]]), np.zeros(2)

    def get_layer(self, name: str) -> Margins:
        return self

    def get_weights(self) -> list[np.ndarray]:
        return [self.kernel, self.bias]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        self.kernel, self.bias = weights

    def predict(self, stream: Chosen, verbose: int = 0) -> np.ndarray:
        logits = stream.margin[:, None] @ self.kernel + self.bias
        return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("men", [0.5, 0.7, 0.9])
def test_probabilities_hold_for_as_many_women_as_men_whatever_the_share_to_choose_by(men: float) -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(40_000) < men).astype(np.int32)
    margin = rng.normal(np.where(labels == 1, 1.5, -0.5), 1)  # of such classes the log-odds are 2 * margin - 1
    model, stream = Margins(), Chosen(margin, labels)
    found = calibrate(model, stream)  # type: ignore[arg-type]
    assert (1 / found.temperature, found.shift) == pytest.approx((2, -1), abs=0.08)
    one_half = np.array([0.5])
    np.testing.assert_allclose(model.predict(Chosen(one_half, labels[:1]))[0, 1], 0.5, atol=0.02)
    assert found.loss_after < found.loss_before


def test_the_border_of_not_sure_is_the_smallest_whose_answers_are_surely_right() -> None:
    class Chosen:
        """Of 1,000 answers those at 0.7 are right in nine of ten cases, those at 0.9 in 98 of a hundred."""

        labels = np.zeros(1000, int)
        female = np.repeat([0.7, 0.3, 0.9, 0.1], [450, 50, 490, 10])

    class Model:
        def predict(self, stream: Chosen, verbose: int) -> np.ndarray:
            return np.column_stack([stream.female, 1 - stream.female])

    portraits = [str(number) for number in range(1000)]
    assert border_of_not_sure(Model(), Chosen, portraits) == 0.71  # type: ignore[arg-type]
    few = [str(number % 50) for number in range(1000)]
    assert border_of_not_sure(Model(), Chosen, few) is None, "49 of 50 are not surely 95 %"  # type: ignore[arg-type]
    Chosen.labels = np.ones(1000, int)
    assert border_of_not_sure(Model(), Chosen, portraits) is None  # type: ignore[arg-type]


def test_calibration_refuses_a_shuffled_stream(dataset: Path) -> None:
    stream = chosen_stream(dataset)
    stream.shuffle = True
    with pytest.raises(ValueError, match="shuffled"):
        calibrate(tiny_cnn(), stream)


def test_export_is_float32_small_and_the_same_model(tmp_path: Path) -> None:
    model = small_cnn(64, "face")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    file = export(with_precision(model, "mixed_float16"), tmp_path / "deep" / "model.keras")
    with zipfile.ZipFile(file) as archive:
        assert b"float16" not in archive.read("config.json")
    assert export(model, tmp_path / "model.keras").stat().st_size < 6_300_000
    x = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    loaded = keras.saving.load_model(file, safe_mode=True)
    np.testing.assert_allclose(np.asarray(loaded(x)), np.asarray(model(x)), atol=1e-6)


def test_export_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"the old file")

    def break_off(self: keras.Model, partial: Path) -> None:
        Path(partial).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keras.Model, "save", break_off)
    with pytest.raises(TrainingError, match="No space"):
        export(tiny_cnn(), path)
    assert path.read_bytes() == b"the old file"
    assert list(tmp_path.iterdir()) == [path]


def test_an_edited_cnn_or_other_images_make_another_run() -> None:
    images = pd.DataFrame({"file": ["a.jpg", "b.jpg"], "label": [0, 1], "style": ["none", "cloth"]})
    model = small_cnn(64, "face")
    config = model.get_config()
    dropout = next(layer for layer in config["layers"] if layer["class_name"] == "Dropout")
    dropout["config"]["rate"] = 0.6
    edited = keras.Model.from_config(config)

    def settings(network: keras.Model, fit: pd.DataFrame, started_from: str = "nothing") -> dict[str, Any]:
        return training._settings(network, RECIPES["small"], fit, images, 0, started_from)

    assert settings(model, images) == settings(small_cnn(64, "face"), images.copy())
    assert settings(model, images) != settings(edited, images)
    assert settings(model, images) != settings(model, images.assign(style="n95"))
    assert settings(model, images) != settings(model, images, "a.keras, SHA-256 89842f7d")
