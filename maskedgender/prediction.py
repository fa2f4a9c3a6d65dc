"""A model file and a photo become answers: who is in the picture, female or male as the labels use the words, how sure.

Page, notebook and shell all come through here, so that the same photo gets the same numbers everywhere.
"""

from __future__ import annotations

import csv
import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np

from .faces import canonical_crop, find_faces
from .photos import PhotoError, read_photo

SHIPPED_MODEL = Path(__file__).resolve().parents[1] / "models" / "masked_gender.keras"
# A calibrated probability. `python -m benchmarks.threshold` prints what each choice gives: at this one, 55 % of the
# masked faces of the choosing split are answered, and 93 % of these answers are right.
NOT_SURE_BELOW = 0.80
NOT_SURE = "not sure"
NO_FACE = "no face found"
COLUMNS = ("file", "face", "x", "y", "width", "height", "score", "p_female", "p_male", "answer", "error")
MOST_PIXELS_A_SIDE = 1024  # of a model's input: a file could ask for gigabytes

_GIVE = "give the file that training has exported"
_BATCH = 64  # faces at once: a crowd, or a whole test set, must not decide how much memory is taken


class ModelError(Exception):
    """A model file that cannot be used; its text is one sentence for the person who named the file."""


@dataclass(frozen=True)
class Prediction:
    """The answer for one face of a photo.

    Attributes:
        box: x, y, width, height in pixels of the upright photo; it may reach over the photo's edges.
        score: the face detector's confidence, 0..1; None where the whole picture was taken instead of a face.
        p_female, p_male: probabilities, 0..1, which sum to 1.
        calibrated: whether they are meant as probabilities; False for the two sigmoids of an original file.
        whole_picture: whether the whole picture was taken as one crop because no face was found.
    """

    box: tuple[float, float, float, float]
    score: float | None
    p_female: float
    p_male: float
    calibrated: bool = True
    whole_picture: bool = False

    @property
    def answer(self) -> str:
        """The likelier of "female" and "male", or "not sure" when its probability is under NOT_SURE_BELOW."""
        if max(self.p_female, self.p_male) < NOT_SURE_BELOW:
            return NOT_SURE
        return "female" if self.p_female > self.p_male else "male"


def load_model(path: str | Path = SHIPPED_MODEL) -> keras.Model:
    """The model in a .keras file: checked, and called once so that the first photo does not wait for it.

    Both contracts are taken: ours, RGB (N, S, S, 3), and the original notebook's, grey (N, 100, 100, 1).

    Raises:
        ModelError: the file is missing, no .keras file, holds code of its own, or has another input or output.
    """
    path = Path(path)
    _require_keras_file(path)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise ModelError(f"{path} {_why_not_loaded(error)}") from error
    _require_shapes(path, model)
    _require_probabilities(path, model)
    return model


def is_calibrated(model: keras.Model) -> bool:
    """False for an original file, whose last layer gives two sigmoids that know nothing of each other."""
    return getattr(model.layers[-1], "activation", None) is not keras.activations.sigmoid


def predict_crops(model: keras.Model, crops: np.ndarray) -> np.ndarray:
    """Probabilities of canonical crops, float32 (N, 2), columns female and male, rows summing to 1.

    Args:
        crops: uint8 array (N, S, S, 3), RGB, S being the model's input size.
    """
    batches = [crops[start : start + _BATCH] for start in range(0, len(crops), _BATCH)]
    outputs = [model.predict_on_batch(_as_input(model, batch)) for batch in batches]
    return _normalised(np.concatenate(outputs)) if outputs else np.empty((0, 2), np.float32)


def predict_photo(model: keras.Model, photo: np.ndarray, whole_picture: bool = False) -> list[Prediction]:
    """One prediction a face, largest face first; an empty list when no face is found.

    Args:
        photo: uint8 array (height, width, 3), RGB, upright, as `read_photo` gives it.
        whole_picture: when no face is found, take the whole picture as one crop; its prediction is marked so.
    """
    size = model.input_shape[1]
    faces = find_faces(photo)
    if not faces:
        return [_whole_picture(model, photo)] if whole_picture else []
    pairs = predict_crops(model, np.stack([canonical_crop(photo, face, size) for face in faces]))
    calibrated = is_calibrated(model)
    return [
        Prediction(face.box, face.score, float(female), float(male), calibrated)
        for face, (female, male) in zip(faces, pairs, strict=True)
    ]


def predict_file(model: keras.Model, path: str | Path, whole_picture: bool = False) -> list[Prediction]:
    """`predict_photo` of a file in any of the formats that `read_photo` takes; PhotoError when it cannot be read."""
    return predict_photo(model, read_photo(path), whole_picture)


