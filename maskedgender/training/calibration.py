"""Make a trained CNN's probabilities honest, and find from which on it is sure enough to answer."""

from __future__ import annotations

import keras
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from .intervals import interval_of


def platt(margin: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Slope and shift of log-odds (N,) that fit labels of 0 and 1, both weighing the same (Platt, 1999)."""
    regression = LogisticRegression(class_weight="balanced").fit(margin[:, None], labels)
    return regression.coef_.item(), regression.intercept_.item()


def calibrate(trained: keras.Model, pairs: np.ndarray, labels: np.ndarray) -> None:
    """Fold the slope and shift that make probabilities, (N, 2), honest into the last Dense."""
    slope, shift = platt(np.diff(np.log(np.maximum(pairs, 1e-30)))[:, 0], labels)
    kernel, bias = trained.layers[-1].get_weights()
    trained.layers[-1].set_weights([slope * kernel, slope * bias + np.array([-shift / 2, shift / 2])])


def threshold_of(pairs: np.ndarray, labels: np.ndarray, sources: pd.Series, wanted: float = 0.95) -> float | None:
    """The smallest probability whose answers are right so often, at the lower end of the interval; None without one."""
    right, says = pairs.argmax(axis=1) == labels, pairs.max(axis=1)
    for threshold in np.arange(50, 100 * says.max()) / 100:
        if interval_of(right[says >= threshold], sources[says >= threshold]).low >= wanted:
            return float(threshold)
    return None
