"""What makes a CNN steady: two pictures of one portrait are to be answered alike.

Zheng et al., "Improving the Robustness of Deep Neural Networks via Stability Training", 2016.
"""

from __future__ import annotations

import keras
from keras import ops

ANSWERS_ALIKE = "answers_alike"  # the layer, after which Keras names what it measures of female or male


class AnswersAlike(keras.layers.Layer):
    """Passes probabilities on; in training it adds a loss, the greater the more two pictures of a portrait differ.

    The loss is the mean of the two Kullback-Leibler divergences between the answers to pictures 0 and 1, 2 and 3, and
    so on of the batch, times `weight`.
    """

    def __init__(self, weight: float) -> None:
        """Weigh the loss so much beside that of the labels, which has the weight 1."""
        super().__init__(name=ANSWERS_ALIKE, dtype="float32")
        self.weight = weight

    def call(self, probabilities: keras.KerasTensor, training: bool = False) -> keras.KerasTensor:
        """Probabilities, (2 N, classes), as they are."""
        if training:
            pairs = ops.reshape(ops.clip(probabilities, keras.config.epsilon(), 1.0), (-1, 2, probabilities.shape[-1]))
            first, second = pairs[:, 0], pairs[:, 1]
            apart = ops.sum((first - second) * (ops.log(first) - ops.log(second)), axis=-1) / 2
            self.add_loss(self.weight * ops.mean(apart))
        return probabilities
