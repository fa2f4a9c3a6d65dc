"""What speed is measured on: photos as bytes, and crops, all made in memory of pictures that may be shown."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from sklearn.datasets import load_sample_image

from maskedgender.data.augment import augmented
from maskedgender.data.portraits import PortraitStore
from maskedgender.images.photos import read_photo
from maskedgender.places import EXAMPLES
from maskedgender.prediction.answers import find_crops

QUALITY = 90  # of JPEG
PHONE = (4000, 3000)  # width and height in pixels
TILE = 300  # pixels of each of the twelve
SIZES = {"portrait of 600 pixels": 1, "12 megapixels, one face": 1, "group of twelve": 12, "no face": 0}


def photos() -> dict[str, bytes]:
    """JPEG files by name; SIZES says how many faces each has."""
    collins, hopper = (read_photo(EXAMPLES / f"{name}.jpg") for name in ("eileen_collins", "grace_hopper"))
    pictures = {
        "portrait of 600 pixels": _scaled(collins, 600),
        "12 megapixels, one face": _as_by_a_phone(collins),
        "group of twelve": _twelve(collins, hopper),
        "no face": load_sample_image("china.jpg"),
    }
    return {name: _jpeg(picture) for name, picture in pictures.items()}


def crops(count: int, size: int) -> np.ndarray:
    """The examples' faces, each as augmentation makes it look otherwise: uint8 (count, size, size, 3)."""
    files = [EXAMPLES / f"{name}.jpg" for name in ("eileen_collins", "grace_hopper", "grace_hopper_masked")]
    faces = np.concatenate([find_crops(read_photo(file), size)[1] for file in files])
    rng = np.random.default_rng(0)
    return np.stack([augmented(faces[number % len(faces)], rng) for number in range(count)])


def many_crops(count: int, size: int, fairface: Path) -> tuple[np.ndarray, str]:
    """So many crops to compare answers on, of FairFace's training portraits where they are; and what they are."""
    if not (fairface / "train_labels.csv").is_file():
        return crops(count, size), "the examples, augmented"
    store = PortraitStore(fairface)
    portraits = [store.read(f"train/{number}.jpg") for number in range(1, count + 1)]
    there = [cv2.resize(one, (size, size), interpolation=cv2.INTER_AREA) for one in portraits if one is not None]
    return np.stack(there), "FairFace's first training portraits"


def _scaled(picture: np.ndarray, longer: int) -> np.ndarray:
    scale = longer / max(picture.shape[:2])
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _as_by_a_phone(picture: np.ndarray) -> np.ndarray:
    """A portrait in the middle of a photo of PHONE pixels, its edges repeated."""
    picture = _scaled(picture, PHONE[1] * 2 // 3)
    down, across = PHONE[1] - picture.shape[0], PHONE[0] - picture.shape[1]
    edges = (down // 2, down - down // 2, across // 2, across - across // 2)
    return cv2.copyMakeBorder(picture, *edges, cv2.BORDER_REPLICATE)


def _twelve(*pictures: np.ndarray) -> np.ndarray:
    """Three rows of four portraits, each second one mirrored."""
    squares = [cv2.resize(one[: one.shape[1]], (TILE, TILE), interpolation=cv2.INTER_AREA) for one in pictures]
    tiles = [squares[0], squares[1], squares[0][:, ::-1], squares[1][:, ::-1]]
    return np.vstack([np.hstack(tiles[row:] + tiles[:row]) for row in range(3)])


def _jpeg(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
