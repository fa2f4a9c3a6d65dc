"""A .keras file in the format of another runtime, with its record inside, and the proof that it answers the same there.

The proof is by crops as photos give them: the faces of the examples, darker and lighter, tinted and mirrored.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np

from ..faces.crops import BOX_CENTRE_IN_CROP, CROP_OVER_BOX
from ..images.folders import scan
from ..images.photos import read_photo
from ..networks.checksums import sha256
from ..networks.classifier import Classifier
from ..networks.exported import carry_record, is_exported
from ..networks.foreign import OURS
from ..networks.model_files import load_model
from ..networks.records import CLASS_ORDER, FEMALE_FIRST, SCALE, SHA_256, record_of
from ..places import EXAMPLES, exports_of, how_to_get
from .answers import find_crops

SAME = 1e-3  # probabilities may differ by so much, by the order in which a runtime adds
CROPS = 1000  # by which it is proved
FORMATS = {  # by the name that the shell takes: Keras's name, the suffix, and the package that writes it
    "onnx": ("onnx", ".onnx", "tf2onnx"),
    "litert": ("litert", ".tflite", "tensorflow"),
    "litert-int8": ("litert", ".int8.tflite", "tensorflow"),
    "saved-model": ("tf_saved_model", "", "tensorflow"),
}
EIGHT_BITS = "litert-int8"  # weights of 8 bits: another network, which answers by itself


def export(model_path: Path, to: str, scale: str | None = None, classes: str | None = None) -> tuple[Path, float, int]:
    """Write a model beside its .keras file (see `exports_of`) in another format; the new file is complete or absent.

    Its input is the same as the .keras file's, but float32 only: canonical crops (N, S, S, 3), 0..255. It carries the
    model's record, and how a canonical crop is cut.

    Args:
        to: one of FORMATS.
        scale, classes: of its input and output, as `load_model` takes them; the new file has ours.

    Returns:
        The new file, for "saved-model" a folder; by how much a probability differs at most; how many of CROPS crops get
        the other label.

    Raises:
        ModelError: the .keras file cannot be used.
        ValueError: a package is missing, the new file is there already, or it does not give the same answers.
    """
    if is_exported(model_path):
        raise ValueError(f"{model_path} is an exported file itself; name the .keras file that it comes from.")
    keras_name, suffix, package = FORMATS[to]
    path = exports_of(model_path) / (model_path.stem + suffix)
    if path.exists():
        raise ValueError(f"{path} is there already; delete it, or move it away.")
    classifier = load_model(model_path, scale, classes)
    model = classifier.model
    print(f"writing {path.name}, and checking it on {CROPS:,} crops ...")  # which takes a minute or more
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
        partial = Path(folder) / path.name
        try:
            _write(model, partial, keras_name, to == EIGHT_BITS)
            carry_record(partial, carried(model_path, model))
        except ImportError as error:
            raise ValueError(
                f"The format {to} needs the package {package}: {how_to_get('export')} brings it."
            ) from error
        difference, turned = _agreement(classifier, _opened(partial, model))
        if to != EIGHT_BITS and not difference <= SAME:
            raise ValueError(f"As {to}, {model_path.name} gives other answers, by {difference:.4f}; nothing is kept.")
        partial.rename(path)
    return path, difference, turned


def carried(model_path: Path, model: keras.Model) -> dict[str, str]:
    """The record that an exported file carries: the .keras file's own, and what its reader must know of the input."""
    record = {name: value for name, value in record_of(model_path).items() if name != SHA_256}
    return record | {
        "exported from": f"{model_path.name}, SHA-256 {sha256(model_path)}",
        "input": str(tuple(model.input_shape[1:])),
        SCALE: OURS,
        CLASS_ORDER: FEMALE_FIRST,
        "crop": "a square of the upright photo, RGB; beyond the photo its edge is repeated",
        "crop's side over the longer side of the face's box": str(CROP_OVER_BOX),
        "middle of the face's box in the crop": "{}, {}".format(*BOX_CENTRE_IN_CROP),
        "face's box": "as YuNet gives it (face_detection_yunet_2023mar.onnx)",
    }


def _write(model: keras.Model, path: Path, form: str, eight_bits: bool) -> None:
    options = {}
    if eight_bits:
        import tensorflow

        options["optimizations"] = [tensorflow.lite.Optimize.DEFAULT]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"keras\.src\.export")
        model.export(str(path), format=form, verbose=False, **options)


def _opened(path: Path, model: keras.Model) -> Classifier:
    """What an exported file answers by."""
    if not path.is_dir():
        return load_model(path)
    inputs = keras.Input(model.input_shape[1:])
    return Classifier(keras.Model(inputs, keras.layers.TFSMLayer(str(path), call_endpoint="serve")(inputs)))


def _agreement(ours: Classifier, theirs: Classifier) -> tuple[float, int]:
    """By how much the two differ at most, and how often they turn a label: one crop by itself and many together."""
    crops = _crops(ours.size)
    expected = ours.predict(crops)
    pairs = np.concatenate([theirs.predict(crops[:1]), theirs.predict(crops[1:])])
    turned = pairs.argmax(axis=1) != expected.argmax(axis=1)
    return float(np.abs(pairs - expected).max()), int(turned.sum())


def _crops(size: int) -> np.ndarray:
    """CROPS crops, uint8 (N, size, size, 3), of the examples' faces."""
    faces = np.concatenate([find_crops(read_photo(photo), size)[1] for photo in scan(EXAMPLES)[0]])
    rng = np.random.default_rng(0)

    def changed(face: np.ndarray) -> np.ndarray:
        light = rng.uniform(0.5, 1.5) * rng.uniform(0.9, 1.1, 3)
        return np.clip(face[:, :: rng.choice([-1, 1])] * light, 0, 255).astype(np.uint8)

    return np.stack([changed(faces[number % len(faces)]) for number in range(CROPS)])
