"""Two devices train as one does: the same losses, and a file of the same kind. Each run has a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ..support.synthetic import synthetic_dataset

REPOSITORY = Path(__file__).resolve().parents[2]
TRAIN = """
import json, sys
from dataclasses import replace
from pathlib import Path

backend, devices, dataset, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
if backend == "tensorflow":
    import tensorflow as tf
    cpus = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * devices)

import keras
from maskedgender.data.layout import TRAINING
from maskedgender.data.listing import list_images
from maskedgender.training.devices import training_devices
from maskedgender.training.fitting import export, train
from maskedgender.training.recipes import RECIPES

def cnn():
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((48, 48, 3))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = keras.layers.Conv2D(8, 5, strides=4, activation="relu")(x)
    x = keras.layers.Dense(2, name="logits")(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Softmax(dtype="float32", name="female_male")(x), name="small_cnn")

images = list_images(dataset, TRAINING)
images["age"] = [("20-29", "30-39")[number % 2] for number in range(len(images))]  # a second head, and its labels
is_chosen = images["source"].isin(sorted(set(images["source"]))[::4][:40])  # both sides have an even count
fit, choose = images[~is_chosen].reset_index(drop=True), images[is_chosen].reset_index(drop=True)
recipe = replace(RECIPES["small"], augment=False, epochs=4, batch_size=24, learning_rate=0.0005)
model = cnn()
history = train(model, recipe, dataset, fit, choose, folder, precision="float32")
file = export(model, folder / "model.keras")
print(json.dumps({"devices": training_devices(), "history": history.to_dict("list")}))
"""


def trained(backend: str, devices: int, dataset: Path, folder: Path) -> dict:
    """What a run on so many logical CPU devices printed last."""
    split = f"--xla_force_host_platform_device_count={devices}" if backend == "jax" else ""
    environment = {**os.environ, "KERAS_BACKEND": backend, "XLA_FLAGS": split, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", TRAIN, backend, str(devices), dataset, folder]
    ended = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_two_devices_train_as_one(backend: str, tmp_path: Path) -> None:
    dataset = synthetic_dataset(
        tmp_path, portraits=81, labels_file=True
    )  # 122 to fit, in 5 steps and a bit, 40 to choose
    one, two = (trained(backend, devices, dataset, tmp_path / f"on{devices}") for devices in (1, 2))
    assert (len(one["devices"]), len(two["devices"])) == (1, 2)
    for figure in ("loss", "val_loss", "learning_rate"):
        assert two["history"][figure] == pytest.approx(one["history"][figure], abs=1e-3), "over 24 steps"
    assert two["history"]["loss"][-1] < 0.9 * two["history"]["loss"][0], (
        "the losses are not the same for standing still"
    )
    assert described(tmp_path / "on2" / "model.keras") == described(tmp_path / "on1" / "model.keras")


def described(file: Path) -> tuple[dict[str, int], str]:
    """The sizes of what a .keras file holds, and its architecture."""
    with zipfile.ZipFile(file) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist() if entry.filename != "metadata.json"}
        return sizes, archive.read("config.json").decode()
