"""Find a dataset folder, list its pictures, read one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

CLASSES = ("female", "male")  # 0 and 1
PARTS = {"training": "train", "train": "train", "validation": "test", "val": "test"}  # by the folders' names
KAGGLE_DATASET = "itsshuvra/gender-classified-dataset-with-masked-face"


def find_dataset(given: str | Path | None = None) -> Path:
    """The folder that was given, or that Kaggle has attached, or else Kaggle's dataset, downloaded."""
    attached = Path(os.environ.get("KAGGLE_INPUT_ROOT", "/kaggle/input"))
    if given or next(attached.rglob("Training"), None):
        return Path(given or attached).expanduser()
    try:
        import kagglehub

        return Path(kagglehub.dataset_download(KAGGLE_DATASET))
    except OSError as error:  # of the network
        raise FileNotFoundError(f"Attach {KAGGLE_DATASET}, switch the internet on, or name a folder.") from error


def list_pictures(dataset: Path) -> pd.DataFrame:
    """A row a picture: path, file, part, label, source (its portrait); of a labels.csv also age, race and style."""
    root, rows = dataset.absolute(), []
    for file in sorted(root.rglob("*.*")):
        part, gender = PARTS.get(file.parts[-3].lower()), file.parts[-2].lower()
        ours = not any(name[0] in ".@#" for name in file.relative_to(root).parts)  # the others are a network drive's
        if part and gender in CLASSES and file.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp", ".bmp"} and ours:
            rows.append((str(file), "/".join(file.parts[-3:]), part, CLASSES.index(gender)))
    pictures = pd.DataFrame(rows, columns=["path", "file", "part", "label"])
    if pictures.groupby(["part", "label"]).ngroups < 4:
        raise FileNotFoundError(f"{dataset} needs Training/ and Validation/, each with pictures in female/ and male/.")
    labels, told = Path(pictures.path[0]).parents[2] / "labels.csv", pd.DataFrame(columns=["file"])
    try:
        if labels.exists():
            told = pd.read_csv(labels, dtype=str, skipinitialspace=True).drop_duplicates("file")
    except (ValueError, KeyError) as error:
        raise ValueError(f"{labels} is no table in UTF-8 with commas and a column file: {error}") from error
    names = ["file", "source", *told.columns.intersection(["age", "race", "style"])]
    told = told.reindex(columns=names).astype(object).replace({"file": {r"\\": "/"}}, regex=True)
    return pictures.merge(told, "left", "file").fillna({"source": pictures.file}).fillna("not known")


def read_portrait(file: str | Path, size: int) -> Any:
    """A picture as uint8 (size, size, 3), RGB; None where it cannot be read."""
    data = np.fromfile(file, np.uint8)  # OpenCV itself opens no names with umlauts on Windows
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if pixels is None:
        return None
    shrinks = min(pixels.shape[:2]) > 1.5 * size
    pixels = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
