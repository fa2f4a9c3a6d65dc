"""Say how good a model is: figures with intervals, for all images and by group of people.

Everywhere, `labels` is an int array (N,), 0 female and 1 male, and `probabilities` a float array (N, 2), columns female
and male, rows that sum to 1, each the answer to one image in the same order. `sources`, (N,), names the portrait that
each image shows; without, each image is a portrait of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest, bootstrap
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, log_loss, roc_auc_score
from sklearn.utils.class_weight import compute_sample_weight

from ..data.layout import CLASSES
from ..networks.records import NOT_KNOWN

CALIBRATION_BINS = 15
RESAMPLES = 1000
GROUPS = ("gender", "race", "age", "style", "gender and race", "head turn", "face size")
CALLED_MALE, CALLED_FEMALE = "women called male", "men called female"


@dataclass(frozen=True)
class Share:
    """A share of a count with its 95 % interval, all 0..1; not-a-number where the count is 0."""

    value: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        """Such as "92.17 % (91.72 % to 92.60 %, n = 14,464)"."""
        if not self.count:
            return f"{NOT_KNOWN} (n = 0)"
        return f"{percent(self.value)} ({percent(self.low)} to {percent(self.high)}, n = {self.count:,})"


@dataclass(frozen=True)
class Scores:
    """The figures of one model on one set of images.

    Attributes:
        accuracy: share of images whose likelier class is the label.
        balanced_accuracy: mean of the two classes' recalls, 0..1.
        auc: area under the ROC curve of p(male), 0..1.
        log_loss: mean cross-entropy in nats.
        calibration_error: expected calibration error, 0..1, in 15 bins of equal width.
        classwise_error: the same of p(male) over all of 0..1, women and men weighing the same.
        confusion: int array (2, 2), rows the labels, columns the answers.
    """

    accuracy: Share
    balanced_accuracy: float
    auc: float
    log_loss: float
    calibration_error: float
    classwise_error: float
    confusion: np.ndarray

    def row(self) -> dict[str, str]:
        """The figures as text, for a table."""
        return {
            "accuracy (95 % interval)": str(self.accuracy),
            "balanced accuracy": percent(self.balanced_accuracy),
            "AUC": f"{self.auc:.4f}",
            "log loss": f"{self.log_loss:.4f}",
            "calibration error": percent(self.calibration_error),
            "class-wise calibration error": percent(self.classwise_error),
        }


def percent(share: float) -> str:
    """A share, 0..1, as text: "92.17 %"."""
    return f"{100 * share:.2f} %"


def accuracy_with_interval(correct: int, count: int) -> Share:
    """The share `correct / count` with its 95 % interval by Wilson's score (Wilson, JASA 22, 1927)."""
    if not count:
        return Share(math.nan, math.nan, math.nan, 0)
    interval = binomtest(correct, count).proportion_ci(method="wilson")
    return Share(correct / count, float(interval.low), float(interval.high), count)


def share_of(right: np.ndarray, sources: np.ndarray | None = None) -> Share:
    """The share of images that are `right`, bool (N,), with its 95 % interval.

    Answers to images of one portrait go together, so where several show one the portraits are what is drawn anew, 1,000
    times (cluster bootstrap: Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8).
    Otherwise, and where all are right or all wrong, Wilson's score is taken, of as many trials as there are portraits;
    a single portrait that is both tells nothing.
    """
    portraits = len(right) if sources is None else len(np.unique(sources))
    if portraits == len(right):
        return accuracy_with_interval(int(right.sum()), len(right))
    if right.all() or not right.any():
        wilson = accuracy_with_interval(portraits * int(right[0]), portraits)
        return Share(wilson.value, wilson.low, wilson.high, len(right))
    if portraits == 1:
        return Share(float(right.mean()), 0.0, 1.0, len(right))
    of_portrait = pd.Series(right).groupby(pd.factorize(sources)[0]).agg(["sum", "size"]).to_numpy(float)
    rng = np.random.default_rng(0)
    low, high = bootstrap(
        tuple(of_portrait.T),
        lambda sums, sizes, axis: sums.sum(axis) / sizes.sum(axis),
        paired=True,
        method="percentile",
        n_resamples=RESAMPLES,
        batch=100,
        random_state=rng,
    ).confidence_interval
    return Share(float(right.mean()), float(low), float(high), len(right))


def score(labels: np.ndarray, probabilities: np.ndarray, sources: np.ndarray | None = None) -> Scores:
    """All figures of one model on one set of images that holds both classes."""
    answers = probabilities.argmax(axis=1)
    return Scores(
        accuracy=share_of(answers == labels, sources),
        balanced_accuracy=float(balanced_accuracy_score(labels, answers)),
        auc=float(roc_auc_score(labels, probabilities[:, 1])),
        log_loss=float(log_loss(labels, probabilities, labels=[0, 1])),
        calibration_error=calibration_error(labels, probabilities),
        classwise_error=classwise_error(labels, probabilities),
        confusion=confusion_matrix(labels, answers, labels=[0, 1]),
    )


