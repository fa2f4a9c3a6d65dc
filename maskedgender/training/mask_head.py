"""Is a mask worn? A second answer, fitted after training on the features that the first one is made from."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from ..data.layout import BARE, NOT_DESCRIBED
from ..data.stream import PortraitStream
from ..networks.answering import LOGITS

MOST_IMAGES = 8000  # 1,280 weights need no more
STRENGTH = 0.1  # of the fit against its penalty, scikit-learn's C


def mask_head(
    trained: keras.Model, dataset: Path, fit: pd.DataFrame, choose: pd.DataFrame, seed: int = 0
) -> tuple[np.ndarray, np.ndarray] | None:
    """Kernel (F, 1) and bias (1,) of the Dense that gives the probability of a mask, for `answering_cnn`.

    A logistic regression on the features of at most MOST_IMAGES augmented images of the fit split, whose slope and
    intercept are then fitted on the choosing split as `calibrate` does for the first answer: the probability holds
    where as many people wear a mask as do not.

    Args:
        trained: a CNN with a Dense called "logits".
        fit, choose: tables of images with the columns file, label and style.

    Returns:
        None where the dataset does not know of masked and of bare faces in both splits.
    """
    fit, choose = (images[images["style"] != NOT_DESCRIBED] for images in (fit, choose))
    if any(_worn(images).nunique() < 2 for images in (fit, choose)):
        return None
    fit = fit.sample(min(len(fit), MOST_IMAGES), random_state=seed)
    learnt = _regression(_features(trained, dataset, fit, augment=True), _worn(fit), STRENGTH)
    margin = learnt.decision_function(_features(trained, dataset, choose))
    calibration = _regression(margin[:, None], _worn(choose), 1000.0)
    slope, shift = calibration.coef_[0, 0], calibration.intercept_[0]
    kernel, bias = slope * learnt.coef_.T, slope * learnt.intercept_ + shift
    return kernel.astype(np.float32), bias.astype(np.float32)


def _worn(images: pd.DataFrame) -> pd.Series:
    return (images["style"] != BARE).astype(int)


def _regression(features: np.ndarray, worn: pd.Series, strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, class_weight="balanced", max_iter=1000).fit(features, worn)


def _features(trained: keras.Model, dataset: Path, images: pd.DataFrame, augment: bool = False) -> np.ndarray:
    """What the CNN makes its logits from, float32 (N, F)."""
    seeing = keras.Model(trained.input, trained.get_layer(LOGITS).input)
    stream = PortraitStream(dataset, images, trained.input_shape[1:], 64, augment=augment)
    return seeing.predict(stream, verbose=0)
