"""What training computes on: how many devices there are, what they multiply fast, and whether their memory ran out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..data.stream import PortraitStream


def training_devices() -> list[str]:
    """The names, such as "gpu:0", of the devices that train together: all of the best kind, but one under PyTorch."""
    if keras.backend.backend() not in ("tensorflow", "jax"):
        return ["device:0"]  # which one, PyTorch knows
    return keras.distribution.list_devices()  # by the name of a kind, JAX raises an error where there are none


def on_gpu() -> bool:
    """Whether training computes on a GPU here."""
    return training_devices()[0].startswith(("gpu", "cuda"))


@contextmanager
def every_device() -> Iterator[None]:
    """A model that is built and fitted inside has a copy on each device, and each batch is split among them.

    With one device nothing changes.
    """
    names = training_devices()
    if len(names) < 2:
        yield
    elif keras.backend.backend() == "tensorflow":
        import tensorflow  # late: under JAX there may be none

        with tensorflow.distribute.MirroredStrategy(names).scope():
            yield
    else:
        before = keras.distribution.distribution()
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names))
        try:
            yield
        finally:
            keras.distribution.set_distribution(before)


def shared(stream: PortraitStream) -> Any:
    """What to fit on for a stream: itself, or what gives several devices its batches in their order.

    Under a MirroredStrategy the threads that Keras reads a PyDataset with begin an epoch in its middle.
    """
    if len(training_devices()) < 2 or keras.backend.backend() != "tensorflow":
        return stream
    import tensorflow

    def batch(index: int) -> list[np.ndarray]:
        x, y = stream[int(index)]
        return [x, *(y if isinstance(y, tuple) else (y,))]

    types = [part.dtype for part in batch(0)]

    def read(index: Any) -> tuple[Any, Any]:
        x, *labels = tensorflow.numpy_function(batch, [index], types)
        x.set_shape((None, *stream.shape))
        for label in labels:
            label.set_shape((None,))
        return x, tuple(labels) if len(labels) > 1 else labels[0]

    indices = tensorflow.data.Dataset.range(len(stream))
    return indices.map(read, num_parallel_calls=stream.workers, deterministic=True).prefetch(2)


def default_precision(model: keras.Model) -> str:
    """The dtype policy that trains fastest here: half precision where the hardware multiplies it, float32 elsewhere."""
    if on_gpu():
        return "mixed_float16"
    if any(isinstance(layer, keras.layers.DepthwiseConv2D) for layer in model.layers):
        return "float32"  # on a CPU their gradients in bfloat16 take twice as long
    # Twice the images a second of float32, with TensorFlow on a CPU that says so.
    return "mixed_bfloat16" if keras.backend.backend() == "tensorflow" and _has_bfloat16() else "float32"


def _has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16; Linux tells, and where nobody tells the answer is no."""
    told = Path("/proc/cpuinfo")
    return told.is_file() and any(flag in told.read_text() for flag in ("avx512_bf16", "amx_bf16"))


def out_of_memory(error: Exception) -> bool:
    """Whether it tells that a device's memory ran out, in TensorFlow's words, JAX's or PyTorch's."""
    told = f"{type(error).__name__}: {error}"
    return any(words in told for words in ("ResourceExhaustedError", "RESOURCE_EXHAUSTED", "OutOfMemoryError"))
