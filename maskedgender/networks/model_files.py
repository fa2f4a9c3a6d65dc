"""Open a model file: checked, in Keras' safe mode, and refused in one sentence where it cannot be used."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..places import SHIPPED_MODEL
from .backend import SERVING, import_keras_to_serve
from .checksums import is_shipped
from .classifier import Classifier
from .elsewhere import Contract, contract_of, in_our_contract
from .exported import (
    ExportedNetwork,
    exported_contract,
    exported_in_our_contract,
    is_exported,
    open_exported,
)
from .keras_files import is_keras_file, is_older, named_for_keras, why_not_read
from .openvino_answers import answer_by_openvino
from .probabilities import as_input
from .records import CALIBRATED, NOT_SURE_BELOW, record_of
from .tensorflow_answers import answer_by_tensorflow

if TYPE_CHECKING:
    import keras

MOST_PIXELS_A_SIDE = 1024  # of a model's input: a file could ask for gigabytes

_GIVE = "give the file that training has exported"


class ModelError(Exception):
    """A model file that cannot be used; its text is one sentence for the person who named the file."""


class BackendError(ModelError):
    """A model file that OpenVINO cannot compute, while TensorFlow may."""


def load_model(path: str | Path = SHIPPED_MODEL, scale: str | None = None, classes: str | None = None) -> Classifier:
    """What a model file holds, and its record says: checked, and called once so that no photo waits for that.

    Where Keras is not imported yet, it is now, as `import_keras_to_serve` does.

    Files from elsewhere are taken, too, in RGB or grey, with two numbers or one: `elsewhere` brings them into our
    contract, and the notes tell what was assumed of them.

    Args:
        path: a .keras file, or one of Keras 2 in HDF5; or an .onnx or .tflite file, for which Keras is not imported.
        scale: the pixels that the file was made for, one of `SCALES`, where it does not tell.
        classes: their order in its output, one of `ORDERS`, where there is no record.

    Raises:
        ModelError: the file is missing, none of Keras, holds code of its own, has another input or
            output, or does not tell the scale of its input.
        BackendError: OpenVINO cannot compute one of its layers.
    """
    path = Path(path)
    exported = is_exported(path) and path.is_file()
    if not exported:
        _require_keras_file(path)
    if exported:
        return _exported(path, scale, classes)
    _import_keras()
    model = _loaded(path)
    _require_shapes(path, model)
    record = record_of(path)
    try:
        contract = contract_of(model, record, scale, classes)
    except ValueError as error:
        raise ModelError(f"{path} {error}") from error
    model = in_our_contract(model, contract)
    _compile_to_answer(path, model)
    _require_probabilities(path, model)
    return _described(path, model, record, contract)


def _exported(path: Path, scale: str | None, classes: str | None) -> Classifier:
    """`load_model` of a file for another runtime, which answers."""
    try:
        network, record = open_exported(path)
        _require_shapes(path, network)
        contract = exported_contract(record, scale, classes)
    except ValueError as error:
        raise ModelError(f"{path} {error}") from error
    network = exported_in_our_contract(network, contract)
    _require_probabilities(path, network)
    return _described(path, network, record, contract)


def caution(path: str | Path) -> str:
    """What to say once where a person names a model file; nothing of the shipped one, a copy of it, or none at all.

    Keras' safe mode refuses code in a file, but it is no wall: ways around it have been found, and closed, before.
    """
    path = Path(path)
    if not os.path.isfile(path) or is_shipped(path):  # noqa: PTH113 (a name may be too long)
        return ""
    return (
        f"{path.name} is not the shipped model: open model files only from people you trust. Code in them is not run, "
        "but one that is made to do harm may find a way around that."
    )


def _described(
    path: Path, model: keras.Model | ExportedNetwork, record: dict[str, str], contract: Contract
) -> Classifier:
    """A model with what the record beside its file says of its answers, and with notes on what it does not say."""
    calibrated = record.get(CALIBRATED) == "yes"
    border = _border(path, record) if calibrated else None
    if border is not None:
        return Classifier(model, calibrated, border)
    if calibrated:
        note = f'{path.name} has no "not sure" threshold'
    elif record:
        note = f"By its record, {path.name} is not calibrated"
    elif path.with_suffix(".json").is_file():
        note = f"{path.with_suffix('.json').name} is not the record of {path.name}, which is taken as not calibrated"
    else:
        note = f"{path.name} has no record beside it, and is taken as not calibrated"
    notes = [f"{path.name}: {'; '.join(contract.said)}."] if contract.said else []
    notes.append(f'{note}: every face gets female or male, and none "not sure".')
    return Classifier(model, calibrated, None, tuple(notes))


def _border(path: Path, record: Mapping[str, str]) -> float | None:
    """Under which probability the answer is "not sure"; ModelError where the record names no probability."""
    if NOT_SURE_BELOW not in record:
        return None
    try:
        border = float(record[NOT_SURE_BELOW])
    except (TypeError, ValueError):
        border = math.nan
    if not 0.5 <= border <= 1:
        said = f"{NOT_SURE_BELOW}: {record[NOT_SURE_BELOW]}"
        raise ModelError(f"The record of {path} says {said}, which is no probability of 0.5 to 1; mend or delete it.")
    return border


def _import_keras() -> None:
    try:
        import_keras_to_serve()
    except ImportError as error:
        raise ModelError(
            f"Models need Keras and OpenVINO, or TensorFlow: pip install keras openvino ({error})"
        ) from error


def _on_openvino() -> bool:
    import keras

    return keras.backend.backend() == SERVING


def _compile_to_answer(path: Path, model: keras.Model) -> None:
    """In our own way, where a backend has one that is faster than that of Keras."""
    import keras

    if keras.backend.backend() == "tensorflow":
        answer_by_tensorflow(model)
    elif _on_openvino():
        try:
            answer_by_openvino(model)
        except NotImplementedError as error:
            raise _not_by_openvino(path) from error


def _loaded(path: Path) -> keras.Model:
    """What Keras reads from the file."""
    import keras

    try:
        with named_for_keras(path) as file:
            return keras.saving.load_model(file, compile=False, safe_mode=True)
    except Exception as error:
        if _on_openvino() and ("openvino" in str(error).lower() or isinstance(error, NotImplementedError)):
            raise _not_by_openvino(path) from error
        raise ModelError(f"{path} {_why_not_loaded(error, path)}") from error


def _not_by_openvino(path: Path) -> BackendError:
    return BackendError(
        f"{path} has a layer that OpenVINO cannot compute; install TensorFlow, and set KERAS_BACKEND=tensorflow."
    )


def require_there(path: Path) -> None:
    """Raise ModelError where no model file lies."""
    if not os.path.exists(path):  # noqa: PTH110 (Path.exists raises on a name that is too long)
        raise ModelError(f"There is no model file at {path}; check its name.")


def _require_keras_file(path: Path) -> None:
    require_there(path)
    if not is_keras_file(path):
        raise ModelError(f"{path} is not a .keras file, or only a part of one; {_GIVE}.")


def _why_not_loaded(error: Exception, path: Path) -> str:
    """The rest of a sentence that begins with the file's path."""
    import keras

    text = str(error)
    if "Lambda" in text or "safe_mode" in text or "safe mode" in text:
        return "holds Python code of its own (a Lambda layer), which is not run, for your safety; use a model without."
    if "Could not locate" in text and not is_older(path):
        return "needs layers that Keras itself does not have; only stock layers can be loaded; use a model without."
    return why_not_read(path, keras.__version__)


