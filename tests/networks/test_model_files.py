"""Model files: opened as what they are, or refused in one sentence that says what to do."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from maskedgender.networks.checksums import sha256
from maskedgender.networks.exporting import save_with_record
from maskedgender.networks.model_files import ModelError, load_model
from maskedgender.places import SHIPPED_MODEL

from .crops import real_crops

CROPS = real_crops(32)
ASKED = {"scale": "0..255", "classes": "female,male"}
KERAS_2_FILES = Path(__file__).parent.parent / "support/keras2"


def small(last: layers.Layer | None = None, *first: layers.Layer, shape: Sequence = (32, 32, 3)) -> keras.Model:
    """A small CNN of somebody else's, with these layers before and behind it."""
    keras.utils.set_random_seed(3)
    middle = [layers.Conv2D(8, 3, activation="relu"), layers.DepthwiseConv2D(3), layers.GlobalAveragePooling2D()]
    return keras.Sequential([keras.Input(shape), *first, *middle, last or layers.Dense(2, "softmax")])


def saved(path: Path, *parts: Any, **shape: Any) -> keras.Model:
    model = small(*parts, **shape)
    model.save(path)
    return model


class OwnLayer(layers.Layer):  # type: ignore[misc]
    """A layer that only these tests have."""

    def call(self, x: Any) -> Any:
        return x


def half(path: Path) -> None:
    path.write_bytes(SHIPPED_MODEL.read_bytes()[:500_000])


def with_a_wrong_byte(path: Path) -> None:
    small().save(path)
    data = bytearray(path.read_bytes())
    data[data.index(b"\x89HDF") + 1000] ^= 0xFF
    path.write_bytes(data)


def of_another_keras(version: str, name: str = "Functional") -> Callable[[Path], None]:
    """A zip as another Keras makes it, with a configuration that the one here cannot read."""

    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as content:
            content.writestr("metadata.json", json.dumps({"keras_version": version}))
            config = {"module": "keras.src.engine.functional", "class_name": name, "config": {"layers": []}}
            content.writestr("config.json", json.dumps(config))
            content.writestr("model.weights.h5", b"")

    return make


def classifier(*parts: Any, **shape: Any) -> Callable[[Path], object]:
    return lambda path: saved(path, *parts, **shape)


NAN, TWO = (keras.initializers.Constant(value) for value in (float("nan"), 2.0))
REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing.keras": (lambda path: None, "no model file"),
    "d" * 300 + ".keras": (lambda path: None, "no model file"),
    "folder.keras": (Path.mkdir, "not a .keras file"),
    "half.keras": (half, "not a .keras file"),
    "a wrong byte.keras": (with_a_wrong_byte, "copy it again"),
    "oblong.keras": (classifier(shape=(64, 32, 3)), "not square pictures"),
    "three classes.keras": (classifier(layers.Dense(3, "softmax")), "not two probabilities"),
    "not numbers.keras": (classifier(layers.Dense(2, "softmax", bias_initializer=NAN)), "not probabilities"),
    "beyond.keras": (
        classifier(layers.Dense(2, "relu", kernel_initializer="zeros", bias_initializer=TWO)),
        "such as logits",
    ),
    "lambda.keras": (classifier(None, layers.Lambda(lambda x: x / 255)), "code of its own"),
    "own layer.keras": (classifier(None, OwnLayer()), "only stock layers"),
    "2.keras": (of_another_keras("2.15.0"), "was made by Keras 2.15.0, .*`pip install tf-keras tensorflow`"),
    "99.keras": (of_another_keras("99.1.0", "New"), "was made by Keras 99.1.0, .*update Keras"),
}


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: name[:20])
def test_a_file_that_cannot_be_used_gets_one_sentence(name: str, tmp_path: Path) -> None:
    make, said = REFUSED[name]
    make(tmp_path / name)
    with pytest.raises(ModelError, match=said) as raised:
        load_model(tmp_path / name, **ASKED)
    assert str(tmp_path / name) in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["a.hdf5", "a.keras", "A.KERAS"])
def test_a_file_opens_by_its_content_whatever_its_suffix(name: str, tmp_path: Path) -> None:
    """Up to TensorFlow 2.12, what was saved as .keras was HDF5, too."""
    kind = "a.keras" if name == "A.KERAS" else "a.h5"
    model = saved(tmp_path / kind)
    (tmp_path / kind).rename(tmp_path / name)
    assert load_model(tmp_path / name, **ASKED).predict(CROPS) == pytest.approx(np.asarray(model(CROPS)), abs=1e-5)


def test_a_genuine_file_of_keras_2_opens_or_its_conversion_is_named() -> None:
    """Keras 3 reads the HDF5 of Keras 2, but not its .keras; the files come from Keras 2.15 itself."""
    noise = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
    loaded = load_model(KERAS_2_FILES / "gender.h5", **ASKED)
    assert loaded.predict(noise) == pytest.approx(np.load(KERAS_2_FILES / "answers.npy"), abs=1e-5)
    with pytest.raises(ModelError, match=r"was made by Keras 2\.15\.0, .*converted\.tflite"):
        load_model(KERAS_2_FILES / "gender.keras")


