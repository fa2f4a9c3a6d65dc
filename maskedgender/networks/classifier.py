"""A model file as everybody sees it who asks it: the network, and what its record says of its answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .probabilities import predict_crops, predict_crops_and_masks

if TYPE_CHECKING:
    import keras

    from .exported import ExportedNetwork


@dataclass(frozen=True, eq=False)
class Classifier:
    """What `load_model` makes of a file.

    Attributes:
        model: takes canonical crops, 0..255, (N, S, S, 3) in RGB or (N, S, S, 1) in grey; gives (N, 2), female, male,
            and perhaps (N, 1), whether a mask is worn.
        calibrated: whether its record says that the probabilities are meant as such.
        not_sure_below: under which probability the answer is "not sure", by its record; None where it names none, and
            every face gets an answer.
        notes: sentences for the person who named the file: what is not known of it.
        record: what its training says of it, by name; empty where the file has none.
    """

    model: keras.Model | ExportedNetwork
    calibrated: bool = False
    not_sure_below: float | None = None
    notes: tuple[str, ...] = ()
    record: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The side S of the crops, in pixels."""
        return int(self.model.input_shape[1])

    @property
    def channels(self) -> int:
        """3 for RGB, 1 for grey."""
        return int(self.model.input_shape[3])

    def predict(self, crops: np.ndarray) -> np.ndarray:
        """Probabilities of canonical crops, uint8 (N, S, S, 3), RGB: float32 (N, 2), female and male, sums 1."""
        return predict_crops(self.model, crops)

    def predict_with_masks(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `predict`, and the probability that a mask is worn, float32 (N,): not-a-number if no output says."""
        return predict_crops_and_masks(self.model, crops)