def _require_shapes(path: Path, model: keras.Model | ExportedNetwork) -> None:
    """Raise unless the model takes one square picture, RGB or grey, and gives two numbers, or one."""
    takes, gives = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    four = takes if isinstance(takes, tuple) and len(takes) == 4 else (None,) * 4
    if not (four[1] and four[1] == four[2] and four[1] <= MOST_PIXELS_A_SIDE and four[3] in (1, 3)):
        wanted = f"one square picture (N, S, S, 3) or (N, S, S, 1), S at most {MOST_PIXELS_A_SIDE}"
        raise ModelError(f"{path} takes input of shape {takes}, not {wanted}; {_GIVE}.")
    if gives not in ((None, 2), (None, 1), [(None, 2), (None, 1)]):
        raise ModelError(f"{path} gives output of shape {gives}, not two probabilities (N, 2), or one; {_GIVE}.")


def _require_probabilities(path: Path, model: keras.Model | ExportedNetwork) -> None:
    """Raise unless noise gets answers between 0 and 1."""
    side = model.input_shape[1]
    noise = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
    outputs = model.predict_on_batch(as_input(model, noise))
    output = np.concatenate(outputs if isinstance(outputs, list) else [outputs], axis=1)
    if not np.isfinite(output).all():
        raise ModelError(f"{path} gives numbers that are not probabilities; its weights may be damaged; {_GIVE}.")
    if output.min() < 0 or output.max() > 1:
        raise ModelError(f"{path} gives numbers outside 0..1, such as logits; end it with a softmax, and export it.")
