"""How the threshold of "not sure" and the operating point are chosen, on answers that are known."""

from __future__ import annotations

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from benchmarks import threshold
from maskedgender.networks.records import read_record, write_record

SHELL = typer.Typer()
SHELL.command()(threshold.main)


def test_the_threshold_leaves_a_margin():
    p_male = np.repeat([0.9, 0.8, 0.7], 1000)
    wrong = np.zeros(3000, bool)
    wrong[:20] = wrong[1000:1070] = wrong[2000:2300] = True  # 2 %, 7 % and 30 % of them
    labels = np.where(wrong, 0, 1)
    pairs = np.column_stack([1 - p_male, p_male])
    table = threshold.thresholds(labels, pairs).set_index("threshold")
    assert table.loc[0.75, "of these right"].value == pytest.approx(0.955), "right, but not surely"
    assert threshold.chosen(table.reset_index()) == 0.81
    assert threshold.chosen(threshold.thresholds(1 - labels, pairs)) is None


def test_the_border_is_written_into_the_models_record(tmp_path):
    model = tmp_path / "model.keras"
    write_record(model, {"epochs": 3, "not sure below": 0.9})
    threshold.write_border(model, 0.81, "99 portraits")
    assert read_record(model) == {"epochs": "3", "not sure below": "0.81", "not sure chosen by": "99 portraits"}
    threshold.write_border(model, None, "99 portraits")
    assert read_record(model) == {"epochs": "3"}


def test_nothing_is_written_where_there_is_no_record(tmp_path):
    words = ["--dataset", str(tmp_path), "--write", "--model", str(tmp_path / "none.keras")]
    ran = CliRunner().invoke(SHELL, words)
    assert ran.exit_code == 2 and "no record" in ran.output


def test_a_shift_adds_to_the_logit():
    pairs = np.array([[0.8, 0.2], [0.5, 0.5]])
    moved = threshold.shifted(pairs, 1.0)
    assert np.log(moved[:, 1] / moved[:, 0]) == pytest.approx(np.log(pairs[:, 1] / pairs[:, 0]) + 1)
    assert moved.sum(axis=1) == pytest.approx([1, 1])


def test_the_shift_that_makes_women_and_men_equally_often_right():
    margins = np.random.default_rng(0).normal(0, 1, 4000)
    labels = (np.arange(4000) % 2).astype(int)
    margins += np.where(labels == 1, 1, -1) - 0.4  # it leans towards female by 0.4
    p_male = 1 / (1 + np.exp(-margins))
    pairs = np.column_stack([1 - p_male, p_male])
    equal = threshold.equal_shift(labels, pairs)
    assert equal == pytest.approx(0.4, abs=0.06)
    as_it_is, moved = threshold.operating_points(labels, pairs, [0, equal]).to_dict("records")
    assert as_it_is["women"] == pytest.approx((margins[labels == 0] <= 0).mean())
    assert as_it_is["men"] == pytest.approx((margins[labels == 1] > 0).mean())
    assert as_it_is["women"] - as_it_is["men"] > 0.1 > 0.01 > abs(moved["women"] - moved["men"])
