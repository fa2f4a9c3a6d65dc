"""Gaps, ratios and drops with their intervals, and risk against coverage, against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from maskedgender.measure import gaps
from maskedgender.measure.risk_coverage import risk_against_coverage

NAN = math.nan
pytestmark = pytest.mark.filterwarnings("ignore:The BCa confidence interval")  # of a draw without one of the groups


def test_the_interval_of_a_mean_is_as_wide_as_theory_says() -> None:
    found = gaps.mean_of(np.repeat([1.0, 0.0], [800, 200]))
    assert found.value == pytest.approx(0.8) and found.low < 0.8 < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * math.sqrt(0.8 * 0.2 / 1000), rel=0.1)
    twice = gaps.mean_of(np.repeat([1.0, 0.0], [1600, 400]), np.arange(2000) // 2)
    assert (twice.low, twice.high) == (found.low, found.high), "portraits are drawn, however many photos show them"


def test_what_has_no_answer_does_not_count() -> None:
    assert gaps.mean_of(np.array([1.0, NAN, 0.0, NAN])).value == 0.5
    for values in ([], [1.0]):
        assert str(gaps.mean_of(np.array(values))) == "not known", "of one portrait nothing is known"


def test_an_error_ratio_is_paired() -> None:
    ours, theirs = np.ones(100), np.ones(100)
    ours[:10], theirs[:20], theirs[99] = 0, 0, NAN
    found = gaps.error_ratio(ours, theirs)
    assert found.value == pytest.approx(0.5) and 0.2 < found.low < 0.5 < found.high < 0.8
    same = gaps.error_ratio(ours, ours)
    assert (same.value, same.low, same.high) == (1, 1, 1), "the same photos must be drawn for both"


def test_a_drop_is_paired_and_leaves_out_lost_faces() -> None:
    clean = np.repeat([1.0, 0.0], [80, 20])
    worse, lost = clean.copy(), clean.copy()
    worse[:10], lost[:50] = 0, NAN
    assert gaps.mean_drop(clean, [worse]).value == pytest.approx(0.10)
    none = gaps.mean_drop(clean, [lost])
    assert (none.value, none.low, none.high) == (0, 0, 0)
    assert gaps.mean_drop(clean, [worse, lost]).value == pytest.approx(0.05)


def test_gaps_between_groups_by_hand() -> None:
    races = ["Black"] * 10 + ["White"] * 10 + ["Indian"] * 20
    ages = ["20-29"] * 10 + ["70+"] * 5 + ["more than 70"] * 5 + ["10-19"] * 10 + ["0-2"] * 5 + ["not known"] * 5
    images = pd.DataFrame({"label": [0, 1] * 20, "race": races, "age": ages})
    right, sure = np.ones(40), np.ones(40, bool)
    right[:4] = 0  # two women and two men, Black adults
    right[20:40:2] = 0  # every girl, and who may be one
    sure[:5] = False  # among them all adults who are wrong
    found = gaps.gaps_between_groups(images, right, sure)
    assert {figure: round(one.value, 6) for figure, one in found.items()} == {
        "largest gap between race groups, adults of 20 and over": 0.4,
        "largest gap between race groups, adults of 20 and over, where it answers": 0,
        "largest gap between race groups, adults of 20 and over, in how often it answers": 0.5,
        "men less women, adults of 20 and over": 0,
        "men less women, all ages": round(18 / 20 - 8 / 20, 6),
    }
    assert all(one.low <= one.value <= one.high for one in found.values())


def test_risk_against_coverage_by_hand() -> None:
    p_male = np.array([0.85, 0.4, 0.95, 0.3, 0.9])  # from the surest on: right, right, wrong, wrong, right
    rows = risk_against_coverage(np.array([0, 0, 1, 1, 1]), np.column_stack([1 - p_male, p_male])).round(6)
    assert rows["answered"].tolist() == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert rows["error"].tolist() == [0, 0, 0.333333, 0.5, 0.4] and rows["count"].tolist() == [1, 2, 3, 4, 5]
    assert rows["threshold"].tolist() == [0.95, 0.9, 0.85, 0.7, 0.6]
    assert rows["low"].iloc[-1] < 0.4 < rows["high"].iloc[-1]


def test_rows_end_where_probabilities_change_whatever_the_order() -> None:
    """A hundred photos of 0.9, half of them wrong, then a hundred of 0.6: no row may cut a hundred apart."""
    labels, p_female = np.repeat([0, 1, 0], [50, 50, 100]), np.repeat([0.9, 0.6], 100)
    pairs, orders = np.column_stack([p_female, 1 - p_female]), (np.arange(200), np.arange(200)[::-1])
    tables = [risk_against_coverage(labels[order], pairs[order]) for order in orders]
    pd.testing.assert_frame_equal(*tables)
    assert tables[0]["answered"].tolist() == [0.5, 1.0] and tables[0]["error"].tolist() == [0.5, 0.25]
    p_male = np.random.default_rng(0).random(4924)  # no two are alike: a row a hundredth
    rows = risk_against_coverage((p_male > 0.5).astype(int), np.column_stack([1 - p_male, p_male]))
    assert rows["count"].tolist() == [max(1, round(share / 100 * 4924)) for share in range(1, 101)]
