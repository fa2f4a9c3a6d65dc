"""Risk against coverage: how often answers err when only the surest share of the photos is answered.

El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification", JMLR 11, 2010.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from .metrics import share_of

STEPS = 100


def risk_against_coverage(labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """One row for each hundredth of the photos, the surest first; photos that are equally sure stay together.

    Labels and probabilities as in `metrics`. Columns answered (the share), threshold (the larger probability of the
    least sure of them), count, error, low, high (95 % interval), all but count 0..1.
    """
    confidence, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != labels
    wanted = np.maximum(1, np.round(np.arange(1, STEPS + 1) / STEPS * len(labels))).astype(int)
    rows = []
    for threshold in np.unique(np.sort(confidence)[len(labels) - wanted])[::-1]:
        sure = confidence >= threshold
        error = share_of(wrong[sure])
        rows.append((sure.mean(), threshold, error.count, error.value, error.low, error.high))
    return pd.DataFrame(rows, columns=["answered", "threshold", "count", "error", "low", "high"])
