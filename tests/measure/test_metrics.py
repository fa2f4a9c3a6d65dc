"""The figures, against values worked out by hand; the test log."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from maskedgender.measure import metrics
from maskedgender.measure.metrics import Estimate, share_of
from maskedgender.measure.test_log import log_test

LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 1])
P_MALE = np.array([0.1, 0.3, 0.6, 0.9, 0.8, 0.7, 0.4, 0.95])
PROBABILITIES = np.column_stack([1 - P_MALE, P_MALE])
IMAGES = pd.DataFrame(
    {
        "label": LABELS,
        "race": ["Black", "Black", "White", "White", "White", "Black", "Black", "White"],
        "age": ["3-9", "20-29", "20-29", "more than 70", "3-9", "20-29", "20-29", "20-29"],
        "style": ["none", "cloth", "cloth", "cloth", "none", "cloth", "none", "none"],
        "face size": ["96-127"] * 4 + ["24-31"] * 4,
    }
)


def of(p_male: list[float] | np.ndarray) -> np.ndarray:
    return np.column_stack([1 - np.asarray(p_male), p_male])


def test_a_share_has_wilsons_interval_of_its_portraits() -> None:
    # 8 of 10: centre (0.8 + 3.8415/20) / 1.38415 = 0.71674, half-width 0.22657: 0.4902 to 0.9433, as in textbooks.
    right = np.repeat([True, False], [8, 2])
    share = share_of(right)
    assert (round(share.low, 4), round(share.high, 4), share.count) == (0.4902, 0.9433, 10)
    four = share_of(np.repeat(right, 4), np.repeat(np.arange(10), 4))
    assert (four.value, four.low, four.high, four.count) == (0.8, share.low, share.high, 40)
    assert str(share_of(right[:0])) == "not known (n = 0)"


def test_estimates_read_well() -> None:
    assert str(share_of(np.arange(14_464) < 13_331)) == "92.17 % (91.72 % to 92.59 %, n = 14,464)"
    assert Estimate(0.0321, 0.0102, 0.054).in_points() == "3.21 points (1.02 to 5.40)"
    nothing = Estimate(math.nan, math.nan, math.nan)
    assert str(nothing) == nothing.in_points() == nothing.as_ratio() == "not known"


def test_scores_by_hand() -> None:
    scores = metrics.score(LABELS, PROBABILITIES)
    assert scores.accuracy.value == 6 / 8  # wrong: 0.6 for a female, 0.4 for a male
    assert scores.balanced_accuracy == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert scores.auc == pytest.approx(14 / 15)  # of 15 pairs of a female and a male only (0.6, 0.4) is out of order
    of_label = [0.9, 0.7, 0.4, 0.9, 0.8, 0.7, 0.4, 0.95]
    assert scores.log_loss == pytest.approx(-sum(map(math.log, of_label)) / 8)
    assert scores.row()["balanced accuracy"] == "73.33 %" and scores.row()["AUC"] == "0.9333"


def test_calibration_errors_by_hand() -> None:
    # One bin of 15 holds 0.90 to 0.92 (right 3 of 4, mean 0.9075), another 0.55 (right 1 of 1).
    expected = (4 * abs(0.75 - 0.9075) + 1 * abs(1 - 0.55)) / 5
    told = metrics.calibration_error(np.array([1, 1, 1, 0, 0]), of([0.9, 0.92, 0.91, 0.9, 0.45]))
    assert told == pytest.approx(expected)
    # Each man weighs 1/6, the woman 1/2: one bin holds 0.91 and twice 0.92, another 0.50, whose man should be at 1.
    expected = abs((0.91 + 0.92) / 6 + 0.92 / 2 - 2 / 6) + (1 - 0.50) / 6
    told = metrics.classwise_error(np.array([1, 1, 1, 0]), of([0.91, 0.92, 0.50, 0.92]))
    assert told == pytest.approx(expected)
    # Of 90 men and 10 women all get 0.9: right as often as they say, and yet no probability of as many of both.
    labels, pairs = np.repeat([1, 0], [90, 10]), of(np.full(100, 0.9))
    assert metrics.calibration_error(labels, pairs) == pytest.approx(0)
    assert metrics.classwise_error(labels, pairs) == pytest.approx(0.4)
    assert metrics.calibration_error(np.array([1, 0]), of([1.0, 0.0])) == 0, "full confidence is of the last bin"


def test_accuracy_by_group() -> None:
    table = metrics.accuracy_by_group(IMAGES, PROBABILITIES)
    lines = {(row.group, row.value): (row.count, row.accuracy) for row in table.to_records()}
    assert lines["gender", "female"] == (3, pytest.approx(2 / 3))
    assert lines["race", "Black"] == lines["style", "none"] == (4, 0.75)
    assert lines["gender and race", "male, White"] == (3, 1)
    assert table[table.group == "age"].value.tolist() == ["3-9", "20-29", "more than 70"]
    of_men = [value for value in table[table.group == "gender and age"].value if value.startswith("male")]
    assert of_men == ["male, 3-9", "male, 20-29", "male, more than 70"]
    assert table[table.group == "face size"].value.tolist() == ["24-31", "96-127"]
    assert (table.low <= table.accuracy).all() and (table.accuracy <= table.high).all()


def test_groups_that_the_table_does_not_know_are_left_out() -> None:
    """As those of Kaggle's dataset, which has no labels.csv."""
    for images in (IMAGES[["label"]], IMAGES[["label"]].assign(source=list("aabbccdd"))):
        assert metrics.accuracy_by_group(images, PROBABILITIES).group.unique().tolist() == ["gender"]
        assert metrics.errors_by_group(images, PROBABILITIES, 0.75).group.unique().tolist() == ["gender"]
    not_known = metrics.accuracy_by_group(IMAGES.assign(race="not known"), PROBABILITIES)
    assert not_known[not_known.group == "race"].value.tolist() == ["not known"]
    assert "gender and race" not in not_known.group.tolist()


def test_answered_at_a_threshold() -> None:
    coverage, accuracy = metrics.answered(LABELS, PROBABILITIES, 0.75)
    assert (coverage.value, coverage.count, accuracy.value, accuracy.count) == (4 / 8, 8, 1, 4)
    assert metrics.answered(LABELS, PROBABILITIES, 0.99)[1].count == 0
    assert metrics.answered(np.array([1, 1]), of([0.75, 0.5]), 0.75)[0].value == 0.5, "as sure as the threshold"


def test_tests_are_appended_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "results" / "tests.csv"
    for figure in ("first, with a comma", "second"):
        log_test(log, figure)
    rows = list(csv.DictReader(log.open(encoding="utf-8")))
    assert [row["figure"] for row in rows] == ["first, with a comma", "second"]
    assert {row["commit"] for row in rows} == {"not known"}
