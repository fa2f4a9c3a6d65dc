"""The benchmark of reading for training: both ways read the same pictures, and which one is better is told right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import training
from maskedgender.data.layout import TRAINING
from maskedgender.data.listing import list_images
from maskedgender.data.stream import PortraitStream

from ..support.synthetic import synthetic_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return synthetic_dataset(tmp_path / "real", 6, labels_file=True)


def test_folder_of_links_has_as_many_images_as_asked_for(dataset: Path, tmp_path: Path):
    images = list_images(dataset, TRAINING)
    root = training.linked(images, 30, dataset, tmp_path / "links")
    listed = list_images(root, TRAINING)
    assert len(listed) == 30 and listed["source"].nunique() == 12
    assert listed["label"].sum() == (images["label"].iloc[np.arange(30) % 12]).sum()
    training.cached(root)


@pytest.mark.parametrize("shape", [training.SEED_SHAPE, training.OUR_SHAPE])
def test_both_ways_read_the_same_pictures(shape: tuple[int, int, int], dataset: Path):
    images = list_images(dataset, TRAINING)
    ours, _ = PortraitStream(dataset, images, shape, len(images))[0]
    originals = [training.as_the_original_reads(dataset / file, shape[0], shape[2]) for file in images["file"]]
    assert ours.shape[1:3] == originals[0].shape[:2]
    apart = ours.astype(float) - np.array(originals).reshape(ours.shape)
    assert np.abs(apart).mean() < 1, "in grey levels"


def test_more_images_a_second_and_fewer_seconds_are_better():
    assert training._row("pipeline, images/s", 100, 150)["times better"] == 1.5
    assert training._row("first step begins, s", 20, 1)["times better"] == 20
