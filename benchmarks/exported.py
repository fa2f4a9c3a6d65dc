"""What the exported files cost: size and accuracy beside the .keras file, on the choosing split.

    python -m benchmarks.exported --dataset masked [--model models/masked_gender.keras]

Every format is written anew into a temporary folder. The images are those of the choosing split that lies beside the
model; no test image is looked at. Prints the table, and keeps it in benchmarks/results/exported.csv.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from maskedgender.data.layout import BARE, TRAINING
from maskedgender.data.listing import list_images
from maskedgender.data.locate import find_dataset
from maskedgender.data.split_record import choosing_portraits
from maskedgender.images.reduced_decoding import read_portrait
from maskedgender.measure.metrics import accuracy_with_interval, percent
from maskedgender.networks.model_files import load_model
from maskedgender.places import SHIPPED_MODEL
from maskedgender.prediction.export import export

from .answers import keep_table

FORMATS = ("onnx", "litert", "litert-int8")  # one file each, which predict --model takes, too


def row(path: Path, pairs: np.ndarray, ours: np.ndarray, images: pd.DataFrame) -> dict[str, object]:
    """One file's figures: its probabilities and those of the .keras file, (N, 2), of the same images."""
    right, masked = pairs.argmax(axis=1) == images["label"], images["style"] != BARE
    figures: dict[str, object] = {"file": path.name, "MB": round(path.stat().st_size / 1e6, 1)}
    for name, chosen in (("masked", masked), ("bare", ~masked)):
        figures[name] = str(accuracy_with_interval(int(right[chosen].sum()), int(chosen.sum())))
    difference = np.abs(pairs - ours)[:, 0]
    figures["probability off by, mean"] = f"{difference.mean():.4f}"
    figures["at most"] = f"{difference.max():.4f}"
    figures["other answer"] = percent((pairs.argmax(axis=1) != ours.argmax(axis=1)).mean())
    return figures


def main(
    dataset: Annotated[Path, typer.Option(help="the dataset folder that the model was trained on")],
    model: Annotated[Path, typer.Option(help="a .keras file of ours")] = SHIPPED_MODEL,
) -> None:
    """Exports, measures, prints, keeps."""
    root = find_dataset(dataset)
    images = list_images(root, TRAINING)
    images = images[images["source"].isin(choosing_portraits(model, images))].reset_index(drop=True)
    loaded = load_model(model)
    crops = np.stack([read_portrait(root / file, loaded.size) for file in images["file"]])
    ours = loaded.predict(crops)
    rows = [row(model, ours, ours, images)]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copy(model, folder))
        shutil.copy(model.with_suffix(".json"), folder)
        for form in FORMATS:
            path, _ = export(copy, form, say=print)
            rows.append(row(path, load_model(path).predict(crops), ours, images))
    table = pd.DataFrame(rows)
    print(table.to_string(index=False))
    keep_table(table, "exported")


if __name__ == "__main__":
    typer.run(main)
