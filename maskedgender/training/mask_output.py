"""Is a mask worn? A second answer, learned after the fit from what the first one is made of."""

from __future__ import annotations

import keras
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from ..data.batches import Batches
from .calibration import platt


def mask_output(trained: keras.Model, train: pd.DataFrame, validation: pd.DataFrame) -> list[np.ndarray] | None:
    """Kernel and bias of a logistic regression on the CNN's features; None where `style` does not tell of both."""
    parts = [train.sample(min(len(train), 6000), random_state=0), validation]
    if "style" not in train or any((part["style"] == "none").nunique() < 2 for part in parts):
        return None
    seeing = keras.Model(trained.input, trained.layers[-1].input)
    features = [seeing.predict(Batches(part, trained.input_shape[1]), verbose=0) for part in parts]
    worn = [part["style"] != "none" for part in parts]
    regression = LogisticRegression(C=0.1, class_weight="balanced", max_iter=1000).fit(features[0], worn[0])
    slope, shift = platt(regression.decision_function(features[1]), worn[1])
    return [slope * regression.coef_.T, slope * regression.intercept_ + shift]
