"""A share, such as an accuracy, with its interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest


def interval_of(right: np.ndarray, sources: pd.Series) -> Any:
    """The 95 % interval (Wilson) of the share of pictures that are `right`; pictures of one portrait are one trial."""
    trials = len(set(sources))
    return binomtest(round(np.mean(right) * trials), trials).proportion_ci(method="wilson")


def share_of(right: np.ndarray, sources: pd.Series) -> str:
    """Such as "92.17 % (91.72 to 92.60, n = 14,464)"."""
    low, high = interval_of(right, sources)
    return f"{100 * np.mean(right):.2f} % ({100 * low:.2f} to {100 * high:.2f}, n = {len(right):,})"
