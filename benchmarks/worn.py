"""People in masks that they wear: the models on 311 photos of 55 persons that nothing was trained or chosen on.

    python -m benchmarks.worn [MODEL.keras ...] [--worn FOLDER]

By the served path (photo, detector, crop, file): accuracy; how many faces are answered at all; how many answers flip,
and how many answers given flip or become "not sure", when the crop's frame is moved or scaled by 5 % or turned by 8
degrees; and how often a mask is detected correctly.
Intervals draw persons anew. Prints the table, keeps it in benchmarks/results/worn.csv, and logs the test. Two minutes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from maskedgender.images.photos import decode_photo
from maskedgender.measure.gaps import balanced_accuracy, mean_of
from maskedgender.measure.test_log import log_test
from maskedgender.networks.records import NOT_KNOWN

from .answers import CLEAN, KINDS, TEST_LOG, Answers, answers, keep_table, load_models
from .changes import Framing, moved, scaled, turned
from .photos import BARE, FAIRFACE, Photo

WORN_MASKS = FAIRFACE.parent / "worn_masks"
WORN = "worn"
FRAMINGS: dict[str, Framing] = {
    "moved right": moved(0.05, 0),
    "moved down": moved(0, 0.05),
    "wider": scaled(1.05),
    "tighter": scaled(1 / 1.05),
    "turned left": turned(8),
    "turned right": turned(-8),
}


def photos(folder: Path) -> Iterator[Photo]:
    """All photos of the set, masked and bare."""
    table = pd.read_csv(folder / "labels.csv", dtype=str, keep_default_na=False)
    with zipfile.ZipFile(folder / "photos.zip") as archive:
        inside = {Path(name).name: name for name in archive.namelist()}
        for row in table.itertuples():
            pixels = decode_photo(archive.read(inside[row.file]), Path(row.file))
            style = WORN if row.mask == "yes" else BARE
            yield Photo(pixels, row.file, row.gender, NOT_KNOWN, NOT_KNOWN, style, None, pixels, None)


def figures(of_change: dict[str, Answers], masked: bool) -> dict[str, str]:
    """One model's figures on the photos with a mask, or on those without, as text."""
    chosen = (of_change[CLEAN].photos["style"] == WORN).to_numpy() == masked
    clean, *moved_ones = (given.part(chosen) for given in of_change.values())
    labels = clean.photos["label"].to_numpy()
    persons = clean.photos["file"].str.split("-").str[0].to_numpy()

    def share(values: np.ndarray) -> str:
        return str(mean_of(values, persons))

    flips = [clean.male != one.male for one in moved_ones]
    seen = [np.where(clean.found & one.found, flip, np.nan) for one, flip in zip(moved_ones, flips, strict=True)]
    confident = [clean.sure & one.sure & flip for one, flip in zip(moved_ones, flips, strict=True)]
    changed = [flip | ~one.sure for one, flip in zip(moved_ones, flips, strict=True)]
    masks = np.full(len(labels), np.nan) if clean.masks is None else clean.masks
    return {
        "photos": f"{len(labels)} of {len(set(persons))} persons",
        "face found": share(clean.found.astype(float)),
        "accuracy": share(clean.right),
        "balanced accuracy": str(balanced_accuracy(clean.right, labels, persons)),
        "answered": share(np.where(clean.found, clean.sure, np.nan)),
        "of these right": share(np.where(clean.sure, clean.right, np.nan)),
        "flips when the frame moves": share(np.mean(seen, axis=0)),
        "confident answers that flipped": str(np.sum(confident)),
        "answers given that change when the frame moves": share(np.where(clean.sure, np.mean(changed, axis=0), np.nan)),
        "mask detected correctly": share(np.where(np.isnan(masks), np.nan, (masks > 0.5) == masked)),
    }


def main(
    models: Annotated[list[Path] | None, typer.Argument(help="without, our two and the seed's")] = None,
    worn: Annotated[Path, typer.Option(help="the set's folder")] = WORN_MASKS,
) -> None:
    """Measures, prints, keeps."""
    given = answers(load_models(models), photos(worn), masked=False, framings=FRAMINGS)
    columns = {
        f"{name}, {KINDS[masked]}": figures(of_change, masked) for name, of_change in given.items() for masked in KINDS
    }
    for name, column in columns.items():
        log_test(TEST_LOG, f"benchmarks.worn, {name}: {column['accuracy']}")
    table = pd.DataFrame(columns)
    print(table.T.to_string())
    if not models:
        keep_table(table.rename_axis("figure").reset_index(), "worn")


if __name__ == "__main__":
    typer.run(main)
