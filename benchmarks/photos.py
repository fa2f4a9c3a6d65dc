"""Photos to measure on: FairFace's portraits, bare or with a mask drawn on them, as a user would hand them over."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from maskedgender.faces import crop_window, detect
from maskedgender.make_dataset import CROP_SIZE, DETECTION_SCORE, DETECTION_SIDE
from maskedgender.masks import STYLES, MaskError, draw_mask
from maskedgender.portraits import PortraitStore

FAIRFACE = Path(__file__).resolve().parents[2] / "shared" / "data" / "fairface"


@dataclass(frozen=True)
class Photo:
    """A portrait, uint8 RGB, with what is known of it; `box` is the bare face's, None where none was found."""

    pixels: np.ndarray
    file: str
    gender: str
    age: str
    race: str
    style: str
    box: tuple[float, float, float, float] | None


def photos(fairface: Path, part: str, masked: bool, seed: int = 0, every: int = 1) -> Iterator[Photo]:
    """Every `every`-th portrait of a part ("train" or "val"), enlarged so that its face has a dataset image's size.

    Portraits on which no face is found, or no mask fits, come bare with the style "none" and, if no face, no box.
    """
    store = PortraitStore(fairface)
    table = pd.read_csv(fairface / f"{part}_labels.csv", dtype=str, keep_default_na=False).iloc[::every]
    for row in table.itertuples():
        pixels, style, box = _photo(store.read(row.file), row.file, masked, seed)
        yield Photo(pixels, row.file, row.gender, row.age, row.race, style, box)


def _photo(
    portrait: np.ndarray | None, file: str, masked: bool, seed: int
) -> tuple[np.ndarray, str, tuple[float, float, float, float] | None]:
    if portrait is None:
        raise SystemExit(f"{file} cannot be read: fetch FairFace again.")
    faces = detect(portrait, DETECTION_SIDE, DETECTION_SCORE)
    if not faces:
        return portrait, "none", None
    scale = CROP_SIZE / crop_window(faces[0]).side
    enlarged = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
    x, y, width, height = (side * scale for side in faces[0].box)
    if not masked:
        return enlarged, "none", (x, y, width, height)
    rng = np.random.default_rng([seed, zlib.crc32(file.encode())])
    style = str(rng.choice(list(STYLES)))
    try:
        return draw_mask(enlarged, faces[0].landmarks * scale, style, rng).photo, style, (x, y, width, height)
    except MaskError:
        return enlarged, "none", (x, y, width, height)
