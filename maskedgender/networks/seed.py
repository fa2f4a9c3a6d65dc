"""The original notebook's CNN, to compare with."""

from __future__ import annotations

import keras
from keras import layers

from .view import viewed


def seed_cnn(image_size: int = 100, view: str = "portrait") -> keras.Model:
    """The original notebook's CNN, layer by layer: 1,567,874 parameters when it sees 100x100 pixels.

    Args:
        image_size: side S of its input (N, S, S, 1), grey, 0..255, not rescaled.
        view: "portrait", all of the crop, as the original; or "face", its central 70 % (S = 143 gives 100 pixels).

    Returns:
        An uncompiled model with two sigmoids (sic), columns female, male: they need not sum to 1.
    """
    inputs = x = keras.Input((image_size, image_size, 1), name="portrait")
    x = viewed(x, image_size, view)
    for filters in (32, 64, 128, 256):
        x = layers.Conv2D(filters, 3, padding="same", kernel_regularizer=keras.regularizers.L2(0.001))(x)
        x = layers.Dropout(0.1)(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(0.2)(x)
    outputs = layers.Dense(2, activation="sigmoid", dtype="float32", name="female_male")(x)
    return keras.Model(inputs, outputs, name="seed_cnn")
