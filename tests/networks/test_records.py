"""A model file's record: inside the file, or, for version 1 and exported files, beside it under the file's SHA-256."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import pytest

from maskedgender.networks.checksums import is_shipped, sha256
from maskedgender.networks.exporting import save_with_record
from maskedgender.networks.model_files import caution
from maskedgender.networks.records import record_of
from maskedgender.places import SHIPPED, SHIPPED_MODEL


@pytest.fixture
def model() -> keras.Model:
    return keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")])


def test_the_record_lies_in_the_file_and_stays_with_it(model: keras.Model, tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    digest = save_with_record(model, file, {"not sure below": 0.8, "view": "face", "unknown": None})
    expected = {
        "class order": "female, male",
        "input scale": "0..255",
        "calibrated": "yes",
        "not sure below": "0.8",
        "view": "face",
    }
    assert digest == sha256(file) and sorted(tmp_path.iterdir()) == [file.with_suffix(".json"), file]
    assert json.loads(file.with_suffix(".json").read_text()) == expected
    moved = file.rename(tmp_path / "another name.keras")
    assert record_of(moved) == expected
    assert keras.saving.load_model(moved).count_params() == model.count_params(), "plain Keras opens it"


def test_a_record_beside_a_file_counts_where_it_names_it(model: keras.Model, tmp_path: Path) -> None:
    file = tmp_path / "model.keras"
    model.save(file)
    assert record_of(file) == {}
    beside = {"SHA-256": sha256(file), "calibrated": "no"}
    file.with_suffix(".json").write_text(json.dumps(beside))
    assert record_of(file) == beside
    for text in (json.dumps({**beside, "SHA-256": "0" * 64}), "", "{", "[1, 2]"):
        file.with_suffix(".json").write_text(text)
        assert record_of(file) == {}, text


@pytest.mark.parametrize("file", [SHIPPED_MODEL, *sorted((SHIPPED / "benchmarks" / "models").glob("*.keras"))])
def test_files_of_ours_have_their_records(file: Path) -> None:
    assert record_of(file)["class order"] == "female, male"


def test_whatever_is_not_the_shipped_file_is_warned_of(model: keras.Model, tmp_path: Path) -> None:
    copy = shutil.copy(SHIPPED_MODEL, tmp_path / "copy.keras")
    assert is_shipped(copy) and caution(copy) == caution(SHIPPED_MODEL) == caution(tmp_path / "none.keras") == ""
    impostor = tmp_path / "models" / SHIPPED_MODEL.name
    impostor.parent.mkdir()
    model.save(impostor)
    assert "is not the shipped model" in caution(impostor)
