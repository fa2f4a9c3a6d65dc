"""A model in another runtime's format: ONNX or LiteRT, opened there, with the record that its file carries.

Keras is not imported: such a file needs its runtime and nothing else.
"""

from __future__ import annotations

import json
import os
import threading
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..places import how_to_get
from .elsewhere import ORDERS, OURS, SCALES, Contract, stated
from .records import FEMALE_FIRST, record_of

RECORD = "record.json"  # in a .tflite file, an associated file as LiteRT calls it: a zip behind the network
TOGETHER = 8  # crops that ONNX computes at once: what the layers make of more does not fit a core's cache
_WIDENED = {"0..1": (1 / 255, 0.0), "-1..1": (1 / 127.5, -1.0), OURS: (1.0, 0.0)}  # factor and offset of pixels 0..255

Run = Callable[[np.ndarray], list[np.ndarray]]
"""Takes crops, float32 (N, S, S, C); gives (N, 2), or (N, 1), and perhaps (N, 1), whether a mask is worn."""


@dataclass(frozen=True, eq=False)
class ExportedNetwork:
    """What a `Classifier` asks of a Keras model, answered by another runtime; from any thread.

    Attributes:
        input_shape: None, S, S, and 3 or 1 channels.
        output_shape: as Keras tells it, of one output or two.
        run: the runtime.
    """

    input_shape: tuple[Any, ...]
    output_shape: Any
    run: Run

    def predict_on_batch(self, crops: np.ndarray) -> np.ndarray | list[np.ndarray]:
        """Of crops, float32 (N, S, S, C): (N, 2), or a list of this and (N, 1), whether a mask is worn."""
        outputs = self.run(np.ascontiguousarray(crops, np.float32))
        return outputs[0] if len(outputs) == 1 else outputs

    def predict(self, stream: Sequence, verbose: int = 0) -> np.ndarray:
        """Of a stream of batches, crops first in each: (N, 2)."""
        batches = (stream[number] for number in range(len(stream)))
        crops = (batch[0] if isinstance(batch, tuple) else batch for batch in batches)
        return np.concatenate([self.run(np.ascontiguousarray(one, np.float32))[0] for one in crops])


def is_exported(path: Path) -> bool:
    """Whether a file is named as one of another runtime."""
    return path.suffix in _RUNTIMES


def open_exported(path: Path) -> tuple[ExportedNetwork, dict[str, str]]:
    """The network in an .onnx or .tflite file, and its record: the one inside, or one beside that names this file.

    Raises:
        ValueError: the runtime is not installed, or cannot read the file; the text is the rest of a sentence that
            begins with the file's path.
    """
    package, open_file = _RUNTIMES[path.suffix]
    try:
        network, record = open_file(path)
    except ImportError as error:
        raise ValueError(f"needs the package {package}: {how_to_get('export')} brings it.") from error
    except Exception as error:  # each runtime has its own ways to fail
        raise ValueError("cannot be read by its runtime; it may be damaged: export it again.") from error
    return network, record or record_of(path)


def exported_contract(record: Mapping[str, str], scale: str | None, order: str | None) -> Contract:
    """What such a file takes and gives, by its record or by what the caller says; its layers tell nothing.

    Raises:
        ValueError: neither tells, or they contradict; the text is the rest of a sentence, as above.
    """
    scale, order = stated(record, scale, order)
    if scale not in SCALES or order not in ORDERS:
        raise ValueError("has no record inside: say by --scale and --classes which pixels it takes, and what it gives.")
    return Contract(scale, order, logits=False, said=())


def exported_in_our_contract(network: ExportedNetwork, contract: Contract) -> ExportedNetwork:
    """The network between functions that make it take 0..255 and give the probabilities of female and male."""
    factor, offset = _WIDENED[contract.scale]
    ours, one = network.run, network.output_shape == (None, 1)
    if (factor, contract.order, one) == (1.0, FEMALE_FIRST, False):
        return network

    def run(crops: np.ndarray) -> list[np.ndarray]:
        pairs, *further = ours(crops * np.float32(factor) + np.float32(offset))
        pairs = np.concatenate([1 - pairs, pairs], axis=1) if one else pairs
        return [pairs if contract.order == FEMALE_FIRST else pairs[:, ::-1], *further]

    return ExportedNetwork(network.input_shape, (None, 2) if one else network.output_shape, run)