def calibration_bins(labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """How often the answers are right at each level of confidence; columns confidence, accuracy (means), count.

    The confidence is the larger probability; bins of equal width over 0..1, empty ones left out.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    rows = pd.DataFrame({"bin": bins, "confidence": confidence, "accuracy": right})
    return rows.groupby("bin").agg(
        confidence=("confidence", "mean"), accuracy=("accuracy", "mean"), count=("accuracy", "size")
    )


def calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error, 0..1 (Naeini, Cooper and Hauskrecht, AAAI 2015; Guo et al., ICML 2017)."""
    bins = calibration_bins(labels, probabilities)
    return float((bins["count"] * (bins.confidence - bins.accuracy).abs()).sum() / bins["count"].sum())


def classwise_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Class-wise calibration error, 0..1 (Kull et al., "Beyond temperature scaling", NeurIPS 2019).

    How far p(male) is, in 15 bins of equal width over 0..1, from the share of men, women and men weighing the same; of
    two classes the error of p(female) is the same.
    """
    weight = compute_sample_weight("balanced", labels) / len(labels)
    p_male = probabilities[:, 1]
    bins = np.minimum((p_male * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return float(np.abs(np.bincount(bins, weight * (p_male - labels))).sum())


def accuracy_by_group(images: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    """Accuracy for each group of people, and each style of mask, that the images' table knows.

    Args:
        images: one row an image with the columns label, race, age and style and, if measured, "head turn" (a band of
            degrees, such as "15-29") and "face size" (of pixels); a column that says only "not known" makes one group
            of that name. If there is a column source, images of the same one are of one portrait.

    Returns:
        columns group, value, count, accuracy, low, high (95 % interval), one row a value.
    """
    rows = _with_groups(images).assign(right=probabilities.argmax(axis=1) == images.label.to_numpy())
    return pd.DataFrame([line for group in GROUPS if group in rows for line in _group_lines(rows, group)])


def errors_by_group(images: pd.DataFrame, probabilities: np.ndarray, not_sure_below: float | None) -> pd.DataFrame:
    """How often each group gets an answer, and in which direction the likelier class is wrong.

    Args:
        images: as for `accuracy_by_group`.
        not_sure_below: the larger probability from which there is an answer; None where there always is one.

    Returns:
        columns group, value, answered, women called male, men called female: shares, 0..1, the last two of the women
        and of the men; not-a-number where a group has none.
    """
    rows = _with_groups(images).assign(
        answered=probabilities.max(axis=1) >= (not_sure_below or 0.0),
        **{CALLED_MALE: probabilities.argmax(axis=1) == 1, CALLED_FEMALE: probabilities.argmax(axis=1) == 0},
    )
    rows[CALLED_MALE] = rows[CALLED_MALE].where(rows.label == 0)
    rows[CALLED_FEMALE] = rows[CALLED_FEMALE].where(rows.label == 1)
    shares = [
        rows.groupby(group)[["answered", CALLED_MALE, CALLED_FEMALE]]
        .agg(lambda column: column.astype(float).mean())
        .rename_axis("value")
        .reset_index()
        .assign(group=group)
        for group in GROUPS
        if group in rows
    ]
    return pd.concat(shares, ignore_index=True)


def _with_groups(images: pd.DataFrame) -> pd.DataFrame:
    """With the columns gender and, where races are known, "gender and race"."""
    rows = images.reset_index(drop=True).assign(gender=np.take(CLASSES, images.label.to_numpy()))
    known = (rows.race != NOT_KNOWN).any()
    return rows.assign(**{"gender and race": rows.gender + ", " + rows.race}) if known else rows


def _group_lines(rows: pd.DataFrame, group: str) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = []
    for value, members in sorted(rows.groupby(group), key=lambda pair: _natural(str(pair[0]))):
        sources = members["source"].to_numpy() if "source" in members else None
        share = share_of(members["right"].to_numpy(), sources)
        figures = {"accuracy": share.value, "low": share.low, "high": share.high}
        lines.append({"group": group, "value": value, "count": share.count, **figures})
    return lines


def _natural(value: str) -> tuple[int, str]:
    """Ages such as "3-9" before "20-29", "more than 70" after them; everything else by the alphabet."""
    digits = value.split("-")[0]
    return (int(digits) if digits.isdigit() else 1000, value)


def answered(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float, sources: np.ndarray | None = None
) -> tuple[Share, Share]:
    """When answers below a confidence of `threshold` become "not sure": the share answered, and how much is right."""
    sure = probabilities.max(axis=1) >= threshold
    right = (probabilities.argmax(axis=1) == labels)[sure]
    return share_of(sure, sources), share_of(right, None if sources is None else sources[sure])
