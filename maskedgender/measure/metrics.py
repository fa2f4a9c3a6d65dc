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
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score
from sklearn.utils.class_weight import compute_sample_weight

from ..data.pictures import CLASSES
from ..networks.records import NOT_KNOWN
from ..training.intervals import interval_of

CALIBRATION_BINS = 15
GROUPS = ("gender", "race", "age", "style", "gender and race", "gender and age", "head turn", "face size")
CALLED_MALE, CALLED_FEMALE = "women called male", "men called female"


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval, not-a-number where nothing is known; of a share, also of how many images."""

    value: float
    low: float
    high: float
    count: int | None = None

    def __str__(self) -> str:
        """A share, such as "92.17 % (91.72 % to 92.60 %, n = 14,464)"."""
        n = "" if self.count is None else f"n = {self.count:,}"
        if math.isnan(self.value):
            return f"{NOT_KNOWN} ({n})" if n else NOT_KNOWN
        return f"{percent(self.value)} ({percent(self.low)} to {percent(self.high)}{n and ', '}{n})"

    def in_points(self) -> str:
        """A difference of shares, such as "3.21 points (1.02 to 5.40)"."""
        if math.isnan(self.value):
            return NOT_KNOWN
        return f"{100 * self.value:.2f} points ({100 * self.low:.2f} to {100 * self.high:.2f})"

    def as_ratio(self) -> str:
        """Such as "0.612 (0.574 to 0.650)"."""
        return NOT_KNOWN if math.isnan(self.value) else f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class Scores:
    """The figures of one model on one set of images, all but the loss 0..1."""

    accuracy: Estimate  # share of images whose likelier class is the label
    balanced_accuracy: float  # mean of the two classes' recalls
    auc: float  # area under the ROC curve of p(male)
    log_loss: float  # mean cross-entropy in nats
    calibration_error: float
    classwise_error: float

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


def share_of(right: np.ndarray, sources: np.ndarray | None = None) -> Estimate:
    """The share of images that are `right`, bool (N,), with Wilson's interval; a portrait's images are one trial."""
    if not len(right):
        return Estimate(math.nan, math.nan, math.nan, 0)
    known = np.arange(len(right)) if sources is None else sources
    interval = interval_of(right, pd.Series(known))
    return Estimate(float(np.mean(right)), float(interval.low), float(interval.high), len(right))


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
    )


def calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error, 0..1 (Naeini, Cooper and Hauskrecht, AAAI 2015; Guo et al., ICML 2017)."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    return _off_by(confidence, right, np.full(len(labels), 1 / len(labels)))


def classwise_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Class-wise calibration error, 0..1 (Kull et al., "Beyond temperature scaling", NeurIPS 2019).

    How far p(male) is from the share of men, women and men weighing the same; that of p(female) is the same.
    """
    return _off_by(probabilities[:, 1], labels, compute_sample_weight("balanced", labels) / len(labels))


def _off_by(told: np.ndarray, true: np.ndarray, weight: np.ndarray) -> float:
    """The mean distance of what was told from what is true, over bins of equal width, by weights that sum to 1."""
    bins = np.minimum((told * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    return float(np.abs(np.bincount(bins, weight * (told - true))).sum())


def accuracy_by_group(images: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    """Accuracy for each group of people, and each style of mask, that the images' table knows.

    Args:
        images: one row an image with the column label and, where they are known, race, age, style, "head turn" (a band
            of degrees, such as "15-29"), "face size" (of pixels) and source: images of the same are of one portrait.

    Returns:
        columns group, value, count, accuracy, low, high (95 % interval), one row a value.
    """
    rows = _with_groups(images).assign(right=probabilities.argmax(axis=1) == images.label.to_numpy())
    found = []
    for group, value, members in _groups_of(rows):
        share = share_of(members.right.to_numpy(), members.source.to_numpy() if "source" in members else None)
        found.append((group, value, share.count, share.value, share.low, share.high))
    return pd.DataFrame(found, columns=["group", "value", "count", "accuracy", "low", "high"])


def errors_by_group(images: pd.DataFrame, probabilities: np.ndarray, not_sure_below: float | None) -> pd.DataFrame:
    """How often each group gets an answer, and in which direction the likelier class is wrong.

    Args:
        images: as for `accuracy_by_group`.
        not_sure_below: the larger probability from which there is an answer; None where there always is one.

    Returns:
        columns group, value, answered, women called male, men called female: shares, 0..1, the last two of the women
        and of the men; not-a-number where a group has none.
    """
    answers = probabilities.argmax(axis=1)
    labels = images.label.to_numpy()
    shares = {
        "answered": probabilities.max(axis=1) >= (not_sure_below or 0.0),
        CALLED_MALE: np.where(labels == 0, answers == 1, np.nan),
        CALLED_FEMALE: np.where(labels == 1, answers == 0, np.nan),
    }
    found = [
        (group, value, *(members[name].mean() for name in shares))
        for group, value, members in _groups_of(_with_groups(images).assign(**shares))
    ]
    return pd.DataFrame(found, columns=["group", "value", *shares])


def _with_groups(images: pd.DataFrame) -> pd.DataFrame:
    """With the columns gender and, where races and ages are known, "gender and race" and "gender and age"."""
    rows = images.reset_index(drop=True).assign(gender=np.take(CLASSES, images.label.to_numpy()))
    for name in {"race", "age"} & set(rows):
        if (rows[name] != NOT_KNOWN).any():
            rows[f"gender and {name}"] = rows.gender + ", " + rows[name]
    return rows


def _groups_of(rows: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    """Each group's name, value and rows; "3-9" years before "20-29", "more than 70" last."""

    def place(value: str) -> tuple[str, int, str]:
        gender, _, band = value.rpartition(", ")
        digits = band.rstrip("+").split("-")[0]
        return gender, int(digits) if digits.isdigit() else 1000, band

    return [
        (group, value, members)
        for group in GROUPS
        if group in rows
        for value, members in sorted(rows.groupby(group), key=lambda one: place(str(one[0])))
    ]


def answered(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float, sources: np.ndarray | None = None
) -> tuple[Estimate, Estimate]:
    """When answers below a confidence of `threshold` become "not sure": the share answered, and how much is right."""
    sure = probabilities.max(axis=1) >= threshold
    right = (probabilities.argmax(axis=1) == labels)[sure]
    return share_of(sure, sources), share_of(right, None if sources is None else sources[sure])
