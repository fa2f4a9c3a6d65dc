"""Split a dataset into train, validation and test."""

from __future__ import annotations

import zlib

import pandas as pd


def split(pictures: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Train, validation and test; validation is one portrait in ten of training, by its name alone, always the same."""
    held_out = pictures.source.map(lambda source: zlib.crc32(source.encode()) % 10 == 0)
    of_test = pictures.part == "test"
    return pictures[~of_test & ~held_out], pictures[~of_test & held_out], pictures[of_test]
