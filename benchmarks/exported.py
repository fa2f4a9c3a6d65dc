"""What the exported files cost: size and accuracy beside the .keras file, on the validation split.

    python -m benchmarks.exported --dataset masked [--model models/masked_gender.keras]

Every format is written anew into a temporary folder; no test image is opened. Prints the table, and keeps it in
benchmarks/results/exported.csv.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from maskedgender.data.pictures import list_pictures, read_portrait
from maskedgender.data.split import split
from maskedgender.measure.metrics import percent, share_of
from maskedgender.networks.model_files import load_model
from maskedgender.places import SHIPPED_MODEL
from maskedgender.prediction.export import export

from .answers import keep_table
from .photos import BARE

FORMATS = ("onnx", "litert", "litert-int8")  # one file each, which predict --model takes, too


def row(path: Path, pairs: np.ndarray, ours: np.ndarray, pictures: pd.DataFrame) -> dict[str, object]:
    """One file's figures: its probabilities and those of the .keras file, (N, 2), of the same pictures."""
    right, masked = (pairs.argmax(axis=1) == pictures["label"]).to_numpy(), (pictures["style"] != BARE).to_numpy()
    sources, difference = pictures["source"].to_numpy(), np.abs(pairs - ours)[:, 0]
    return {
        "file": path.name,
        "MB": round(path.stat().st_size / 1e6, 1),
        "masked": str(share_of(right[masked], sources[masked])),
        "bare": str(share_of(right[~masked], sources[~masked])),
        "probability off by, mean": f"{difference.mean():.4f}",
        "at most": f"{difference.max():.4f}",
        "other answer": percent((pairs.argmax(axis=1) != ours.argmax(axis=1)).mean()),
    }


def main(
    dataset: Annotated[Path, typer.Option(help="the dataset folder that the model was trained on")],
    model: Annotated[Path, typer.Option(help="a .keras file of ours")] = SHIPPED_MODEL,
) -> None:
    """Exports, measures, prints, keeps."""
    _, pictures, _ = split(list_pictures(dataset))
    loaded = load_model(model)
    crops = np.stack([read_portrait(path, loaded.size) for path in pictures["path"]])
    ours = loaded.predict(crops)
    rows = [row(model, ours, ours, pictures)]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copy(model, folder))
        if model.with_suffix(".json").exists():
            shutil.copy(model.with_suffix(".json"), folder)
        for form in FORMATS:
            path, _ = export(copy, form, say=print)
            rows.append(row(path, load_model(path).predict(crops), ours, pictures))
    table = pd.DataFrame(rows)
    print(table.to_string(index=False))
    keep_table(table, "exported")


if __name__ == "__main__":
    typer.run(main)
