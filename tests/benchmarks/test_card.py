"""The model card tells what the kept results say, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from benchmarks import card
from maskedgender.networks.checksums import sha256
from maskedgender.places import SHIPPED_MODEL

TEXT = card.card()


def test_the_shipped_card_is_what_the_kept_results_give() -> None:
    """When this fails: make card."""
    assert SHIPPED_MODEL.with_name("README.md").read_text(encoding="utf-8") == TEXT


def test_the_front_matter_can_be_read_and_holds_the_accuracy() -> None:
    front = yaml.safe_load(TEXT.split("---")[1])
    told = pd.read_csv(card.RESULTS / "accuracy.csv", index_col="figure").loc["accuracy (95 % interval)"]
    for result, kind in zip(front["model-index"][0]["results"], ("masked", "bare"), strict=True):
        value, interval = told[f"masked_gender, {kind}"].split(" % ", 1)
        assert result["metrics"][0]["value"] == float(value)
        assert interval.split("n = ")[1].rstrip(")") in result["dataset"]["name"]
    assert sha256(SHIPPED_MODEL) in TEXT


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the results, to be changed."""
    for file in card.RESULTS.glob("*.csv"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(card, "RESULTS", tmp_path)
    return tmp_path


def change(file: Path, where: dict[str, object], values: dict[str, object]) -> None:
    table = pd.read_csv(file)
    chosen = (table[list(where)] == pd.Series(where)).all(axis=1)
    assert chosen.sum() == 1
    table.loc[chosen, list(values)] = list(values.values())
    table.to_csv(file, index=False)


def test_a_figure_that_changes_changes_wherever_it_is_told(results: Path) -> None:
    ours = {"model": "masked_gender", "masked": True}
    men = {"group": "gender and race", "value": "male, Latino_Hispanic"}
    change(results / "accuracy-by-group.csv", ours | men, {"accuracy": 0.5, "low": 0.4, "high": 0.6, "answered": 0.25})
    coverage = pd.read_csv(results / "coverage.csv")
    coverage.assign(answered=coverage.answered.round(2)).to_csv(results / "coverage.csv", index=False)
    change(results / "coverage.csv", ours | {"answered": 0.9}, {"threshold": 0.123, "error": 0.0, "high": 0.01})
    change(results / "gaps.csv", ours | {"figure": "men less women, all ages"}, {"value": 0.07, "low": -0.01})
    dark = {"model": "masked_gender", "change": "dark"}
    change(results / "robustness.csv", dark, {"accuracy": 0.7, "low": 0.6, "high": 0.8, "found": 0.5, "drop": 0.2})
    with (results / "looks.csv").open("a") as log:
        for figure in ("benchmarks.worn: 1 %", "more"):
            log.write(f"2026-11-30,abc,{figure}\n")
    text = card.card()
    told = "male, Latino or Hispanic"
    assert f"| gender and race | {told} | 50.00 % (40.00 % to 60.00 %, n = 329) |" in text
    assert f"with a mask: {told}, 50.00 % (40.00 % to 60.00 %, n = 329); and best:" in text
    assert next(line for line in text.splitlines() if f"| {told} |" in line).split(" | ")[4] == "25.00 %"
    assert "| 90% | 0.123 | 0.00 % (" in text and "| men less women, all ages | 7.00 points (-1.00 to " in text
    assert "Low light: 70.00 % (60.00 % to 80.00 %)" in text
    assert "| dark | 50.00 % | 70.00 % (60.00 % to 80.00 %) | 20.00 points (" in text
    lines = len(pd.read_csv(results / "looks.csv").figure.loc[lambda figure: ~figure.str.startswith("benchmarks.worn")])
    assert f"looks.csv): {lines} so far" in text


def test_the_energy_is_estimated_from_the_time_that_the_record_tells() -> None:
    assert card.energy_of("120 minutes on cpu:0").startswith("About 0.20 kWh, estimated by hand: 120 minutes at 100 W")


def test_groups_are_told_together_as_one() -> None:
    groups = card.of_model("accuracy-by-group")
    both, women, men = (card.accuracy_of(groups, "gender", *of) for of in (("female", "male"), ("female",), ("male",)))
    assert women in TEXT and men in TEXT
    assert both == card.text_of("accuracy", "accuracy (95 % interval)", "masked")
