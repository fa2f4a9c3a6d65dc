"""A network that is quickly made, for tests of what is done with model files."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from maskedgender.networks.answering import answering


def quick_cnn(size: int = 64) -> keras.Model:
    """(N, size, size, 3), 0..255, to two logits; features (N, 16), batch normalisation inside."""
    inputs = keras.Input((size, size, 3), name="portrait")
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.Conv2D(16, 5, strides=4, use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(2, name="logits")(x), name="quick_cnn")


def quick_model(size: int = 64, mask: list[np.ndarray] | None = None) -> keras.Model:
    """The same as files have it: probabilities of female and male and, with weights of a Dense, of a mask."""
    return answering(quick_cnn(size), mask)
