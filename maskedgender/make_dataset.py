"""Make a masked dataset out of labelled portraits: Kaggle's layout, canonical crops, and a labels.csv that knows more.

The portraits are FairFace's (the development zips, or the authors' own published zip or folders and their CSVs), or any
others with a CSV of the columns file, gender and, if known, age and race. Rows whose file begins with train/ go to
Training, with val/ to Validation. What is done is on disk at every moment, so a run that was interrupted goes on.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from .faces import Face, canonical_crop, crop_window, detect
from .masks import STYLES, MaskError, draw_mask

FOLDERS = {"train": "Training", "val": "Validation"}
CROP_SIZE = 256  # as in Kaggle's dataset
JPEG_QUALITY = 92
DETECTION_SIDE = 224  # enough for portraits: the face fills them
DETECTION_SCORE = 0.6  # bare faces are found with more certainty than masked ones; what scores less is no portrait
LABEL_COLUMNS = ["file", "source", "gender", "age", "race", "style"]
LEFT_OUT_COLUMNS = ["source", "reason"]
NO_FACE, UNREADABLE, NO_MASK = "no face", "unreadable", "mask does not fit"
BARE = "none"


class PortraitsError(ValueError):
    """The portraits or labels given cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Settings:
    """What decides the content of a dataset folder; a run can only go on with the same."""

    variants: int
    unmasked: float
    seed: int
    styles: tuple[str, ...]


@dataclass(frozen=True)
class Portrait:
    """One row of the labels: where the picture is, and what is known of the person."""

    file: str
    gender: str
    age: str
    race: str


@dataclass(frozen=True)
class Summary:
    """What became of the portraits: counts of portraits by outcome, and of images by style."""

    portraits: int
    outcomes: dict[str, int]
    styles: dict[str, int]

    def table(self) -> str:
        """The counts as lines of text."""
        masked = sum(count for style, count in self.styles.items() if style != BARE)
        rows = {
            "portraits read": self.portraits - self.outcomes.get(UNREADABLE, 0),
            "images with a mask": masked,
            "images without": self.styles.get(BARE, 0),
            **{f"left out, {reason}": self.outcomes.get(reason, 0) for reason in (NO_FACE, NO_MASK, UNREADABLE)},
        }
        return "\n".join(f"{name:<28}{count:>8,}" for name, count in rows.items())


