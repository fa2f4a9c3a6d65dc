"""The figures, against values worked out by hand; the log of looks."""

from __future__ import annotations

import csv
import math
import subprocess
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from maskedgender.measure import looks, metrics, plots
from maskedgender.measure.metrics import accuracy_with_interval
from maskedgender.networks.probabilities import answer_probabilities
from maskedgender.networks.records import commit_of

LABELS = np.array([0, 0, 0, 1, 1, 1, 1, 1])
P_MALE = np.array([0.1, 0.3, 0.6, 0.9, 0.8, 0.7, 0.4, 0.95])
PROBABILITIES = np.column_stack([1 - P_MALE, P_MALE])
IMAGES = pd.DataFrame(
    {
        "label": LABELS,
        "race": ["Black", "Black", "White", "White", "White", "Black", "Black", "White"],
        "age": ["3-9", "20-29", "20-29", "more than 70", "3-9", "20-29", "20-29", "20-29"],
        "style": ["none", "cloth", "cloth", "cloth", "none", "cloth", "none", "none"],
    }
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_wilson_against_worked_examples():
    # 8 of 10: centre (0.8 + 3.8415/20) / 1.38415 = 0.71674, half-width 0.22657: 0.4902 to 0.9433, as in textbooks.
    share = accuracy_with_interval(8, 10)
    assert (round(share.low, 4), round(share.high, 4)) == (0.4902, 0.9433)
    none, every = accuracy_with_interval(0, 10), accuracy_with_interval(10, 10)
    assert (none.low, none.high) == (pytest.approx(0), pytest.approx(0.2775, abs=5e-5))
    assert (every.low, every.high) == (pytest.approx(0.7225, abs=5e-5), pytest.approx(1))


def test_an_empty_count_is_not_known():
    empty = accuracy_with_interval(0, 0)
    assert math.isnan(empty.value) and str(empty) == "not known (n = 0)"


def answers_in_pairs(portraits: int, agreement: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Whether the answers to two images a portrait are right, 0.8 of them, so correlated; and the portraits."""
    first, other = rng.random((2, portraits)) < 0.8
    second = np.where(rng.random(portraits) < agreement, first, other)
    return np.column_stack([first, second]).ravel(), np.repeat(np.arange(portraits), 2)


def test_the_interval_of_images_in_pairs_holds_the_truth_95_times_of_100():
    rng = np.random.default_rng(0)
    shares = [metrics.share_of(*answers_in_pairs(300, 0.6, rng)) for _ in range(1000)]
    held = np.mean([share.low <= 0.8 <= share.high for share in shares])
    assert 0.93 <= held <= 0.97  # Wilson's interval holds it 88 times of 100


def test_one_image_a_portrait_keeps_wilsons_interval():
    right = np.repeat([True, False], [8, 2])
    assert metrics.share_of(right, np.arange(10)) == metrics.share_of(right) == accuracy_with_interval(8, 10)


def test_all_right_in_pairs_is_as_sure_as_there_are_portraits():
    share, ten = metrics.share_of(np.ones(20, bool), np.repeat(np.arange(10), 2)), accuracy_with_interval(10, 10)
    assert (share.value, share.low, share.high, share.count) == (1, ten.low, ten.high, 20)


def test_one_portrait_tells_nothing_of_others():
    share = metrics.share_of(np.array([True, False, True, True]), np.zeros(4, int))
    assert (share.value, share.low, share.high, share.count) == (0.75, 0, 1, 4)


def test_all_figures_draw_portraits():
    """Each image four times: no figure may be surer than of the images once."""
    labels, pairs, images = (np.repeat(table, 4, axis=0) for table in (LABELS, PROBABILITIES, IMAGES))
    sources, images = np.repeat(np.arange(8), 4), pd.DataFrame(images, columns=IMAGES.columns)
    drawn = metrics.score(labels, pairs, sources).accuracy
    assert drawn.high - drawn.low > 1.5 * (lambda share: share.high - share.low)(metrics.score(labels, pairs).accuracy)
    images["label"] = images["label"].astype(int)
    table = metrics.accuracy_by_group(images.assign(source=sources), pairs)
    female = table[table["value"] == "female"].iloc[0]
    assert female["high"] - female["low"] > 0.5
    for one, other in zip(
        metrics.answered(labels, pairs, 0.65, sources), metrics.answered(labels, pairs, 0.65), strict=True
    ):
        assert one.value == other.value and one.high - one.low > 1.2 * (other.high - other.low)


def test_a_share_reads_well():
    assert str(accuracy_with_interval(13_331, 14_464)) == "92.17 % (91.72 % to 92.59 %, n = 14,464)"


def test_scores_by_hand():
    scores = metrics.score(LABELS, PROBABILITIES)
    assert scores.accuracy.value == 6 / 8  # wrong: 0.6 for a female, 0.4 for a male
    assert scores.confusion.tolist() == [[2, 1], [1, 4]]
    assert scores.balanced_accuracy == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert scores.auc == pytest.approx(14 / 15)  # of 15 pairs of a female and a male only (0.6, 0.4) is out of order
    of_label = [0.9, 0.7, 0.4, 0.9, 0.8, 0.7, 0.4, 0.95]
    assert scores.log_loss == pytest.approx(-sum(map(math.log, of_label)) / 8)
    assert scores.calibration_error == metrics.calibration_error(LABELS, PROBABILITIES) > 0
    assert scores.classwise_error == metrics.classwise_error(LABELS, PROBABILITIES) > 0
    assert scores.row() == {
        "accuracy (95 % interval)": str(scores.accuracy),
        "balanced accuracy": "73.33 %",
        "AUC": "0.9333",
        "log loss": f"{scores.log_loss:.4f}",
        "calibration error": metrics.percent(scores.calibration_error),
        "class-wise calibration error": metrics.percent(scores.classwise_error),
    }


@pytest.mark.filterwarnings("ignore:Only one class:Warning", "ignore:A single label:Warning")
def test_of_one_class_alone_the_other_has_no_images():
    scores = metrics.score(np.zeros(2, int), PROBABILITIES[:2])
    assert scores.confusion.tolist() == [[2, 0], [0, 0]]
    assert scores.log_loss == pytest.approx(-(math.log(0.9) + math.log(0.7)) / 2)


def test_calibration_error_by_hand():
    labels = np.array([1, 1, 1, 0, 0])
    p_male = np.array([0.9, 0.92, 0.91, 0.9, 0.45])
    # One bin of 15 holds 0.90 to 0.92 (right 3 of 4, mean 0.9075), another 0.55 (right 1 of 1).
    expected = (4 * abs(0.75 - 0.9075) + 1 * abs(1 - 0.55)) / 5
    probabilities = np.column_stack([1 - p_male, p_male])
    assert metrics.calibration_error(labels, probabilities) == pytest.approx(expected)


def test_classwise_error_by_hand():
    labels = np.array([1, 1, 1, 0])  # each man weighs 1/6, the woman 1/2
    p_male = np.array([0.91, 0.92, 0.50, 0.92])
    # One bin holds 0.91 and twice 0.92, another 0.50: its man should have been at 1.
    high = (0.91 + 0.92) / 6 + 0.92 / 2 - 2 / 6
    expected = abs(high) + (1 - 0.50) / 6
    assert metrics.classwise_error(labels, np.column_stack([1 - p_male, p_male])) == pytest.approx(expected)


def test_classwise_error_forgives_no_share_of_men():
    """Of 90 men and 10 women all get 0.9: right as often as they say, and yet no probability of as many of both."""
    labels, pairs = np.repeat([1, 0], [90, 10]), np.tile([0.1, 0.9], (100, 1))
    assert metrics.calibration_error(labels, pairs) == pytest.approx(0)
    assert metrics.classwise_error(labels, pairs) == pytest.approx(0.4)


def test_full_confidence_is_of_the_last_bin_and_of_no_other():
    assert metrics.calibration_error(np.array([1, 0]), np.array([[0.0, 1.0], [1.0, 0.0]])) == 0
    p_male = np.array([0.88, 0.94, 1.0])  # bins of 15: from 13/15 = 0.867, from 14/15 = 0.933
    bins = metrics.calibration_bins(np.ones(3, int), np.column_stack([1 - p_male, p_male]))
    assert bins["confidence"].tolist() == pytest.approx([0.88, 0.97]) and bins["count"].tolist() == [1, 2]
    # Both men of the last bin are as sure as they should be in the mean, and the woman of the one below is not.
    labels, p_male = np.array([1, 1, 0, 0]), np.array([0.96, 1.0, 0.04, 0.9])
    expected = (0.04 + 0.0) / 4 + 0.04 / 4 + 0.9 / 4
    assert metrics.classwise_error(labels, np.column_stack([1 - p_male, p_male])) == pytest.approx(expected)


def test_accuracy_by_group():
    table = metrics.accuracy_by_group(IMAGES, PROBABILITIES)
    lines = {(line["group"], line["value"]): (line["count"], line["accuracy"]) for _, line in table.iterrows()}
    assert lines["gender", "female"] == (3, pytest.approx(2 / 3))
    assert lines["race", "Black"] == (4, pytest.approx(3 / 4))
    assert lines["style", "none"] == (4, pytest.approx(3 / 4))
    assert lines["gender and race", "male, White"] == (3, 1)
    assert table[table.group == "age"].value.tolist() == ["3-9", "20-29", "more than 70"]
    assert (table.low <= table.accuracy).all() and (table.accuracy <= table.high).all()


def test_sizes_and_turns_are_groups_where_they_are_measured():
    images = IMAGES.assign(**{"face size": ["96-127"] * 4 + ["24-31"] * 4, "head turn": "0-14"})
    table = metrics.accuracy_by_group(images, PROBABILITIES)
    sizes = table[table.group == "face size"]
    assert sizes.value.tolist() == ["24-31", "96-127"] and sizes.accuracy.tolist() == [0.75, 0.75]
    assert table[table.group == "head turn"]["count"].tolist() == [8]
    assert "face size" not in metrics.accuracy_by_group(IMAGES, PROBABILITIES).group.tolist()


def test_groups_not_known_are_one_group():
    images = IMAGES.assign(race="not known", age="not known", style="not known")
    table = metrics.accuracy_by_group(images, PROBABILITIES)
    assert table[table.group == "race"].value.tolist() == ["not known"]
    assert table[table.group == "race"]["count"].tolist() == [len(LABELS)]


def test_who_is_as_sure_as_the_threshold_is_answered():
    pairs = np.array([[0.25, 0.75], [0.5, 0.5]])
    for threshold in (0.75, 0.5):
        coverage, _ = metrics.answered(np.array([1, 1]), pairs, threshold)
        assert coverage.value == (pairs.max(axis=1) >= threshold).mean()


def test_answered_at_a_threshold():
    coverage, accuracy = metrics.answered(LABELS, PROBABILITIES, 0.75)
    assert (coverage.value, coverage.count) == (4 / 8, 8)  # sure: 0.1, 0.9, 0.8, 0.95
    assert (accuracy.value, accuracy.count) == (1, 4)
    coverage, accuracy = metrics.answered(LABELS, PROBABILITIES, 0.99)
    assert coverage.value == 0 and accuracy.count == 0


def test_two_sigmoids_are_divided_by_their_sum():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Activation("linear")(inputs))
    answers = answer_probabilities(model, np.array([[0.2, 0.6], [0.5, 0.5]], np.float32))
    np.testing.assert_allclose(answers, [[0.25, 0.75], [0.5, 0.5]], atol=1e-6)


def test_learning_curves_show_the_history():
    history = pd.DataFrame({"epoch": [1, 2, 3], "loss": [3, 2, 1], "accuracy": [0.5, 0.6, 0.7]})
    history = history.assign(val_loss=[3, 2, 2.5], val_accuracy=[0.5, 0.7, 0.6])
    losses, accuracies = plots.plot_learning_curves(history, best_epoch=2).axes
    assert losses.lines[0].get_ydata().tolist() == [3, 2, 1]
    assert accuracies.lines[1].get_ydata().tolist() == [0.5, 0.7, 0.6]
    assert accuracies.get_legend().get_texts()[2].get_text() == "best epoch, 2"


def test_confusion_plot_shows_counts():
    axis = plots.plot_confusion(np.array([[2, 1], [1, 4]])).axes[0]
    assert [text.get_text() for text in axis.texts] == ["2", "1", "1", "4"]
    assert len(axis.figure.axes) == 1, "no scale of colours: the counts are written"


def test_sample_grid_takes_grey_and_a_broken_last_line():
    pictures = [np.zeros((8, 8, 1), np.uint8), *[np.zeros((8, 8, 3), np.uint8)] * 4]
    figure = plots.plot_samples(pictures, list("abcde"), columns=3)
    assert [axis.get_title() for axis in figure.axes] == ["a", "b", "c", "d", "e", ""]


def test_reliability_plot_has_a_point_a_bin():
    axis = plots.plot_reliability(LABELS, PROBABILITIES).axes[0]
    assert len(axis.collections[0].get_offsets()) == len(metrics.calibration_bins(LABELS, PROBABILITIES))


def test_looks_are_appended(tmp_path: Path):
    log = tmp_path / "benchmarks" / "results" / "looks.csv"
    looks.append_look(log, "first, with a comma")
    looks.append_look(log, "second")
    rows = list(csv.DictReader(log.open(encoding="utf-8")))
    assert [row["figure"] for row in rows] == ["first, with a comma", "second"]
    assert {row["commit"] for row in rows} == {"not known"}


def test_the_commit_is_that_of_the_checkout_around(tmp_path: Path):
    def git(*words: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=nobody", "-c", "user.email=nobody@localhost", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    assert commit_of(tmp_path) == "not known", "there is none yet"
    (tmp_path / "code.py").write_text("x = 1")
    git("add", "code.py")
    git("commit", "--quiet", "-m", "code")
    looks.append_look(tmp_path / "looks.csv", "a look does not make it dirty")
    assert commit_of(tmp_path) == git("rev-parse", "--short", "HEAD")
    (tmp_path / "code.py").write_text("x = 2")
    assert commit_of(tmp_path) == git("rev-parse", "--short", "HEAD") + "-dirty"
