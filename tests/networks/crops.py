"""Real faces for tests of this room, and CNNs that answer them as differently as trained ones would."""

from __future__ import annotations

import cv2
import keras
import numpy as np

from maskedgender.places import EXAMPLES


def real_crops(size: int) -> np.ndarray:
    """The middles of eight photos that may be shown, uint8 (8, size, size, 3), RGB; the last ones are upside down."""
    photos = [cv2.imread(str(file))[..., ::-1] for file in sorted(EXAMPLES.glob("*_*.jpg"))]
    sides = [min(photo.shape[:2]) for photo in photos]
    squares = [
        photo[:side, (photo.shape[1] - side) // 2 :][:, :side] for photo, side in zip(photos, sides, strict=True)
    ]
    crops = [cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA) for square in squares]
    return np.stack([*crops, *(crop[::-1] for crop in crops)])[:8]


def with_a_past(model: keras.Model) -> keras.Model:
    """A network that ends in logits, whose normalisation has seen pictures and whose answers differ much."""
    crops = real_crops(model.input_shape[1]).astype(np.float32)
    for layer in model.layers:
        layer.momentum = 0.0  # those that normalise take the means of these pictures whole
    model(crops, training=True)
    features = np.asarray(keras.Model(model.input, model.layers[-1].input)(crops, training=False))
    kernel = np.random.default_rng(0).normal(size=(features.shape[1], 2)) / np.linalg.norm(features.std(axis=0))
    model.layers[-1].set_weights([kernel, -(features @ kernel).mean(axis=0)])
    return model
