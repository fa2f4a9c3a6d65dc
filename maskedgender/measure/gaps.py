"""Differences with 95 % intervals: between groups of people, between two models, between clean and changed photos.

All are made of means over the same photos, so the photos are what is drawn anew (paired bootstrap: Efron and
Tibshirani, "An Introduction to the Bootstrap", 1993) or, where several show one portrait, the portraits, which
`sources`, (N,), names. `right` is a float array (N,), one entry a photo: 1 for a right answer, 0 for a wrong one,
not-a-number where there is none because no face was found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from .metrics import Estimate

RESAMPLES = 1000
ADULT = 20  # years, and over: the age bands of FairFace break there


def of_means(
    statistic: Callable[[np.ndarray], np.ndarray], values: Sequence[np.ndarray], sources: np.ndarray | None = None
) -> Estimate:
    """A statistic of the means of K arrays (N,), over what is a number in each: it takes (K, R), and gives (R,)."""
    table = np.asarray(values, float)
    portrait = np.arange(table.shape[1]) if sources is None else pd.factorize(sources)[0]
    if len(set(portrait)) < 2:
        return Estimate(math.nan, math.nan, math.nan)
    parts = [*np.nan_to_num(table), *(~np.isnan(table)).astype(float)]
    of_portraits = [np.bincount(portrait, part) for part in parts]

    def of_drawn(*drawn: np.ndarray, axis: int = -1) -> np.ndarray:
        sums, counts = np.split(np.array([part.sum(axis) for part in drawn]), 2)
        return statistic(np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0))

    drawn = bootstrap(
        of_portraits, of_drawn, paired=True, n_resamples=RESAMPLES, batch=100, method="percentile",
        random_state=np.random.default_rng(0),
    ).bootstrap_distribution  # fmt: skip
    low, high = np.nanquantile(drawn, (0.025, 0.975))
    return Estimate(float(of_drawn(*of_portraits)), float(low), float(high))


def mean_of(values: np.ndarray, sources: np.ndarray | None = None) -> Estimate:
    """The mean of `values`, float (N,), over those that are a number."""
    return of_means(lambda means: means[0], [values], sources)


def mean_of_means(values: Sequence[np.ndarray], sources: np.ndarray | None = None) -> Estimate:
    """The mean over several arrays (N,) of the mean of each."""
    return of_means(lambda means: means.mean(axis=0), values, sources)


def error_ratio(right: np.ndarray, others: np.ndarray) -> Estimate:
    """A model's error as a share of another's, on the photos that both have answered."""
    unknown = np.isnan(right + others)
    errors = [np.where(unknown, np.nan, 1 - answers) for answers in (right, others)]
    return of_means(lambda means: means[0] / means[1], errors)


def balanced_accuracy(right: np.ndarray, labels: np.ndarray, sources: np.ndarray | None = None) -> Estimate:
    """The mean of the two classes' accuracies."""
    return mean_of_means([np.where(labels == label, right, np.nan) for label in (0, 1)], sources)


def mean_drop(clean: np.ndarray, changed: Sequence[np.ndarray]) -> Estimate:
    """How much accuracy falls when the photos are changed, the mean over the changes.

    Each change is compared on the photos on which a face was found with and without it.
    """
    return mean_of_means([clean - right for right in changed])


def gaps_between_groups(images: pd.DataFrame, right: np.ndarray, sure: np.ndarray) -> dict[str, Estimate]:
    """The gaps that the model card tells of, by name: the best group less the worst, and men less women.

    Chance alone drives groups apart, the more so the smaller they are: the first ones' intervals lean upwards.

    Args:
        images: one row a photo with the columns label, race, and age, a band such as "20-29", "70+" or "more than 70".
        sure: where an answer is given, rather than "not sure"; bool (N,).
    """
    grown = (images["age"].str.extract(r"(\d+)", expand=False).astype(float) >= ADULT).to_numpy()
    races = images["race"].to_numpy(dtype=str)[grown]
    male = images["label"].to_numpy() == 1
    of_men, of_women = np.where(male, right, np.nan), np.where(male, np.nan, right)
    given = np.where(np.isnan(right), np.nan, sure)

    def between_races(values: np.ndarray) -> Estimate:
        of_groups = [np.where(races == race, values[grown], np.nan) for race in np.unique(races)]
        return of_means(lambda means: np.ptp(means, axis=0), of_groups)

    def men_less_women(chosen: np.ndarray) -> Estimate:
        return of_means(lambda means: means[0] - means[1], [of_men[chosen], of_women[chosen]])

    name = f"largest gap between race groups, adults of {ADULT} and over"
    return {
        name: between_races(right),
        f"{name}, where it answers": between_races(np.where(sure, right, np.nan)),
        f"{name}, in how often it answers": between_races(given),
        f"men less women, adults of {ADULT} and over": men_less_women(grown),
        "men less women, all ages": men_less_women(np.ones(len(images), bool)),
    }