def make_dataset(
    portraits: Path,
    labels: list[Path],
    out: Path,
    variants: int = 1,
    unmasked: float = 0.3,
    seed: int = 0,
    styles: list[str] | None = None,
    limit: int | None = None,
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
        limit: only the first so many rows of each CSV.

    Raises:
        PortraitsError: portraits or labels cannot be used, or `out` was made with other settings.
    """
    settings = Settings(variants, unmasked, seed, tuple(styles or STYLES))
    _check_settings(settings)
    wanted = [portrait for path in labels for portrait in _read_labels(path, limit)]
    dataset = out / "GenderOcclusionData"
    done = _open_folder(dataset, settings)
    rest = [portrait for portrait in wanted if portrait.file not in done]
    _make_all(PortraitStore(portraits), rest, dataset, settings, already=len(wanted) - len(rest))
    return summarise(dataset)


def summarise(dataset: Path) -> Summary:
    """Counts what lies in a dataset folder that make_dataset made."""
    images, left_out = pd.read_csv(dataset / "labels.csv"), pd.read_csv(dataset / "left-out.csv")
    outcomes = Counter(left_out["reason"])
    return Summary(images["source"].nunique() + len(left_out), dict(outcomes), dict(Counter(images["style"])))


class PortraitStore:
    """Reads pictures by the names that the labels give them, from folders or zips, whichever lie there."""

    def __init__(self, place: Path) -> None:
        """Indexes a folder (its own pictures come first, then the zips in it) or one zip."""
        if not place.exists():
            raise PortraitsError(f"{place} does not exist: give the folder or zip that holds the portraits.")
        self.place = place
        archives = [place] if place.is_file() else sorted(place.glob("*.zip"))
        self.archive_of: dict[str, Path] = {}
        for archive in archives:
            try:
                names = zipfile.ZipFile(archive).namelist()
            except zipfile.BadZipFile as error:
                raise PortraitsError(f"{archive} is not a whole zip file: fetch it again.") from error
            self.archive_of |= dict.fromkeys(names, archive)
        self._open: dict[Path, zipfile.ZipFile] = {}

    def read(self, name: str) -> np.ndarray | None:
        """The picture as uint8 RGB (height, width, 3), or None when it is not there or cannot be decoded."""
        path = self.place / name
        if self.place.is_dir() and path.is_file():
            data = path.read_bytes()
        elif name in self.archive_of:
            try:
                data = self._zip(self.archive_of[name]).read(name)
            except (zipfile.BadZipFile, zlib.error):
                return None
        else:
            return None
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        return None if picture is None else cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)

    def _zip(self, archive: Path) -> zipfile.ZipFile:
        if archive not in self._open:
            self._open[archive] = zipfile.ZipFile(archive)
        return self._open[archive]


def _check_settings(settings: Settings) -> None:
    """Raises PortraitsError where a setting makes no sense."""
    unknown = set(settings.styles) - set(STYLES)
    if unknown:
        raise PortraitsError(f"no mask style is called {', '.join(sorted(unknown))}; there are {', '.join(STYLES)}.")
    if not 0 <= settings.unmasked <= 1:
        raise PortraitsError(f"the unmasked share must lie between 0 and 1, not {settings.unmasked}.")
    if settings.variants < 1:
        raise PortraitsError(f"at least one variant of a portrait must be made, not {settings.variants}.")


def _read_labels(path: Path, limit: int | None) -> list[Portrait]:
    """The rows of a labels CSV; FairFace's own spelling ("Male", "more than 70") is understood."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, nrows=limit)
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise PortraitsError(f"the labels {path} cannot be read as CSV: {error}.") from error
    if not {"file", "gender"} <= set(table.columns):
        raise PortraitsError(f"the labels {path} need the columns file and gender; they have {list(table.columns)}.")
    rows = [_portrait(row, path) for row in table.to_dict("records")]
    if not rows:
        raise PortraitsError(f"the labels {path} have no rows.")
    return rows


def _portrait(row: dict, path: Path) -> Portrait:
    """One row of the labels, checked."""
    gender = row["gender"].strip().lower()
    parts = Path(row["file"]).parts
    if gender not in ("female", "male"):
        raise PortraitsError(f"{path}: {row['file']} has the gender '{row['gender']}'; female or male can be learned.")
    if len(parts) < 2 or parts[0] not in FOLDERS or ".." in parts:
        raise PortraitsError(
            f"{path}: the file {row['file']} must begin with train/ or val/, which says where it goes."
        )
    age = {"more than 70": "70+"}.get(row.get("age", ""), row.get("age", "")) or "not known"
    return Portrait(row["file"], gender, age, row.get("race", "") or "not known")


def _open_folder(dataset: Path, settings: Settings) -> set[str]:
    """Makes the folder or checks that it was made with the same settings; the files that are done already."""
    for part in FOLDERS.values():
        for gender in ("female", "male"):
            (dataset / part / gender).mkdir(parents=True, exist_ok=True)
    settings_file = dataset / "settings.json"
    text = json.dumps(asdict(settings), indent=1)
    if not settings_file.exists():
        _write(settings_file, text.encode())
    elif settings_file.read_text() != text:
        raise PortraitsError(f"{dataset} was made with other settings ({settings_file}); choose another --out folder.")
    images = _open_table(dataset / "labels.csv", LABEL_COLUMNS)
    left_out = _open_table(dataset / "left-out.csv", LEFT_OUT_COLUMNS)
    return set(images["source"]) | set(left_out["source"])


def _open_table(path: Path, columns: list[str]) -> pd.DataFrame:
    """The table at `path`, begun if it is not there, without a last line that a killed run left half written."""
    if not path.exists():
        path.write_text(",".join(columns) + "\n", encoding="utf-8")
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        path.write_bytes(whole)
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _make_all(store: PortraitStore, portraits: list[Portrait], dataset: Path, settings: Settings, already: int) -> None:
    """Makes the images on every core, and writes down each portrait's rows as soon as its images lie there."""
    work = partial(_make_one, store=store, dataset=dataset, settings=settings)
    # Workers of a spawned pool end when their parent is killed: they read its pipe's end.
    pool = multiprocessing.get_context("spawn").Pool(os.cpu_count() or 1, initializer=cv2.setNumThreads, initargs=(1,))
    files = (dataset / "labels.csv", dataset / "left-out.csv")
    with pool, files[0].open("a", encoding="utf-8") as images, files[1].open("a", encoding="utf-8") as left_out:
        results: Iterator[tuple[list[str], list[str]]] = pool.imap_unordered(work, portraits, chunksize=8)
        for image_rows, left_out_rows in tqdm(
            results, "portraits", already + len(portraits), initial=already, unit=" portraits", smoothing=0.05
        ):
            images.writelines(image_rows)
            left_out.writelines(left_out_rows)
            images.flush()
            left_out.flush()


def _make_one(
    portrait: Portrait, store: PortraitStore, dataset: Path, settings: Settings
) -> tuple[list[str], list[str]]:
    """Writes the images of one portrait; its rows for labels.csv and for left-out.csv, exactly one of them filled."""
    picture = store.read(portrait.file)
    if picture is None:
        return [], [f"{portrait.file},{UNREADABLE}\n"]
    faces = detect(picture, DETECTION_SIDE, DETECTION_SCORE)
    if not faces:
        return [], [f"{portrait.file},{NO_FACE}\n"]
    try:
        images = [_variant(picture, faces[0], portrait.file, number, settings) for number in range(settings.variants)]
    except MaskError:
        return [], [f"{portrait.file},{NO_MASK}\n"]
    rows = []
    for number, (image, style) in enumerate(images):
        folder, stem = FOLDERS[Path(portrait.file).parts[0]], "-".join(Path(portrait.file).with_suffix("").parts[1:])
        name = f"{folder}/{portrait.gender}/{stem}-{number}.jpg"
        _write(dataset / name, _jpeg(image))
        rows.append(f"{name},{portrait.file},{portrait.gender},{portrait.age},{portrait.race},{style}\n")
    return rows, []


def _variant(picture: np.ndarray, face: Face, source: str, number: int, settings: Settings) -> tuple[np.ndarray, str]:
    """One canonical crop of a portrait, masked or bare, and its style; the same for the same seed, file and number."""
    rng = np.random.default_rng([settings.seed, zlib.crc32(source.encode()), number])
    crop = canonical_crop(picture, face, CROP_SIZE)
    if rng.random() < settings.unmasked:
        return crop, BARE
    style = str(rng.choice(settings.styles))
    return draw_mask(crop, crop_window(face).to_crop(face.landmarks, CROP_SIZE), style, rng).photo, style


def _jpeg(image: np.ndarray) -> bytes:
    """An RGB image as JPEG."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)[1].tobytes()


def _write(path: Path, content: bytes) -> None:
    """Writes a file so that its name never stands for half of it."""
    temporary = path.with_suffix(".part")
    temporary.write_bytes(content)
    temporary.replace(path)
