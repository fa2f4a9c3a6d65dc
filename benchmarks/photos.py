"""Photos to measure on: FairFace's portraits, bare or with a mask drawn on them, as a user would hand them over."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from maskedgender.data.make_dataset import DETECTION_SCORE, DETECTION_SIDE, enlarged
from maskedgender.data.portraits import PortraitStore
from maskedgender.faces.detector import Box, detect
from maskedgender.masks.drawing import STYLES, MaskError, draw_mask
from maskedgender.masks.pose import estimate_pose
from maskedgender.networks.records import NOT_KNOWN

FAIRFACE = Path(__file__).resolve().parents[2] / "shared" / "data" / "fairface"
BARE = "none"
TURNS = (0, 15, 30, 45, 91)  # bands of degrees: 0-14, 15-29, ...


@dataclass(frozen=True)
class Photo:
    """A portrait, uint8 RGB, with what is known of it.

    Attributes:
        style: of the mask in it; "none" where there is none.
        box: the bare face's x, y, width, height in its pixels; None where no face was found.
        bare: the same picture before the mask was drawn.
        landmarks: the bare face's, (5, 2) in pixels; None where no face was found.
    """

    pixels: np.ndarray
    file: str
    gender: str
    age: str
    race: str
    style: str
    box: Box | None
    bare: np.ndarray
    landmarks: np.ndarray | None


def photos(
    fairface: Path, part: str, masked: bool, every: int = 1, only: Collection[str] | None = None
) -> Iterator[Photo]:
    """Every `every`-th portrait of a part ("train" or "val"), enlarged so that its face has a dataset image's size.

    Portraits on which no face is found, or no mask fits, come bare with the style "none" and, if no face, no box.

    Args:
        only: files that are taken, such as "train/1.jpg"; all without.
    """
    store = PortraitStore(fairface)
    table = pd.read_csv(fairface / f"{part}_labels.csv", dtype=str, keep_default_na=False)
    table = table if only is None else table[table["file"].isin(only)]
    for row in table.iloc[::every].itertuples():
        bare = store.read(row.file)
        if bare is None:
            raise SystemExit(f"{row.file} cannot be read: fetch FairFace again.")
        box, landmarks, pixels, style = None, None, bare, BARE
        for face in detect(bare, DETECTION_SIDE, DETECTION_SCORE)[:1]:
            bare, larger = enlarged(bare, face)
            box, landmarks, pixels = larger.box, larger.landmarks, bare
            if masked:
                rng = np.random.default_rng([0, zlib.crc32(row.file.encode())])
                drawn = str(rng.choice(list(STYLES)))
                with suppress(MaskError):
                    pixels, style = draw_mask(bare, larger.landmarks, drawn, rng).photo, drawn
        yield Photo(pixels, row.file, row.gender, row.age, row.race, style, box, bare, landmarks)


def band_of(value: float, limits: tuple[int, ...]) -> str:
    """The band that a value lies in, such as "15-29" of the limits (0, 15, 30)."""
    number = int(np.searchsorted(limits, value, side="right"))
    return f"{limits[number - 1]}-{limits[number] - 1}"


def head_turn(photo: Photo) -> str:
    """How far the head is turned to a side, in a band of `TURNS`, as the landmarks tell."""
    if photo.landmarks is not None:
        with suppress(MaskError):
            rotation = estimate_pose(photo.landmarks).rotation
            return band_of(float(np.degrees(np.arctan2(abs(rotation[0, 2]), max(rotation[2, 2], 0)))), TURNS)
    return NOT_KNOWN
