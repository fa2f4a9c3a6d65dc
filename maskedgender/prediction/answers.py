"""A model file and a photo become answers: who is in the picture, female or male as the labels define them, how sure.

Page, notebook and shell all come through here, so that the same photo gets the same numbers everywhere. Keras is
imported where a model is used: processes that only find faces start in half a second without it.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..faces.crops import canonical_crop
from ..faces.detector import Face
from ..faces.finding import find_faces
from ..images.buckets import read_photo_from
from ..images.photos import PhotoError, read_photo
from ..networks.classifier import Classifier

NOT_SURE = "not sure"
NO_FACE = "no face found"
MOST_FACES = 100  # of a photo: a file of a megabyte can show a thousand, and everyone else would wait for a minute
COLUMNS = ("file", "face", "x", "y", "width", "height", "score", "p_female", "p_male", "p_mask", "answer", "error")


@dataclass(frozen=True)
class Prediction:
    """The answer for one face of a photo.

    Attributes:
        box: x, y, width, height in pixels of the upright photo; it may reach over the photo's edges.
        score: the face detector's confidence, 0..1; None where the whole picture was taken instead of a face.
        p_female, p_male: probabilities, 0..1, which sum to 1.
        calibrated: whether they are meant as probabilities, by the record of the model file.
        whole_picture: whether the whole picture was taken as one crop because no face was found.
        not_sure_below: the probability from which on the model answers, by its record; None where it always does.
        p_mask: the probability that a mask is worn, 0..1; None where the model does not say.
    """

    box: tuple[float, float, float, float]
    score: float | None
    p_female: float
    p_male: float
    calibrated: bool = True
    whole_picture: bool = False
    not_sure_below: float | None = None
    p_mask: float | None = None

    @property
    def answer(self) -> str:
        """The likelier of "female" and "male", or "not sure" when its probability is under the model's border."""
        if self.not_sure_below is not None and max(self.p_female, self.p_male) < self.not_sure_below:
            return NOT_SURE
        return "female" if self.p_female > self.p_male else "male"


def predict_photo(model: Classifier, photo: np.ndarray, whole_picture: bool = False) -> list[Prediction]:
    """One prediction a face, largest face first; an empty list when no face is found.

    Args:
        photo: uint8 array (height, width, 3), RGB, upright, as `read_photo` gives it.
        whole_picture: when no face is found, take the whole picture as one crop; its prediction is marked so.
    """
    return _answered(model, photo, whole_picture)[0]


def _answered(model: Classifier, photo: np.ndarray, whole_picture: bool) -> tuple[list[Prediction], int]:
    """What `predict_photo` gives, and how many faces beyond MOST_FACES were left out."""
    faces, crops, left_out = find_crops(photo, model.size)
    if not faces:
        return [_whole_picture(model, photo)] if whole_picture else [], 0
    return predictions(model, faces, crops), left_out


def find_crops(photo: np.ndarray, size: int, quick: bool = False) -> tuple[list[Face], np.ndarray, int]:
    """A photo's largest MOST_FACES faces, their canonical crops, uint8 (N, size, size, 3), and how many more it has.

    `quick` as in find_faces.
    """
    found = find_faces(photo, quick=quick)
    faces = found[:MOST_FACES]
    crops = [canonical_crop(photo, face, size) for face in faces]
    return faces, np.stack(crops) if crops else np.empty((0, size, size, 3), np.uint8), len(found) - len(faces)


def predictions(model: Classifier, faces: Sequence[Face], crops: np.ndarray) -> list[Prediction]:
    """The prediction of each face, whose crops are uint8 (N, S, S, 3)."""
    return [
        _prediction(model, face.box, face.score, pair, mask)
        for face, pair, mask in zip(faces, *model.predict_with_masks(crops), strict=True)
    ]


def _prediction(
    model: Classifier,
    box: tuple[float, float, float, float],
    score: float | None,
    pair: np.ndarray,
    mask: float,
) -> Prediction:
    """Of one crop: its probabilities of female and male, (2,), and that of a mask, perhaps not-a-number."""
    worn = None if np.isnan(mask) else float(mask)
    whole = score is None
    return Prediction(box, score, float(pair[0]), float(pair[1]), model.calibrated, whole, model.not_sure_below, worn)


