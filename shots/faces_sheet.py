"""shots/faces.png and grace_hopper.png: examples of one face each, and under it what the shipped model answers.

python shots/faces_sheet.py
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image, ImageOps

from maskedgender.data.pictures import CLASSES
from maskedgender.images.photos import read_photo
from maskedgender.networks.classifier import Classifier
from maskedgender.networks.model_files import load_model
from maskedgender.page.annotation import annotate
from maskedgender.page.style import COLOURS
from maskedgender.places import EXAMPLES
from maskedgender.prediction.answers import NOT_SURE, Prediction, per_cent, predict_photo

SHOWN = 5
SIDE = 480  # pixels a photo is shown with


def main() -> None:
    """Draws both sheets."""
    model, photos = load_model(), of_one_face()
    for name, shown in (("faces.png", photos[:SHOWN]), ("grace_hopper.png", [EXAMPLES / "grace_hopper.jpg"])):
        figure = Figure(figsize=(3.2 * len(shown), 3.6), layout="constrained", facecolor="white")
        for panel, photo in zip(figure.subplots(1, len(shown), squeeze=False).flat, shown, strict=True):
            show(panel, model, photo)
        figure.savefig(Path(__file__).with_name(name), dpi=80)


def of_one_face() -> list[Path]:
    """The examples that show one face, in their order."""
    with (EXAMPLES / "examples.csv").open(encoding="utf-8", newline="") as file:
        return [EXAMPLES / row["file"] for row in csv.DictReader(file) if ";" not in row["answers"]]


def show(panel: Axes, model: Classifier, photo: Path) -> None:
    """One photo's square, with its boxes, and the words for its largest face."""
    pixels = read_photo(photo)
    predictions = predict_photo(model, pixels)
    drawn = Image.fromarray(annotate(pixels, predictions))
    panel.imshow(np.asarray(ImageOps.pad(drawn, (SIDE, SIDE), color="white")))
    panel.set(xticks=[], yticks=[], frame_on=False)
    panel.set_xlabel(words(predictions[0]), fontsize=13, color=COLOURS[predictions[0].answer], labelpad=8)


def words(face: Prediction) -> str:
    """Such as "female, 98 %"; and where the model is not sure, to what it leans."""
    likelier, p = max(zip(CLASSES, (face.p_female, face.p_male), strict=True), key=lambda pair: pair[1])
    told = per_cent(p, face.not_sure_below)
    return f"{NOT_SURE}, {told} {likelier}" if face.answer == NOT_SURE else f"{face.answer}, {told}"


if __name__ == "__main__":
    main()
