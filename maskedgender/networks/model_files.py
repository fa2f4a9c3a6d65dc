"""Open a model file: checked, in Keras' safe mode, and refused in one sentence where it cannot be used."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..places import SHIPPED_MODEL
from .backend import SERVING, import_keras_to_serve
from .checksums import is_shipped
from .classifier import Classifier, as_input
from .exported import ExportedNetwork, is_exported, open_exported
from .foreign import in_our_contract, scale_and_order
from .inference import set_predict_function
from .records import CALIBRATED, NOT_SURE_BELOW, record_of

if TYPE_CHECKING:
    import keras

HDF5 = (".h5", ".hdf5")
CONVERT = (
    "import tf_keras, tensorflow; model = tf_keras.models.load_model({name!r}); "
    "open('converted.tflite', 'wb').write(tensorflow.lite.TFLiteConverter.from_keras_model(model).convert())"
)


class ModelError(Exception):
    """A model file that cannot be used; its text is one sentence for the person who named the file."""


class BackendError(ModelError):
    """A model file that OpenVINO cannot compute, while TensorFlow may."""


def load_model(path: str | Path = SHIPPED_MODEL, scale: str | None = None, classes: str | None = None) -> Classifier:
    """What a model file holds, and its record says: checked, and called once so that no photo waits for that.

    Where Keras is not imported yet, it is now, as `import_keras_to_serve` does.

    Args:
        path: a .keras file, or one of Keras 2 in HDF5; or an .onnx or .tflite file, for which Keras is not imported.
        scale: the pixels that a foreign file was made for, one of `SCALES`, where it has no record.
        classes: their order in its output, one of `ORDERS`, where it has no record.

    Raises:
        ModelError: the file is missing, cannot be read, holds code of its own, has another input or output, or does
            not say what `scale` and `classes` are.
        BackendError: OpenVINO cannot compute one of its layers.
    """
    path = Path(path)
    require_there(path)
    try:
        network, record = open_exported(path) if is_exported(path) else (_loaded(path), record_of(path))
        _require_shapes(network)
        network = in_our_contract(network, *scale_and_order(network, record, scale, classes))
        if not isinstance(network, ExportedNetwork):
            set_predict_function(network)
        _require_probabilities(network)
    except NotImplementedError as error:
        raise BackendError(
            f"{path} has a layer that OpenVINO cannot compute; install TensorFlow, and set KERAS_BACKEND=tensorflow."
        ) from error
    except ValueError as error:
        raise ModelError(f"{path} {error}") from error
    calibrated = record.get(CALIBRATED) == "yes"
    threshold = float(record[NOT_SURE_BELOW]) if calibrated and NOT_SURE_BELOW in record else None
    known = 'its record has no "not sure" threshold' if calibrated else "no record says that it is calibrated"
    note = f'{path.name}: {known}, so every face gets female or male, and none "not sure".'
    return Classifier(network, calibrated, threshold, (note,) if threshold is None else (), dict(record))


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


def require_there(path: Path) -> None:
    """Raise ModelError where no model file lies."""
    if not os.path.exists(path):  # noqa: PTH110 (Path.exists raises on a name that is too long)
        raise ModelError(f"There is no model file at {path}; check its name.")


def _loaded(path: Path) -> keras.Model:
    """What Keras reads from the file; ValueError with the rest of a sentence that begins with its path."""
    import h5py

    if path.suffix.lower() not in (".keras", *HDF5) or not (zipfile.is_zipfile(path) or h5py.is_hdf5(path)):
        raise ValueError("is not a .keras file, or only a part of one; give the file that training has exported.")
    try:
        import_keras_to_serve()
    except ImportError as error:
        raise ModelError(
            f"Models need Keras and OpenVINO, or TensorFlow: pip install keras openvino ({error})"
        ) from error
    import keras

    class DepthwiseConv2D(keras.layers.DepthwiseConv2D):
        """As Keras 2 has written it, with the groups of Conv2D, which mean nothing here."""

        def __init__(self, *args: Any, groups: int = 1, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)

    # Keras sees a file's kind from its name, but up to TensorFlow 2.12 files named .keras were HDF5, too.
    suffixes, older = (HDF5, {"DepthwiseConv2D": DepthwiseConv2D}) if h5py.is_hdf5(path) else ((".keras",), None)
    try:
        with tempfile.TemporaryDirectory() as folder:
            file = path if path.suffix in suffixes else shutil.copy(path, Path(folder, f"model{suffixes[0]}"))
            return keras.saving.load_model(file, older, compile=False, safe_mode=True)
    except Exception as error:
        openvino_cannot = "openvino" in str(error).lower() or isinstance(error, NotImplementedError)
        if openvino_cannot and keras.backend.backend() == SERVING:
            raise NotImplementedError from error
        raise ValueError(_why_not_loaded(path, str(error), keras.__version__)) from error


def _why_not_loaded(path: Path, error: str, installed: str) -> str:
    """The rest of a sentence that begins with the file's path, from what Keras says and who has made the file."""
    version, has_network = _made_by(path)
    if not has_network:
        return (
            f"holds weights without their network: build it in Python, then model.load_weights({path.name!r}) and "
            "model.save('model.keras'), and give model.keras."
        )
    if any(words in error for words in ("Lambda", "safe_mode", "safe mode")):
        return "holds Python code of its own (a Lambda layer), which is not run, for your safety; use a model without."
    if version.startswith("2."):
        return (
            f"was made by Keras {version}, and this Keras cannot read it: `pip install tf-keras tensorflow`, convert "
            f"it in Python by `{CONVERT.format(name=path.name)}`, and give converted.tflite."
        )
    if "Could not locate" in error:
        return "needs layers that Keras itself does not have; only stock layers can be loaded; use a model without."
    if version:
        return f"was made by Keras {version}, and cannot be read by {installed}: copy it again, or update Keras."
    return "cannot be read as a Keras model; it may be damaged: copy it again."


