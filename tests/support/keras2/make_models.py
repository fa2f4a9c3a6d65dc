"""Make the files of Keras 2 that tests open: a tiny CNN as gender.keras and gender.h5, and what it answers.

Keras 2 is not installed here, and its files do not change, so they lie beside this script. To make them anew:

    pip install "tensorflow-cpu==2.15.*" "numpy<2"     # in an environment of its own, with Python 3.11
    python tests/support/keras2/make_models.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

HERE = Path(__file__).parent


def main() -> None:
    """Write gender.keras, gender.h5, and answers.npy: float32 (5, 2), for the crops that the test draws."""
    tf.keras.utils.set_random_seed(0)
    scaled = [layers.Input((32, 32, 3)), layers.Rescaling(1 / 255)]
    seen = [layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization(), layers.GlobalAveragePooling2D()]
    model = tf.keras.Sequential([*scaled, *seen, layers.Dropout(0.5), layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    crops = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), np.uint8)
    model.fit(crops, np.arange(5) % 2, epochs=3, verbose=0)
    model.save(HERE / "gender.keras")
    model.save(HERE / "gender.h5")
    np.save(HERE / "answers.npy", model.predict(crops, verbose=0))


if __name__ == "__main__":
    main()
