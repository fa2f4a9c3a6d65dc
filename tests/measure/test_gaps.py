"""Gaps, ratios and drops with their intervals, and risk against coverage, against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from maskedgender.measure import gaps
from maskedgender.measure.risk_coverage import plot_risk_against_coverage, risk_against_coverage

NAN = math.nan


def test_the_interval_of_a_mean_is_as_wide_as_theory_says():
    right = np.repeat([1.0, 0.0], [800, 200])
    found = gaps.bootstrap(gaps.mean_of(right), len(right))
    assert found.value == pytest.approx(0.8)
    assert found.high - found.low == pytest.approx(2 * 1.96 * math.sqrt(0.8 * 0.2 / 1000), rel=0.1)
    assert found.low < 0.8 < found.high


def test_photos_of_one_portrait_are_drawn_together():
    right, twice = np.repeat([1.0, 0.0], [80, 20]), np.repeat([1.0, 0.0], [320, 80])
    sources, marked = np.repeat(np.arange(100), 4), np.arange(400) % 8 < 4
    once = gaps.bootstrap(gaps.mean_of(right), 100)
    assert gaps.bootstrap(gaps.mean_of(twice), 400, sources) == once
    images = pd.DataFrame({"label": marked.astype(int), "race": np.where(marked, "Black", "White"), "age": "20-29"})
    for name, alone in gaps.gaps_between_groups(images, twice, np.arange(400) % 16 < 12).items():
        drawn = gaps.gaps_between_groups(images.assign(source=sources), twice, np.arange(400) % 16 < 12)[name]
        assert drawn.value == alone.value and drawn.high - drawn.low > 1.3 * (alone.high - alone.low), name


def test_photos_without_an_answer_do_not_count():
    found = gaps.bootstrap(gaps.mean_of(np.array([1.0, NAN, 0.0, NAN])), 4)
    assert found.value == pytest.approx(0.5)
    nothing = gaps.bootstrap(gaps.mean_of(np.array([])), 0)
    assert math.isnan(nothing.value) and str(nothing) == nothing.in_points() == nothing.in_percent() == "not known"


def test_error_ratio_by_hand_and_paired():
    ours, theirs = np.ones(100), np.ones(100)
    ours[:10], theirs[:20] = 0, 0
    theirs[99] = NAN
    found = gaps.error_ratio(ours, theirs)
    assert found.value == pytest.approx(0.5) and 0.2 < found.low < 0.5 < found.high < 0.8
    same = gaps.error_ratio(ours, ours)
    assert (same.value, same.low, same.high) == (1, 1, 1), "the same photos must be drawn for both"


def test_a_drop_is_paired_and_leaves_out_lost_faces():
    clean = np.repeat([1.0, 0.0], [80, 20])
    worse, lost = clean.copy(), clean.copy()
    worse[:10] = 0
    lost[:50] = NAN
    assert gaps.mean_drop(clean, [worse]).value == pytest.approx(0.10)
    none = gaps.mean_drop(clean, [lost])
    assert (none.value, none.low, none.high) == (0, 0, 0)
    assert gaps.mean_drop(clean, [worse, lost]).value == pytest.approx(0.05)


def test_gaps_between_groups_by_hand():
    images = pd.DataFrame(
        {
            "label": [0, 1] * 20,
            "race": ["Black"] * 10 + ["White"] * 10 + ["Indian"] * 20,
            "age": ["20-29"] * 20 + ["10-19"] * 20,
        }
    )
    right = np.ones(40)
    right[:4] = 0  # two women and two men, Black adults
    right[20:40:2] = 0  # every girl
    sure = np.ones(40, bool)
    sure[:5] = False  # among them all who are wrong
    found = gaps.gaps_between_groups(images, right, sure)
    values = {figure: round(estimate.value, 6) for figure, estimate in found.items()}
    assert values == {
        "largest gap between race groups, adults of 20 and over": 0.4,
        "largest gap between race groups, adults of 20 and over, where it answers": 0,
        "largest gap between race groups, adults of 20 and over, in how often it answers": 0.5,
        "men less women, adults of 20 and over": 0,
        "men less women, all ages": round(18 / 20 - 8 / 20, 6),
    }
    assert all(estimate.low <= estimate.value <= estimate.high for estimate in found.values())


def test_who_is_an_adult():
    ages = pd.Series(["0-2", "10-19", "20-29", "70+", "more than 70", "not known"])
    assert gaps.is_adult(ages).tolist() == [False, False, True, True, True, False]


def test_balanced_accuracy_weighs_both_classes_alike():
    labels, right = np.array([0, 1, 1, 1]), np.array([0.0, 1, 1, 1])
    assert gaps.balanced_accuracy(right, labels).value == 0.5


def test_every_interval_draws_portraits_where_several_photos_show_one():
    """Each photo four times: no interval may be narrower than that of the photos once, and no value another."""
    rng = np.random.default_rng(0)
    labels, right, others = rng.integers(0, 2, 60), *(rng.random((2, 60)) < 0.8).astype(float)
    one, four = (labels, right, others), tuple(np.repeat(values, 4) for values in (labels, right, others))
    sources = np.repeat(np.arange(60), 4)
    figures = [
        lambda _, right, others, *names: gaps.error_ratio(right, others, *names),
        lambda labels, right, _, *names: gaps.balanced_accuracy(right, labels, *names),
        lambda _, right, others, *names: gaps.mean_drop(right, [others], *names),
    ]
    for figure in figures:
        once, drawn, images = figure(*one), figure(*four, sources), figure(*four)
        assert once.value == pytest.approx(drawn.value)
        assert drawn.high - drawn.low == pytest.approx(once.high - once.low, rel=0.05)
        assert images.high - images.low < 0.7 * (once.high - once.low)


def test_risk_against_coverage_draws_portraits():
    labels, pairs, sources = np.repeat(LABELS, 4), np.repeat(PAIRS, 4, axis=0), np.repeat(np.arange(5), 4)
    images, drawn = risk_against_coverage(labels, pairs), risk_against_coverage(labels, pairs, sources)
    assert (images["error"] == drawn["error"]).all()
    wider = (drawn["high"] - drawn["low"]) / (images["high"] - images["low"])
    assert (wider[19:] > 1.2).all() and drawn["count"].tolist() == images["count"].tolist()


def test_estimates_read_well():
    estimate = gaps.Estimate(0.0321, 0.0102, 0.054)
    assert estimate.in_points() == "3.21 points (1.02 to 5.40)"
    assert estimate.in_percent() == "3.21 % (1.02 % to 5.40 %)"
    assert str(gaps.Estimate(0.61, 0.57, 0.65)) == "0.610 (0.570 to 0.650)"


LABELS = np.array([1, 1, 0, 1, 0])
P_MALE = np.array([0.95, 0.9, 0.85, 0.3, 0.4])
PAIRS = np.column_stack([1 - P_MALE, P_MALE])  # from the surest on: right, right, wrong, wrong, right


def test_risk_against_coverage_by_hand():
    rows = risk_against_coverage(LABELS, PAIRS).set_index("answered").round(6)
    assert rows.loc[[0.2, 0.4, 0.6, 0.8, 1.0], "error"].tolist() == [0, 0, 0.333333, 0.5, 0.4]
    assert rows.loc[[0.2, 0.4, 0.6, 0.8, 1.0], "threshold"].tolist() == [0.95, 0.9, 0.85, 0.7, 0.6]
    assert rows.loc[1.0, "count"] == 5 and rows.loc[1.0, "low"] < 0.4 < rows.loc[1.0, "high"]


def test_the_plot_marks_the_threshold():
    figure = plot_risk_against_coverage({"bare": risk_against_coverage(LABELS, PAIRS)}, threshold=0.88)
    curve, dot = figure.axes[0].lines
    assert curve.get_ydata()[-1] == pytest.approx(40)
    assert 40 <= dot.get_xdata()[0] <= 50 and dot.get_ydata()[0] == 0
    plt.close(figure)
