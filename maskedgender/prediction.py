"""A model file and a photo become answers: who is in the picture, female or male as the labels use the words, how sure.

Page, notebook and shell all come through here, so that the same photo gets the same numbers everywhere.
"""

from __future__ import annotations

import csv
import struct
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np
from PIL import Image, UnidentifiedImageError

from .faces import canonical_crop, find_faces

SHIPPED_MODEL = Path(__file__).resolve().parents[1] / "models" / "masked_gender.keras"
NOT_SURE_BELOW = 0.80  # calibrated probability; under it the likelier answer is wrong too often to be given
NOT_SURE = "not sure"
NO_FACE = "no face found"
COLUMNS = ("file", "face", "x", "y", "width", "height", "score", "p_female", "p_male", "answer", "error")

MAX_MEGAPIXELS = 50
PHOTO_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")  # not EPS: it would start Ghostscript

_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BATCH = 64  # faces at once: a crowd, or a whole test set, must not decide how much memory is taken


class PhotoError(Exception):
    """A photo that cannot be read; its text is one sentence for the person who chose the file."""


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


def read_photo(path: str | Path) -> np.ndarray:
    """A photo as a uint8 array (height, width, 3), RGB, upright by its EXIF turn.

    Of a moving picture the first frame; transparency lies over white; 16-bit and float pixels are scaled, not clipped.

    Raises:
        PhotoError: no such file, not one of PHOTO_FORMATS, damaged, or over MAX_MEGAPIXELS (told from its header).
    """
    path = Path(path)
    _require_photo_file(path)
    Image.init()
    formats = [name for name in PHOTO_FORMATS if name in Image.OPEN]  # an older Pillow may lack one
    try:
        with Image.open(path, formats=formats) as image:
            _require_size(path, image.size)
            turn = _orientation(image)
            return np.ascontiguousarray(_to_rgb(image.transpose(turn) if turn is not None else image))
    except PhotoError:
        raise
    except Exception as error:  # a damaged file can make a decoder raise almost anything
        raise PhotoError(f"{path.name} {_why_not_read(error)}") from error


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
    with Path(path).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            file.flush()


def _require_photo_file(path: Path) -> None:
    """Raise unless the path is a file; opening a pipe or a device could wait for ever."""
    if not path.exists():
        raise PhotoError(f"{path.name} is not there; check its name.")
    if not path.is_file():
        raise PhotoError(f"{path.name} is not a file; choose a photo.")


def _require_size(path: Path, size: tuple[int, int]) -> None:
    """Raise for more pixels than are decoded here; a few kilobytes can unfold to gigabytes."""
    megapixels = size[0] * size[1] / 1e6
    if megapixels > MAX_MEGAPIXELS:
        raise PhotoError(f"{path.name} has {megapixels:.0f} megapixels; scale it to {MAX_MEGAPIXELS} or fewer.")


def _orientation(image: Image.Image) -> Image.Transpose | None:
    """The turn that makes a photo upright, None for none; damaged EXIF says nothing, and the pixels are still good."""
    try:
        return _UPRIGHT.get(image.getexif().get(_EXIF_ORIENTATION, 1))
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error):
        return None


def _to_rgb(image: Image.Image) -> np.ndarray:
    """Any of Pillow's modes as uint8 (height, width, 3)."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return np.repeat(_scaled_to_8_bits(image)[..., None], 3, axis=2)
    if image.has_transparency_data:
        pixels = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", pixels.size, "white"), pixels)
    return np.asarray(image.convert("RGB"))


def _scaled_to_8_bits(image: Image.Image) -> np.ndarray:
    """A grey picture of 16 or 32 bits, or of floats, as uint8 (height, width): scaled, never clipped."""
    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    usual = {"F": (1.0, 255.0, 65535.0), "I": (255.0, 65535.0)}.get(image.mode, (65535.0,))
    full_scale = next((scale for scale in usual if values.max() <= scale), values.max())
    return np.clip(values / full_scale * 255, 0, 255).round().astype(np.uint8)


def _why_not_read(error: Exception) -> str:
    """The rest of a sentence that begins with the photo's name."""
    if isinstance(error, PermissionError):
        return "may not be read; ask its owner for permission."
    if isinstance(error, Image.DecompressionBombError):
        return f"has too many pixels; scale it to {MAX_MEGAPIXELS} megapixels or fewer."
    if isinstance(error, UnidentifiedImageError):
        return "is not a photo in a format known here; save it as JPEG or PNG."
    return "is damaged or cut off; open it in a photo program and save it again as JPEG or PNG."


def _require_keras_file(path: Path) -> None:
    if not path.exists():
        raise ModelError(f"There is no model file at {path}.")
    if path.suffix != ".keras" or not path.is_file() or not zipfile.is_zipfile(path):
        raise ModelError(f"{path} is not a .keras file; give the file that training has exported.")


def _why_not_loaded(error: Exception) -> str:
    """The rest of a sentence that begins with the file's path."""
    text = str(error)
    if "Lambda" in text or "safe_mode" in text or "safe mode" in text:
        return "holds Python code of its own (a Lambda layer), which is not run, for your safety."
    if "Could not locate" in text:
        return "needs layers that Keras itself does not have; only stock layers can be loaded."
    return "cannot be read as a Keras model; it may be damaged, or made by a newer Keras."


def _require_shapes(path: Path, model: keras.Model) -> None:
    """Raise unless the model takes one square picture, RGB or grey, and gives two numbers."""
    takes, gives = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if not (isinstance(takes, tuple) and len(takes) == 4 and takes[1] and takes[1] == takes[2] and takes[3] in (1, 3)):
        raise ModelError(f"{path} takes input of shape {takes}, not one square picture (N, S, S, 3) or (N, S, S, 1).")
    if gives != (None, 2):
        raise ModelError(f"{path} gives output of shape {gives}, not two probabilities (N, 2), female and male.")


def _require_probabilities(path: Path, model: keras.Model) -> None:
    """Raise unless noise gets answers between 0 and 1; two batch sizes, so that no later one needs compiling."""
    side = model.input_shape[1]
    noise = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)
    for batch in (noise[:1], noise):
        output = model.predict_on_batch(_as_input(model, batch))
        if not (np.isfinite(output).all() and output.min() >= 0 and output.max() <= 1):
            raise ModelError(f"{path} gives numbers that are not probabilities; its weights may be damaged.")


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
