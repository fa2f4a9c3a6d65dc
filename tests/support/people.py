"""Real photos for tests: two people whose pictures may be shown, and FairFace's portraits where they lie beside us."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import matplotlib.cbook
import numpy as np
import pytest
import skimage.data
from PIL import Image

from maskedgender.data.portraits import PortraitStore

GROUP = Path(__file__).with_name("group.jpg")
"""Eileen Collins with a mask drawn on, Grace Hopper, Eileen Collins mirrored; the largest face is in the middle."""
FAIRFACE = Path(__file__).resolve().parents[3] / "shared" / "data" / "fairface"


@cache
def hopper() -> np.ndarray:
    """Grace Hopper (public domain), uint8 RGB (600, 512, 3)."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return np.asarray(Image.open(file).convert("RGB"))


@cache
def collins() -> np.ndarray:
    """Eileen Collins (NASA, public domain), uint8 RGB (512, 512, 3)."""
    return skimage.data.astronaut()


def fairface_portraits(count: int) -> list[np.ndarray]:
    """The first `count` portraits of FairFace's validation part, RGB; skips the test where FairFace is absent."""
    return read_fairface("val", range(1, count + 1))


def read_fairface(part: str, numbers: Iterable[int]) -> list[np.ndarray]:
    """Portraits of a part, "train" or "val", by their numbers, RGB; skips the test where FairFace is absent."""
    if not (FAIRFACE / "val.zip").is_file():
        pytest.skip("FairFace is not at ../shared/data/fairface")
    store = PortraitStore(FAIRFACE)
    portraits = [store.read(f"{part}/{number}.jpg") for number in numbers]
    assert all(portrait is not None for portrait in portraits), "FairFace is not whole"
    return portraits
