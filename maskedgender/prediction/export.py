"""A .keras file in the format of another runtime, and the proof that it gives the same answers there."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..networks.model_files import load_model
from ..networks.probabilities import gender_output

SAME = 1e-4  # probabilities may differ by so much, by the order in which a runtime adds
Run = Callable[[np.ndarray], np.ndarray]


def export(
    model_path: Path, to: str, scale: str | None = None, classes: str | None = None
) -> tuple[Path, float | None]:
    """Write a model beside its .keras file in another format; the new file is complete or absent.

    Its input is the same as the .keras file's, but float32 only: canonical crops (N, S, S, 3), 0..255.

    Args:
        model_path: the .keras file.
        to: one of FORMATS.
        scale, classes: of its input and output, as `load_model` takes them; the new file has ours.

    Returns:
        The new file, for "saved-model" a folder, and by how much its probabilities differ at most from the .keras
        file's; None when the runtime is not there to ask.

    Raises:
        ModelError: the .keras file cannot be used.
        ValueError: a package is missing, the new file is there already, or it does not give the same answers.
    """
    keras_name, suffix, package, start = FORMATS[to]
    path = model_path.with_suffix(suffix)
    if path.exists():
        raise ValueError(f"{path} is there already; delete it, or move it away.")
    model = load_model(model_path, scale, classes).model
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
        partial = Path(folder) / path.name
        try:
            model.export(str(partial), format=keras_name, verbose=False)
        except ImportError as error:
            raise ValueError(
                f"The format {to} needs the package {package}, which is not there; install it and try again."
            ) from error
        difference = _difference(model, partial, start)
        if difference is not None and not difference <= SAME:
            raise ValueError(f"As {to}, {model_path.name} gives other answers, by {difference:.4f}; nothing is kept.")
        partial.rename(path)
    return path, difference


def _difference(model: keras.Model, path: Path, start: Callable[[Path], Run]) -> float | None:
    """By how much the new file's probabilities differ at most, on noise, for one crop and for several at once."""
    try:
        run = start(path)
    except ImportError:
        return None
    noise = np.random.default_rng(0).uniform(0, 255, (8, *model.input_shape[1:])).astype(np.float32)
    return max(
        float(np.abs(run(crops) - gender_output(model.predict_on_batch(crops))).max()) for crops in (noise[:1], noise)
    )


def _start_onnx(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    pairs = next(output.name for output in session.get_outputs() if output.shape[-1] == 2)  # the mask's has one column
    return lambda crops: session.run([pairs], {session.get_inputs()[0].name: crops})[0]


def _start_litert(path: Path) -> Run:
    interpreter = _litert_interpreter()(str(path))
    given = interpreter.get_input_details()[0]["index"]
    answer = next(output["index"] for output in interpreter.get_output_details() if output["shape"][-1] == 2)

    def run(crops: np.ndarray) -> np.ndarray:
        interpreter.resize_tensor_input(given, crops.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(given, crops)
        interpreter.invoke()
        return interpreter.get_tensor(answer)

    return run


def _litert_interpreter() -> Callable[[str], Any]:
    """LiteRT's own package, or else what TensorFlow still holds of it."""
    try:
        from ai_edge_litert import interpreter
    except ImportError:
        from tensorflow.lite.python import interpreter

        warnings.filterwarnings("ignore", message=r"(?s).*tf\.lite\.Interpreter is deprecated")
    return interpreter.Interpreter


def _start_saved_model(path: Path) -> Run:
    import tensorflow

    loaded = tensorflow.saved_model.load(str(path))

    def run(crops: np.ndarray) -> np.ndarray:
        outputs = loaded.serve(crops)
        return gender_output(
            [one.numpy() for one in outputs] if isinstance(outputs, (list, tuple)) else outputs.numpy()
        )

    return run


# By the name that the shell takes: Keras' name, the file's ending, the package that writes it, what runs it.
FORMATS: dict[str, tuple[str, str, str, Callable[[Path], Run]]] = {
    "onnx": ("onnx", ".onnx", "tf2onnx", _start_onnx),
    "litert": ("litert", ".tflite", "tensorflow", _start_litert),
    "saved-model": ("tf_saved_model", "", "tensorflow", _start_saved_model),
}
