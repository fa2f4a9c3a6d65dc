"""How many looks at a face pay: accuracy, steadiness and work of the averages of several, on the choosing split.

    python -m benchmarks.looks --dataset masked --model models/masked_gender.keras

The images are those of the choosing split that lies beside the model; no test image is looked at. Steadiness is the
share of answers, female or male, that turn round when the crop is moved or scaled by 5 % or turned by 8 degrees. Prints
the table, and keeps it in benchmarks/results/looks-at-a-face.csv.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import keras
import numpy as np
import pandas as pd
import typer
from tqdm import tqdm

from maskedgender.data.layout import BARE, TRAINING
from maskedgender.data.listing import list_images
from maskedgender.data.locate import find_dataset
from maskedgender.data.split_record import choosing_portraits
from maskedgender.images.reduced_decoding import read_portrait
from maskedgender.measure.metrics import accuracy_with_interval
from maskedgender.networks.answering import MIRRORED, PLAIN, Look, answering_cnn
from maskedgender.networks.records import read_record
from maskedgender.networks.view import FACE_CENTRE_ROW
from maskedgender.training.fine_tuning import image_size, start_from
from maskedgender.training.pipeline import new_cnn

from .answers import keep_table

BATCH = 64
NEAR, FAR = Look(scale=1.06), Look(scale=0.94)
MIRRORED_NEAR, MIRRORED_FAR = Look(mirrored=True, scale=1.06), Look(mirrored=True, scale=0.94)
# Each nearer or farther, mirrored or not, and moved another way: what differs in frames, in four looks.
FOUR_WAYS = (
    Look(scale=1.06, right=0.04, down=0.04),
    Look(scale=0.94, right=-0.04, down=-0.04),
    Look(mirrored=True, scale=1.06, right=0.04, down=-0.04),
    Look(mirrored=True, scale=0.94, right=-0.04, down=0.04),
)
SIDES = Look(right=0.04), Look(mirrored=True, right=0.04), Look(down=0.04), Look(mirrored=True, down=-0.04)
WAYS: dict[str, tuple[Look, ...]] = {
    "one": (PLAIN,),
    "mirror image": (PLAIN, MIRRORED),
    "nearer, and the mirror image farther": (NEAR, MIRRORED_FAR),
    "mirror image, nearer, farther": (PLAIN, MIRRORED, NEAR, MIRRORED_FAR),
    "four, each moved otherwise": FOUR_WAYS,
    "mirror image, all at three sizes": (PLAIN, MIRRORED, NEAR, MIRRORED_NEAR, FAR, MIRRORED_FAR),
    "ten": (PLAIN, MIRRORED, NEAR, MIRRORED_NEAR, FAR, MIRRORED_FAR, *SIDES),
}
# Turned by degrees, scaled, moved right and down by shares of the side.
CHANGES = {
    "as it is": (0.0, 1.0, 0.0, 0.0),
    "moved by 5 %": (0.0, 1.0, 0.05, 0.05),
    "scaled by 5 %": (0.0, 1.05, 0.0, 0.0),
    "turned by 8 degrees": (8.0, 1.0, 0.0, 0.0),
}


def changed(crops: np.ndarray, change: str) -> np.ndarray:
    """Crops, uint8 (N, S, S, 3), as they would be had the frame lain otherwise."""
    turn, scale, right, down = CHANGES[change]
    side = crops.shape[1]
    matrix = cv2.getRotationMatrix2D((side / 2 - 0.5, FACE_CENTRE_ROW * side - 0.5), turn, scale)
    matrix[:, 2] += np.multiply((right, down), side)
    return np.stack([cv2.warpAffine(crop, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE) for crop in crops])


def margins(model: keras.Model, crops: np.ndarray) -> np.ndarray:
    """The logits of male minus female, float64 (N,)."""
    pairs = np.concatenate([model.predict_on_batch(crops[at : at + BATCH]) for at in range(0, len(crops), BATCH)])
    female, male = np.maximum(pairs.astype(np.float64), np.finfo(np.float32).tiny).T
    return np.log(male / female)


def row(looks: Sequence[Look], seen: dict[tuple[Look, str], np.ndarray], images: pd.DataFrame) -> dict[str, object]:
    """One way's figures; `seen` holds the margins of each look at each change."""
    labels, masked = images["label"].to_numpy(), (images["style"] != BARE).to_numpy()
    average = {change: np.mean([seen[look, change] for look in looks], axis=0) for change in CHANGES}
    right = (average["as it is"] > 0) == labels
    figures: dict[str, object] = {"looks": len(looks)}
    for name, chosen in (("masked", masked), ("bare", ~masked)):
        figures[name] = str(accuracy_with_interval(int(right[chosen].sum()), int(chosen.sum())))
    for change in list(CHANGES)[1:]:
        flips = (average[change] > 0) != (average["as it is"][: len(average[change])] > 0)
        figures[f"flips, {change}"] = str(accuracy_with_interval(int(flips.sum()), len(flips)))
    return figures


def main(
    dataset: Annotated[Path, typer.Option(help="the dataset folder that the model was trained on")],
    model: Annotated[Path, typer.Option(help="a .keras file of ours")],
    changed_ones: Annotated[int, typer.Option(help="images to measure steadiness on")] = 2000,
) -> None:
    """Measures, prints, keeps."""
    root = find_dataset(dataset)
    images = list_images(root, TRAINING)
    images = images[images["source"].isin(choosing_portraits(model, images))]
    images = images.sample(frac=1, random_state=0).reset_index(drop=True)  # the first ones alone would all be of women
    record = read_record(model)
    trained, _ = new_cnn(record["architecture"], record["view"], image_size(model), "nothing")
    start_from(trained, model)
    crops = np.stack([read_portrait(root / file, trained.input_shape[1]) for file in images["file"]])
    all_looks = list(dict.fromkeys(look for looks in WAYS.values() for look in looks))
    seen = {}
    for look in tqdm(all_looks, unit="look"):
        one = answering_cnn(trained, [look])
        for change in CHANGES:
            taken = crops if change == "as it is" else changed(crops[:changed_ones], change)
            seen[look, change] = margins(one, taken)
    table = pd.DataFrame([{"way": way, **row(looks, seen, images)} for way, looks in WAYS.items()])
    print(table.to_string(index=False))
    keep_table(table, "looks-at-a-face")


if __name__ == "__main__":
    typer.run(main)
