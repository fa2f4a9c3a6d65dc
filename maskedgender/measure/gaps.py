"""Differences with 95 % intervals: between groups of people, between two models, between clean and changed photos.

Everything here is made of means over the same photos, so the photos are what is drawn anew (paired bootstrap: Efron and
Tibshirani, "An Introduction to the Bootstrap", 1993), or, where several show one portrait, the portraits (`sources`,
(N,), names them). `right` is a float array (N,), one entry a photo: 1 for a right
answer, 0 for a wrong one, not-a-number where there is no answer because no face was found.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

RESAMPLES = 1000
ADULT = 20  # years, and over: the age bands of FairFace break there

Statistic = Callable[[np.ndarray], np.ndarray]
"""Takes how often each photo counts, (R, N), and gives one value for each row, (R,)."""


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; not-a-number where nothing is known."""

    value: float
    low: float
    high: float

    def in_points(self) -> str:
        """For a difference of shares, such as "3.21 points (1.02 to 5.40)"."""
        if math.isnan(self.value):
            return "not known"
        return f"{100 * self.value:.2f} points ({100 * self.low:.2f} to {100 * self.high:.2f})"

    def in_percent(self) -> str:
        """For a share, such as "79.15 % (78.01 % to 80.28 %)"."""
        if math.isnan(self.value):
            return "not known"
        return f"{100 * self.value:.2f} % ({100 * self.low:.2f} % to {100 * self.high:.2f} %)"

    def __str__(self) -> str:
        """For a ratio, such as "0.612 (0.574 to 0.650)"."""
        return "not known" if math.isnan(self.value) else f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def bootstrap(statistic: Statistic, count: int, sources: np.ndarray | None = None) -> Estimate:
    """A statistic of `count` photos, and the middle 95 % of what it is when the photos are drawn anew.

    Photos of one of the `sources` are drawn together.
    """
    if not count:
        return Estimate(math.nan, math.nan, math.nan)
    drawn = _drawn_anew(count)
    if sources is not None:
        codes, portraits = pd.factorize(sources)
        drawn = _drawn_anew(len(portraits))[:, codes]
    low, high = np.nanquantile(statistic(drawn), (0.025, 0.975))
    return Estimate(float(statistic(np.ones((1, count)))[0]), float(low), float(high))


def mean_of(values: np.ndarray) -> Statistic:
    """The mean of `values`, (N,), over those that are a number; not-a-number where none of these is drawn."""
    known = ~np.isnan(values)
    sums = np.column_stack([np.where(known, values, 0), known]).astype(np.float32)

    def mean(weights: np.ndarray) -> np.ndarray:
        of_values, count = (weights.astype(np.float32) @ sums).T
        return np.divide(of_values, count, out=np.full(len(weights), np.nan, np.float32), where=count > 0)

    return mean


def error_ratio(right: np.ndarray, others: np.ndarray, sources: np.ndarray | None = None) -> Estimate:
    """A model's error as a share of another's, on the photos that both have answered."""
    both = ~np.isnan(right) & ~np.isnan(others)
    ours, theirs = mean_of(1 - right[both]), mean_of(1 - others[both])
    of_both = None if sources is None else sources[both]
    return bootstrap(lambda weights: ours(weights) / theirs(weights), int(both.sum()), of_both)


def balanced_accuracy(right: np.ndarray, labels: np.ndarray, sources: np.ndarray | None = None) -> Estimate:
    """The mean of the two classes' accuracies."""
    classes = [mean_of(np.where(labels == label, right, np.nan)) for label in (0, 1)]
    return bootstrap(lambda weights: (classes[0](weights) + classes[1](weights)) / 2, len(right), sources)


def mean_drop(clean: np.ndarray, changed: list[np.ndarray], sources: np.ndarray | None = None) -> Estimate:
    """How much accuracy falls when the photos are changed, the mean over the changes.

    Each change is compared on the photos on which a face was found with and without it.
    """
    falls = [mean_of(clean - right) for right in changed]
    return bootstrap(lambda weights: np.mean([fall(weights) for fall in falls], axis=0), len(clean), sources)


def largest_gap(right: np.ndarray, groups: np.ndarray, sources: np.ndarray | None = None) -> Estimate:
    """The best group's accuracy less the worst group's.

    Chance alone drives groups apart, the more so the smaller they are: the interval leans upwards.
    """
    means = [mean_of(np.where(groups == group, right, np.nan)) for group in np.unique(groups)]
    return bootstrap(lambda weights: np.ptp([mean(weights) for mean in means], axis=0), len(right), sources)


def difference(right: np.ndarray, first: np.ndarray, second: np.ndarray, sources: np.ndarray | None = None) -> Estimate:
    """The accuracy on the photos that `first`, bool (N,), marks, less that on those of `second`."""
    one, other = (mean_of(np.where(marked, right, np.nan)) for marked in (first, second))
    return bootstrap(lambda weights: one(weights) - other(weights), len(right), sources)


def gaps_between_groups(images: pd.DataFrame, right: np.ndarray, sure: np.ndarray) -> dict[str, Estimate]:
    """The gaps that the model card tells of, by name, where the images' table knows the groups.

    Args:
        images: one row a photo with the columns label, race and age, and source where several show one portrait.
        sure: where an answer is given, rather than "not sure"; bool (N,).
    """
    grown, male = is_adult(images["age"]), images["label"].to_numpy() == 1
    races = images["race"].to_numpy(dtype=str)[grown]
    given = np.where(np.isnan(right), np.nan, sure)
    sources = images["source"].to_numpy() if "source" in images else np.arange(len(images))
    of_grown = sources[grown]
    between = f"largest gap between race groups, adults of {ADULT} and over"
    return {
        between: largest_gap(right[grown], races, of_grown),
        f"{between}, where it answers": largest_gap(np.where(sure, right, np.nan)[grown], races, of_grown),
        f"{between}, in how often it answers": largest_gap(given[grown], races, of_grown),
        f"men less women, adults of {ADULT} and over": difference(right[grown], male[grown], ~male[grown], of_grown),
        "men less women, all ages": difference(right, male, ~male, sources),
    }


def is_adult(ages: pd.Series) -> np.ndarray:
    """Whether an age band, such as "20-29", "70+" or "more than 70", begins at `ADULT` years or later; bool (N,)."""
    first = [re.search(r"\d+", str(age)) for age in ages]
    return np.array([found is not None and int(found[0]) >= ADULT for found in first], dtype=bool)


@lru_cache(maxsize=4)
def _drawn_anew(count: int) -> np.ndarray:
    """How often each photo is drawn, float32 (RESAMPLES, count); the same for all, so that differences are paired."""
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    return drawn.astype(np.float32)
