"""Answers by TensorFlow from a model that Keras has loaded on it: one graph for every number of crops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def answer_by_tensorflow(model: keras.Model) -> None:
    """Have `predict` and `predict_on_batch` of a model use one graph, for any number of crops.

    Keras traces one for a single crop, and one more for any other number: with four looks, each takes seconds. A model
    that has its graph already keeps it.
    """
    import tensorflow as tf

    if model.predict_function is not None:
        return

    crops = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    # Without AutoGraph: layers of Keras hold no Python loops that it would have to rewrite.
    graph = tf.function(lambda batch: model(batch, training=False), input_signature=[crops], autograph=False)

    def answer(data: Sequence[Sequence[np.ndarray]]) -> tf.Tensor | list[tf.Tensor]:
        return graph(tf.cast(data[0][0], tf.float32))

    model.predict_function = answer  # Keras makes one of its own only where there is none
