"""The lessons of ways of training: mixed images have mixed labels, and small groups more weight."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from benchmarks.ways import Lessons

COUNT = 120


@pytest.fixture
def train(tmp_path: Path) -> pd.DataFrame:
    """Women are black, men white; one in ten is a man."""
    labels = (np.arange(COUNT) % 10 == 0).astype(int)
    paths = [tmp_path / f"{name}.png" for name in ("woman", "man")]
    for path, grey in zip(paths, (0, 255), strict=True):
        cv2.imwrite(str(path), np.full((32, 32, 3), grey, np.uint8))
    rows = {"path": [str(paths[label]) for label in labels], "label": labels, "source": np.arange(COUNT).astype(str)}
    return pd.DataFrame(rows).assign(age=np.where(np.arange(COUNT) % 3, "20-29", "30-39"), part="train")


def test_a_small_group_weighs_as_the_root_of_its_size(train: pd.DataFrame) -> None:
    for balance, share in (("", 0.5), ("label", 0.25)):  # roots of 12 and of 108 are as one to three
        lessons = Lessons(train, 32, ("label",), 0.0, balance)
        lessons.begin(0, 4)
        known = [(labels[:, 1], weight) for _, labels, weight in (lessons[index] for index in range(len(lessons)))]
        men, weight = (np.concatenate(parts) for parts in zip(*known, strict=True))
        assert np.isclose(weight.mean(), 1) and np.isclose((weight * men).mean(), share)


def test_a_mixed_image_has_as_much_of_each_label_as_of_each_image(
    train: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("maskedgender.data.batches.augmented", lambda picture, *_: picture)
    lessons = Lessons(train, 32, ("label", "age"), 0.5, "label")
    lessons.begin(0, 4)
    x, (gender, age), _ = lessons[0]
    white = x.mean(axis=(1, 2, 3)) / 255
    assert np.allclose(gender[:, 1], white, atol=1e-3) and np.allclose(age.sum(axis=1), 1)
    assert ((white > 0.02) & (white < 0.98)).sum() > 5
