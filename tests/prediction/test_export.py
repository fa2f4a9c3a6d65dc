"""A model in another runtime's format gives the same answers there, carries its record, or is not left behind."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from unittest.mock import Mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.utils.module_utils import LazyModule
from typer.testing import CliRunner, Result

from maskedgender.cli import commands as cli
from maskedgender.cli.one_sentence import TO_PUT_RIGHT
from maskedgender.networks.answering import answering
from maskedgender.networks.checksums import sha256
from maskedgender.networks.exporting import save_with_record
from maskedgender.networks.model_files import ModelError, load_model
from maskedgender.places import EXAMPLES
from maskedgender.prediction import export as exporting
from maskedgender.prediction.answers import predict_file
from maskedgender.prediction.export import SAME, export

from ..support.networks import quick_cnn

ONNX = all(importlib.util.find_spec(name) for name in ("onnx", "onnxruntime", "tf2onnx"))
CROPS = 20
RECORD = {"class order": "female, male", "calibrated": "yes", "not sure below": "0.75", "view": "face"}
PHOTO = EXAMPLES / "eileen_collins.jpg"


@pytest.fixture(scope="module", autouse=True)
def few_crops() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "CROPS", CROPS)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small CNN as training exports it, whose normalisation has statistics of its own."""
    keras.utils.set_random_seed(5)
    model, noise = quick_cnn(48), np.random.default_rng(0)
    for statistics in model.non_trainable_weights:
        statistics.assign(noise.uniform(0.5, 1.5, statistics.shape))
    mask = [noise.normal(size=(16, 1)).astype(np.float32), np.zeros(1, np.float32)]
    path = tmp_path_factory.mktemp("trained") / "small.keras"
    save_with_record(answering(model, mask), path, RECORD)
    return path


@pytest.fixture
def model_file(trained: Path, tmp_path: Path) -> Path:
    """The same, in a folder of the test's own."""
    return Path(shutil.copy(trained, tmp_path))


@pytest.fixture(scope="module")
def exported(trained: Path) -> Callable[[str], Path]:
    """What the shell has made of it, each format once: minutes, on a busy machine."""

    @cache
    def made(to: str) -> Path:
        result = shell(trained, "--to", to)
        assert result.exit_code == 0, result.output
        began, ended = result.stdout.splitlines()
        assert began.startswith("writing small.") and began.endswith(f"checking it on {CROPS} crops ...")
        assert ": the same answers as small.keras, within" in ended
        assert ended.endswith(f"a different label for 0 of {CROPS} crops")
        return trained.with_suffix({"litert": ".tflite", "onnx": ".onnx"}[to])

    return made


def shell(*words: object) -> Result:
    return CliRunner().invoke(cli.app, ["export", *map(str, words)])


@pytest.mark.parametrize(
    "to",
    ["litert", pytest.param("onnx", marks=[pytest.mark.soak, pytest.mark.skipif(not ONNX, reason="no ONNX")])],
)
def test_what_the_shell_exports_answers_as_the_keras_file_does(
    to: str, exported: Callable, trained: Path, tmp_path: Path
):
    alone = Path(shutil.copy(exported(to), tmp_path))  # its record is inside
    there, here = load_model(alone), load_model(trained)
    assert (there.size, there.calibrated, there.not_sure_below) == (48, True, 0.75)
    assert there.notes == ()
    for face, expected in zip(predict_file(there, PHOTO), predict_file(here, PHOTO), strict=True):
        assert face.box == expected.box
        assert (face.p_female, face.p_mask) == pytest.approx((expected.p_female, expected.p_mask), abs=SAME)
    said = CliRunner().invoke(cli.app, ["predict", str(PHOTO), "--model", str(alone)])
    assert said.exit_code == 0 and "face 1: " in said.stdout and "mask" in said.stdout
    with pytest.raises(ModelError, match="by its record"):
        load_model(alone, classes="male,female")


@pytest.mark.soak
def test_a_saved_model_answers_alike_and_tells_how_a_crop_is_cut(model_file: Path):
    record = exporting.carried(model_file, keras.saving.load_model(model_file))
    assert record["crop's side over the longer side of the face's box"] == "1.4"
    assert (record["middle of the face's box in the crop"], record["input scale"]) == ("0.5, 0.54", "0..255")
    assert record["exported from"] == f"small.keras, SHA-256 {sha256(model_file)}" and "SHA-256" not in record
    path, difference, turned = export(model_file, "saved-model")
    assert path == model_file.with_suffix("") and difference <= SAME and turned == 0
    assert json.loads((path / "assets.extra" / "record.json").read_text()) == record
    crops = np.random.default_rng(1).uniform(0, 255, (3, 48, 48, 3)).astype(np.float32)
    expected = keras.saving.load_model(model_file).predict_on_batch(crops)
    loaded = tf.saved_model.load(str(path))  # its variables live as long as it does
    for output, as_keras in zip(loaded.serve(crops), expected, strict=True):
        assert np.abs(output.numpy() - as_keras).max() <= SAME
    assert sorted(file.name for file in model_file.parent.iterdir()) == ["small", "small.keras"]


@pytest.mark.soak
def test_weights_of_8_bits_are_a_file_of_their_own_and_the_loss_is_told(model_file: Path):
    result = shell(model_file, "--to", "litert-int8")
    assert result.exit_code == 0 and "weights of 8 bits, within" in result.stdout and "of 20 crops" in result.stdout
    small = model_file.with_name("small.int8.tflite")
    assert small.stat().st_size < model_file.stat().st_size / 2
    assert load_model(small).size == 48


def test_a_missing_package_is_named(model_file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    monkeypatch.setattr(keras.src.utils.module_utils, "tf2onnx", LazyModule("tf2onnx"))
    result = shell(model_file, "--to", "onnx")
    assert result.exit_code == TO_PUT_RIGHT and "needs the package tf2onnx" in result.output
    assert sorted(file.name for file in model_file.parent.iterdir()) == ["small.keras"]


def test_what_gives_other_answers_is_not_kept(model_file: Path, monkeypatch: pytest.MonkeyPatch):
    """What Keras writes is replaced by nothing, the runtime by the model itself, erring by twice what is allowed."""
    ours, erring = load_model(model_file), Mock()
    erring.predict = lambda crops: ours.predict(crops) + 2 * SAME
    monkeypatch.setattr(exporting, "_write", lambda model, path, *_: path.mkdir())
    monkeypatch.setattr(exporting, "_opened", lambda path, model: erring)
    result = shell(model_file, "--to", "saved-model")
    assert result.exit_code == TO_PUT_RIGHT and "gives other answers" in result.output
    assert sorted(file.name for file in model_file.parent.iterdir()) == ["small.keras"]


def test_what_cannot_be_written_is_one_sentence(model_file: Path):
    model_file.with_suffix(".tflite").write_text("something of mine")
    result = shell(model_file, "--to", "litert")
    assert result.exit_code == TO_PUT_RIGHT and "is there already" in result.output
    assert model_file.with_suffix(".tflite").read_text() == "something of mine"
    assert "is an exported file itself" in shell(model_file.with_suffix(".tflite"), "--to", "onnx").output
