"""What the exported files cost: size and accuracy beside the .keras file, on the validation split.

    python -m benchmarks.exported --dataset masked

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

from maskedgender.data.copies import without_leaks
from maskedgender.data.pictures import list_pictures, read_portrait
from maskedgender.data.split import split
from maskedgender.measure.metrics import percent, share_of
from maskedgender.networks.model_files import load_model
from maskedgender.places import SHIPPED_MODEL
from maskedgender.prediction.export import export

from .answers import keep_table
from .photos import BARE

FORMATS = ("onnx", "litert", "litert-int8")  # one file each, which predict --model takes, too


def main(dataset: Annotated[Path, typer.Option(help="the dataset folder that the model was trained on")]) -> None:
    """Exports, measures, prints, keeps."""
    _, pictures, _ = split(without_leaks(list_pictures(dataset))[0])
    model = load_model()
    crops = np.stack([read_portrait(path, model.size) for path in pictures["path"]])
    labels, sources = pictures["label"].to_numpy(), pictures["source"].to_numpy()
    masked, ours = (pictures["style"] != BARE).to_numpy(), model.predict(crops)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        keras_file = Path(shutil.copy(SHIPPED_MODEL, folder))
        for path in (keras_file, *(export(keras_file, form)[0] for form in FORMATS)):
            pairs = ours if path == keras_file else load_model(path).predict(crops)
            right, off = pairs.argmax(axis=1) == labels, np.abs(pairs - ours)[:, 0]
            row = {"file": path.name, "MB": round(path.stat().st_size / 1e6, 1)}
            for kind, chosen in (("masked", masked), ("bare", ~masked)):
                row[kind] = str(share_of(right[chosen], sources[chosen]))
            row |= {"probability off by, mean": f"{off.mean():.4f}", "at most": f"{off.max():.4f}"}
            rows.append({**row, "other answer": percent((pairs.argmax(axis=1) != ours.argmax(axis=1)).mean())})
    table = pd.DataFrame(rows)
    print(table.to_string(index=False))
    keep_table(table, "exported")


if __name__ == "__main__":
    typer.run(main)
