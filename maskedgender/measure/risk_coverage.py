"""Risk against coverage: how often answers err when only the surest share of the photos is answered.

El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification", JMLR 11, 2010.
"""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .metrics import share_of
from .plots import BLUE, GREY, ORANGE

SHARES = np.arange(1, 101) / 100


def risk_against_coverage(
    labels: np.ndarray, probabilities: np.ndarray, sources: np.ndarray | None = None
) -> pd.DataFrame:
    """One row a share of the photos, the surest first, from 1 % to all of them.

    Args:
        labels: int (N,), 0 female, 1 male.
        probabilities: (N, 2), rows that sum to 1.
        sources: (N,), the portrait that each photo shows, where several show one: the interval draws portraits then.

    Returns:
        columns answered (the share), threshold (the larger probability of the least sure of them), count, error, low,
        high (95 % interval), all but count 0..1.
    """
    confidence = probabilities.max(axis=1)
    surest_first = np.argsort(-confidence, kind="stable")
    wrong = (probabilities.argmax(axis=1) != labels)[surest_first]
    shown = None if sources is None else sources[surest_first]
    rows = []
    for share in SHARES:
        count = max(1, round(share * len(labels)))
        error = share_of(wrong[:count], None if shown is None else shown[:count])
        threshold = float(confidence[surest_first[count - 1]])
        rows.append((share, threshold, count, error.value, error.low, error.high))
    return pd.DataFrame(rows, columns=["answered", "threshold", "count", "error", "low", "high"])


def plot_risk_against_coverage(curves: Mapping[str, pd.DataFrame], threshold: float) -> Figure:
    """Error among the answers that are given against the share of photos that are answered; a dot at `threshold`."""
    figure, axis = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    for (name, rows), colour in zip(curves.items(), (BLUE, ORANGE, GREY, "black"), strict=False):
        axis.plot(100 * rows["answered"], 100 * rows["error"], color=colour, label=name)
        axis.fill_between(100 * rows["answered"], 100 * rows["low"], 100 * rows["high"], color=colour, alpha=0.15)
        sure = rows[rows["threshold"] >= threshold].tail(1)
        axis.plot(100 * sure["answered"], 100 * sure["error"], "o", color=colour)
    axis.set(xlabel="photos answered, %", ylabel="of these wrong, %", xlim=(0, 100))
    axis.set_title(f"Dots: answers from {threshold:.2f} on, else “not sure”", fontsize=10)
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False)
    return figure