def carry_record(path: Path, record: Mapping[str, str]) -> None:
    """Put a record into an exported file: ONNX's metadata, LiteRT's associated files, or a SavedModel's extra assets.

    Raises:
        ImportError: the package onnx is not there.
    """
    if path.suffix == ".onnx":
        import onnx

        model = onnx.load(str(path))
        onnx.helper.set_model_props(model, dict(record))
        onnx.save(model, str(path))
        return
    text = json.dumps(dict(record), indent=2) + "\n"
    if path.suffix == ".tflite":
        with zipfile.ZipFile(path, "a") as behind:
            behind.writestr(RECORD, text)
        return
    (path / "assets.extra").mkdir(exist_ok=True)
    (path / "assets.extra" / RECORD).write_text(text, encoding="utf-8")


def _open_onnx(path: Path) -> tuple[ExportedNetwork, dict[str, str]]:
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # on Windows it would tell its maker of each start
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only
    options.intra_op_num_threads = _cores()
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    given, outputs = session.get_inputs()[0], session.get_outputs()
    names = _answer_first({one.name: one.shape for one in outputs})
    step = given.shape[0] if isinstance(given.shape[0], int) else TOGETHER

    def run(crops: np.ndarray) -> list[np.ndarray]:
        parts = [session.run(names, {given.name: crops[at : at + step]}) for at in range(0, len(crops), step)]
        return [np.concatenate(of_all) for of_all in zip(*parts, strict=True)]

    network = _network(given.shape, [one.shape for name in names for one in outputs if one.name == name], run)
    return network, dict(session.get_modelmeta().custom_metadata_map)


def _open_litert(path: Path) -> tuple[ExportedNetwork, dict[str, str]]:
    _require_litert(path)
    interpreter = _litert_interpreter()(str(path), num_threads=_cores())
    interpreter.allocate_tensors()
    (given,), outputs = interpreter.get_input_details(), interpreter.get_output_details()
    numbers = _answer_first({one["index"]: list(one["shape"]) for one in outputs})
    lock = threading.Lock()

    def of_one(crop: np.ndarray) -> list[np.ndarray]:
        with lock:  # an interpreter has one place for its input
            interpreter.set_tensor(given["index"], crop[None])
            interpreter.invoke()
            return [interpreter.get_tensor(number) for number in numbers]

    def run(crops: np.ndarray) -> list[np.ndarray]:  # one by one: another number of crops is another plan of memory
        return [np.concatenate(of_all) for of_all in zip(*map(of_one, crops), strict=True)]

    shapes = [one["shape"] for number in numbers for one in outputs if one["index"] == number]
    return _network(given["shape"], shapes, run), _record_behind(path)


def _require_litert(path: Path) -> None:
    """ValueError unless it begins as LiteRT's files do: its runtime follows an offset into nowhere, and crashes."""
    with path.open("rb") as file:
        root, identifier = int.from_bytes(file.read(4), "little"), file.read(4)
    if identifier != b"TFL3" or root >= path.stat().st_size:
        raise ValueError(f"{path} is no file of LiteRT")


def _answer_first(shapes: Mapping[Any, Sequence[Any]]) -> list[Any]:
    """The outputs' names, the probabilities of female and male before that of a mask."""
    return sorted(shapes, key=lambda name: shapes[name][-1] != 2)


def _network(takes: Sequence[Any], gives: Sequence[Sequence[Any]], run: Run) -> ExportedNetwork:
    """With shapes as Keras tells them, the batch's size left open."""
    shapes = [(None, *map(int, shape[1:])) for shape in gives]
    side = tuple(int(length) if str(length).isdigit() else None for length in takes[1:])
    return ExportedNetwork((None, *side), shapes[0] if len(shapes) == 1 else shapes, run)


def _record_behind(path: Path) -> dict[str, str]:
    """The record in the zip that follows a LiteRT network; none where there is no such zip, or another."""
    if not zipfile.is_zipfile(path):
        return {}
    with zipfile.ZipFile(path) as behind:
        return json.loads(behind.read(RECORD)) if RECORD in behind.namelist() else {}


def _cores() -> int:
    """That this process may use: the runtimes look at the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _litert_interpreter() -> Callable[..., Any]:
    """LiteRT's own package, or else what TensorFlow still holds of it."""
    try:
        from ai_edge_litert import interpreter
    except ImportError:
        from tensorflow.lite.python import interpreter

        warnings.filterwarnings("ignore", message=r"(?s).*tf\.lite\.Interpreter is deprecated")
    return interpreter.Interpreter


# By the file's ending: the package of its runtime, and what opens it.
_RUNTIMES: dict[str, tuple[str, Callable[[Path], tuple[ExportedNetwork, dict[str, str]]]]] = {
    ".onnx": ("onnxruntime", _open_onnx),
    ".tflite": ("ai-edge-litert", _open_litert),
}
