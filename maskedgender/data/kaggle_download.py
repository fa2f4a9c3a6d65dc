"""Kaggle's masked dataset: where Kaggle attaches it to a notebook, or downloaded from Kaggle."""

from __future__ import annotations

import os
from pathlib import Path

from .layout import FOLDER, KAGGLE_DATASET


def find_dataset() -> Path:
    """The folder GenderOcclusionData that is attached here, or else a folder, with it somewhere below, from kagglehub.

    kagglehub downloads about 1 GB the first time, without credentials; later it takes what lies in its cache.
    """
    # Within Kaggle, kagglehub waits for what it attaches without a time limit: take what is there already.
    attached = Path(os.environ.get("KAGGLE_INPUT_ROOT", "/kaggle/input"))
    return next(attached.rglob(FOLDER), None) or download(KAGGLE_DATASET)


def download(handle: str) -> Path:
    """The folder in kagglehub's cache with a dataset OWNER/NAME; what was half fetched is gone on with, and checked."""
    import kagglehub  # late: only needed when no dataset is at hand

    return Path(kagglehub.dataset_download(handle))
