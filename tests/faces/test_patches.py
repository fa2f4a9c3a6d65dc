"""A window's pixels are the photo's where it has some, and else its edge's, or grey."""

import numpy as np
import pytest

from maskedgender.faces.crops import GREY, CropWindow, patch


@pytest.mark.parametrize("grey", [False, True])
def test_a_patch_is_what_indexing_pixel_by_pixel_gives(grey: bool) -> None:
    rng = np.random.default_rng(0)
    for _ in range(500):
        height, width, side = rng.integers(1, 40, 3)
        photo = rng.integers(0, 255, (height, width, 3)).astype(np.uint8)
        apart = 0 if grey else side  # beside the photo there is its edge alone
        left, top = (int(rng.integers(1 - side - apart, length + apart)) for length in (width, height))
        rows, columns = np.arange(top, top + side), np.arange(left, left + side)
        expected = photo[rows.clip(0, height - 1)[:, None], columns.clip(0, width - 1)]
        if grey:
            expected[(rows < 0) | (rows >= height)] = GREY
            expected[:, (columns < 0) | (columns >= width)] = GREY
        np.testing.assert_array_equal(patch(photo, CropWindow(left, top, int(side)), grey), expected)
