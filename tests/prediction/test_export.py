"""A model in another runtime's format gives the same answers there, or is not left behind."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from typer.testing import CliRunner, Result

from maskedgender.cli import commands as cli
from maskedgender.cli.one_sentence import TO_PUT_RIGHT
from maskedgender.networks.answering import answering_cnn
from maskedgender.networks.small import small_cnn
from maskedgender.prediction.export import FORMATS, SAME, export


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    """A small CNN of ours with a past: its normalisation has statistics of its own."""
    keras.utils.set_random_seed(5)
    model = small_cnn(48)
    model.compile("sgd", "sparse_categorical_crossentropy")
    noise = np.random.default_rng(0)
    model.fit(noise.uniform(0, 255, (32, 48, 48, 3)), noise.integers(0, 2, 32), batch_size=8, verbose=0)
    mask = noise.normal(size=(192, 1)).astype(np.float32), np.zeros(1, np.float32)
    answering_cnn(model, mask=mask).save(tmp_path / "small.keras")
    return tmp_path / "small.keras"


def shell(*words: object) -> Result:
    return CliRunner().invoke(cli.app, ["export", *map(str, words)])


def test_a_saved_model_answers_alike_for_any_number_of_crops(model_file: Path):
    path, difference = export(model_file, "saved-model")
    assert path == model_file.with_suffix("") and difference is not None and difference <= SAME
    crops = np.random.default_rng(1).uniform(0, 255, (3, 48, 48, 3)).astype(np.float32)
    expected = keras.saving.load_model(model_file).predict_on_batch(crops)
    loaded = tf.saved_model.load(str(path))  # its variables live as long as it does
    answers = loaded.serve(crops)
    for output, as_keras in zip(answers, expected, strict=True):
        assert np.abs(output.numpy() - as_keras).max() <= SAME
    assert sorted(file.name for file in model_file.parent.iterdir()) == ["small", "small.keras"]


@pytest.mark.parametrize(("to", "name"), [("litert", "small.tflite"), ("onnx", "small.onnx")])
def test_the_shell_exports_and_says_how_alike_the_answers_are(to: str, name: str, model_file: Path):
    if to == "onnx" and not (importlib.util.find_spec("tf2onnx") and importlib.util.find_spec("onnxruntime")):
        pytest.skip("tf2onnx and onnxruntime are not installed")
    result = shell(model_file, "--to", to)
    assert result.exit_code == 0 and f"{name}: the same answers as small.keras, within" in result.stdout, result.output
    assert sorted(file.name for file in model_file.parent.iterdir()) == sorted(["small.keras", name])


@pytest.mark.skipif(importlib.util.find_spec("tf2onnx") is not None, reason="tf2onnx is installed")
def test_a_missing_package_is_named(model_file: Path):
    result = shell(model_file, "--to", "onnx")
    assert result.exit_code == TO_PUT_RIGHT and "needs the package tf2onnx" in result.output
    assert [file.name for file in model_file.parent.iterdir()] == ["small.keras"]


def test_what_gives_other_answers_is_not_kept(model_file: Path, monkeypatch: pytest.MonkeyPatch):
    """The runtime is replaced by one that errs by twice what is allowed."""
    keras_name, suffix, package, start = FORMATS["saved-model"]
    erring = lambda path: lambda crops: start(path)(crops) + 2 * SAME  # noqa: E731
    monkeypatch.setitem(FORMATS, "saved-model", (keras_name, suffix, package, erring))
    result = shell(model_file, "--to", "saved-model")
    assert result.exit_code == TO_PUT_RIGHT and "gives other answers" in result.output
    assert [file.name for file in model_file.parent.iterdir()] == ["small.keras"]


def test_nothing_is_written_over(model_file: Path):
    model_file.with_suffix(".tflite").write_text("something of mine")
    result = shell(model_file, "--to", "litert")
    assert result.exit_code == TO_PUT_RIGHT and "is there already" in result.output
    assert model_file.with_suffix(".tflite").read_text() == "something of mine"
