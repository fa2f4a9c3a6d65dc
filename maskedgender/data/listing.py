"""List the images of a dataset folder, with what labels.csv says of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from ..images.folders import SUFFIXES, scan
from ..words import counted
from .layout import CLASSES, FOLDERS, LABELS_FILE, NOT_DESCRIBED, OURS


def list_images(dataset: Path, part: str, names: Mapping[str, str] = OURS) -> pd.DataFrame:
    """One row an image of a part (TRAINING or VALIDATION), sorted by file.

    Args:
        names: what the folders are called there, as from `folder_names`.

    Returns:
        Columns file ("Training/female/1-0.jpg", relative to the dataset folder), label (0 female, 1 male; the folder
        decides), source (the portrait that it was made from), age, race, style. The last four come from labels.csv, and
        images that it does not list are left out, with a warning; without a labels.csv, source is the file itself, and
        the others are "not known".

    Raises:
        FileNotFoundError: a class folder is missing, or has no images.
        PermissionError: a folder may not be opened: training would miss its images without a word.
        ValueError: labels.csv has no column file, or lists none of them.
    """
    folders = [f"{names[part]}/{names[name]}" for name in CLASSES]
    rows = [(file, label) for label, folder in enumerate(folders) for file in _image_files(dataset, folder, part)]
    images = pd.DataFrame(rows, columns=["file", "label"])
    if (dataset / LABELS_FILE).is_file():
        described = pd.read_csv(dataset / LABELS_FILE, dtype=str, keep_default_na=False)
        if "file" not in described or not described["file"].isin(images["file"]).any():
            wanted = f"a column file with names such as {images['file'][0]}"
            raise ValueError(f"{dataset / LABELS_FILE} lists none of the images: it needs {wanted}; or delete it.")
        described = described.drop_duplicates("file").astype(object)  # texts, where there are any
        described = described.reindex(columns=["file", "source", "age", "race", "style"])
        described = described.mask(described == "")  # a blank cell says nothing, as one that is missing
        _warn_of_the_unlisted(images, described, dataset)
        images = images.merge(described, on="file")
        images["source"] = images["source"].astype(object).fillna(images["file"])
    else:
        images = images.assign(source=images["file"], age=None, race=None, style=None)
    texts = {"age": object, "race": object, "style": object}  # also where none says anything
    return images.astype(texts).fillna(dict.fromkeys(texts, NOT_DESCRIBED))


def _warn_of_the_unlisted(images: pd.DataFrame, described: pd.DataFrame, dataset: Path) -> None:
    """An image without a row may be a variant of one with a row, and straddle the split: it must not be used."""
    unlisted = int((~images["file"].isin(described["file"])).sum())
    if unlisted:
        advice = "run make-dataset again to finish the folder, or delete the file to use all images"
        warnings.warn(
            f"{dataset / LABELS_FILE} does not list {counted(unlisted, 'image')}: left out; {advice}.", stacklevel=3
        )


def _image_files(dataset: Path, folder: str, part: str) -> list[str]:
    """The pictures of one class folder and of those in it, sorted, relative to the dataset folder."""
    if not (dataset / folder).is_dir():
        raise FileNotFoundError(f"{dataset} has no folder {folder}.")
    found = scan(dataset / folder)
    if found.closed:
        raise PermissionError(f"{found.closed[0]} may not be opened; ask its owner for permission, or take it away.")
    if not found.pictures:
        advice = ""
        if (dataset / LABELS_FILE).is_file():  # as make-dataset leaves it
            (prefix,) = (prefix for prefix, its_part in FOLDERS.items() if its_part == part)
            advice = f" For make-dataset, the files of some of the labels' rows must begin with {prefix}/."
        looked = ", ".join(sorted(SUFFIXES))
        raise FileNotFoundError(f"{dataset / folder} holds no pictures: looked for {looked}.{advice}")
    return [picture.relative_to(dataset).as_posix() for picture in found.pictures]
