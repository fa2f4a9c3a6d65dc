"""What training exports opens in the oldest Keras 3 that the README names, and answers the same there."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from maskedgender.networks.answering import answering_cnn
from maskedgender.networks.masked import masked_cnn
from maskedgender.networks.older_keras import ADDED_SINCE, OLDEST
from maskedgender.networks.seed import seed_cnn
from maskedgender.networks.small import small_cnn
from maskedgender.training.fitting import export

ROOT = Path(__file__).resolve().parents[2]
SMALL = sys.platform == "linux" and platform.machine() == "x86_64"  # where there is a TensorFlow without CUDA
PACKAGES = (f"keras=={OLDEST}", f"tensorflow{'-cpu' if SMALL else ''}==2.18.*", "numpy<2.1")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Each of the three CNNs as training exports it."""
    folder = tmp_path_factory.mktemp("exported")
    keras.utils.set_random_seed(0)
    networks = (answering_cnn(small_cnn(64)), answering_cnn(masked_cnn(64)), seed_cnn(100))
    return [export(network, folder / f"{network.name}.keras") for network in networks]


def test_nothing_that_came_later_is_left_in_a_file(files: list[Path]) -> None:
    for file in files:
        with zipfile.ZipFile(file) as content:
            text = content.read("config.json").decode()
            names = content.namelist()
        assert not any(f'"{name}"' in text for name in ADDED_SINCE), file.name
        assert sorted(names) == ["config.json", "metadata.json", "model.weights.h5"]


def test_what_is_in_use_stays(tmp_path: Path) -> None:
    crops = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization(renorm=True, renorm_momentum=0.9)(crops)
    x = keras.layers.Softmax(dtype="float32")(keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    file = export(keras.Model(crops, x), tmp_path / "a.keras")
    layer = next(one for one in keras.saving.load_model(file).layers if "normal" in one.name)
    assert (layer.renorm, layer.renorm_momentum) == (True, 0.9)
    with zipfile.ZipFile(file) as content:
        assert "quantization_config" not in json.dumps(json.loads(content.read("config.json")))


ANSWER = """
import sys
import keras, numpy as np
assert keras.__version__ == sys.argv[1]
for file in sys.argv[2:]:
    crops = np.load(file + ".crops.npy")
    answers = keras.saving.load_model(file).predict(crops, verbose=0)
    np.save(file + ".answers.npy", answers[0] if isinstance(answers, list) else answers)
"""


@pytest.mark.soak
def test_the_oldest_keras_opens_them_and_gives_the_same_answers(files: list[Path]) -> None:
    if sys.version_info >= (3, 13):
        pytest.skip("TensorFlow 2.18 knows Python up to 3.12")
    expected = {}
    for file in files:
        model = keras.saving.load_model(file)
        crops = np.random.default_rng(0).uniform(0, 255, (4, *model.input_shape[1:])).astype(np.float32)
        np.save(f"{file}.crops.npy", crops)
        answers = model.predict(crops, verbose=0)
        expected[file] = answers[0] if isinstance(answers, list) else answers
    subprocess.run([oldest_keras(), "-c", ANSWER, OLDEST, *map(str, files)], check=True)
    for file, answers in expected.items():
        np.testing.assert_allclose(np.load(f"{file}.answers.npy"), answers, atol=1e-4, err_msg=file.name)


def test_the_readme_names_the_oldest() -> None:
    assert f"Keras {OLDEST}" in (ROOT / "README.md").read_text(encoding="utf-8")


def oldest_keras() -> Path:
    """The Python of an environment with the oldest Keras, in the temporary folder, made where it is missing."""
    folder = Path(tempfile.gettempdir()) / f"maskedgender-keras-{OLDEST}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / "complete.txt").is_file():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        (folder / "complete.txt").touch()
    return python
