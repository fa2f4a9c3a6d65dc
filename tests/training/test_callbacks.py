"""Training survives: kills at any moment, a full disk, a folder it may not write, no memory, no numbers, no time."""

from __future__ import annotations

import ctypes
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from maskedgender.data.layout import TRAINING
from maskedgender.data.listing import list_images
from maskedgender.data.split import split_training
from maskedgender.networks.records import write_record
from maskedgender.training.fitting import export, train
from maskedgender.training.recipes import RECIPES
from maskedgender.training.run_folder import TrainingError, whole_file

from ..support.synthetic import synthetic_dataset
from .test_fitting import assert_as_accurate, tiny_cnn, train_small

REPOSITORY = Path(__file__).resolve().parents[2]
MS_RDONLY, MS_REMOUNT = 1, 32  # of Linux' mount()
SCHEDULE = [0.001 * (1 + math.cos(math.pi * epoch / 4)) for epoch in range(5)]  # learning rates at the epochs' ends


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_dataset(tmp_path_factory.mktemp("dataset"), portraits=80)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for one epoch's weights (35 kB) and not for two."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not (sys.platform == "linux" and mounted(folder, 0, "size=56k")):
        pytest.skip("only root on Linux may mount a small file system")
    yield folder
    ctypes.CDLL(None).umount2(os.fsencode(folder), 2)  # 2: also while something is open


def mounted(folder: Path, flags: int, options: str) -> bool:
    """Whether a tmpfs could be mounted there."""
    return ctypes.CDLL(None).mount(b"tmpfs", os.fsencode(folder), b"tmpfs", flags, options.encode()) == 0


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_full_disk_ends_in_one_sentence_and_leaves_whole_files(dataset: Path, small_disk: Path) -> None:
    run = small_disk / "run"
    with pytest.raises(TrainingError, match=r"^Cannot write .*epoch-\d+\.npz: No space left on device\. Make"):
        train_small(dataset, run)
    done = len(pd.read_csv(run / "history.csv"))
    assert files(run) == [f"epoch-{done:04d}.npz", "history.csv", "settings.json"]
    with pytest.raises(TrainingError, match="No space left"):
        export(keras.Sequential([keras.Input((99,)), keras.layers.Dense(999)]), small_disk / "model.keras")
    assert files(small_disk)[:2] == [f"epoch-{done:04d}.npz", "history.csv"]
    with pytest.raises(OSError, match="No space left"):
        write_record(small_disk / "model.keras", {"command": "x" * 99_999})
    assert not list(small_disk.glob("*model*"))


def test_with_room_again_the_run_goes_on(dataset: Path, small_disk: Path) -> None:
    with pytest.raises(TrainingError, match="No space left"):
        train_small(dataset, small_disk)
    before = pd.read_csv(small_disk / "history.csv")
    assert mounted(small_disk, MS_REMOUNT, "size=9m")
    _, after = train_small(dataset, small_disk)
    assert after["epoch"].tolist() == [1, 2, 3, 4]
    pd.testing.assert_frame_equal(after[: len(before)], before)


def test_read_only_folder_is_told_before_training(dataset: Path, small_disk: Path) -> None:
    assert mounted(small_disk, MS_REMOUNT | MS_RDONLY, "")
    with pytest.raises(TrainingError, match=r"^Cannot write .*: Read-only file system\. "):
        train_small(dataset, small_disk / "run")
    with pytest.raises(TrainingError, match=r"^Cannot write .*model\.keras: Read-only file system\. "):
        export(tiny_cnn(), small_disk / "model.keras")


