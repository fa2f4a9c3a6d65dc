"""Crops go through a model: what comes out are probabilities that sum to 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

_BATCH = 64  # faces at once: a crowd, or a whole test set, must not decide how much memory is taken


def predict_crops(model: Any, crops: np.ndarray) -> np.ndarray:
    """Probabilities of canonical crops, float32 (N, 2), columns female and male, rows summing to 1.

    Args:
        model: of Keras, or what `Classifier.model` is otherwise.
        crops: uint8 array (N, S, S, 3), RGB, S being the model's input size.
    """
    return predict_crops_and_masks(model, crops)[0]


def predict_crops_and_masks(model: Any, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `predict_crops`, and the probability that a mask is worn, float32 (N,): not-a-number where no output says."""
    pairs, masks = [np.empty((0, 2), np.float32)], [np.empty(0, np.float32)]
    for start in range(0, len(crops), _BATCH):
        batch = crops[start : start + _BATCH]
        outputs = model.predict_on_batch(as_input(model, batch))
        pairs.append(gender_output(outputs))
        unsaid = np.full(len(batch), np.nan, np.float32)
        masks.append(unsaid if isinstance(outputs, np.ndarray) else outputs[1][:, 0])
    return _normalised(np.concatenate(pairs)), np.concatenate(masks)


def gender_output(outputs: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
    """Of what a model gives, the probabilities of female and male, (N, 2); some files give a second output, "mask"."""
    return outputs if isinstance(outputs, np.ndarray) else outputs[0]


def as_input(model: Any, crops: np.ndarray) -> np.ndarray:
    """Crops as the model takes them, float32 0..255: RGB, or luma for the original's grey input."""
    if model.input_shape[-1] == 1:
        crops = np.stack([cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None] for crop in crops])
    return crops.astype(np.float32)


def _normalised(outputs: np.ndarray) -> np.ndarray:
    """Rows that sum to 1, as the original's two sigmoids do not; two that are both 0 become one half each."""
    sums = outputs.sum(axis=1, keepdims=True, dtype=np.float64)
    return np.divide(outputs, sums, out=np.full(outputs.shape, 0.5), where=sums > 0).astype(np.float32)
