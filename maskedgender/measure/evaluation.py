"""Say how good a model is: numbers with intervals, by group of people; plots; the log of looks; the model card.

Everywhere, `labels` is an int array (N,), 0 female and 1 male, and `probabilities` a float array (N, 2), columns female
and male, rows that sum to 1, each the answer to one image in the same order.
"""

from __future__ import annotations

import csv
import datetime
import json
import math
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, log_loss, roc_auc_score

from ..data.dataset import CLASSES

CALIBRATION_BINS = 15
NOT_KNOWN = "not known"
LOOK_COLUMNS = ("date", "commit", "figure")

NORMAL_95 = 1.959963984540054  # 95 % of a normal distribution lie within so many standard deviations
BLUE, ORANGE, GREY = "#3b6ea8", "#d9822b", "#9aa0a6"  # told apart with any colour vision


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
        confusion: int array (2, 2), rows the labels, columns the answers.
    """

    accuracy: Share
    balanced_accuracy: float
    auc: float
    log_loss: float
    calibration_error: float
    confusion: np.ndarray

    def row(self) -> dict[str, str]:
        """The figures as text, for a table."""
        return {
            "accuracy (95 % interval)": str(self.accuracy),
            "balanced accuracy": percent(self.balanced_accuracy),
            "AUC": f"{self.auc:.4f}",
            "log loss": f"{self.log_loss:.4f}",
            "calibration error": percent(self.calibration_error),
        }


def percent(share: float) -> str:
    """A share, 0..1, as text: "92.17 %"."""
    return f"{100 * share:.2f} %"


def accuracy_with_interval(correct: int, count: int) -> Share:
    """The share `correct / count` with its 95 % interval by Wilson's score (Wilson, JASA 22, 1927)."""
    if not count:
        return Share(math.nan, math.nan, math.nan, 0)
    share, z2 = correct / count, NORMAL_95**2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = NORMAL_95 * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    return Share(share, max(0.0, centre - half), min(1.0, centre + half), count)


def answer_probabilities(model: keras.Model, stream: Iterable) -> np.ndarray:
    """The model's probabilities for a stream in its fixed order, float32 (N, 2), rows that sum to 1.

    The original's two sigmoids do not sum to 1, so every row is divided by its sum; ours do, and stay as they are.
    """
    raw = np.asarray(model.predict(stream, verbose=0), np.float32)
    return raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-12)


