"""What the options of commands can be."""

from __future__ import annotations

from enum import Enum


class Format(str, Enum):  # noqa: UP042 (its str() is never used)
    """The formats of export.py."""

    ONNX = "onnx"
    LITERT = "litert"
    LITERT_INT8 = "litert-int8"
    SAVED_MODEL = "saved-model"


class Engine(str, Enum):  # noqa: UP042 (its str() is never used)
    """What shares out the photos of `predict`."""

    PROCESSES = "processes"
    RAY = "ray"
