"""Model files from elsewhere: opened as what they are, or refused in a sentence that says what to do."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from typer.testing import CliRunner

from maskedgender.cli import commands as cli
from maskedgender.networks.model_files import ModelError, load_model
from maskedgender.networks.records import facts_of_answers, write_record
from maskedgender.page.about_model import warning

from ..support.people import GROUP

CROPS = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
TO_UNIT, TO_BOTH_SIDES = CROPS / 255, CROPS / 127.5 - 1
KERAS_2_FILES = Path(__file__).parent.parent / "support/keras2"


def saved(path: Path, last: Sequence[layers.Layer], first: Sequence[layers.Layer] = ()) -> keras.Model:
    """A small CNN in a file, with these layers before and behind it."""
    keras.utils.set_random_seed(3)
    middle = [layers.Conv2D(8, 3, activation="relu"), layers.GlobalAveragePooling2D()]
    model = keras.Sequential([keras.Input((32, 32, 3)), *first, *middle, *last])
    model.save(path)
    return model


@pytest.mark.parametrize("name", ["a.h5", "a.hdf5", "a.keras"])
def test_a_file_in_hdf5_opens_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    """Up to TensorFlow 2.12, what was saved as .keras was HDF5, too."""
    model = saved(tmp_path / "a.h5", [layers.Dense(2, "softmax")], [layers.Rescaling(1 / 255)])
    (tmp_path / "a.h5").rename(tmp_path / name)
    given = load_model(tmp_path / name).predict(CROPS)
    assert given == pytest.approx(model.predict(CROPS, verbose=0), abs=1e-5)


def test_a_file_in_hdf5_is_not_allowed_code_of_its_own(tmp_path: Path) -> None:
    saved(tmp_path / "code.h5", [layers.Dense(2, "softmax")], [layers.Lambda(lambda x: x / 255)])
    with pytest.raises(ModelError, match="Python code of its own"):
        load_model(tmp_path / "code.h5")


def with_metadata(path: Path, config: str, version: str) -> Path:
    """A .keras file of another Keras: its zip, with a configuration that the one here cannot read."""
    with zipfile.ZipFile(path, "w") as content:
        content.writestr("metadata.json", json.dumps({"keras_version": version}))
        content.writestr("config.json", config)
        content.writestr("model.weights.h5", b"")
    return path


KERAS_2 = '{"module": "keras.src.engine.functional", "class_name": "Functional", "config": {"layers": []}}'


@pytest.mark.parametrize(
    ("config", "version", "said"),
    [
        (KERAS_2, "2.15.0", r"was made by Keras 2\.15\.0, .*convert it with `pip install tf-keras`"),
        (KERAS_2.replace("Functional", "Novelty"), "99.1.0", r"was made by Keras 99\.1\.0, .*update Keras"),
        ("{", "3.0.0", r"may be damaged: copy it again"),
        ("{", "", r"may be damaged: copy it again"),
    ],
)
def test_a_file_of_another_keras_is_called_that(config: str, version: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=said) as raised:
        load_model(with_metadata(tmp_path / "other.keras", config, version))
    assert ("newer" in str(raised.value) or "update" in str(raised.value)) == (version == "99.1.0")


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (layers.Dense(2), lambda logits: np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)),
        (layers.Dense(1, "sigmoid"), lambda p: np.hstack([1 - p, p])),
        (layers.Dense(1), lambda logit: np.hstack([1 / (1 + np.exp(logit)), 1 / (1 + np.exp(-logit))])),
    ],
    ids=["two logits", "one sigmoid", "one logit"],
)
def test_logits_and_one_number_become_two_probabilities(last, expected, tmp_path: Path) -> None:
    model = saved(tmp_path / "a.keras", [last], [layers.Rescaling(1 / 255)])
    loaded = load_model(tmp_path / "a.keras")
    expected = expected(model.predict(CROPS, verbose=0))
    assert loaded.predict(CROPS) == pytest.approx(expected, abs=1e-5)
    assert ("logits" in loaded.notes[0]) == (last.activation is keras.activations.linear)
    assert ("probability of male" in loaded.notes[0]) == (last.units == 1)
    other = load_model(tmp_path / "a.keras", classes="male,female")
    assert other.predict(CROPS) == pytest.approx(expected[:, ::-1], abs=1e-5)
    assert not any("is taken as" in note and "--classes" in note for note in other.notes)


@pytest.mark.parametrize(
    ("scale", "pixels"), [("0..255", CROPS), ("0..1", TO_UNIT), ("-1..1", TO_BOTH_SIDES), (None, None)]
)
def test_the_scale_is_asked_for_where_the_file_does_not_tell(
    scale: str | None, pixels: np.ndarray, tmp_path: Path
) -> None:
    model = saved(tmp_path / "a.keras", [layers.Dense(2, "softmax")])
    if scale is None:
        with pytest.raises(ModelError, match=r"does not tell which pixels .* --scale"):
            load_model(tmp_path / "a.keras")
        return
    given = load_model(tmp_path / "a.keras", scale).predict(CROPS)
    assert given == pytest.approx(model.predict(pixels, verbose=0), abs=1e-5)


def seen(mean: float) -> layers.BatchNormalization:
    """A first layer that has seen pixels of this mean."""
    return layers.BatchNormalization(moving_mean_initializer=keras.initializers.Constant(mean))


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ([layers.Rescaling(1 / 127.5, offset=-1)], True),
        ([keras.Sequential([keras.Input((32, 32, 3)), layers.Rescaling(1 / 255)])], True),
        ([layers.Rescaling(255.0), layers.Rescaling(1 / 255)], False),
        ([layers.Rescaling(2.0, offset=-1)], False),
        ([seen(120.0)], True),
        ([seen(0.45)], False),
        ([layers.Normalization(mean=110.0, variance=3000.0)], True),
        ([layers.Conv2D(3, 1), layers.Rescaling(1 / 255)], False),
    ],
)
def test_what_the_first_layers_tell_of_the_scale(first: list[layers.Layer], told: bool, tmp_path: Path) -> None:
    model = saved(tmp_path / "a.keras", [layers.Dense(2, "softmax")], first)
    if not told:
        with pytest.raises(ModelError, match="--scale"):
            load_model(tmp_path / "a.keras")
        return
    loaded = load_model(tmp_path / "a.keras")
    assert "0..255" in loaded.notes[0]
    assert loaded.predict(CROPS) == pytest.approx(model.predict(CROPS * 1.0, verbose=0), abs=1e-5)


def test_the_original_notebooks_file_is_known_by_its_build(original_model: Path) -> None:
    assert "built like the original notebook's" in load_model(original_model).notes[0]


def test_a_record_tells_scale_and_order(tmp_path: Path) -> None:
    from maskedgender.networks.checksums import sha256

    path = tmp_path / "a.keras"
    model = saved(path, [layers.Dense(2, "softmax")])
    facts = {**facts_of_answers(True), "input scale": "0..1", "class order": "male, female", "SHA-256": sha256(path)}
    write_record(path, facts)
    expected = model.predict(TO_UNIT, verbose=0)[:, ::-1]
    assert load_model(path).predict(CROPS) == pytest.approx(expected, abs=1e-5)
    for contradiction in ({"scale": "-1..1"}, {"classes": "female,male"}):
        with pytest.raises(ModelError, match="by its record"):
            load_model(path, **contradiction)


@pytest.mark.parametrize("wrong", [{"scale": "0-1"}, {"classes": "men, women"}])
def test_a_scale_or_an_order_that_is_none_is_named(wrong: dict[str, str], tmp_path: Path) -> None:
    saved(tmp_path / "a.keras", [layers.Dense(2, "softmax")])
    with pytest.raises(ModelError, match=f"{next(iter(wrong.values()))}, which is none of"):
        load_model(tmp_path / "a.keras", **wrong)


def test_shell_and_page_say_what_was_assumed(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    saved(path, [layers.Dense(1, "sigmoid")])
    photo = str(GROUP)
    asked = CliRunner().invoke(cli.app, ["predict", photo, "--model", str(path)])
    assert asked.exit_code == 2 and "--scale" in asked.stderr
    ran = CliRunner().invoke(cli.app, ["predict", photo, "--model", str(path), "--scale", "0..1"])
    assert ran.exit_code == 0 and "taken as the probability of male" in ran.stderr
    other = ["--scale", "0..1", "--classes", "male,female"]
    swapped = CliRunner().invoke(cli.app, ["predict", photo, "--model", str(path), *other])
    percents = [[line.partition("(")[2].rstrip(")") for line in one.stdout.splitlines()] for one in (ran, swapped)]
    assert all(
        a.split(", ")[0].removeprefix("female ") == b.split(", ")[1].removeprefix("male ")
        for a, b in zip(*percents, strict=True)
    )
    assert "taken as the probability of male" in warning(load_model(path, "0..1"), path)


def test_a_genuine_file_of_keras_2_is_opened_or_its_conversion_is_named() -> None:
    """Keras 3 reads the HDF5 of Keras 2, but not its .keras; the files come from Keras 2.15 itself."""
    loaded = load_model(KERAS_2_FILES / "gender.h5")
    assert loaded.predict(CROPS) == pytest.approx(np.load(KERAS_2_FILES / "answers.npy"), abs=1e-5)
    with pytest.raises(ModelError, match=r"was made by Keras 2\.15\.0, .*convert it with `pip install tf-keras`"):
        load_model(KERAS_2_FILES / "gender.keras")