def test_file_in_the_folders_place_is_told_before_training(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(TrainingError, match=r"^Cannot write .*settings\.json: "):
        train_small(dataset, tmp_path / "run")


def test_half_a_file_is_removed_whatever_went_wrong(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "some.txt") as partial:
        partial.write_text("half")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


@keras.saving.register_keras_serializable("tests")
class Greedy(keras.layers.Layer):
    """Asks TensorFlow for more memory than any machine has when a batch is larger than `most`."""

    most = 0

    def call(self, x: tf.Tensor) -> tf.Tensor:
        wanted = tf.where(tf.shape(x)[0] > Greedy.most, tf.constant(2**46, tf.int64), 1)
        return x + tf.cast(tf.reduce_sum(tf.zeros(wanted[None])), x.dtype)


def train_greedy(dataset: Path, folder: Path, most: int, hours: float | None = None) -> pd.DataFrame:
    fit, choose = split_training(list_images(dataset, TRAINING), 0.25)
    base = tiny_cnn()
    model = keras.Model(base.input, Greedy(name="greedy")(base.output), name="greedy_cnn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Greedy, "most", most)
        return train(model, RECIPES["small"], dataset, fit, choose, folder, epochs=5, batch_size=32, hours=hours)


def test_out_of_memory_halves_the_batch_and_says_so(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = train_greedy(dataset, tmp_path, most=8)
    told = [line for line in capsys.readouterr().out.splitlines() if "memory" in line]
    assert told == [
        "Out of memory with 32 images a batch: going on with 16.",
        "Out of memory with 16 images a batch: going on with 8.",
    ]
    # One epoch of warming up and a cosine down to zero, as before; half the height for a quarter of a batch.
    np.testing.assert_allclose(history["learning_rate"], np.array(SCHEDULE) / 2, atol=1e-6)


def test_run_that_goes_on_with_another_batch_keeps_its_schedule(dataset: Path, tmp_path: Path) -> None:
    train_greedy(dataset, tmp_path, most=99, hours=0.0)
    rest = train_greedy(dataset, tmp_path, most=8)
    np.testing.assert_allclose(rest["learning_rate"], [SCHEDULE[0], *np.array(SCHEDULE[1:]) / 2], atol=1e-6)


def test_no_memory_for_one_image_is_one_sentence(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"^The memory is too small for one image: "):
        train_greedy(dataset, tmp_path, most=0)


def test_loss_that_is_no_number_stops_and_keeps_the_last_good_epoch(dataset: Path, tmp_path: Path) -> None:
    fit, choose = split_training(list_images(dataset, TRAINING), 0.25)
    train_small(dataset, tmp_path, hours=0.0)  # one epoch
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    model = tiny_cnn()
    poisoned = PoisonedAfter(5)
    recipe = replace(RECIPES["small"], epochs=4, batch_size=16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("maskedgender.training.fitting.Progress", lambda *_: poisoned)
        with pytest.raises(TrainingError, match=r"not a number at batch \d+ of epoch 2; the weights up to epoch 1 are"):
            train(model, recipe, dataset, fit, choose, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


class PoisonedAfter(keras.callbacks.Callback):
    """Puts a NaN into a weight after so many batches."""

    def __init__(self, batches: int) -> None:
        """Wait for so many batches of an epoch."""
        super().__init__()
        self.batches = batches

    def on_train_batch_begin(self, batch: int, logs: object = None) -> None:
        if batch == self.batches:
            self.model.get_layer("logits").bias.assign([np.nan, 0])


def test_learning_rate_beyond_reason_is_told_in_the_first_epoch(dataset: Path, tmp_path: Path) -> None:
    fit, choose = split_training(list_images(dataset, TRAINING), 0.25)
    recipe = replace(RECIPES["seed"], learning_rate=1e38, epochs=2)
    with pytest.raises(TrainingError, match=r"(batch \d+|the end) of epoch 1; no epoch was finished"):
        train(tiny_cnn(), recipe, dataset, fit, choose, tmp_path)
    assert files(tmp_path) == ["settings.json"]


def test_clock_that_runs_short_ends_the_run_with_the_best_model(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, history = train_small(dataset, tmp_path / "run", hours=0.0)
    assert history["epoch"].tolist() == [1], "the first epoch, or there were no model"
    assert "The time is short: 1 of 4 epochs are done" in capsys.readouterr().out
    _, again = train_small(dataset, tmp_path / "run", hours=0.0)
    pd.testing.assert_frame_equal(again, history)
    loaded = keras.saving.load_model(export(model, tmp_path / "model.keras"))
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


def test_clock_that_suffices_changes_nothing(dataset: Path, tmp_path: Path) -> None:
    assert len(train_small(dataset, tmp_path, hours=24.0)[1]) == 4


TRAIN = """
import sys
from pathlib import Path
from tests.training.test_callbacks import train_tested
train_tested(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def train_tested(dataset: Path, folder: Path) -> keras.Model:
    """A run that is long enough to be killed in."""
    return train_small(dataset, folder, epochs=12)[0]


@pytest.mark.soak
def test_ten_kills_at_random_moments_cost_no_accuracy(dataset: Path, tmp_path: Path) -> None:
    moments, killed = random.Random(0), 0
    while killed < 10:
        running = subprocess.Popen([sys.executable, "-c", TRAIN, dataset, tmp_path / "killed"], cwd=REPOSITORY)
        lived = started(running, tmp_path / "killed") + moments.uniform(0, 2.0)
        while time.monotonic() < lived and running.poll() is None:
            time.sleep(0.01)
        if running.poll() is not None:  # it was finished before: another run
            assert running.returncode == 0
            (tmp_path / "killed").rename(tmp_path / f"finished{killed}")
            continue
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        killed += 1
    survived, unbroken = train_tested(dataset, tmp_path / "killed"), train_tested(dataset, tmp_path / "unbroken")
    assert_as_accurate(survived, unbroken, dataset)
    assert pd.read_csv(tmp_path / "killed" / "history.csv")["epoch"].tolist() == list(range(1, 13))


def started(running: subprocess.Popen[bytes], folder: Path) -> float:
    """When a run had its folder: TensorFlow's own start is no moment to be killed at."""
    begun = time.time()
    while running.poll() is None:
        path = folder / "settings.json"
        if path.is_file() and (path.stat().st_mtime >= begun or (folder / "history.csv").is_file()):
            break
        time.sleep(0.01)
    return time.monotonic()
