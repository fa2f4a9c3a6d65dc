"""A small dataset for runs from end to end: masked FairFace portraits, or made-up pictures where it is absent."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from maskedgender.data.dataset_folder import FOLDER
from maskedgender.data.make_dataset import make_dataset
from maskedgender.data.pictures import CLASSES
from maskedgender.data.portraits import FOLDERS

from .people import FAIRFACE


def make_small_dataset(folder: Path, count: int = 64) -> Path:
    """Fill a folder with a dataset of `count` images or fewer in each part, and return the folder."""
    if (FAIRFACE / "val.zip").is_file():
        labels = [FAIRFACE / "train_labels.csv", FAIRFACE / "val_labels.csv"]
        make_dataset(FAIRFACE, labels, folder, unmasked=0.5, limit=count)  # few choose: some are to be bare, some not
    else:
        make_synthetic_dataset(folder, count)
    return folder


def make_synthetic_dataset(folder: Path, count: int = 64) -> Path:
    """The same of pictures that show nobody: noise, darker for class 0 than for class 1; no labels.csv."""
    noise = np.random.default_rng(0)
    for part in FOLDERS.values():
        for label, name in enumerate(CLASSES):
            (folder / FOLDER / part / name).mkdir(parents=True)
            for number in range(count // 2):
                picture = np.clip(noise.normal(90 + 80 * label, 25, (144, 144, 3)), 0, 255).astype(np.uint8)
                cv2.imwrite(str(folder / FOLDER / part / name / f"synthetic{number}-0.jpg"), picture)
    return folder
