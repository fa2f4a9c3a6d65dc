"""Whether it helps to turn each face upright, by the line of its eyes, before its crop is cut.

    python -m benchmarks.upright --dataset masked [MODEL.keras]

The portraits of the choosing split with a mask, as they are and turned; the dataset is the one that the model was
trained on. Each photo's largest face is found anew, and answered twice: cropped as find_faces gives it, and turned by
the angle of its eyes. Prints a row an angle, and keeps them in benchmarks/results/upright.csv. About three minutes on
two cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import pandas as pd
import typer
from tqdm import tqdm

from maskedgender.data.layout import CLASSES
from maskedgender.faces.crops import canonical_crop
from maskedgender.faces.detector import Face
from maskedgender.faces.finding import find_faces
from maskedgender.faces.geometry import turned_about
from maskedgender.measure.gaps import bootstrap, mean_of
from maskedgender.networks.model_files import load_model
from maskedgender.places import SHIPPED_MODEL

from .answers import keep_table
from .detection import choosing_split
from .photos import BARE, FAIRFACE, Photo, photos

EVERY = 24  # of about 4,000 portraits
COLUMNS = ["turned by", "faces", "as found", "upright", "gain", "low", "high"]
ANGLES = (0, -10, 10, -20, 20, -30, 30)  # degrees, clockwise


def upright(face: Face) -> Face:
    """The face with the angle of the line from its right to its left eye."""
    right, down = face.landmarks[1] - face.landmarks[0]
    return replace(face, angle=float(np.degrees(np.arctan2(down, right))))


def turned(photo: Photo, angle: float) -> np.ndarray:
    """The photo turned clockwise about its middle; where nothing is known its edge is repeated."""
    size = (photo.pixels.shape[1], photo.pixels.shape[0])
    return turned_about(photo.pixels, (np.array(size) - 1) / 2, -angle, size, cv2.BORDER_REPLICATE)


def pairs_of_crops(taken: list[Photo], angle: float, size: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """The label and the two crops, as it is and upright, of each photo in which a face is found once it is turned."""
    for photo in tqdm(taken, f"{angle} degrees", unit="photo", leave=False):
        picture = turned(photo, angle)
        for face in find_faces(picture)[:1]:
            crops = (canonical_crop(picture, one, size) for one in (face, upright(face)))
            yield CLASSES.index(photo.gender), *crops


def main(
    dataset: Annotated[Path, typer.Option(help="the dataset folder whose choosing split is taken")],
    model: Annotated[Path, typer.Argument()] = SHIPPED_MODEL,
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE,
    seed: Annotated[int, typer.Option(help="of the split: the one that training was given")] = 0,
    every: Annotated[int, typer.Option(help="take every n-th portrait; fewer than by default are not kept")] = EVERY,
) -> None:
    """Measures, prints, keeps."""
    answering, only = load_model(model), choosing_split(dataset, seed)
    taken = [one for one in photos(fairface, "train", True, every=every, only=only) if one.style != BARE]
    rows: list[tuple[float, ...]] = []
    for angle in ANGLES:
        labels, as_found, turned_up = zip(*pairs_of_crops(taken, angle, answering.size), strict=True)
        right = [
            (answering.predict(np.stack(crops)).argmax(1) == labels).astype(float) for crops in (as_found, turned_up)
        ]
        gain = bootstrap(mean_of(right[1] - right[0]), len(labels))
        rows.append((angle, len(labels), right[0].mean(), right[1].mean(), gain.value, gain.low, gain.high))
    table = pd.DataFrame(rows, columns=COLUMNS)
    print(table.to_string(index=False, float_format="{:.4f}".format))
    if every <= EVERY:
        keep_table(table, "upright")


if __name__ == "__main__":
    typer.run(main)
