"""A model in another runtime's format: ONNX or LiteRT, opened there, with the record that its file carries.

Keras is not imported: such a file needs its runtime and nothing else.
"""

from __future__ import annotations

import json
import os
import re
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..places import how_to_get
from .records import CLASS_ORDER, RECORD, record_of

TOGETHER = 8  # crops that ONNX computes at once: what the layers make of more does not fit a core's cache
DTYPES = {"float": np.float32, "float16": np.float16, "double": np.float64, "uint8": np.uint8}  # by ONNX's names

Run = Callable[[np.ndarray], list[np.ndarray]]
"""Takes crops, float32 (N, S, S, C); gives float32 (N, 2), or (N, 1), and perhaps (N, 1), whether a mask is worn."""


@dataclass(frozen=True, eq=False)
class ExportedNetwork:
    """What a `Classifier` asks of a Keras model, its shapes as Keras tells them; from any thread."""

    input_shape: tuple[Any, ...]
    output_shape: Any
    predict_on_batch: Run


def is_exported(path: Path) -> bool:
    """Whether a file is named as one of another runtime."""
    return path.suffix.lower() in _RUNTIMES


def open_exported(path: Path) -> tuple[ExportedNetwork, dict[str, str]]:
    """The network in an .onnx or .tflite file, and its record: the one inside, or one beside that names this file.

    Raises:
        ValueError: the runtime is not installed, or cannot read the file; the text is the rest of a sentence that
            begins with the file's path.
    """
    package, open_file = _RUNTIMES[path.suffix.lower()]
    try:
        network, record = open_file(path)
    except ImportError as error:
        raise ValueError(f"needs the package {package}: {how_to_get('export')} brings it.") from error
    except Exception as error:  # each runtime has its own ways to fail
        if path.suffix.lower() == ".tflite" and (foreign := re.search(rb"Flex\w+", path.read_bytes())):
            raise ValueError(
                f"holds an operation of TensorFlow's own, {foreign[0].decode()}, which {package} has not: convert the "
                "model without SELECT_TF_OPS, or give the .keras or .h5 file."
            ) from error
        reason = re.sub(r".*\) (?=[A-Z])", "", " ".join(str(error).split()))[:300]  # behind signatures of C++
        raise ValueError(f"cannot be read by {package}; it may be damaged, or too new for it: {reason}") from error
    return network, record or record_of(path)


def carry_record(path: Path, record: Mapping[str, str]) -> None:
    """Put a record into a file: ONNX's metadata, LiteRT's associated files, a SavedModel's extra assets."""
    if path.suffix == ".onnx":
        import onnx

        model = onnx.load(str(path))
        onnx.helper.set_model_props(model, dict(record))
        onnx.save(model, str(path))
    elif path.suffix == ".tflite":  # an associated file, as LiteRT calls it: a zip behind the network
        with zipfile.ZipFile(path, "a") as behind:
            behind.writestr(RECORD, json.dumps(dict(record), indent=2))
    else:
        (path / "assets.extra").mkdir(exist_ok=True)
        (path / "assets.extra" / RECORD).write_text(json.dumps(dict(record), indent=2), encoding="utf-8")


def _open_onnx(path: Path) -> tuple[ExportedNetwork, dict[str, str]]:
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # on Windows it would tell its maker of each start
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    options.intra_op_num_threads = _cores()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    outputs = sorted(session.get_outputs(), key=lambda one: one.shape[-1:] != [2])  # a mask is second
    given = inputs[0]
    dtype = DTYPES[given.type.removeprefix("tensor(").removesuffix(")")]
    names = [one.name for one in outputs]
    step = given.shape[0] if given.shape and isinstance(given.shape[0], int) else TOGETHER

    def run(crops: np.ndarray) -> list[np.ndarray]:
        crops = _cast(crops, dtype)
        parts = [session.run(names, {given.name: crops[at : at + step]}) for at in range(0, len(crops), step)]
        return [np.concatenate(of_all).astype(np.float32) for of_all in zip(*parts, strict=True)]

    network = ExportedNetwork(_shapes(one.shape for one in inputs), _shapes(one.shape for one in outputs), run)
    metadata = session.get_modelmeta().custom_metadata_map
    return network, metadata if CLASS_ORDER in metadata else {}


def _open_litert(path: Path) -> tuple[ExportedNetwork, dict[str, str]]:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:  # as on Windows, for which it has no wheel; TensorFlow still holds it, too
        from tensorflow.lite.python.interpreter import Interpreter

        warnings.filterwarnings("ignore", message=r"(?s).*tf\.lite\.Interpreter is deprecated")
    interpreter = Interpreter(str(path), num_threads=_cores())
    interpreter.allocate_tensors()
    inputs = interpreter.get_input_details()
    outputs = sorted(interpreter.get_output_details(), key=lambda one: one["shape"][-1:] != [2])
    given = inputs[0]
    lock = threading.Lock()

    def of_one(crop: np.ndarray) -> list[np.ndarray]:
        scale, zero = given["quantization"]  # of a float both are 0
        with lock:  # an interpreter has one place for its input
            interpreter.set_tensor(given["index"], _cast(crop[None] / (scale or 1) + zero, given["dtype"]))
            interpreter.invoke()
            held = [(interpreter.get_tensor(one["index"]).astype(np.float32), *one["quantization"]) for one in outputs]
        return [(numbers - zero) * (scale or 1) for numbers, scale, zero in held]

    def run(crops: np.ndarray) -> list[np.ndarray]:  # one by one: another number of crops is another plan of memory
        return [np.concatenate(of_all) for of_all in zip(*map(of_one, crops), strict=True)]

    network = ExportedNetwork(_shapes(one["shape"] for one in inputs), _shapes(one["shape"] for one in outputs), run)
    return network, {}  # record_of reads the zip behind it


def _cast(numbers: np.ndarray, dtype: Any) -> np.ndarray:
    """In another type; whole numbers are rounded, with the type's ends for what lies beyond."""
    if np.issubdtype(dtype, np.integer):
        ends = np.iinfo(dtype)
        numbers = np.rint(numbers).clip(ends.min, ends.max)
    return numbers.astype(dtype)


def _shapes(given: Iterable[Sequence[Any]]) -> Any:
    """Shapes as Keras tells them: the batch's size left open, a list where there are several."""
    shapes = [(None, *(int(side) if str(side).isdigit() else None for side in shape[1:])) for shape in given]
    return shapes if len(shapes) > 1 else shapes[0]


def _cores() -> int:
    """That this process may use: the runtimes look at the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# By the file's ending: the package of its runtime, and what opens it.
_RUNTIMES = {".onnx": ("onnxruntime", _open_onnx), ".tflite": ("ai-edge-litert", _open_litert)}
