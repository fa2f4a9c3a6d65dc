"""Our batch normalization gives Keras's numbers."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from maskedgender.networks.normalization import BatchNormalization


def network(normalization: type[keras.layers.BatchNormalization], trainable: bool) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    x = normalization(momentum=0.9, epsilon=1e-3, trainable=trainable, name="bn")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


@pytest.mark.parametrize("trainable", [True, False])
def test_learns_and_answers_as_keras_does(trainable: bool) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(2, 3, (64, 8, 8, 3)).astype(np.float32), rng.integers(0, 2, 64)
    theirs, ours = (network(of, trainable) for of in (keras.layers.BatchNormalization, BatchNormalization))
    first = ours.get_layer("bn").get_weights()
    for model in (theirs, ours):
        model.fit(x, y, epochs=3, shuffle=False, verbose=0)
    for theirs_now, ours_now in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_allclose(ours_now, theirs_now, rtol=2e-3, atol=1e-4)  # their variances are of n, of n - 1
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=2e-3, atol=1e-3)
    moved = [not np.allclose(now, then) for now, then in zip(ours.get_layer("bn").get_weights(), first, strict=True)]
    assert moved == [trainable] * 4
