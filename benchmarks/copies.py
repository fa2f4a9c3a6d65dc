"""Which of FairFace's validation portraits are near copies of training ones: a model may know them.

    python -m benchmarks.copies [--fairface DIR]

The bare portraits are compared as audit.py compares a dataset's images, by the perceptual hash of their upper halves.
Prints the pairs, and keeps them in benchmarks/results/near-copies.csv. About two minutes; needs the package imagehash.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from tqdm import tqdm

from maskedgender.data.audit import LOOK_SIDE, look_of, near_pairs
from maskedgender.data.portraits import PortraitStore
from maskedgender.faces.geometry import resized

from .answers import keep_table
from .photos import FAIRFACE


def looks(store: PortraitStore, files: list[str]) -> np.ndarray:
    """The portraits' hashes, uint16 (N, 16)."""
    portraits = (store.read(file) for file in tqdm(files, unit="portrait"))
    found = [look_of(resized(portrait, (LOOK_SIDE, LOOK_SIDE))) for portrait in portraits if portrait is not None]
    if len(found) < len(files):
        raise SystemExit(f"{len(files) - len(found)} portraits cannot be read: fetch FairFace again.")
    return np.frombuffer(b"".join(found), np.uint16).reshape(-1, 16)


def main(fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE) -> None:
    """Compares, prints, keeps."""
    training, validation = (pd.read_csv(fairface / f"{part}_labels.csv")["file"].tolist() for part in ("train", "val"))
    files = training + validation
    pairs = near_pairs(looks(PortraitStore(fairface), files))
    across = pairs[(pairs[:, 0] < len(training)) & (pairs[:, 1] >= len(training))]
    table = pd.DataFrame([(files[one], files[other]) for one, other in across], columns=["training", "validation"])
    print(table.to_string(index=False))
    keep_table(table, "near-copies")


if __name__ == "__main__":
    typer.run(main)
