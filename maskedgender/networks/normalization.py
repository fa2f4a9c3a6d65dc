"""Batch normalization by TensorFlow's fused kernel, where Keras adds and multiplies one step after another."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


class BatchNormalization(layers.BatchNormalization):
    """Keras's own in what it computes and in the file; on a CPU, learning takes less time."""

    __module__ = "keras.layers"  # so a file needs nothing but Keras

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """As Keras's, and where it learns, the averages move."""
        ours = keras.backend.backend() == "tensorflow" and self.compute_dtype == "float32"
        if not (ours and training and self.trainable):
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        x, mean, variance = tf.compat.v1.nn.fused_batch_norm(inputs, self.gamma, self.beta, epsilon=self.epsilon)
        self.moving_mean.assign(self.momentum * self.moving_mean + (1 - self.momentum) * mean)
        self.moving_variance.assign(self.momentum * self.moving_variance + (1 - self.momentum) * variance)
        return x