def csv_rows(model: keras.Model, path: str | Path, whole_picture: bool = False) -> list[dict[str, object]]:
    """A file's rows under COLUMNS, one a face, numbered from 1, largest first.

    A file that cannot be read, or shows no face, is one row whose `error` says so (NO_FACE for the latter).
    """
    try:
        predictions = predict_file(model, path, whole_picture)
    except PhotoError as error:
        return [_error_row(path, str(error))]
    if not predictions:
        return [_error_row(path, NO_FACE)]
    return [_row(path, number, prediction) for number, prediction in enumerate(predictions, 1)]


def write_csv(rows: Iterable[dict[str, object]], path: str | Path) -> None:
    """Write rows as they come under the header COLUMNS, so that a broken run leaves what it has done."""
    # A file's name may hold bytes that are no UTF-8: they are written as escapes, and do not end the run.
    with Path(path).open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            file.flush()


def _require_keras_file(path: Path) -> None:
    if not os.path.exists(path):  # noqa: PTH110 (Path.exists raises on a name that is too long)
        raise ModelError(f"There is no model file at {path}; check its name.")
    if path.suffix != ".keras" or not path.is_file() or not zipfile.is_zipfile(path):
        raise ModelError(f"{path} is not a .keras file, or only a part of one; {_GIVE}.")


def _why_not_loaded(error: Exception) -> str:
    """The rest of a sentence that begins with the file's path."""
    text = str(error)
    if "Lambda" in text or "safe_mode" in text or "safe mode" in text:
        return "holds Python code of its own (a Lambda layer), which is not run, for your safety; use a model without."
    if "Could not locate" in text:
        return "needs layers that Keras itself does not have; only stock layers can be loaded; use a model without."
    return (
        "cannot be read as a Keras model; it may be damaged, or made by a newer Keras: copy it again, or update Keras."
    )


def _require_shapes(path: Path, model: keras.Model) -> None:
    """Raise unless the model takes one square picture, RGB or grey, and gives two numbers."""
    takes, gives = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    four = takes if isinstance(takes, tuple) and len(takes) == 4 else (None,) * 4
    if not (four[1] and four[1] == four[2] and four[1] <= MOST_PIXELS_A_SIDE and four[3] in (1, 3)):
        wanted = f"one square picture (N, S, S, 3) or (N, S, S, 1), S at most {MOST_PIXELS_A_SIDE}"
        raise ModelError(f"{path} takes input of shape {takes}, not {wanted}; {_GIVE}.")
    if gives != (None, 2):
        raise ModelError(f"{path} gives output of shape {gives}, not two probabilities (N, 2); {_GIVE}.")


def _require_probabilities(path: Path, model: keras.Model) -> None:
    """Raise unless noise gets answers between 0 and 1; two batch sizes, so that no later one needs compiling."""
    side = model.input_shape[1]
    noise = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
    for batch in (noise[:1], noise):
        output = model.predict_on_batch(_as_input(model, batch))
        if not (np.isfinite(output).all() and output.min() >= 0 and output.max() <= 1):
            raise ModelError(f"{path} gives numbers that are not probabilities; its weights may be damaged; {_GIVE}.")


def _as_input(model: keras.Model, crops: np.ndarray) -> np.ndarray:
    """Crops as the model takes them, float32 0..255: RGB, or luma for the original's grey input."""
    if model.input_shape[-1] == 1:
        crops = np.stack([cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None] for crop in crops])
    return crops.astype(np.float32)


def _normalised(outputs: np.ndarray) -> np.ndarray:
    """Rows that sum to 1; two sigmoids that are both 0 say nothing, so they become one half each."""
    sums = outputs.sum(axis=1, keepdims=True, dtype=np.float64)
    return np.divide(outputs, sums, out=np.full(outputs.shape, 0.5), where=sums > 0).astype(np.float32)


def _whole_picture(model: keras.Model, photo: np.ndarray) -> Prediction:
    """The prediction of the whole picture, as if it were a canonical crop; its edges are repeated to make it square."""
    size = model.input_shape[1]
    height, width = (max(1, round(side * size / max(photo.shape[:2]))) for side in photo.shape[:2])
    scaled = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
    top, left = (size - height) // 2, (size - width) // 2
    edges = (top, size - height - top, left, size - width - left)
    crop = cv2.copyMakeBorder(scaled, *edges, cv2.BORDER_REPLICATE)
    female, male = map(float, predict_crops(model, crop[None])[0])
    box = (0.0, 0.0, float(photo.shape[1]), float(photo.shape[0]))
    return Prediction(box, None, female, male, is_calibrated(model), whole_picture=True)


def _row(path: str | Path, number: int, prediction: Prediction) -> dict[str, object]:
    numbers = (*(round(side, 1) for side in prediction.box), prediction.score, prediction.p_female, prediction.p_male)
    places = [None if number is None else round(number, 6) for number in numbers]
    return dict(zip(COLUMNS, (str(path), number, *places, prediction.answer, ""), strict=True))


def _error_row(path: str | Path, sentence: str) -> dict[str, object]:
    return {**dict.fromkeys(COLUMNS, ""), "file": str(path), "error": sentence}
