"""Split the training images into those to fit and those to choose by, and draw fewer of them."""

from __future__ import annotations

import hashlib

import pandas as pd

from .layout import BARE, CLASSES

CHOOSE_SHARE = 0.1  # of the training portraits


def split_training(
    images: pd.DataFrame, choose_share: float = CHOOSE_SHARE, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split training images into those to fit and those to choose by: (fit, choose).

    The side of a portrait depends on its name (its `source`) and the seed alone, not on what else is listed, so that a
    model that learns more later chooses by no portrait that it has learnt before. Variants of one portrait stay on one
    side.

    Args:
        images: as from `list_images`.
        choose_share: the share of the portraits that goes to `choose`, about: each goes by itself. Each side gets at
            least one portrait of each class.

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
        choosing = places < choose_share
        if not choosing.any():
            choosing = places == places.min()
        elif choosing.all():
            choosing = places < places.max()
        chosen.update(of_class[choosing])
    is_chosen = images["source"].isin(chosen)
    return images[~is_chosen].reset_index(drop=True), images[is_chosen].reset_index(drop=True)


def split_by_lot(
    images: pd.DataFrame, choose_share: float = CHOOSE_SHARE, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """As `split_training`, but of however few portraits, so that a side may lack a class, or be empty."""
    chosen = images["source"].map(lambda source: _place(source, seed)).astype(float) < choose_share
    return images[~chosen].reset_index(drop=True), images[chosen].reset_index(drop=True)


def _place(source: str, seed: int) -> float:
    """Where a portrait lies in 0..1: as good as drawn by lot, and the same everywhere and always."""
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
