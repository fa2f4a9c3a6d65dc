"""Split the training images into those to fit and those to choose by, and draw fewer of them."""

from __future__ import annotations

import hashlib

import pandas as pd

from .layout import BARE, CLASSES


def split_training(images: pd.DataFrame, choose_share: float = 0.1, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split training images into those to fit and those to choose by: (fit, choose).

    Variants of one portrait (rows of the same `source`) stay on one side, and each class gives the same share of its
    portraits. The same seed gives the same split, whatever the order of the rows.

    Args:
        images: as from `list_images`.
        choose_share: the share of the portraits of each class that goes to `choose`, at least one of each.

    Raises:
        ValueError: a class has fewer than two portraits, so that one side would miss it.
    """
    sources = images.sort_values("file").drop_duplicates("source")
    chosen: set[str] = set()
    for label, name in enumerate(CLASSES):
        of_class = sources.loc[sources["label"] == label, "source"]
        if len(of_class) < 2:
            raise ValueError(f"A split needs two portraits of each class or more; {name} has {len(of_class)}.")
        places = of_class.map(lambda source: _place(source, seed))
        below = places < choose_share
        if below.all() or not below.any():
            below = places == (places.max() if below.all() else places.min())
            below = ~below if (places < choose_share).all() else below
        chosen.update(of_class[below])
    is_chosen = images["source"].isin(chosen)
    return images[~is_chosen].reset_index(drop=True), images[is_chosen].reset_index(drop=True)


def _place(source: str, seed: int) -> float:
    """Where a portrait lies between 0 and 1, whatever else is listed."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{source}".encode()).digest()[:8], "big") / 2**64


def limited(images: pd.DataFrame, limit: int, seed: int = 0) -> pd.DataFrame:
    """At most `limit` of the images, of as many portraits as there can be, both classes in their proportion."""
    share = min(1.0, limit / len(images))
    drawn = images.sample(frac=1, random_state=seed)
    variant = drawn.groupby("source").cumcount()  # every portrait's first image comes before any one's second
    ranked = drawn.loc[variant.sort_values(kind="stable").index].groupby("label")
    chosen = [of_class.head(round(share * len(of_class))) for _, of_class in ranked]
    return pd.concat(chosen).sort_index()


def masked_ones(images: pd.DataFrame) -> pd.DataFrame:
    """The images with a mask, as far as the dataset tells; all, where that would leave none of a class."""
    masked = images[images["style"] != BARE]
    return masked if masked["label"].nunique() == len(CLASSES) else images
