"""Pictures become smaller and larger by the same filters in training, in make-dataset and in serving."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskedgender.faces.geometry import resized
from maskedgender.images.reduced_decoding import read_portrait


def cropped(path: Path, size: int) -> np.ndarray:
    return resized(np.asarray(Image.open(path)), (size, size))


@pytest.mark.parametrize("scaled", [read_portrait, cropped])
def test_smaller_is_the_mean_over_areas(scaled: Callable[[Path, int], np.ndarray], tmp_path: Path) -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::4] = 240  # each fourth column: a filter that looks at fewer sees black
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    np.testing.assert_array_equal(scaled(tmp_path / "stripes.png", 16), 60)


@pytest.mark.parametrize("scaled", [read_portrait, cropped])
def test_larger_goes_along_straight_lines(scaled: Callable[[Path, int], np.ndarray], tmp_path: Path) -> None:
    edge = np.zeros((2, 2, 3), np.uint8)
    edge[:, 1] = 200
    Image.fromarray(edge).save(tmp_path / "edge.png")
    assert scaled(tmp_path / "edge.png", 4)[0, :, 0].tolist() == [0, 50, 150, 200]