def score(labels: np.ndarray, probabilities: np.ndarray) -> Scores:
    """All figures of one model on one set of images that holds both classes."""
    answers = probabilities.argmax(axis=1)
    return Scores(
        accuracy=accuracy_with_interval(int((answers == labels).sum()), len(labels)),
        balanced_accuracy=float(balanced_accuracy_score(labels, answers)),
        auc=float(roc_auc_score(labels, probabilities[:, 1])),
        log_loss=float(log_loss(labels, probabilities, labels=[0, 1])),
        calibration_error=calibration_error(labels, probabilities),
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


def accuracy_by_group(images: pd.DataFrame, probabilities: np.ndarray) -> pd.DataFrame:
    """Accuracy for each group of people, and each style of mask, that the images' table knows.

    Args:
        images: one row an image with the columns label, race, age and style and, if measured, "head turn" (a band of
            degrees, such as "15-29") and "face size" (of pixels); a column that says only "not known" makes one group
            of that name.

    Returns:
        columns group, value, count, accuracy, low, high (95 % interval), one row a value.
    """
    rows = images.reset_index(drop=True).assign(gender=np.take(CLASSES, images.label.to_numpy()))
    rows["gender and race"] = rows.gender + ", " + rows.race
    rows["right"] = probabilities.argmax(axis=1) == rows.label.to_numpy()
    groups = ("gender", "race", "age", "style", "gender and race", "head turn", "face size")
    return pd.DataFrame([line for group in groups if group in rows for line in _group_lines(rows, group)])


def _group_lines(rows: pd.DataFrame, group: str) -> list[dict[str, object]]:
    lines: list[dict[str, object]] = []
    for value, right in sorted(rows.groupby(group)["right"], key=lambda pair: _natural(str(pair[0]))):
        share = accuracy_with_interval(int(right.sum()), len(right))
        figures = {"accuracy": share.value, "low": share.low, "high": share.high}
        lines.append({"group": group, "value": value, "count": share.count, **figures})
    return lines


def _natural(value: str) -> tuple[int, str]:
    """Ages such as "3-9" before "20-29", "more than 70" after them; everything else by the alphabet."""
    digits = value.split("-")[0]
    return (int(digits) if digits.isdigit() else 1000, value)


def answered(labels: np.ndarray, probabilities: np.ndarray, threshold: float) -> tuple[Share, Share]:
    """When answers below a confidence of `threshold` become "not sure": the share answered, and how much is right."""
    sure = probabilities.max(axis=1) >= threshold
    right = (probabilities.argmax(axis=1) == labels) & sure
    return accuracy_with_interval(int(sure.sum()), len(labels)), accuracy_with_interval(
        int(right.sum()), int(sure.sum())
    )


def plot_learning_curves(history: pd.DataFrame, best_epoch: int) -> Figure:
    """Loss and accuracy by epoch, fitted and choosing split, the best epoch marked.

    Args:
        history: columns epoch (from 1), loss, accuracy, val_loss, val_accuracy.
    """
    figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
        axis.plot(history.epoch, history[name], color=ORANGE, marker="o", markersize=3, label="fit")
        axis.plot(history.epoch, history[f"val_{name}"], color=BLUE, marker="o", markersize=3, label="choose")
        axis.axvline(best_epoch, color=GREY, linestyle=":", label=f"best epoch, {best_epoch}")
        axis.set(xlabel="epoch", title=name)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    return figure


def plot_confusion(confusion: np.ndarray) -> Figure:
    """A confusion matrix, int (2, 2), rows the labels; each field with its count and its share of the row."""
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    figure, axis = plt.subplots(figsize=(4.2, 4), layout="constrained")
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(confusion):
        shade = "white" if shares[row, column] > 0.5 else "black"
        axis.text(column, row, f"{count:,}\n{100 * shares[row, column]:.1f} %", ha="center", va="center", color=shade)
    axis.set(xticks=(0, 1), xticklabels=CLASSES, yticks=(0, 1), yticklabels=CLASSES, xlabel="answer", ylabel="label")
    return figure


def plot_reliability(labels: np.ndarray, probabilities: np.ndarray) -> Figure:
    """How often answers are right against how sure the model says it is; on the diagonal it is as sure as it should."""
    bins = calibration_bins(labels, probabilities)
    figure, axis = plt.subplots(figsize=(4.6, 4), layout="constrained")
    axis.plot((0.5, 1), (0.5, 1), color=GREY, linestyle=":")
    axis.scatter(bins.confidence, bins.accuracy, s=8 + 400 * bins["count"] / bins["count"].sum(), color=BLUE)
    axis.set(xlabel="says it is so sure", ylabel="is right so often", xlim=(0.48, 1.02), ylim=(0, 1.03))
    return figure


def plot_samples(pictures: Sequence[np.ndarray], titles: Sequence[str], columns: int = 8) -> Figure:
    """A grid of pictures, uint8 (S, S, 3) or grey (S, S, 1), each under its title."""
    lines = math.ceil(len(pictures) / columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(1.5 * columns, 1.75 * lines), layout="constrained", squeeze=False
    )
    for axis in axes.flat:
        axis.axis("off")
    for axis, picture, title in zip(axes.flat, pictures, titles, strict=False):
        axis.imshow(picture.squeeze(), cmap="gray", vmin=0, vmax=255)
        axis.set_title(title, fontsize=9)
    return figure


def append_look(log: Path, figure: str) -> None:
    """Add a line (date, commit, figure) to the log of looks at Validation, a CSV file that is made where missing.

    A test set that is opened often stops being one, so every opening is written down. The commit is that of the
    checkout in which the log lies; "not known" outside of one, as on Kaggle.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    new = not log.exists()
    with log.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(LOOK_COLUMNS)
        writer.writerow((datetime.date.today().isoformat(), commit_of(log.parent), figure))


def commit_of(folder: Path) -> str:
    """The short commit of the checkout around a folder, "-dirty" where its Python differs; else "not known"."""
    git = ["git", "-C", str(folder)]
    commands = [*git, "rev-parse", "--short", "HEAD"], [*git, "status", "--porcelain", "-uno", "--", ":/*.py"]
    try:
        commit, changed = (subprocess.run(one, capture_output=True, text=True, check=True).stdout for one in commands)
    except (OSError, subprocess.CalledProcessError):
        return NOT_KNOWN
    return commit.strip() + ("-dirty" if changed else "")


def training_facts(model: keras.Model, history: pd.DataFrame, best: int, **others: object) -> dict[str, object]:
    """What a finished training run says of itself, for `write_record`; `others` are added under their own names.

    Args:
        history: one row an epoch, with the column seconds.
        best: the epoch (from 1) whose weights the model holds.
    """
    return {
        "input": model.input_shape[1:],
        "parameters": f"{model.count_params():,}",
        "best epoch": best,
        "epochs": len(history),
        "training time": f"{history.seconds.sum() / 60:.1f} minutes",
        "hardware": f"{len(keras.distribution.list_devices('gpu')) or 'no'} GPU, {os.cpu_count()} CPU cores",
        "Keras": f"{keras.__version__} on {keras.backend.backend()}",
        "commit": commit_of(Path()),
        "date": datetime.date.today().isoformat(),
        **{name.replace("_", " "): value for name, value in others.items()},
    }


def write_record(model: Path, facts: Mapping[str, object]) -> None:
    """Keep the facts of a training run in a JSON file beside its model, for the card; FACTS are those that it shows."""
    text = {name: str(value) for name, value in facts.items()}
    partial = model.with_name(f"partial-{model.stem}.json")
    try:
        partial.write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")
        partial.replace(model.with_suffix(".json"))
    finally:
        partial.unlink(missing_ok=True)
