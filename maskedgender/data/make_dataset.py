"""Make a masked dataset out of labelled portraits: Kaggle's layout, canonical crops, and a labels.csv that knows more.

The portraits are FairFace's (the development zips, or the authors' own published zip or folders and their CSVs), or any
others with a CSV of the columns file, gender and, if known, age and race. Rows whose file begins with train/ go to
Training, with val/ to Validation; of files in no folder a fifth goes to Validation. What is done is on disk at every
moment, so a run that was interrupted goes on.
"""

from __future__ import annotations

import csv
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from ..faces.crops import canonical_crop, crop_window
from ..faces.detector import Face, detect
from ..faces.finding import find_close_up
from ..faces.geometry import resized
from ..masks.drawing import STYLES, MaskError, draw_mask
from ..processes import pool_of_processes
from .dataset_folder import LEFT_OUT_FILE, Settings, alone_in, image_name, open_folder, write_whole
from .layout import BARE, FOLDERS, LABELS_FILE, TRAINING, VALIDATION
from .portraits import Portrait, PortraitsError, PortraitStore, read_labels

CROP_SIZE = 256  # as in Kaggle's dataset
JPEG_QUALITY = 92
DETECTION_SIDE = 224  # enough for portraits: the face fills them
MASKED_SCORE = 0.3  # there is a face: one with its mask on, found with less certainty than in a photo, is that one
DETECTION_SCORE = 0.6  # bare faces are found with more certainty than masked ones; what scores less is no portrait
NO_FACE, UNREADABLE, NO_MASK = "no face", "unreadable", "mask does not fit"

Row = tuple[str, ...]
_work: dict[str, Any] = {}  # in a worker process: store, dataset and settings


@dataclass(frozen=True)
class Summary:
    """What became of the portraits: counts of portraits by outcome, and of images by style and by part."""

    portraits: int
    outcomes: dict[str, int]
    styles: dict[str, int]
    parts: dict[str, int]

    def table(self) -> str:
        """The counts as lines of text."""
        masked = sum(count for style, count in self.styles.items() if style != BARE)
        rows: dict[str, int] = {
            "portraits read": self.portraits - self.outcomes.get(UNREADABLE, 0),
            "images with a mask": masked,
            "images without": self.styles.get(BARE, 0),
            **{f"images in {part}": self.parts.get(part, 0) for part in FOLDERS.values()},
            **{f"left out, {reason}": self.outcomes.get(reason, 0) for reason in (NO_FACE, NO_MASK, UNREADABLE)},
        }
        return "\n".join(f"{name:<28}{count:>8,}" for name, count in rows.items())

    def warning(self) -> str:
        """A sentence where one of the parts, both of which training needs, is empty; else an empty one."""
        use = {TRAINING: "learn from", VALIDATION: "be tested on"}
        for prefix, part in FOLDERS.items():
            if not self.parts.get(part):
                return (
                    f"No image is in {part}: training needs some to {use[part]}; in the labels, let the files of some "
                    f"rows begin with {prefix}/."
                )
        return ""


def make_dataset(
    portraits: Path,
    labels: list[Path],
    out: Path,
    variants: int = 1,
    unmasked: float = 0.3,
    seed: int = 0,
    styles: list[str] | None = None,
    limit: int | None = None,
    update: bool = False,
) -> Summary:
    """Masks the portraits and lays them out as `out`/GenderOcclusionData; goes on where an earlier run stopped.

    Args:
        portraits: a folder with zips or unpacked pictures, or one zip.
        labels: CSV files with the columns file, gender and, if known, age and race.
        out: the folder to make.
        variants: images a portrait, each with its own mask.
        unmasked: the share (0..1) of images that stay bare.
        seed: decides everything that varies.
        styles: the mask styles to draw; all when not given.
        limit: only the first so many rows of each CSV; what `out` has of the others stays.
        update: bring an `out` that was made from other labels up to date: what they no longer list, or give to the
            other class, is removed, what is missing is made.

    Raises:
        PortraitsError: portraits or labels cannot be used, `out` was made with other settings or from other labels, or
            another run is at work in it.
    """
    settings = Settings(variants, unmasked, seed, tuple(styles or STYLES))
    _check_settings(settings)
    tables = [read_labels(path) for path in labels]
    listed = _without_repeats([portrait for rows in tables for portrait in rows])
    wanted = list(dict.fromkeys(portrait for rows in tables for portrait in rows[:limit]))
    store = PortraitStore(portraits)
    _require_there(store, wanted)
    dataset = out / "GenderOcclusionData"
    with alone_in(dataset):
        done = open_folder(dataset, settings, listed, update)
        rest = [portrait for portrait in wanted if portrait.file not in done]
        _make_all(store, rest, dataset, settings, already=len(wanted) - len(rest))
        return summarise(dataset)


def summarise(dataset: Path) -> Summary:
    """Counts what lies in a dataset folder that make_dataset made."""
    images, left_out = pd.read_csv(dataset / LABELS_FILE), pd.read_csv(dataset / LEFT_OUT_FILE)
    outcomes = Counter(left_out["reason"])
    parts = Counter(images["file"].str.partition("/")[0])
    styles = Counter(images["style"])
    return Summary(images["source"].nunique() + len(left_out), dict(outcomes), dict(styles), dict(parts))


