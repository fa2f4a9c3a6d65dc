"""How many faces are found at each score threshold, masked and bare, and how often a second box is put on a portrait.

    python -m benchmarks.detection [--fairface DIR] [--every 80]

Decided on FairFace's training part; two minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from maskedgender.faces import Face, find_faces

from .photos import FAIRFACE, Photo, photos

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union of two boxes (x, y, width, height)."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def scores(photo: Photo) -> tuple[float, float]:
    """The score of the best box on the face, and of the best box elsewhere; 0 where there is none."""
    found: list[Face] = find_faces(photo.pixels, THRESHOLDS[0])
    on_face = [face.score for face in found if photo.box and overlap(face.box, photo.box) > 0.5]
    elsewhere = [face.score for face in found if photo.box and overlap(face.box, photo.box) <= 0.3]
    return max(on_face, default=0.0), max(elsewhere, default=0.0)


def main(
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE,
    every: Annotated[int, typer.Option(help="take every n-th portrait")] = 80,
) -> None:
    """Prints one row a threshold."""
    measured = {
        name: pd.DataFrame(
            [
                scores(photo)
                for photo in photos(fairface, "train", masked, every=every)
                if photo.box and (photo.style != "none" or not masked)
            ]
        )
        for name, masked in (("masked", True), ("bare", False))
    }
    rows = [
        {
            "threshold": threshold,
            **{f"{name} found": (table[0] >= threshold).mean() for name, table in measured.items()},
            **{f"{name} second box": (table[1] >= threshold).mean() for name, table in measured.items()},
        }
        for threshold in THRESHOLDS
    ]
    print(f"{len(measured['masked'])} portraits of FairFace's training part")
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.3f}".format))


if __name__ == "__main__":
    typer.run(main)