def predict_file(model: Classifier, path: str | Path, whole_picture: bool = False) -> list[Prediction]:
    """`predict_photo` of a file in any of the formats that `read_photo` takes; PhotoError when it cannot be read."""
    return predict_photo(model, read_photo(path), whole_picture)


def csv_rows(model: Classifier, path: str | Path, whole_picture: bool = False) -> list[dict[str, object]]:
    """The rows of a file, or of an address, under COLUMNS, one a face, numbered from 1, largest first.

    A file that cannot be read, or shows no face, is one row whose `error` says so (NO_FACE for the latter).
    """
    try:
        return photo_rows(model, read_photo_from(path), path, whole_picture)
    except PhotoError as error:
        return [error_row(path, str(error))]


def photo_rows(
    model: Classifier, photo: np.ndarray, path: str | Path, whole_picture: bool = False
) -> list[dict[str, object]]:
    """The rows of a photo, uint8 (height, width, 3), RGB, under its file's name."""
    return face_rows(path, *_answered(model, photo, whole_picture))


def face_rows(path: str | Path, found: Sequence[Prediction], left_out: int = 0) -> list[dict[str, object]]:
    """The rows of a photo that was read; the last one's `error` says how many faces more were left out, if any."""
    rows = [_row(path, number, one) for number, one in enumerate(found, 1)] or [error_row(path, NO_FACE)]
    return [*rows, error_row(path, left_out_words(left_out))] if left_out else rows


def left_out_words(faces: int) -> str:
    """Such as "748 smaller faces left out: a photo gets answers for 100"."""
    return f"{faces:,} smaller face{'s' * (faces > 1)} left out: a photo gets answers for {MOST_FACES}"


def error_row(path: str | Path, sentence: str) -> dict[str, object]:
    """The row of a photo without an answer."""
    return {**dict.fromkeys(COLUMNS, ""), "file": name_in_csv(path), "error": sentence}


def is_unread(row: Mapping[str, object]) -> bool:
    """Whether a photo could not be read, by its first row."""
    return row["error"] not in ("", NO_FACE)


def per_cent(p: float, not_sure_below: float | None = None) -> str:
    """A probability as people read it, everywhere the same: whole per cent, and nothing is certain: never 0 or 100.

    One below the border of "not sure" that would be rounded up to it has a decimal, so that 81.9 % is seen to be less
    than 82 %. The page's scripts round by the same rule (`perCent` in asking.js).
    """
    told = ">99 %" if p >= 0.995 else "<1 %" if p <= 0.005 else f"{math.floor(100 * p + 0.5)} %"
    if not_sure_below is not None and p < not_sure_below and told == per_cent(not_sure_below):
        return f"{math.floor(1000 * p) / 10:.1f} %"
    return told


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


def _whole_picture(model: Classifier, photo: np.ndarray) -> Prediction:
    """The prediction of the whole picture, as if it were a canonical crop; its edges are repeated to make it square."""
    size = model.size
    height, width = (max(1, round(side * size / max(photo.shape[:2]))) for side in photo.shape[:2])
    scaled = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
    top, left = (size - height) // 2, (size - width) // 2
    edges = (top, size - height - top, left, size - width - left)
    crop = cv2.copyMakeBorder(scaled, *edges, cv2.BORDER_REPLICATE)
    pairs, masks = model.predict_with_masks(crop[None])
    return _prediction(model, (0.0, 0.0, float(photo.shape[1]), float(photo.shape[0])), None, pairs[0], masks[0])


def _row(path: str | Path, number: int, prediction: Prediction) -> dict[str, object]:
    probabilities = prediction.p_female, prediction.p_male, prediction.p_mask
    numbers = (*(round(side, 1) for side in prediction.box), prediction.score, *probabilities)
    places = [None if number is None else round(number, 6) for number in numbers]
    return dict(zip(COLUMNS, (name_in_csv(path), number, *places, prediction.answer, ""), strict=True))
