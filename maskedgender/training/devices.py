"""What training computes on."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import keras


def on_all_devices() -> AbstractContextManager:
    """A model that is made inside trains on all GPUs together, each with a share of every batch, in half precision."""
    devices = keras.distribution.list_devices()
    keras.config.set_dtype_policy("mixed_float16" if devices[0].startswith("gpu") else "float32")
    if len(devices) < 2 or keras.backend.backend() != "tensorflow":
        return nullcontext()
    import tensorflow as tf

    return tf.distribute.MirroredStrategy(devices).scope()
