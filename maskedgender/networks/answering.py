"""The form in which a trained CNN answers: it sees each picture and its mirror image, and averages."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops


def answering(trained: keras.Model, mask: list[np.ndarray] | None = None) -> keras.Model:
    """A CNN that ends in logits, with the outputs female and male, (N, 2), and by weights of a Dense `mask`, (N, 1)."""
    cnn = keras.Model(trained.input, [trained.output, trained.layers[-1].input], name="cnn")
    inputs = keras.Input(trained.input_shape[1:], name="portrait")
    both = layers.Concatenate(axis=0, dtype="float32")([inputs, ops.flip(inputs, axis=2)])
    logits, features = (ops.mean(ops.reshape(seen, (2, -1, seen.shape[-1])), axis=0) for seen in cnn(both))
    outputs = [layers.Softmax(dtype="float32", name="female_male")(logits)]
    if mask:
        worn = layers.Dense(1, "sigmoid", dtype="float32", name="mask")
        outputs.append(worn(features))
        worn.set_weights(mask)
    return keras.Model(inputs, outputs if mask else outputs[0], name=trained.name)
