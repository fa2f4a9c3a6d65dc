"""The original notebook's CNN, to compare with."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from .masked import viewed


def seed_cnn(size: int = 100, view: str = "portrait") -> keras.Model:
    """The original notebook's CNN, layer by layer: 1,567,874 parameters behind a fixed layer that makes pictures grey.

    It takes pictures (N, size, size, 3), RGB, 0..255, not rescaled, and gives logits (N, 2), where the original had two
    sigmoids, which need not sum to 1. Of a "face", size 143 gives 100 pixels.
    """
    inputs = keras.Input((size, size, 3), name="portrait")
    grey = layers.Conv2D(1, 1, use_bias=False, trainable=False, name="grey")
    x = grey(viewed(inputs, view))
    grey.set_weights([np.reshape([0.299, 0.587, 0.114], (1, 1, 3, 1))])  # ITU-R BT.601
    for filters in (32, 64, 128, 256):
        x = layers.Conv2D(filters, 3, padding="same", kernel_regularizer=keras.regularizers.L2(0.001))(x)
        x = layers.Dropout(0.1)(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, layers.Dense(2, dtype="float32", name="logits")(x), name="seed_cnn")
