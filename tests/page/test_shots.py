"""Pictures of the page are taken anew only where they differ to the eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from shots.make_shots import looks_the_same


def test_a_pixel_that_is_a_little_darker_looks_the_same_and_a_letter_does_not(tmp_path: Path) -> None:
    picture = np.full((40, 60, 3), 200, np.uint8)
    smoothed, written, larger = picture.copy(), picture.copy(), np.full((41, 60, 3), 200, np.uint8)
    smoothed[10, 10] -= 7
    written[10:14, 10] = 90
    for name, pixels in {"old": picture, "smoothed": smoothed, "written": written, "larger": larger}.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    same = {
        name: looks_the_same(tmp_path / f"{name}.png", tmp_path / "old.png")
        for name in ("smoothed", "written", "larger")
    }
    assert same == {"smoothed": True, "written": False, "larger": False}
