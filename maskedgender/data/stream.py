"""Stream a dataset folder's images in batches, read from disk as they are needed."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pandas as pd

from ..images.reduced_decoding import read_portrait
from .augment import augmented


class PortraitStream(keras.utils.PyDataset):
    """Batches of portraits, read from disk as they are needed, by threads, under any Keras backend.

    Batch i is (x, y): x uint8 (N, *shape), 0..255; y int32 (N,), 0 female, 1 male; or, with further `heads`, a tuple of
    such arrays, the first of them gender. Memory does not grow with the dataset.
    Everything random follows from (seed, epoch, image): a run that goes on after a kill sees what it would have seen.

    Attributes:
        epoch: set it before each epoch, for another order and other augmentation. (Keras's own on_epoch_end is no help:
            it is also called before the first epoch.)
        strength: of the augmentation, 0..1.
    """

    def __init__(
        self,
        dataset: Path,
        images: pd.DataFrame,
        shape: tuple[int, int, int],
        batch_size: int,
        *,
        seed: int = 0,
        augment: bool = False,
        shuffle: bool = False,
        workers: int | None = None,
        heads: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Stream `images` (columns file and label) of a dataset folder.

        Args:
            shape: (S, S, 3) for RGB or (S, S, 1) for grey: `model.input_shape[1:]`.
            augment: jitter framing, light and colour, and erase parts; for fitting only.
            shuffle: another order in each epoch.
            workers: threads that read; None for one a CPU core, 2 to 8.
            heads: further columns of `images` to give labels of, each with its values in the order of their numbers.
        """
        # With one worker Keras would read in the training thread itself.
        super().__init__(workers=workers or min(8, max(2, os.cpu_count() or 2)), max_queue_size=16)
        self.dataset, self.shape, self.batch_size = Path(dataset), tuple(shape), batch_size
        self.seed, self.augment, self.shuffle, self.epoch, self.strength = seed, augment, shuffle, 0, 1.0
        self.files = images["file"].tolist()
        self._shuffled: tuple[int, np.ndarray] = (-1, np.arange(len(self.files)))
        self.labels = images["label"].to_numpy(dtype=np.int32)
        self.further = [pd.Categorical(images[name], values).codes for name, values in (heads or {}).items()]

    def __len__(self) -> int:
        """Batches an epoch; the last one may be smaller."""
        return -(-len(self.files) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, Any]:
        """Batch `index` of the current epoch: x uint8 (N, *shape), y int32 (N,) or a tuple of them, one a head."""
        rows = self._order()[index * self.batch_size : (index + 1) * self.batch_size]
        x = np.stack([self._portrait(int(row)) for row in rows])
        labels = [self.labels[rows], *(codes[rows].astype(np.int32) for codes in self.further)]
        return x, tuple(labels) if self.further else labels[0]

    def _order(self) -> np.ndarray:
        epoch, order = self._shuffled  # one attribute: several threads read and set it
        if self.shuffle and epoch != self.epoch:
            epoch = self.epoch
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self.files))
            self._shuffled = epoch, order
        return order

    def _portrait(self, row: int) -> np.ndarray:
        colour, path = self.shape[2] == 3, self.dataset / self.files[row]
        if not self.augment:
            return read_portrait(path, self.shape[0], colour=colour)
        portrait = read_portrait(path, self.shape[0])
        portrait = augmented(portrait, np.random.default_rng((self.seed, self.epoch, row)), self.strength)
        return portrait if colour else cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY)[..., None]
