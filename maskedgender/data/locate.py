"""Find the dataset folder: where it was named, where Kaggle attaches it, or by a download."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from .kaggle_download import download
from .layout import CLASSES, FOLDER, KAGGLE_DATASET, OURS, TRAINING, VALIDATION

NAMED = 12  # folders that a refusal names


def find_dataset(given: str | Path | None = None, names: Mapping[str, str] = OURS) -> Path:
    """The folder that holds Training/ and Validation/, each with female/ and male/.

    A given folder wins; then what Kaggle has attached (under /kaggle/input, or the folder named by the environment
    variable KAGGLE_INPUT_ROOT); then Kaggle's public dataset is downloaded by kagglehub, without credentials.

    Args:
        given: the dataset folder itself, or a folder with a dataset folder somewhere under it.
        names: what these four are called there, as from `folder_names`.

    Raises:
        FileNotFoundError: the given folder holds no dataset, or none was given and the download failed.
    """
    if given is not None:
        return _searched(Path(given).expanduser(), names)
    attached = Path(os.environ.get("KAGGLE_INPUT_ROOT", "/kaggle/input"))
    # kagglehub waits for the mount of an attached dataset without a time limit, so look for the mount first.
    return _search(attached, names) or _searched(_download(), names)


def _searched(root: Path, names: Mapping[str, str]) -> Path:
    """The dataset folder at or under `root`; FileNotFoundError when there is none."""
    found = _search(root, names)
    if found is None:
        female, male, training, validation = (f"{names[name]}/" for name in OURS)
        wanted = f"a folder with {training} and {validation}, each with {female} and {male}"
        there = f"there or in a {FOLDER} folder under it"
        advice = "Where they have other names, give these: --classes Female,Male or --classes Female,Male,train,val."
        raise FileNotFoundError(
            f"No dataset at {root}: expected {wanted}, {there}; found {_folders_of(root)}. {advice}"
        )
    return found


def _search(root: Path, names: Mapping[str, str]) -> Path | None:
    """`root` itself, or the first GenderOcclusionData under it, that holds both parts."""
    if _is_dataset(root, names):
        return root
    for folder, subfolders, _ in os.walk(root):
        if Path(folder).name == FOLDER and _is_dataset(Path(folder), names):
            return Path(folder)
        subfolders[:] = sorted(name for name in subfolders if name not in names.values())
    return None


def _folders_of(root: Path) -> str:
    """What lies there, such as "Female/, Male/, train/val/": the names are the matter more often than the place."""
    if not root.is_dir():
        return "no such folder"
    folders: list[str] = []
    for depth in ("*/", "*/*/", "*/*/*/"):
        if len(folders) < NAMED:  # of a whole disk the deeper ones would take long
            folders += [f"{path.relative_to(root).as_posix()}/" for path in sorted(root.glob(depth))]
    more = f" and {len(folders) - NAMED} more" if len(folders) > NAMED else ""
    return ", ".join(folders[:NAMED]) + more if folders else "no folders"


def _is_dataset(folder: Path, names: Mapping[str, str]) -> bool:
    parts = [(names[part], names[name]) for part in (TRAINING, VALIDATION) for name in CLASSES]
    return all(folder.joinpath(*part).is_dir() for part in parts)


def _download() -> Path:
    """Kaggle's dataset from kagglehub: about 1 GB the first time, from its cache afterwards."""
    where = f"https://www.kaggle.com/datasets/{KAGGLE_DATASET}"
    advice = f"on Kaggle attach it or switch the internet on, elsewhere give its folder or get it from {where}"
    try:
        return download(KAGGLE_DATASET)
    except ImportError as error:
        raise FileNotFoundError(f"No dataset found, and no kagglehub to download it: {advice}.") from error
    except Exception as error:  # kagglehub's errors have no base class of their own
        raise FileNotFoundError(f"No dataset found, and its download failed ({error}): {advice}.") from error
