"""The answers of models to photos by the served path (photo, detector, crop, file), which other benchmarks count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from maskedgender.data.layout import CLASSES
from maskedgender.faces.crops import canonical_crop
from maskedgender.faces.detector import Face
from maskedgender.faces.finding import find_faces
from maskedgender.files import written_whole
from maskedgender.measure.metrics import NOT_KNOWN
from maskedgender.networks.classifier import Classifier
from maskedgender.networks.model_files import load_model
from maskedgender.places import SHIPPED_MODEL

from .changes import FACE_SIZES, Framing, PhotoChange, face_pixels, unchanged
from .photos import BARE, Photo, band_of, head_turn

RESULTS = Path(__file__).parent / "results"
LOOKS = RESULTS / "looks.csv"
SEED_MODEL = Path(__file__).parent / "models" / "seed_gender.keras"
SMALL_MODEL = SEED_MODEL.with_name("small_gender.keras")  # what shipped before: our small CNN
OURS_AND_THE_SEEDS = {path.stem: path for path in (SHIPPED_MODEL, SMALL_MODEL, SEED_MODEL)}
CHUNK = 256  # crops answered at once

CLEAN = "clean"
CLEAN_ONLY: dict[str, PhotoChange] = {CLEAN: unchanged}


@dataclass(frozen=True)
class Answers:
    """What one model answered to photos, all of which were changed in one way.

    Attributes:
        photos: one row a photo: file, label (0 female, 1 male), age, race, style, "head turn" (a band of degrees)
            and "face size" (the band of pixels that changes.at_random_size gives the face).
        probabilities: float32 (N, 2), row by row; not-a-number where no face was found.
        not_sure_below: the model's own border of "not sure"; None where it always answers.
        masks: float32 (N,), the probability that a mask is worn; not-a-number where no face was found, or the model
            does not say.
    """

    photos: pd.DataFrame
    probabilities: np.ndarray
    not_sure_below: float | None = None
    masks: np.ndarray | None = None

    @property
    def found(self) -> np.ndarray:
        """Whether a face was found, bool (N,)."""
        return ~np.isnan(self.probabilities[:, 0])

    @property
    def right(self) -> np.ndarray:
        """1 where the likelier class is the label, 0 where not, not-a-number where no face was found; (N,)."""
        right = self.probabilities.argmax(axis=1) == self.photos["label"].to_numpy()
        return np.where(self.found, right, np.nan)

    @property
    def sure(self) -> np.ndarray:
        """Whether the likelier class is probable enough for an answer, bool (N,); not where no face was found."""
        return self.probabilities.max(axis=1) >= (self.not_sure_below or 0.0)  # false of not-a-number, too

    @property
    def male(self) -> np.ndarray:
        """Whether male is the likelier class, bool (N,)."""
        return self.probabilities[:, 1] > self.probabilities[:, 0]

    def part(self, chosen: np.ndarray) -> Answers:
        """The answers to the photos that `chosen`, bool (N,), marks."""
        masks = None if self.masks is None else self.masks[chosen]
        return Answers(self.photos[chosen], self.probabilities[chosen], self.not_sure_below, masks)

    def of_found(self) -> tuple[pd.DataFrame, np.ndarray]:
        """Photos and probabilities where a face was found."""
        return self.photos[self.found], self.probabilities[self.found]


def load_models(paths: Iterable[Path] | None) -> dict[str, Classifier]:
    """The models in these files, by the files' paths; our two and the seed's, by their names, without."""
    names = {str(path): path for path in paths} if paths else OURS_AND_THE_SEEDS
    return {name: load_model(path) for name, path in names.items()}


def keep_table(table: pd.DataFrame, name: str) -> None:
    """Writes benchmarks/results/NAME.csv, whole or not at all; shares to four places."""
    with written_whole(RESULTS / f"{name}.csv") as partial:
        table.round(4).to_csv(partial, index=False)


def answers(
    models: Mapping[str, Classifier],
    photos: Iterable[Photo],
    masked: bool,
    changes: Mapping[str, PhotoChange] = CLEAN_ONLY,
    framings: Mapping[str, Framing] | None = None,
) -> dict[str, dict[str, Answers]]:
    """Every model's answers to every photo's largest face, by model, then by change or framing.

    Faces are looked for once for each change of a photo; framings are made of the clean photo's face.

    Args:
        masked: leave out photos on which no mask could be drawn: they are none of the masked ones.
    """
    counter = _Counter(models)
    rows: list[dict[str, object]] = []
    without_mask = 0
    for photo in tqdm(photos, "masked" if masked else "bare", unit="photo"):
        if masked and photo.style == BARE:
            without_mask += 1
            continue
        for name, (picture, face) in _handed_over(photo, changes, framings or {}).items():
            counter.add((name, len(rows)), picture, face)
        rows.append(_row(photo))
    counter.flush()
    if without_mask:
        print(f"{without_mask} portraits left out: no mask could be drawn on them")
    table = pd.DataFrame(rows)
    names = [*changes, *(framings or {})]
    return {
        name: {change: counter.of(name, change, table, model.not_sure_below) for change in names}
        for name, model in models.items()
    }


def _handed_over(
    photo: Photo, changes: Mapping[str, PhotoChange], framings: Mapping[str, Framing]
) -> dict[str, tuple[np.ndarray, Face]]:
    """The changed pictures, and the largest face of each; those without a face are missing."""
    pictures = {name: change(photo) for name, change in changes.items()}
    faces = {name: find_faces(picture) for name, picture in pictures.items()}
    found = {name: (picture, faces[name][0]) for name, picture in pictures.items() if faces[name]}
    if CLEAN in found:
        found |= {name: framing(*found[CLEAN]) for name, framing in framings.items()}
    return found


def _row(photo: Photo) -> dict[str, object]:
    known = {"file": photo.file, "label": CLASSES.index(photo.gender), "age": photo.age, "race": photo.race}
    size = NOT_KNOWN if photo.box is None else band_of(face_pixels(photo), FACE_SIZES)
    return {**known, "style": photo.style, "head turn": head_turn(photo), "face size": size}


class _Counter:
    """Gathers crops, and lets all models answer when there are enough of them."""

    def __init__(self, models: Mapping[str, Classifier]) -> None:
        self.models = models
        self.keys: list[tuple[str, int]] = []
        self.crops: dict[int, list[np.ndarray]] = {model.size: [] for model in models.values()}
        self.answers: dict[str, dict[tuple[str, int], np.ndarray]] = {name: {} for name in models}

    def add(self, key: tuple[str, int], picture: np.ndarray, face: Face) -> None:
        """Take the crop of a face; the key is the change's name and the photo's number."""
        self.keys.append(key)
        for size, waiting in self.crops.items():
            waiting.append(canonical_crop(picture, face, size))
        if len(self.keys) >= CHUNK:
            self.flush()

    def flush(self) -> None:
        """Let the models answer what is waiting."""
        if not self.keys:
            return
        for name, model in self.models.items():
            pairs, masks = model.predict_with_masks(np.stack(self.crops[model.size]))
            self.answers[name].update(zip(self.keys, np.column_stack([pairs, masks]), strict=True))
        self.keys.clear()
        for waiting in self.crops.values():
            waiting.clear()

    def of(self, model: str, change: str, photos: pd.DataFrame, not_sure_below: float | None) -> Answers:
        """The model's answers to all photos, one row each, with a change."""
        nothing = np.full(3, np.nan, np.float32)
        rows = [self.answers[model].get((change, number), nothing) for number in range(len(photos))]
        table = np.array(rows, np.float32).reshape(-1, 3)
        return Answers(photos, table[:, :2], not_sure_below, table[:, 2])
