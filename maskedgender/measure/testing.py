"""The test: everything is decided, Validation is opened, the answers are scored and the look is written down."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from ..data.stream import PortraitStream
from ..networks.probabilities import answer_probabilities
from .looks import append_look
from .metrics import Scores, score


@dataclass(frozen=True)
class Tested:
    """The images that were answered, one row each; their probabilities, float32 (N, 2); the figures."""

    images: pd.DataFrame
    probabilities: np.ndarray
    scores: Scores


def tested(model: keras.Model, dataset: Path, images: pd.DataFrame) -> Tested:
    """A model's answers to the images of a dataset folder, as they lie there, and its figures."""
    probabilities = answer_probabilities(model, PortraitStream(dataset, images, model.input_shape[1:], 64))
    return Tested(images, probabilities, score(images["label"].to_numpy(), probabilities, images["source"].to_numpy()))


def log_look(log: Path, figure: str) -> None:
    """Write a look down; a log that cannot be written costs a warning, not the figures."""
    try:
        append_look(log, figure)
    except OSError as error:
        warnings.warn(f"The look could not be written to {log} ({error.strerror}): {figure}", stacklevel=2)