def _check_settings(settings: Settings) -> None:
    """Raises PortraitsError where a setting makes no sense."""
    unknown = set(settings.styles) - set(STYLES)
    if unknown:
        raise PortraitsError(f"no mask style is called {', '.join(sorted(unknown))}; there are {', '.join(STYLES)}.")
    if not 0 <= settings.unmasked <= 1:
        raise PortraitsError(f"the unmasked share must lie between 0 and 1, not {settings.unmasked}.")
    if settings.variants < 1:
        raise PortraitsError(f"at least one variant of a portrait must be made, not {settings.variants}.")


def _without_repeats(portraits: list[Portrait]) -> dict[str, Portrait]:
    """Each portrait once, by file; PortraitsError where rows contradict each other, or two files would get one name."""
    by_file: dict[str, Portrait] = {}
    by_name: dict[str, Portrait] = {}
    for portrait in portraits:
        if by_file.setdefault(portrait.file, portrait) != portrait:
            raise PortraitsError(f"The labels say different things of {portrait.file}: put that right first.")
        other = by_name.setdefault(image_name(portrait, 0), portrait)
        if other.file != portrait.file:
            raise PortraitsError(f"{other.file} and {portrait.file} would get one name: rename one of them.")
    return by_file


def _require_there(store: PortraitStore, portraits: list[Portrait]) -> None:
    """Raises PortraitsError where files are missing: a wrong folder must not pass for unreadable pictures."""
    missing = [portrait.file for portrait in portraits if portrait.file not in store]
    if missing:
        raise PortraitsError(
            f"{len(missing)} of the {len(portraits)} portraits that the labels name are not in {store.place}, such as "
            f"{missing[0]}: is it the folder above train/ and val/, and whole?"
        )


def _make_all(store: PortraitStore, portraits: list[Portrait], dataset: Path, settings: Settings, already: int) -> None:
    """Makes the images on every core, and writes down each portrait's rows as soon as its images lie there."""
    pool = pool_of_processes(None, _start_worker, (store, dataset, settings))
    files = [(dataset / name).open("a", newline="", encoding="utf-8") for name in (LABELS_FILE, LEFT_OUT_FILE)]
    with pool, files[0], files[1]:
        results: Iterator[tuple[list[Row], list[Row]]] = pool.map(_make_one, portraits, chunksize=8)
        shown = tqdm(results, "portraits", already + len(portraits), initial=already, unit=" portraits", smoothing=0.05)
        try:
            for tables in shown:
                for file, rows in zip(files, tables, strict=True):
                    csv.writer(file, lineterminator="\n").writerows(rows)
                    file.flush()
        except BrokenProcessPool as error:
            raise PortraitsError(
                "A process was ended from outside, perhaps for want of memory: start again, what was finished is kept."
            ) from error


def _start_worker(store: PortraitStore, dataset: Path, settings: Settings) -> None:
    """Gives this process what all its portraits need, once."""
    _work.update(store=store, dataset=dataset, settings=settings)


def _make_one(portrait: Portrait) -> tuple[list[Row], list[Row]]:
    """Writes the images of one portrait; its rows for labels.csv and for left-out.csv, exactly one of them filled."""
    picture = _work["store"].read(portrait.file)
    if picture is None:
        return [], [(portrait.file, UNREADABLE)]
    faces = detect(picture, DETECTION_SIDE, DETECTION_SCORE)
    if not faces:
        return [], [(portrait.file, NO_FACE)]
    picture, face = enlarged(picture, faces[0])
    settings = _work["settings"]
    try:
        images = [_variant(picture, face, portrait.file, number, settings) for number in range(settings.variants)]
    except MaskError:
        return [], [(portrait.file, NO_MASK)]
    rows: list[Row] = []
    for number, (image, style) in enumerate(images):
        write_whole(_work["dataset"] / image_name(portrait, number), _jpeg(image), synced=False)
        rows.append((image_name(portrait, number), portrait.file, portrait.gender, portrait.age, portrait.race, style))
    return rows, []


def enlarged(portrait: np.ndarray, face: Face) -> tuple[np.ndarray, Face]:
    """A portrait, and its face, at the size at which the face's canonical crop has CROP_SIZE pixels a side."""
    scale = CROP_SIZE / crop_window(face).side
    size = tuple(max(1, round(length * scale)) for length in portrait.shape[1::-1])
    x, y, width, height = (length * scale for length in face.box)
    return resized(portrait, size), replace(face, box=(x, y, width, height), landmarks=face.landmarks * scale)


def _variant(portrait: np.ndarray, face: Face, source: str, number: int, settings: Settings) -> tuple[np.ndarray, str]:
    """One canonical crop of a portrait, masked or bare, and its style; the same for the same seed, file and number.

    The crop is that of the face as the detector finds it again, with the mask on: a mask makes its box another one, and
    a CNN that was trained on the bare face's framing lost a point of accuracy on photos of people in masks.
    """
    rng = np.random.default_rng([settings.seed, zlib.crc32(source.encode()), number])
    photo, style = portrait, BARE
    if rng.random() >= settings.unmasked:
        style = str(rng.choice(settings.styles))
        photo = draw_mask(portrait, face.landmarks, style, rng).photo
    return canonical_crop(photo, find_close_up(photo, MASKED_SCORE) or face, CROP_SIZE), style


def _jpeg(image: np.ndarray) -> bytes:
    """An RGB image as JPEG."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)[1].tobytes()
