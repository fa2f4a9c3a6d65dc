"""The form of a trained CNN that answers."""

from __future__ import annotations

import keras

from .masked import masked_cnn
from .small import small_cnn


def answering_cnn(trained: keras.Model, view: str) -> keras.Model:
    """A trained CNN as the file that answers has it: it looks at each crop and at its mirror image, and averages.

    The original's stays as it is.
    """
    networks = {"masked_cnn": masked_cnn, "small_cnn": small_cnn}
    if trained.name not in networks:
        return trained
    model = networks[trained.name](trained.input_shape[1], view, mirrored=True)
    model.set_weights(trained.get_weights())
    return model
