"""Batches of pictures, read from disk while the network learns."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pandas as pd

from .augment import augmented
from .pictures import read_portrait


class Batches(keras.utils.PyDataset):
    """Pictures, uint8 (N, size, size, 3), labels, int32 (N,), weights; to `augment`, each portrait once, in one."""

    def __init__(self, pictures: pd.DataFrame, size: int, batch: int = 32, augment: bool = False, seed: int = 0):
        super().__init__()
        self.size, self.batch, self.augment, self.seed, self.threads = size, batch, augment, seed, ThreadPoolExecutor()
        self.paths, self.labels = pictures.path.to_numpy(), pictures.label.to_numpy(np.int32)
        alike = ["part", *pictures.columns.intersection(["age", "race"])]  # of these, women and men weigh the same
        all_of, same = (pictures.groupby(names).part.transform("size") for names in (alike, [*alike, "label"]))
        self.weights, rows = (all_of / same / 2).to_numpy() ** augment, pd.Series(np.arange(len(pictures)))
        self.portraits = list(rows.groupby(pictures.source.to_numpy() if augment else rows).indices.values())
        self.begin(0, 0)

    def begin(self, epoch: int, epochs: int) -> None:
        """Draw the pictures of an epoch; the last three are augmented half as strongly (He et al., 2019)."""
        rng = np.random.default_rng((self.seed, epoch))
        drawn = np.array([rng.choice(rows) for rows in self.portraits])
        self.rows = rng.permutation(drawn) if self.augment else drawn
        self.begun, self.epoch, self.strength = time.monotonic(), epoch, 0.5 if epoch >= epochs - 3 > 0 else 1.0

    def __len__(self) -> int:
        return -(-len(self.portraits) // self.batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        rows = self.rows[index * self.batch : (index + 1) * self.batch]
        return np.stack(list(self.threads.map(self.picture, rows))), self.labels[rows], self.weights[rows]

    def picture(self, row: int) -> np.ndarray:
        """A picture as the network gets it in this epoch."""
        picture = read_portrait(self.paths[row], self.size)
        rng = np.random.default_rng((self.seed, self.epoch, int(row)))
        return augmented(picture, rng, self.strength) if self.augment else picture