def _made_by(path: Path) -> tuple[str, bool]:
    """The version of Keras that has made a file, empty where it does not say, and whether it holds a network."""
    import h5py

    with suppress(OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile):
        if h5py.is_hdf5(path):
            with h5py.File(path) as content:
                return str(content.attrs.get("keras_version", "")), "model_config" in content.attrs
        with zipfile.ZipFile(path) as content:
            return str(json.loads(content.read("metadata.json"))["keras_version"]), True
    return "", True


def _require_shapes(model: keras.Model | ExportedNetwork) -> None:
    """ValueError unless the model takes one square picture, RGB or grey, and gives two numbers, or one."""
    takes, gives = model.input_shape, model.output_shape
    batch, height, width, channels = takes if isinstance(takes, tuple) and len(takes) == 4 else (None,) * 4
    if batch or not height or height != width or channels not in (1, 3):
        raise ValueError(
            f"takes input of shape {takes}, not square pictures of a known side S, (None, S, S, 3) or (None, S, S, 1)."
        )
    if gives not in ((None, 2), (None, 1), [(None, 2), (None, 1)]):
        raise ValueError(f"gives output of shape {gives}, not two probabilities (None, 2), or one.")


def _require_probabilities(model: keras.Model | ExportedNetwork) -> None:
    """ValueError unless noise gets answers between 0 and 1."""
    side = model.input_shape[1]
    noise = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
    outputs = model.predict_on_batch(as_input(model, noise))
    output = np.concatenate(outputs if isinstance(outputs, list) else [outputs], axis=1)
    if not np.isfinite(output).all():
        raise ValueError("gives numbers that are not probabilities; its weights may be damaged.")
    if output.min() < 0 or output.max() > 1:
        raise ValueError("gives numbers outside 0..1, such as logits; end it with a softmax, and export it.")
