"""The split beside a model: which portraits it has learnt, and by which it was chosen: none may ever be both."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd

from ..files import written_whole
from .layout import OWN_SOURCE
from .split import split_by_lot, split_training

FIT, CHOOSE = "fit", "choose"


def split_file(model: Path) -> Path:
    """Where the split of a model lies: masked_gender.split.csv.gz beside masked_gender.keras."""
    return model.with_name(f"{model.stem}.split.csv.gz")


def write_split(model: Path, fit: pd.DataFrame, choose: pd.DataFrame, start: Path | None = None) -> None:
    """Keep the sides of all portraits beside a model; the same bytes for the same split.

    Of copies every one is kept by its own name: another time another of them may be listed first, or alone.

    Args:
        fit, choose: tables of images with the column source and, where copies go by one, OWN_SOURCE.
        start: the file that training went on from: its portraits stay listed, in the dataset or not.
    """
    named = [(images[name], side) for images, side in ((fit, FIT), (choose, CHOOSE)) for name in _names(images)]
    sides = [pd.DataFrame({"source": names, "side": side}) for names, side in named]
    if start:
        sides.append(read_split(start).reset_index())
    rows = pd.concat(sides).drop_duplicates("source").sort_values("source")  # what was learnt now, before what was once
    with written_whole(split_file(model)) as partial:
        partial.write_bytes(gzip.compress(rows.to_csv(index=False, lineterminator="\n").encode(), mtime=1))


def read_split(model: Path) -> pd.Series:
    """The side, FIT or CHOOSE, of each portrait that a model knows, by source.

    Raises:
        ValueError: no split lies beside the model, so that nobody can tell what it has learnt.
    """
    path = split_file(model)
    if not path.is_file():
        raise ValueError(
            f"There is no {path.name} beside {model.name}: which portraits it has learnt is not known, so none can be "
            "chosen by; train it anew, or take a file that brings its split along."
        )
    return pd.read_csv(path, dtype=str, keep_default_na=False).set_index("source")["side"]


def choosing_portraits(model: Path, images: pd.DataFrame) -> frozenset[str]:
    """The portraits of a dataset, of those by which a model was chosen.

    Raises:
        ValueError: as for `read_split`, or the dataset holds none of them.
    """
    sides = read_split(model)
    found = frozenset(images["source"]) & frozenset(sides.index[sides == CHOOSE])
    if not found:
        raise ValueError(f"The dataset holds no portrait that {model.name} was chosen by: give the one it learnt from.")
    return found


def require_not_learnt(model: Path, choose: pd.DataFrame) -> None:
    """Raise ValueError where a model has learnt portraits that are to be chosen by, or brings no split to tell."""
    sides = read_split(model)
    if _with_copies(choose, sides.index[sides == FIT]).any():
        raise ValueError(f"{model.name} has learnt portraits that are to be chosen by; take a file of the same split.")


def split_as_recorded(model: Path, images: pd.DataFrame, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """As `split_training`, but what the model knows stays on its side: (fit, choose).

    Raises:
        ValueError: as for `read_split`, or one side would be empty.
    """
    sides = read_split(model)
    learnt, chosen = (_with_copies(images, sides.index[sides == side]) for side in (FIT, CHOOSE))
    parts = [(images[learnt], images[chosen & ~learnt])]  # copies of both sides, which nobody knew as such, are learnt
    if not (learnt | chosen).all():
        # Few that are new, such as portraits that no mask would fit before, need no class on each side.
        split_new = split_by_lot if (learnt.any() and chosen.any()) else split_training
        parts.append(split_new(images[~learnt & ~chosen], seed=seed))
    fit, choose = (pd.concat(tables).sort_index().reset_index(drop=True) for tables in zip(*parts, strict=True))
    if fit.empty or choose.empty:
        raise ValueError(f"By the split beside {model.name} there is nothing to fit, or nothing to choose by.")
    return fit, choose


def _names(images: pd.DataFrame) -> list[str]:
    """The columns that name portraits."""
    return [name for name in ("source", OWN_SOURCE) if name in images]


def _with_copies(images: pd.DataFrame, portraits: pd.Index) -> pd.Series:
    """Whether each image is one of these portraits, or one of their copies is, by whatever name: bool (N,)."""
    named = images[_names(images)].isin(portraits).any(axis=1)
    return named.groupby(images["source"]).transform("any")
