"""A model file and a photo become answers: who is in the picture, female or male as the labels define them, how sure.

Page, notebook and shell all come through here, so that the same photo gets the same numbers everywhere. Keras is
imported where a model is used: processes that only find faces start in half a second without it.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from ..faces.crops import canonical_crop
from ..faces.detector import Face
from ..faces.finding import find_faces
from ..images.buckets import shown
from ..images.photos import read_photo
from ..networks.classifier import Classifier

NOT_SURE = "not sure"
NO_FACE = "no face found"
MOST_FACES = 100  # of a photo: a file of a megabyte can show a thousand, and everyone else would wait for a minute
COLUMNS = ("file", "face", "x", "y", "width", "height", "score", "p_female", "p_male", "p_mask", "answer", "error")
_LIKE_A_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")  # the wide ones, too

Row = dict[str, object]  # under COLUMNS; None, or in a CSV file nothing, where there is no number


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
        """The likelier of "female" and "male", or "not sure" when its probability is under the model's threshold."""
        if self.not_sure_below is not None and max(self.p_female, self.p_male) < self.not_sure_below:
            return NOT_SURE
        return "female" if self.p_female > self.p_male else "male"


def predict_photo(model: Classifier, photo: np.ndarray, whole_picture: bool = False) -> list[Prediction]:
    """One prediction a face, largest face first; an empty list when no face is found.

    Args:
        photo: uint8 array (height, width, 3), RGB, upright, as `read_photo` gives it.
        whole_picture: when no face is found, take the whole picture as one crop; its prediction is marked so.
    """
    faces, crops, _ = find_crops(photo, model.size)
    if faces or not whole_picture:
        return predictions(model, faces, crops)
    height, width = map(float, photo.shape[:2])
    face = Face((0.0, 0.0, width, height), 0.0, np.zeros((5, 2)))
    (whole,) = predictions(model, [face], _whole(photo, model.size))
    return [replace(whole, score=None, whole_picture=True)]


def predict_file(model: Classifier, path: str | Path) -> list[Prediction]:
    """`predict_photo` of a file in any of the formats that `read_photo` takes; PhotoError when it cannot be read."""
    return predict_photo(model, read_photo(path))


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
    pairs, masks = model.predict_with_masks(crops)
    known = model.calibrated, False, model.not_sure_below
    return [
        Prediction(face.box, face.score, float(female), float(male), *known, None if np.isnan(mask) else float(mask))
        for face, (female, male), mask in zip(faces, pairs, masks, strict=True)
    ]


def _whole(photo: np.ndarray, size: int) -> np.ndarray:
    """The whole picture as if it were a canonical crop, (1, size, size, 3): its edges are repeated to a square."""
    height, width = (max(1, round(side * size / max(photo.shape[:2]))) for side in photo.shape[:2])
    scaled = cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA)
    top, left = (size - height) // 2, (size - width) // 2
    edges = (top, size - height - top, left, size - width - left)
    return cv2.copyMakeBorder(scaled, *edges, cv2.BORDER_REPLICATE)[None]


def face_rows(path: str | Path, found: Sequence[Prediction], left_out: int = 0) -> list[Row]:
    """The rows of a photo that was read; the last one's `error` says how many faces more were left out, if any."""
    rows: list[Row] = []
    for number, face in enumerate(found, 1):
        box = (round(side, 1) for side in face.box)
        rest = face.score, face.p_female, face.p_male, face.p_mask
        rounded = (None if one is None else round(one, 6) for one in rest)
        cells = name_in_csv(path), number, *box, *rounded, face.answer, ""
        rows.append(dict(zip(COLUMNS, cells, strict=True)))
    rows = rows or [error_row(path, NO_FACE)]
    return [*rows, error_row(path, left_out_words(left_out))] if left_out else rows


def error_row(path: str | Path, sentence: str) -> Row:
    """The row of a photo without an answer."""
    return {**dict.fromkeys(COLUMNS), "file": name_in_csv(path), "answer": "", "error": _no_formula(sentence)}


def left_out_words(faces: int) -> str:
    """Such as "748 smaller faces left out: a photo gets answers for 100"."""
    return f"{faces:,} smaller face{'s' * (faces > 1)} left out: a photo gets answers for {MOST_FACES}"


def is_unread(row: Mapping[str, object]) -> bool:
    """Whether a photo could not be read, by its first row."""
    return row["error"] not in ("", NO_FACE)


def name_in_csv(path: str | Path) -> str:
    """A file's path as the column `file` holds it; bytes that are no UTF-8 become escapes, and do not end the run."""
    return _no_formula(shown(path).encode("utf-8", "backslashreplace").decode("utf-8"))


def _no_formula(text: str) -> str:
    """A name, or a sentence that begins with one, as no spreadsheet runs it: behind "./" a path stays the same file."""
    return f"./{text}" if _LIKE_A_FORMULA.match(text) else text


def per_cent(p: float, not_sure_below: float | None = None) -> str:
    """A probability as people read it, everywhere the same: whole per cent, and nothing is certain: never 0 or 100.

    One below the threshold of "not sure" that would be rounded up to it has a decimal, so that 81.9 % is seen to be
    less than 82 %.
    """
    told = ">99 %" if p >= 0.995 else "<1 %" if p <= 0.005 else f"{math.floor(100 * p + 0.5)} %"
    if not_sure_below is not None and p < not_sure_below and told == per_cent(not_sure_below):
        return f"{math.floor(1000 * p) / 10:.1f} %"
    return told


def write_csv(rows: Iterable[Mapping[str, object]], path: str | Path, append: bool = False) -> None:
    """Write rows as they come, so that a broken run leaves what it has done; OSError in one sentence.

    They go below those that are there with `append`, and else in their place.
    """
    mode, encoding = ("a", "utf-8") if append else ("w", "utf-8-sig")  # with the mark Excel reads all alphabets
    try:
        with Path(path).open(mode, buffering=1, newline="", encoding=encoding) as file:  # row by row
            writer = csv.DictWriter(file, COLUMNS)
            if not append:
                writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        if not error.strerror:  # it is not the system's, but a sentence about the rows
            raise
        raise OSError(f"{path} cannot be written ({error.strerror}); make room, or name another file.") from error
