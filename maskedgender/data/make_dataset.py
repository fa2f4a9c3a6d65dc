"""Make a masked dataset out of labelled portraits: Kaggle's layout, canonical crops, and a labels.csv that knows more.

The portraits are FairFace's (the development zips, or the authors' own published zip or folders and their CSVs), or any
others with a CSV of the columns file, gender and, if known, age and race. Rows whose file begins with train/ go to
Training, with val/ to Validation; of files in no folder a fifth goes to Validation. A portrait whose images and rows
lie there already is skipped, so a run that was stopped goes on.
"""

from __future__ import annotations

import csv
import zlib
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from filelock import FileLock, Timeout
from tqdm import tqdm

from ..faces.crops import canonical_crop, crop_window
from ..faces.detector import Face, detect
from ..faces.finding import find_close_up
from ..faces.geometry import resized
from ..files import written_whole
from ..masks.drawing import STYLES, MaskError, draw_mask
from ..processes import in_order, pool_of_processes
from .dataset_folder import FOLDER, LABELS_FILE, LEFT_OUT_FILE, Settings, image_name, open_folder
from .portraits import FOLDERS, Portrait, PortraitsError, PortraitStore, read_labels

BARE = "none"  # the style of an image without a mask
CROP_SIZE = 256  # as in Kaggle's dataset
JPEG_QUALITY = 92
DETECTION_SIDE = 224  # enough for portraits: the face fills them
DETECTION_SCORE = 0.6  # bare faces are found with more certainty than masked ones; what scores less is no portrait
MASKED_SCORE = 0.3  # there is a face: one with its mask on, found with less certainty than in a photo, is that one
NO_FACE, UNREADABLE, NO_MASK = "no face", "unreadable", "mask does not fit"

Rows = list[tuple[str, ...]]
_work: dict[str, Any] = {}  # in a worker process: store, dataset and settings


@dataclass(frozen=True)
class Summary:
    """What a dataset folder holds: its tables labels.csv, a row an image, and left-out.csv, a row a portrait."""

    images: pd.DataFrame
    left_out: pd.DataFrame

    def table(self) -> str:
        """The counts as lines of text."""
        parts, reasons = self.images["file"].str.partition("/")[0], self.left_out["reason"]
        rows = {
            "portraits read": self.images["source"].nunique() + (reasons != UNREADABLE).sum(),
            "images with a mask": (self.images["style"] != BARE).sum(),
            "images without": (self.images["style"] == BARE).sum(),
            **{f"images in {part}": (parts == part).sum() for part in FOLDERS.values()},
            **{f"left out, {reason}": (reasons == reason).sum() for reason in (NO_FACE, NO_MASK, UNREADABLE)},
        }
        return "\n".join(f"{name:<28}{count:>8,}" for name, count in rows.items())

    def warning(self) -> str:
        """A sentence where one of the parts, both of which training needs, is empty; else an empty one."""
        for prefix, part in FOLDERS.items():
            if not self.images["file"].str.startswith(f"{part}/").any():
                what_to_do = f"in the labels, let the files of some rows begin with {prefix}/"
                return f"No image is in {part}, and training needs some: {what_to_do}."
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
        variants: images a portrait, each with its own mask.
        unmasked: the share (0..1) of images that stay bare.
        styles: of masks, by name; all when not given.
        limit: only the first so many rows of each CSV; what `out` has of the others stays.
        update: bring an `out` that was made from other labels up to date: what they no longer list, or give to the
            other class, is removed, what is missing is made.

    Raises:
        PortraitsError: portraits or labels cannot be used, `out` was made with other settings or from other labels,
            another run is at work in it, or a process was ended from outside.
    """
    if unknown := sorted(set(styles or []) - set(STYLES)):
        raise PortraitsError(f"no mask style is called {', '.join(unknown)}; there are {', '.join(STYLES)}.")
    settings = Settings(variants, unmasked, seed, tuple(styles or STYLES))
    tables = [read_labels(path) for path in labels]
    listed = _by_file([portrait for rows in tables for portrait in rows])
    wanted = list(dict.fromkeys(portrait for rows in tables for portrait in rows[:limit]))
    store = PortraitStore(portraits)
    if missing := [portrait.file for portrait in wanted if portrait.file not in store]:
        raise PortraitsError(
            f"{len(missing)} of the {len(wanted)} portraits that the labels name are not in {portraits}, such as "
            f"{missing[0]}: is it the folder above train/ and val/, and whole?"
        )
    dataset = out / FOLDER
    dataset.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(dataset / "in-use.lock", timeout=0):  # unlocked by the system when a run ends, killed or not
            done = open_folder(dataset, settings, listed, update)
            rest = [portrait for portrait in wanted if portrait.file not in done]
            _make_all(store, rest, dataset, settings, already=len(wanted) - len(rest))
    except Timeout as error:
        raise PortraitsError(
            f"Another run is at work in {dataset}: wait until it has ended, or choose another --out folder."
        ) from error
    except BrokenProcessPool as error:
        raise PortraitsError(
            "A process was ended from outside, perhaps for want of memory: start again, what was finished is kept."
        ) from error
    return Summary(pd.read_csv(dataset / LABELS_FILE), pd.read_csv(dataset / LEFT_OUT_FILE))


def _by_file(portraits: list[Portrait]) -> dict[str, Portrait]:
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


def _make_all(store: PortraitStore, portraits: list[Portrait], dataset: Path, settings: Settings, already: int) -> None:
    """Makes the images on every core, and writes down each portrait's rows as soon as its images lie there."""
    files = [(dataset / name).open("a", newline="", encoding="utf-8") for name in (LABELS_FILE, LEFT_OUT_FILE)]
    with pool_of_processes(None, _start_worker, (store, dataset, settings)) as pool, files[0], files[1]:
        made, total = in_order(pool, _make_one, portraits), already + len(portraits)
        for tables in tqdm(made, "portraits", total, initial=already, unit=" portraits", smoothing=0.05):
            for file, rows in zip(files, tables, strict=True):
                csv.writer(file, lineterminator="\n").writerows(rows)
                file.flush()


def _start_worker(store: PortraitStore, dataset: Path, settings: Settings) -> None:
    """Gives this process what all its portraits need, once."""
    _work.update(store=store, dataset=dataset, settings=settings)


def _make_one(portrait: Portrait) -> tuple[Rows, Rows]:
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
    rows: Rows = []
    for number, (image, style) in enumerate(images):
        name = image_name(portrait, number)
        with written_whole(_work["dataset"] / name) as partial:
            jpeg = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
            partial.write_bytes(jpeg.tobytes())
        rows.append((name, portrait.file, portrait.gender, portrait.age, portrait.race, style))
    return rows, []


def enlarged(portrait: np.ndarray, face: Face) -> tuple[np.ndarray, Face]:
    """A portrait, and its face, at the size at which the face's canonical crop has CROP_SIZE pixels a side."""
    scale = CROP_SIZE / crop_window(face).side
    size = tuple(max(1, round(length * scale)) for length in portrait.shape[1::-1])
    return resized(portrait, size), face.scaled(scale)


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
