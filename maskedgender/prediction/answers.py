"""A model file and a photo become answers: who is in the picture, female or male as the labels use the words, how sure.

Page, notebook and shell all come through here, so that the same photo gets the same numbers everywhere. Keras is
imported where a model is used: the processes of batch.py, which only find faces, start in half a second without it.
"""

from __future__ import annotations

import csv
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..faces.crops import canonical_crop
from ..faces.detector import Face
from ..faces.finding import find_faces
from ..images.photos import PhotoError, read_photo
from .checksums import is_listed, is_whole

if TYPE_CHECKING:
    import keras

SHIPPED_MODEL = Path(__file__).resolve().parents[2] / "models" / "masked_gender.keras"
# A calibrated probability. `python -m benchmarks.threshold` prints what each choice gives on the choosing split: here
# the answers to masked faces are 95 % right, with a margin for photos that the choice has not seen.
NOT_SURE_BELOW = 0.83
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

    A file that SHA256SUMS beside it lists, as the shipped one's does, must be that file, byte by byte.

    Raises:
        ModelError: the file is missing, no .keras file, not the one listed, holds code of its own, or has another
            input or output.
    """
    import keras

    path = Path(path)
    _require_keras_file(path)
    if is_listed(path) and not is_whole(path):
        raise ModelError(f"{path} is not the file that SHA256SUMS beside it lists, or damaged; get it anew.")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise ModelError(f"{path} {_why_not_loaded(error)}") from error
    _require_shapes(path, model)
    _require_probabilities(path, model)
    return model


def caution(path: str | Path) -> str:
    """What to say once where a person names a model file; nothing of the shipped one.

    Keras' safe mode refuses code in a file, but it is no wall: ways around it have been found, and closed, before.
    """
    if Path(path).resolve() == SHIPPED_MODEL:
        return ""
    return f"{Path(path).name} is not the shipped model: open model files only from people you trust, one can do harm."


def is_calibrated(model: keras.Model) -> bool:
    """False for an original file, whose last layer gives two sigmoids that know nothing of each other."""
    import keras

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
    faces, crops = find_crops(photo, model.input_shape[1])
    if not faces:
        return [_whole_picture(model, photo)] if whole_picture else []
    return predictions(faces, predict_crops(model, crops), is_calibrated(model))


def find_crops(photo: np.ndarray, size: int) -> tuple[list[Face], np.ndarray]:
    """A photo's faces, largest first, and their canonical crops, uint8 (N, size, size, 3)."""
    faces = find_faces(photo)
    crops = [canonical_crop(photo, face, size) for face in faces]
    return faces, np.stack(crops) if crops else np.empty((0, size, size, 3), np.uint8)


def predictions(faces: Sequence[Face], pairs: np.ndarray, calibrated: bool) -> list[Prediction]:
    """Faces and the probabilities of their crops, (N, 2), put together."""
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
        return face_rows(path, predict_file(model, path, whole_picture))
    except PhotoError as error:
        return [error_row(path, str(error))]


def face_rows(path: str | Path, found: Sequence[Prediction]) -> list[dict[str, object]]:
    """The rows of a photo that was read."""
    return [_row(path, number, one) for number, one in enumerate(found, 1)] or [error_row(path, NO_FACE)]


def error_row(path: str | Path, sentence: str) -> dict[str, object]:
    """The row of a photo without an answer."""
    return {**dict.fromkeys(COLUMNS, ""), "file": name_in_csv(path), "error": sentence}


def name_in_csv(path: str | Path) -> str:
    """A file's path as the column `file` holds it: bytes that are no UTF-8 become escapes, and do not end the run."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def write_csv(rows: Iterable[Mapping[str, object]], path: str | Path, append: bool = False) -> None:
    """Write rows as they come, so that a broken run leaves what it has done; OSError in one sentence.

    Args:
        rows: under COLUMNS.
        path: the CSV file; anything that it held is lost, without `append`.
        append: go on below the rows that are there, instead of beginning with the header.
    """
    path = Path(path)
    with _naming(path):
        file = path.open("a" if append else "w", newline="", encoding="utf-8")
    writer = csv.DictWriter(file, COLUMNS)
    try:
        with _naming(path):
            if not append:
                writer.writeheader()
            file.flush()
        for row in rows:
            with _naming(path):
                writer.writerow(row)
                file.flush()
    finally:
        with _naming(path):  # what a full disk did not take is tried once more
            file.close()


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """An error of the file system says which file, and what to do."""
    try:
        yield
    except OSError as error:
        raise OSError(f"{path} cannot be written ({error.strerror}); make room, or name another file.") from error


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
    return dict(zip(COLUMNS, (name_in_csv(path), number, *places, prediction.answer, ""), strict=True))
