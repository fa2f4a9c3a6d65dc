"""What a model file says of itself: its record is its own, or counts for nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from maskedgender.networks.model_files import ModelError, load_model
from maskedgender.networks.records import (
    NOT_SURE_BELOW,
    amend_record,
    facts_of_answers,
    read_record,
    record_of,
    write_record,
)
from maskedgender.page.about_model import meaning, warning
from maskedgender.places import SHIPPED_MODEL
from maskedgender.prediction.answers import per_cent, predict_photo

from ..support.people import hopper


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The shipped model and its record, elsewhere."""
    for file in (SHIPPED_MODEL, SHIPPED_MODEL.with_suffix(".json")):
        shutil.copy(file, tmp_path)
    return tmp_path / SHIPPED_MODEL.name


def test_the_shipped_model_brings_all_that_is_to_be_known() -> None:
    model, border = load_model(), float(read_record(SHIPPED_MODEL)[NOT_SURE_BELOW])
    assert (model.calibrated, model.not_sure_below, model.notes) == (True, border, ()) and 0.5 < border < 1
    assert (model.size, model.channels) == (160, 3)


def test_the_border_is_the_files_own(copy: Path) -> None:
    """The same weights and the same face under two borders: only what the record says makes the difference."""
    (p,) = {max(one.p_female, one.p_male) for one in predict_photo(load_model(copy), hopper())}
    answers = {}
    for border in (0.5, 1.0):
        amend_record(copy, {"not sure below": border})
        model = load_model(copy)
        (answers[border],) = (one.answer for one in predict_photo(model, hopper()))
        assert model.not_sure_below == border and f"reaches {per_cent(border)}" in meaning(model)
    assert p < 1 and answers[0.5] in ("female", "male") and answers[1.0] == "not sure"


def test_a_record_without_a_border_says_so(copy: Path) -> None:
    amend_record(copy, {"not sure below": None})
    model = load_model(copy)
    assert model.calibrated and model.not_sure_below is None and 'has no "not sure" threshold' in model.notes[-1]
    assert "always gives one of the two words" in meaning(model)


def test_the_record_of_another_file_counts_for_nothing(copy: Path) -> None:
    amend_record(copy, {"SHA-256": "0" * 64})
    model = load_model(copy)
    assert record_of(copy) == {} and not model.calibrated and model.not_sure_below is None
    assert "is not the record of" in model.notes[-1]


def test_a_file_without_a_record_is_not_calibrated(copy: Path) -> None:
    copy.with_suffix(".json").unlink()
    model = load_model(copy)
    (face,) = predict_photo(model, hopper())
    assert not face.calibrated and face.answer in ("female", "male")
    assert "has no record beside it" in model.notes[-1]
    assert model.notes[-1] in warning(model, copy)


def test_what_says_that_it_is_not_calibrated_is_not(copy: Path) -> None:
    amend_record(copy, {"calibrated": "no"})
    model = load_model(copy)
    assert not model.calibrated and model.not_sure_below is None and "By its record" in model.notes[-1]


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '"text"', "\0", '{"SHA-256": 5}'])
def test_somebody_elses_json_is_no_record(text: str, copy: Path) -> None:
    copy.with_suffix(".json").write_text(text)
    assert not load_model(copy).calibrated


@pytest.mark.parametrize("border", ["0.3", "1.01", "nan", "often"])
def test_a_border_that_is_no_probability_is_refused(border: str, copy: Path) -> None:
    amend_record(copy, {"not sure below": border})
    with pytest.raises(ModelError, match=r"not sure below: .* no probability"):
        load_model(copy)


def test_a_record_tells_how_the_probabilities_are_meant(tmp_path: Path) -> None:
    write_record(tmp_path / "model.keras", facts_of_answers(calibrated=True))
    facts = read_record(tmp_path / "model.keras")
    assert facts["class order"] == "female, male" and facts["border between the words"].startswith("1/2")
    assert "log(share of men / share of women)" in facts["for another share of men"]
    assert "border between the words" not in facts_of_answers(calibrated=False)


def test_records_that_lie_beside_files_of_ours_are_theirs() -> None:
    others = (SHIPPED_MODEL.parents[1] / "benchmarks" / "models").glob("*.keras")
    for path in (SHIPPED_MODEL, *others):
        assert record_of(path) == json.loads(path.with_suffix(".json").read_text(encoding="utf-8")), path.name