def test_a_depthwise_convolution_of_keras_2_opens(tmp_path: Path) -> None:
    """Keras 2 wrote the groups of Conv2D with it, as Teachable Machine's files have them."""
    model = saved(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "DepthwiseConv2D":
                layer["config"]["groups"] = 1
        file.attrs.update(model_config=json.dumps(config), keras_version="2.12.0")
    assert load_model(tmp_path / "a.h5", **ASKED).predict(CROPS) == pytest.approx(np.asarray(model(CROPS)), abs=1e-5)


def test_weights_without_a_network_become_a_model_by_the_advice_that_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small().save_weights("a.weights.h5")
    with pytest.raises(ModelError, match="weights without their network") as raised:
        load_model("a.weights.h5")
    model = keras.models.clone_model(small())
    for call in re.findall(r"model\.\w+\('[^']*'\)", str(raised.value)):
        eval(call, {"model": model})
    expected = np.asarray(small()(CROPS))
    assert load_model("model.keras", **ASKED).predict(CROPS) == pytest.approx(expected, abs=1e-5)


def sigmoid(numbers: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-numbers))


@pytest.mark.parametrize(
    ("last", "expected", "scale", "classes"),
    [
        (layers.Dense(2, "softmax"), lambda pairs: pairs, "-1..1", "female,male"),
        (layers.Dense(2), lambda logits: sigmoid(logits - logits[:, ::-1]), "0..255", "male, female"),
        (layers.Dense(1, "sigmoid"), lambda p: np.hstack([1 - p, p]), "0..1", "male, female"),
        (layers.Dense(1), lambda logit: np.hstack([sigmoid(-logit), sigmoid(logit)]), "-1..1", "female,male"),
    ],
    ids=["two probabilities", "two logits", "one sigmoid", "one logit"],
)
def test_scale_and_classes_that_are_given_bring_a_file_into_our_contract(
    last: layers.Layer, expected: Callable, scale: str, classes: str, tmp_path: Path
) -> None:
    model = saved(tmp_path / "a.keras", last)
    pixels = {"0..255": CROPS, "0..1": CROPS / 255, "-1..1": CROPS / 127.5 - 1}
    pairs = expected(np.asarray(model(pixels[scale])))
    pairs = pairs[:, ::-1] if classes == "male, female" else pairs
    assert np.ptp(pairs) > 1e-4
    loaded = load_model(tmp_path / "a.keras", scale, classes)
    assert loaded.predict(CROPS) == pytest.approx(pairs, abs=1e-5)
    assert (loaded.calibrated, loaded.not_sure_below) == (False, None) and "no record" in loaded.notes[0]


def test_scale_and_classes_are_asked_for(tmp_path: Path) -> None:
    saved(tmp_path / "a.keras")
    for wrong in ({}, {"scale": "0-1", "classes": "female,male"}, {"scale": "0..1"}, {"classes": "men,women"}):
        with pytest.raises(ModelError, match=r"--scale 0\.\.255 .* --classes female,male"):
            load_model(tmp_path / "a.keras", **wrong)


def test_a_record_tells_scale_order_and_threshold(tmp_path: Path) -> None:
    file, model = tmp_path / "a.keras", small()
    facts = {"input scale": "0..1", "class order": "male, female", "not sure below": 0.75, "view": "face"}
    save_with_record(model, file, facts)
    loaded = load_model(file)
    assert loaded.predict(CROPS) == pytest.approx(np.asarray(model(CROPS / 255))[:, ::-1], abs=1e-5)
    assert (loaded.calibrated, loaded.not_sure_below, loaded.notes) == (True, 0.75, ())
    assert loaded.record["view"] == "face"
    for contradiction in ({"scale": "-1..1"}, {"classes": "female,male"}):
        with pytest.raises(ModelError, match="by its record"):
            load_model(file, **contradiction)


def test_without_a_threshold_every_face_is_answered(tmp_path: Path) -> None:
    save_with_record(small(), tmp_path / "a.keras", {})
    loaded = load_model(tmp_path / "a.keras")
    assert loaded.calibrated and loaded.not_sure_below is None and 'no "not sure" threshold' in loaded.notes[0]
    small().save(tmp_path / "b.keras")
    record = {"SHA-256": sha256(tmp_path / "b.keras"), "input scale": "0..255", "class order": "female, male"}
    (tmp_path / "b.json").write_text(json.dumps({**record, "calibrated": "no", "not sure below": "0.8"}))
    loaded = load_model(tmp_path / "b.keras")
    assert not loaded.calibrated and loaded.not_sure_below is None and loaded.notes


def test_the_shipped_model_brings_all_that_is_to_be_known() -> None:
    model = load_model()
    assert model.calibrated and model.notes == ()
    assert 0.5 < model.not_sure_below == float(model.record["not sure below"]) < 1
