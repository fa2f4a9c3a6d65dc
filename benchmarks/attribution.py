"""What a model looks at: its heat maps averaged over aligned test faces, bare and with a mask, of women and of men.

    python -m benchmarks.attribution [MODEL.keras] [--every 12] [--fairface DIR]

Canonical crops lay all faces on one another, so that their heat maps (attribution.py) can be averaged. Every twelfth of
FairFace's validation portraits, by the served path: photo, detector, crop, file. Draws models/attribution.png, prints
how much of the heat lies in the upper half of the face, which a mask leaves free, and logs the look. About five
minutes on two cores.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import matplotlib.pyplot as plt
import numpy as np
import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tqdm import tqdm

from maskedgender.data.layout import CLASSES
from maskedgender.faces.crops import BOX_CENTRE_IN_CROP, CROP_OVER_BOX, canonical_crop
from maskedgender.faces.finding import find_faces
from maskedgender.files import written_whole
from maskedgender.measure.looks import append_look
from maskedgender.measure.metrics import percent
from maskedgender.networks.classifier import Classifier
from maskedgender.networks.model_files import load_model
from maskedgender.places import SHIPPED_MODEL
from maskedgender.prediction.attribution import heat_map, overlay

from .answers import LOOKS
from .photos import BARE, FAIRFACE, Photo, photos

FIGURE = SHIPPED_MODEL.parent / "attribution.png"
EVERY = 12
GROUPS = {"all": CLASSES, **{f"labelled {label}": (label,) for label in CLASSES}}


@dataclass(frozen=True)
class Looked:
    """Faces, and what a model looked at in each.

    Attributes:
        crops: canonical crops, uint8 (N, S, S, 3), RGB.
        heats: their heat maps, float32 (N, S, S), log-odds of the label that the model finds likelier.
        genders: "female" or "male", the faces' own labels, str (N,).
    """

    crops: np.ndarray
    heats: np.ndarray
    genders: np.ndarray

    def of(self, group: str) -> Looked:
        """Those of a group of GROUPS."""
        chosen = np.isin(self.genders, GROUPS[group])
        return Looked(self.crops[chosen], self.heats[chosen], self.genders[chosen])


def looked_at(model: Classifier, faces: Iterable[Photo], masked: bool) -> Looked:
    """What the model looks at in the largest face of each photo; photos without a face, or a mask, are left out."""
    crops, genders = [], []
    for photo in tqdm(faces, "masked" if masked else "bare", unit="photo"):
        found = find_faces(photo.pixels) if masked == (photo.style != BARE) else []
        if found:
            crops.append(canonical_crop(photo.pixels, found[0], model.size))
            genders.append(photo.gender)
    heats = [heat_map(model.model, crop) for crop in tqdm(crops, "heat maps", unit="face")]
    return Looked(np.stack(crops), np.stack(heats), np.array(genders))


def upper_share(heats: np.ndarray) -> float:
    """How much of the heat, for and against, lies in the upper half of the face, 0..1; an even map, (N, S, S), has 0.5.

    The face is the rows of its box: so much of a canonical crop, above and below the box's middle.
    """
    size = heats.shape[1]
    middle, half = round(BOX_CENTRE_IN_CROP[1] * size), round(size / CROP_OVER_BOX / 2)
    rows = np.abs(heats).sum(axis=(0, 2))
    upper, lower = rows[middle - half : middle].sum(), rows[middle : middle + half].sum()
    return float(upper / (upper + lower))


def draw(looked: dict[str, Looked]) -> Figure:
    """One row a kind of photo ("bare", "masked"): the mean face, then the mean heat map of each group over its own."""
    strongest = max(np.abs(one.of(group).heats.mean(axis=0)).max() for one in looked.values() for group in GROUPS)
    figure, axes = plt.subplots(len(looked), len(GROUPS) + 1, figsize=(10, 2.8 * len(looked)), layout="constrained")
    for row, (kind, faces) in zip(axes, looked.items(), strict=True):
        row[0].imshow(_mean_face(faces))
        row[0].set_title(f"{kind}: the mean of {len(faces.crops)} faces", fontsize=8)
        for axis, group in zip(row[1:], GROUPS, strict=True):
            _draw_group(axis, faces.of(group), f"{kind}, {group}", strongest)
    for axis in axes.flat:
        axis.axis("off")
    _draw_scale(figure, axes[:, -1], strongest)
    figure.suptitle(
        "What the likelier label loses when a place of the face is hidden, mean over test faces", fontsize=10
    )
    return figure


def _draw_group(axis: Axes, faces: Looked, name: str, strongest: float) -> None:
    axis.imshow(overlay(_mean_face(faces), faces.heats.mean(axis=0), strongest))
    axis.axhline(BOX_CENTRE_IN_CROP[1] * len(faces.heats[0]), color="white", linewidth=0.8, linestyle=":")
    axis.set_title(
        f"{name} (n = {len(faces.crops)})\n{100 * upper_share(faces.heats):.0f} % in the face's upper half", fontsize=8
    )


def _draw_scale(figure: Figure, beside: np.ndarray, strongest: float) -> None:
    """The colours that `overlay` gives to -strongest..strongest, on a middle grey."""
    ramp = np.linspace(strongest, -strongest, 256, dtype=np.float32)[:, None]
    bar = overlay(np.full((256, 1, 3), 150, np.uint8), ramp, strongest)
    axis = figure.colorbar(plt.cm.ScalarMappable(), ax=list(beside), fraction=0.06, aspect=25).ax
    axis.clear()
    axis.imshow(bar, extent=(0, 1, -strongest, strongest), aspect="auto")
    axis.set_xticks([])
    axis.set_ylabel("speaks against   |   for the likelier label (log-odds)", fontsize=8)
    axis.tick_params(labelsize=7)


def _mean_face(faces: Looked) -> np.ndarray:
    return np.rint(faces.crops.mean(axis=0)).astype(np.uint8)


def save(figure: Figure, path: Path) -> None:
    """Write the figure as PNG, all of it or nothing."""
    with written_whole(path) as partial:
        figure.savefig(partial, dpi=150)


def main(
    model: Annotated[Path, typer.Argument(help="a .keras file")] = SHIPPED_MODEL,
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE,
    every: Annotated[int, typer.Option(help="take every n-th portrait")] = EVERY,
    figure: Annotated[Path, typer.Option(help="the picture that is written")] = FIGURE,
) -> None:
    """Measures, draws, logs."""
    loaded = load_model(model)
    looked = {
        kind: looked_at(loaded, photos(fairface, "val", masked, every=every), masked)
        for kind, masked in (("bare", False), ("masked", True))
    }
    for kind, faces in looked.items():
        share = f"{len(faces.crops)} {kind} faces, {percent(upper_share(faces.heats))} of the heat in the upper half"
        print(share)
        append_look(LOOKS, f"benchmarks.attribution, FairFace-val 1/{every}, {model.stem}: {share}")
    save(draw(looked), figure)


if __name__ == "__main__":
    typer.run(main)
