"""Plots of a training run and of a model's answers, by matplotlib."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay

from ..data.layout import CLASSES
from .metrics import calibration_bins

BLUE, ORANGE, GREY = "#3b6ea8", "#d9822b", "#9aa0a6"  # told apart with any colour vision


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
    """A confusion matrix, int (2, 2), rows the labels, each field with its count."""
    figure, axis = plt.subplots(figsize=(4.2, 4), layout="constrained")
    display = ConfusionMatrixDisplay(confusion, display_labels=CLASSES)
    display.plot(ax=axis, cmap="Blues", values_format=",", colorbar=False)
    axis.set(xlabel="answer", ylabel="label")
    return figure


def plot_reliability(labels: np.ndarray, probabilities: np.ndarray) -> Figure:
    """How often answers are right against how sure the model says it is; on the diagonal it is as sure as it should."""
    bins = calibration_bins(labels, probabilities)
    figure, axis = plt.subplots(figsize=(4.6, 4), layout="constrained")
    axis.plot((0.5, 1), (0.5, 1), color=GREY, linestyle=":")
    axis.scatter(bins.confidence, bins.accuracy, s=8 + 400 * bins["count"] / bins["count"].sum(), color=BLUE)
    axis.set(xlabel="says it is so sure", ylabel="is right so often", xlim=(0.48, 1.02), ylim=(0, 1.03))
    return figure


def plot_responses(responses: np.ndarray) -> Figure:
    """What filters answer to each place of a picture, float (height, width, filters): bright where they match."""
    figure, axes = plt.subplots(1, responses.shape[-1], figsize=(12, 1.8), layout="constrained", squeeze=False)
    for axis, response in zip(axes.flat, np.moveaxis(responses, -1, 0), strict=True):
        axis.imshow(response, cmap="magma")
        axis.axis("off")
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
