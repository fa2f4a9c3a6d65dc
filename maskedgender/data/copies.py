"""Which pictures show the same portrait, so that the test holds none that training has seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csgraph

from .pictures import read_portrait

NEAR = 15  # of 256 bits in which two pictures may differ and still show one portrait: strangers differ in 32 or more


def perceptual_hash(file: str) -> bytes | None:
    """How a picture looks above a mask, 32 bytes; None where it cannot be read (Zauner, 2010)."""
    portrait = read_portrait(file, 128)
    if portrait is None:
        return None
    upper = cv2.resize(cv2.cvtColor(portrait[:64], cv2.COLOR_RGB2GRAY), (64, 64), interpolation=cv2.INTER_AREA)
    low = cv2.dct(upper.astype(np.float32))[:16, :16]
    return np.packbits(low > np.median(low)).tobytes()


def near_pairs(hashes: np.ndarray) -> np.ndarray:
    """The pairs of rows of uint8 (N, 32) that differ in at most NEAR bits, int (P, 2), each row with itself too."""
    bits = 2 * np.unpackbits(hashes, axis=1).astype(np.float32) - 1  # so a product counts the bits that are alike
    starts = range(0, len(bits), 500)
    return np.concatenate([np.argwhere(bits[at : at + 500] @ bits[at:].T >= 256 - 2 * NEAR) + at for at in starts])


def without_leaks(pictures: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """What may be used, copies and near copies with the same `source`; the test loses only what cannot be read."""
    with ThreadPoolExecutor() as threads:
        known = pictures.assign(hash=list(threads.map(perceptual_hash, pictures.path))).dropna(subset="hash")
    look, looks = pd.factorize(known.pop("hash"))
    portrait = len(looks) + pd.factorize(known.source)[0]
    pairs = near_pairs(np.frombuffer(b"".join(looks), np.uint8).reshape(-1, 32))
    one, other = np.concatenate([pairs, np.column_stack([look, portrait])]).T
    graph = coo_array((np.ones(len(one)), (one, other)), (portrait.max() + 1,) * 2)
    group = csgraph.connected_components(graph, directed=False)[1][look]
    known = known.assign(source=known.source.groupby(group).transform("min"))
    of_test = known.part == "test"
    leaked = ~of_test & known.source.isin(known.source[of_test])
    doubtful = ~of_test & ~leaked & (known.groupby("source").label.transform("nunique") > 1)
    told = f"{len(pictures) - len(known):,} cannot be read, {leaked.sum():,} of training show a portrait of the test"
    return known[~leaked & ~doubtful], f"Left out: {told}, {doubtful.sum():,} have a copy with the other label."
