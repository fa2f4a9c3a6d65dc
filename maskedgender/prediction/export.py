"""A .keras file in the format of another runtime, with its record inside, and the proof that it answers the same there.

The proof is by crops as a photo gives them: the faces of the examples, each as augmentation makes it look otherwise.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from ..data.augment import augmented
from ..faces.crops import BOX_CENTRE_IN_CROP, CROP_OVER_BOX
from ..images.folders import scan
from ..images.photos import read_photo
from ..networks.checksums import sha256
from ..networks.exported import carry_record, is_exported, open_exported
from ..networks.foreign import OURS
from ..networks.model_files import load_model
from ..networks.probabilities import as_input, gender_output
from ..networks.records import CLASS_ORDER, FEMALE_FIRST, SCALE, SHA_256, record_of
from ..places import EXAMPLES, exports_of, how_to_get
from .answers import find_crops

SAME = 1e-3  # probabilities may differ by so much, by the order in which a runtime adds
CROPS = 1000  # by which it is proved
TOGETHER = 64  # crops held in memory at once
Run = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Format:
    """A format that Keras exports to.

    Attributes:
        keras_name: Keras' name of it.
        suffix: the file's ending.
        package: what writes it.
        start: gives what answers by a file.
        options: for Keras' exporter.
        same: by how much a probability may differ; None for weights of 8 bits, which are another network.
    """

    keras_name: str
    suffix: str
    package: str
    start: Callable[[Path], Run]
    options: Callable[[], dict[str, Any]] = dict
    same: float | None = SAME


@dataclass(frozen=True)
class Agreement:
    """How alike a file and its .keras file answer CROPS crops.

    Attributes:
        difference: the largest of a probability.
        turned: how many of the crops get the other label.
    """

    difference: float
    turned: int


def export(
    model_path: Path,
    to: str,
    scale: str | None = None,
    classes: str | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> tuple[Path, Agreement]:
    """Write a model beside its .keras file (see `exports_of`) in another format; the new file is complete or absent.

    Its input is the same as the .keras file's, but float32 only: canonical crops (N, S, S, 3), 0..255. It carries the
    model's record, and how a canonical crop is cut.

    Args:
        model_path: the .keras file.
        to: one of FORMATS.
        scale, classes: of its input and output, as `load_model` takes them; the new file has ours.
        say: is told what is being done, which takes a minute or more.

    Returns:
        The new file, for "saved-model" a folder, and how alike it answers.

    Raises:
        ModelError: the .keras file cannot be used.
        ValueError: a package is missing, the new file is there already, or it does not give the same answers.
    """
    if is_exported(model_path):
        raise ValueError(f"{model_path} is an exported file itself; name the .keras file that it comes from.")
    form = FORMATS[to]
    path = exports_of(model_path) / (model_path.stem + form.suffix)
    if path.exists():
        raise ValueError(f"{path} is there already; delete it, or move it away.")
    model = load_model(model_path, scale, classes).model
    say(f"writing {path.name}, and checking it on {CROPS:,} crops ...")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder:
        partial = Path(folder) / path.name
        try:
            _write(model, partial, form)
            carry_record(partial, carried(model_path, model))
        except ImportError as error:
            raise ValueError(
                f"The format {to} needs the package {form.package}: {how_to_get('export')} brings it."
            ) from error
        agreement = _agreement(model, form.start(partial))
        if form.same is not None and not agreement.difference <= form.same:
            raise ValueError(
                f"As {to}, {model_path.name} gives other answers, by {agreement.difference:.4f}; nothing is kept."
            )
        partial.rename(path)
    return path, agreement


def carried(model_path: Path, model: keras.Model) -> dict[str, str]:
    """The record that an exported file carries: the .keras file's own, and what its reader must know of the input."""
    record = {name: value for name, value in record_of(model_path).items() if name != SHA_256}
    middle = "{}, {}".format(*BOX_CENTRE_IN_CROP)
    return record | {
        "exported from": f"{model_path.name}, SHA-256 {sha256(model_path)}",
        "input": str(tuple(model.input_shape[1:])),
        SCALE: OURS,
        CLASS_ORDER: FEMALE_FIRST,
        "crop": "a square of the upright photo, RGB; beyond the photo its edge is repeated",
        "crop's side over the longer side of the face's box": str(CROP_OVER_BOX),
        "middle of the face's box in the crop": middle,
        "face's box": "as YuNet gives it (face_detection_yunet_2023mar.onnx)",
    }


def _write(model: keras.Model, path: Path, form: Format) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"keras\.src\.export")
        model.export(str(path), format=form.keras_name, verbose=False, **form.options())


def _agreement(model: keras.Model, run: Run) -> Agreement:
    """How alike the two answer, one crop by itself and many together."""
    differences, turned = [], []
    for crops in _crops(int(model.input_shape[1])):
        given = as_input(model, crops)
        pairs, expected = run(given), gender_output(model.predict_on_batch(given))
        differences.append(np.abs(pairs - expected).max())
        turned.append((pairs.argmax(axis=1) != expected.argmax(axis=1)).sum())
    return Agreement(float(max(differences)), int(sum(turned)))


def _crops(size: int) -> Iterator[np.ndarray]:
    """CROPS crops of `size` pixels, uint8 (N, size, size, 3), of the examples' faces; the first one alone."""
    faces = np.concatenate([find_crops(read_photo(photo), size)[1] for photo in scan(EXAMPLES).pictures])
    rng = np.random.default_rng(0)
    starts = [0, *range(1, CROPS, TOGETHER)]
    for start, end in zip(starts, [*starts[1:], CROPS], strict=True):
        yield np.stack([augmented(faces[number % len(faces)], rng) for number in range(start, end)])


def _start_exported(path: Path) -> Run:
    try:
        network, _ = open_exported(path)
    except ValueError as error:
        raise ValueError(f"{path.name} {error}") from error
    return lambda crops: gender_output(network.predict_on_batch(crops))


def _start_saved_model(path: Path) -> Run:
    import tensorflow

    loaded = tensorflow.saved_model.load(str(path))

    def run(crops: np.ndarray) -> np.ndarray:
        outputs = loaded.serve(crops)
        return (outputs[0] if isinstance(outputs, (list, tuple)) else outputs).numpy()

    return run


def _weights_of_8_bits() -> dict[str, Any]:
    import tensorflow

    return {"optimizations": [tensorflow.lite.Optimize.DEFAULT]}


# By the name that the shell takes.
FORMATS = {
    "onnx": Format("onnx", ".onnx", "tf2onnx", _start_exported),
    "litert": Format("litert", ".tflite", "tensorflow", _start_exported),
    "litert-int8": Format("litert", ".int8.tflite", "tensorflow", _start_exported, _weights_of_8_bits, same=None),
    "saved-model": Format("tf_saved_model", "", "tensorflow", _start_saved_model),
}
