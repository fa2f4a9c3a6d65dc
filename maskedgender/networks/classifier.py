"""A model file as everybody sees it who asks it: crops go in, probabilities that sum to 1 come out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

_BATCH = 64  # faces at once: a crowd, or a whole test set, must not decide how much memory is taken


@dataclass(frozen=True, eq=False)
class Classifier:
    """What `load_model` makes of a file.

    Attributes:
        model: of Keras, or an `ExportedNetwork`: takes canonical crops, 0..255, (N, S, S, 3) in RGB or (N, S, S, 1) in
            grey; gives (N, 2), female, male, and perhaps (N, 1), whether a mask is worn.
        calibrated: whether its record says that the probabilities are meant as such.
        not_sure_below: under which probability the answer is "not sure", by its record; None where it names none, and
            every face gets an answer.
        notes: sentences for the person who named the file: what is not known of it.
        record: what its training says of it, by name; empty where the file has none.
    """

    model: Any
    calibrated: bool = False
    not_sure_below: float | None = None
    notes: tuple[str, ...] = ()
    record: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The side S of the crops, in pixels."""
        return int(self.model.input_shape[1])

    def predict(self, crops: np.ndarray) -> np.ndarray:
        """Probabilities of canonical crops, uint8 (N, S, S, 3), RGB: float32 (N, 2), female and male, sums 1."""
        return self.predict_with_masks(crops)[0]

    def predict_with_masks(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `predict`, and the probability that a mask is worn, float32 (N,): not-a-number if no output says."""
        pairs, masks = [np.empty((0, 2), np.float32)], [np.empty(0, np.float32)]
        for start in range(0, len(crops), _BATCH):
            batch = crops[start : start + _BATCH]
            outputs = self.model.predict_on_batch(as_input(self.model, batch))
            pair, *mask = [outputs] if isinstance(outputs, np.ndarray) else outputs
            pairs.append(pair)
            masks.append(mask[0][:, 0] if mask else np.full(len(batch), np.nan, np.float32))
        outputs = np.concatenate(pairs)
        sums = outputs.sum(axis=1, keepdims=True, dtype=np.float64)  # the original's two sigmoids do not sum to 1
        shares = np.divide(outputs, sums, out=np.full(outputs.shape, 0.5), where=sums > 0)
        return shares.astype(np.float32), np.concatenate(masks)


def as_input(model: Any, crops: np.ndarray) -> np.ndarray:
    """Crops as a model takes them, float32 0..255: RGB, or luma for the original's grey input."""
    if model.input_shape[-1] == 1:
        crops = np.stack([cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None] for crop in crops])
    return crops.astype(np.float32)
