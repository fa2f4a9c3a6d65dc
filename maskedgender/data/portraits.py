"""The portraits that a dataset is made of: what a labels CSV says of them, and the pictures in folders or zips."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..images.photos import PhotoError, decode_photo
from .layout import CLASSES, FOLDERS
from .split import split_training

VALIDATION_SHARE = 0.2  # of portraits whose names do not say which part they belong to
LOT = -1  # the seed of their split: another one than training's, which would find nothing to choose by in what is left


class PortraitsError(ValueError):
    """The portraits or labels given cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Portrait:
    """One row of the labels: where the picture is, what is known of the person, and the part, one of FOLDERS' keys."""

    file: str
    gender: str
    age: str
    race: str
    part: str


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
            twice = [name for name in names if name in self.archive_of and not name.endswith("/")]
            if twice:
                other = self.archive_of[twice[0]]
                raise PortraitsError(f"{twice[0]} lies in {other} and in {archive}: name one zip as the portraits.")
            self.archive_of |= dict.fromkeys(names, archive)
        self._open: dict[Path, zipfile.ZipFile] = {}

    def __contains__(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return name in self.archive_of or (self.place.is_dir() and (self.place / name).is_file())

    def read(self, name: str) -> np.ndarray | None:
        """The picture as uint8 RGB (height, width, 3), or None when it is not there or cannot be decoded."""
        path = self.place / name
        if self.place.is_dir() and path.is_file():
            data = path.read_bytes()
        elif name in self.archive_of:
            try:
                data = self._zip(self.archive_of[name]).read(name)
            except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError):  # damaged, encrypted, too new
                return None
        else:
            return None
        try:
            return decode_photo(data, path)
        except PhotoError:
            return None

    def _zip(self, archive: Path) -> zipfile.ZipFile:
        if archive not in self._open:
            self._open[archive] = zipfile.ZipFile(archive)
        return self._open[archive]


def find_labels(portraits: Path) -> list[Path]:
    """The CSVs that lie beside the portraits and have "label" in their names, as FairFace's do."""
    folder = portraits if portraits.is_dir() else portraits.parent
    found = sorted(folder.glob("*label*.csv"))
    if not found:
        raise PortraitsError(f"{folder} holds no CSV with label in its name: name the labels by --labels.")
    return found


def read_labels(path: Path) -> list[Portrait]:
    """The rows of a labels CSV; FairFace's own spelling ("Male", "more than 70") is understood.

    The part of a portrait is the first folder in its file's name; where no file is in a folder, a fifth is drawn by
    their names for Validation, at least one of each gender.

    Raises:
        PortraitsError: it cannot be read, lacks a column, or has a gender or a name that is not understood.
        ValueError: the files are in no folder, and there are too few of a gender.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise PortraitsError(f"the labels {path} cannot be read as CSV: {error}.") from error
    if not {"file", "gender"} <= set(table.columns):
        raise PortraitsError(f"the labels {path} need the columns file and gender; they have {list(table.columns)}.")
    if table.empty:
        raise PortraitsError(f"the labels {path} have no rows.")
    in_folders = table["file"].map(lambda file: len(Path(file).parts) > 1).any()
    rows = [_portrait(row, path, in_folders) for row in table.to_dict("records")]
    return rows if in_folders else _drawn(rows)


def _drawn(portraits: list[Portrait]) -> list[Portrait]:
    """The same portraits, a fifth of them in Validation."""
    files = [portrait.file for portrait in portraits]
    labels = [CLASSES.index(portrait.gender) for portrait in portraits]
    _, drawn = split_training(pd.DataFrame({"file": files, "source": files, "label": labels}), VALIDATION_SHARE, LOT)
    chosen = set(drawn["file"])
    return [replace(portrait, part="val" if portrait.file in chosen else "train") for portrait in portraits]


def _portrait(row: dict, path: Path, in_folders: bool) -> Portrait:
    """One row of the labels, checked."""
    gender = row["gender"].strip().lower()
    parts = Path(row["file"]).parts
    if gender not in CLASSES:
        raise PortraitsError(f"{path}: {row['file']} has the gender '{row['gender']}'; use female or male.")
    if not parts or (in_folders and (len(parts) < 2 or parts[0] not in FOLDERS or ".." in parts)):
        raise PortraitsError(
            f"{path}: the file {row['file']} must begin with train/ or val/, which says where it goes; or none is in a "
            "folder, and a fifth goes to val."
        )
    age = {"more than 70": "70+"}.get(row.get("age", ""), row.get("age", "")) or "not known"
    return Portrait(row["file"], gender, age, row.get("race", "") or "not known", parts[0])
