"""The answers of models to photos by the served path (photo, detector, crop, file), which other benchmarks count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from maskedgender.data.pictures import CLASSES
from maskedgender.faces.crops import canonical_crop
from maskedgender.faces.detector import Face
from maskedgender.faces.finding import find_faces
from maskedgender.files import written_whole
from maskedgender.networks.classifier import Classifier
from maskedgender.networks.model_files import load_model
from maskedgender.networks.records import NOT_KNOWN
from maskedgender.places import SHIPPED_MODEL

from .changes import FACE_SIZES, Framing, PhotoChange, face_pixels
from .photos import BARE, Photo, band_of, head_turn

RESULTS = Path(__file__).parent / "results"
TEST_LOG = RESULTS / "looks.csv"
SEED_MODEL = Path(__file__).parent / "models" / "seed_gender.keras"
BEFORE = SEED_MODEL.with_name("masked_gender_1.0.keras")  # what shipped with version 1.0
MODELS = {path.stem: path for path in (SHIPPED_MODEL, BEFORE, SEED_MODEL)}
KINDS = {True: "masked", False: "bare"}

CLEAN = "clean"
CLEAN_ONLY: dict[str, PhotoChange] = {CLEAN: lambda photo: photo.pixels}


@dataclass(frozen=True)
class Answers:
    """What one model answered to photos, all of which were changed in one way.

    Attributes:
        photos: one row a photo: file, label (0 female, 1 male), age, race, style, "head turn" (a band of degrees)
            and "face size" (the band of pixels that changes.at_random_size gives the face).
        probabilities: float32 (N, 2), row by row; not-a-number where no face was found.
        not_sure_below: the model's own threshold; None where it always answers.
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


def load_models(paths: Iterable[Path] | None = None) -> dict[str, Classifier]:
    """The models in these files, by the files' paths; without, those of MODELS by their names."""
    named = {str(path): path for path in paths} if paths else MODELS
    return {name: load_model(path) for name, path in named.items()}


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
    framings = framings or {}
    names, rows, left_out = [*changes, *framings], [], 0
    told: dict[str, list[dict[str, np.ndarray]]] = {model: [] for model in models}
    for photo in tqdm(photos, KINDS[masked], unit="photo"):
        if masked and photo.style == BARE:
            left_out += 1
            continue
        rows.append(_row(photo))
        handed_over = _handed_over(photo, changes, framings)
        for model, network in models.items():
            crops = [canonical_crop(*one, network.size) for one in handed_over.values()]
            pairs, masks = network.predict_with_masks(np.stack(crops)) if crops else (np.empty((0, 2)), np.empty(0))
            told[model].append(dict(zip(handed_over, np.column_stack([pairs, masks]), strict=True)))
    if left_out:
        print(f"{left_out} portraits left out: no mask could be drawn on them")
    table, nothing = pd.DataFrame(rows), np.full(3, np.nan)

    def of(model: str, name: str) -> Answers:
        given = np.array([of_photo.get(name, nothing) for of_photo in told[model]], np.float32).reshape(-1, 3)
        return Answers(table, given[:, :2], models[model].not_sure_below, given[:, 2])

    return {model: {name: of(model, name) for name in names} for model in models}


def _handed_over(
    photo: Photo, changes: Mapping[str, PhotoChange], framings: Mapping[str, Framing]
) -> dict[str, tuple[np.ndarray, Face]]:
    """The changed pictures, and the largest face of each; those without a face are missing."""
    pictures = {name: change(photo) for name, change in changes.items()}
    faces = {name: find_faces(picture)[:1] for name, picture in pictures.items()}
    found = {name: (picture, faces[name][0]) for name, picture in pictures.items() if faces[name]}
    if CLEAN in found:
        found |= {name: framing(*found[CLEAN]) for name, framing in framings.items()}
    return found


def _row(photo: Photo) -> dict[str, object]:
    known = {"file": photo.file, "label": CLASSES.index(photo.gender), "age": photo.age, "race": photo.race}
    size = NOT_KNOWN if photo.box is None else band_of(face_pixels(photo), FACE_SIZES)
    return {**known, "style": photo.style, "head turn": head_turn(photo), "face size": size}
