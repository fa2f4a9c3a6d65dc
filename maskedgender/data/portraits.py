"""The portraits that a dataset is made of: what a labels CSV says of them, and the pictures in folders or zips."""

from __future__ import annotations

import hashlib
import os
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from ..images.photos import decode_photo
from .pictures import CLASSES

# The first folder in the name of a portrait's file, in the labels that make-dataset reads, and where its images go.
FOLDERS = {"train": "Training", "val": "Validation"}
VALIDATION_SHARE = 0.2  # of portraits whose names do not say which part they belong to


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
        self._archive_of: dict[str, Path] = {}
        self._open: dict[Path, zipfile.ZipFile] = {}
        for archive in [place] if place.is_file() else sorted(place.glob("*.zip")):
            try:
                with zipfile.ZipFile(archive) as opened:
                    names = [name for name in opened.namelist() if not name.endswith("/")]
            except zipfile.BadZipFile as error:
                raise PortraitsError(f"{archive} is not a whole zip file: fetch it again.") from error
            if twice := sorted(self._archive_of.keys() & names):
                other = self._archive_of[twice[0]]
                raise PortraitsError(f"{twice[0]} lies in {other} and in {archive}: name one zip as the portraits.")
            self._archive_of |= dict.fromkeys(names, archive)

    def __contains__(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return name in self._archive_of or os.path.isfile(self.place / name)  # noqa: PTH113 (as below)

    def read(self, name: str) -> np.ndarray | None:
        """The picture as uint8 RGB (height, width, 3), or None when it is not there or cannot be read."""
        path = self.place / name
        try:
            if os.path.isfile(path):  # noqa: PTH113 (of a long name, Path.is_file raises an error)
                return decode_photo(path.read_bytes(), path)
            archive = self._archive_of[name]
            if archive not in self._open:
                self._open[archive] = zipfile.ZipFile(archive)
            return decode_photo(self._open[archive].read(name), path)
        except Exception:  # noqa: BLE001 (a damaged archive or picture can make its decoder raise almost anything)
            return None


def find_labels(portraits: Path) -> list[Path]:
    """The CSVs that lie beside the portraits and have "label" in their names, as FairFace's do."""
    folder = portraits if portraits.is_dir() else portraits.parent
    found = sorted(folder.glob("*label*.csv"))
    if not found:
        raise PortraitsError(f"{folder} holds no CSV with label in its name: name the labels by --labels.")
    return found


def read_labels(path: Path) -> list[Portrait]:
    """The rows of a labels CSV; FairFace's own spelling ("Male", "more than 70") is understood.

    The part of a portrait is the first folder in its file's name; where no file is in a folder, a fifth of each gender,
    at least one, is drawn by their names for Validation.

    Raises:
        PortraitsError: it cannot be read, lacks a column, or has a row that is not understood; or the files are in no
            folder, and of a gender there are fewer than two.
    """
    table = _table(path)
    in_folders = any(len(Path(file).parts) > 1 for file in table["file"])
    portraits = []
    for line, file, gender, age, race in table.itertuples():
        parts = Path(file).parts
        if gender.lower() not in CLASSES:
            raise PortraitsError(f"{path}, line {line}: the gender of '{file}' is '{gender}'; use female or male.")
        if not parts or (in_folders and (len(parts) < 2 or parts[0] not in FOLDERS)):
            raise PortraitsError(
                f"{path}, line {line}: the file '{file}' must begin with train/ or val/, which says where it goes; or "
                "none is in a folder, and a fifth goes to val."
            )
        age = age.replace("more than 70", "70+") or "not known"
        portraits.append(Portrait(file, gender.lower(), age, race or "not known", parts[0]))
    return portraits if in_folders else _with_drawn_parts(portraits, path)


def _table(path: Path) -> pd.DataFrame:
    """The columns file, gender, age and race, blank where they are not known; the index is the number of the line."""
    for encoding in ("utf-8-sig", "utf-16", "cp1252"):  # the last two as Windows' programs write
        try:
            table = pd.read_csv(
                path, dtype=str, keep_default_na=False, skipinitialspace=True, skip_blank_lines=False, index_col=False,
                encoding=encoding,
            )  # fmt: skip
            break
        except UnicodeError:
            continue
        except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
            raise PortraitsError(f"the labels {path} cannot be read as CSV: {str(error).strip()}.") from error
    else:
        raise PortraitsError(f"the labels {path} are in an unknown encoding: save them as UTF-8.")
    table = table.rename(columns=str.strip).fillna("")
    if not {"file", "gender"} <= set(table.columns) or table.empty:
        raise PortraitsError(
            f"the labels {path} need the columns file and gender, and rows; they have {list(table.columns)} and "
            f"{len(table)} rows."
        )
    table.index += 2  # after the header, and counted from 1
    table = table.reindex(columns=["file", "gender", "age", "race"], fill_value="")
    table = table.apply(lambda column: column.str.strip())
    return table[(table != "").any(axis=1)]  # without blank lines


def _with_drawn_parts(portraits: list[Portrait], path: Path) -> list[Portrait]:
    """The same portraits, a fifth of each gender in Validation."""
    drawn: set[str] = set()
    for gender in CLASSES:
        ranked = sorted({one.file for one in portraits if one.gender == gender}, key=_place)
        if len(ranked) < 2:
            raise PortraitsError(f"the labels {path} need two portraits of each gender; {gender} has {len(ranked)}.")
        count = sum(_place(file) < VALIDATION_SHARE for file in ranked)
        drawn.update(ranked[: min(max(count, 1), len(ranked) - 1)])
    return [replace(one, part="val" if one.file in drawn else "train") for one in portraits]


def _place(file: str) -> float:
    """Where a portrait lies in 0..1: as good as drawn by lot, and the same everywhere and always."""
    return int.from_bytes(hashlib.sha256(f"-1:{file}".encode()).digest()[:8], "big") / 2**64
