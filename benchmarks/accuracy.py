"""Ours beside the original's CNN on the same photos, by the served path: photo, detector, crop, file.

    python -m benchmarks.accuracy [MODEL.keras ...] [--fairface DIR]

FairFace's 5,000 validation portraits, each with a mask drawn on it, and the same portraits bare. Faces are looked for
once a photo, the largest is taken, and every model answers for its crop. Prints the table, keeps it with the tables by
group in benchmarks/results/, writes the model card, and logs the look. About ten minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import pandas as pd
import typer
from tqdm import tqdm

from maskedgender.card import model_card
from maskedgender.dataset import CLASSES
from maskedgender.evaluation import accuracy_by_group, accuracy_with_interval, answered, append_look, score
from maskedgender.faces import canonical_crop, find_faces
from maskedgender.prediction import NOT_SURE_BELOW, SHIPPED_MODEL, load_model, predict_crops

from .photos import FAIRFACE, photos

RESULTS = Path(__file__).parent / "results"
SEED_MODEL = Path(__file__).parent / "models" / "seed_gender.keras"
OURS_AND_THE_SEEDS = {path.stem: path for path in (SHIPPED_MODEL, SEED_MODEL)}
CHUNK = 256  # photos answered at once
MEASURED_BY = """On FairFace's 5,000 validation portraits, with a drawn mask and bare, none of which trained or tuned
anything, by the served path (photo, detector, crop, file): `python -m benchmarks.accuracy`. Each portrait is enlarged
until its face has the size of a dataset image's; those on which no mask could be drawn are left out where masks are
worn. `seed_gender` is the original notebook's CNN with its optimizer, batch and loss, for fewer than its 30 epochs
(below), on the same images and the same part of them (the view "face"); its probabilities are not calibrated."""


def answers(
    models: dict[str, keras.Model], fairface: Path, masked: bool, every: int
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The photos on which a face was found, and each model's probabilities for them; `attrs` counts all photos."""
    rows: list[dict[str, object]] = []
    crops: dict[int, list[np.ndarray]] = {model.input_shape[1]: [] for model in models.values()}
    pairs: dict[str, list[np.ndarray]] = {name: [] for name in models}
    count = unmasked = 0

    def flush() -> None:
        for name, model in models.items():
            waiting = crops[model.input_shape[1]]
            if waiting:
                pairs[name].append(predict_crops(model, np.stack(waiting)))
        for waiting in crops.values():
            waiting.clear()

    for photo in tqdm(photos(fairface, "val", masked, every=every), "masked" if masked else "bare", unit="photo"):
        if masked and photo.style == "none":  # no mask could be drawn: it is none of the masked photos
            unmasked += 1
            continue
        count += 1
        faces = find_faces(photo.pixels)
        if not faces:
            continue
        label = CLASSES.index(photo.gender)
        rows.append({"label": label, "age": photo.age, "race": photo.race, "style": photo.style})
        for size, waiting in crops.items():
            waiting.append(canonical_crop(photo.pixels, faces[0], size))
        if len(rows) % CHUNK == 0:
            flush()
    flush()
    table = pd.DataFrame(rows)
    table.attrs["photos"] = count
    if unmasked:
        print(f"{unmasked} portraits left out: no mask could be drawn on them")
    return table, {name: np.concatenate(parts) for name, parts in pairs.items()}


def figures(table: pd.DataFrame, pairs: np.ndarray) -> dict[str, str]:
    """One model's figures on one set of photos, as text."""
    labels = table["label"].to_numpy()
    coverage, sure = answered(labels, pairs, NOT_SURE_BELOW)
    right = int((pairs.argmax(axis=1) == labels).sum())
    return {
        "face found": str(accuracy_with_interval(len(table), table.attrs["photos"])),
        **score(labels, pairs).row(),
        "accuracy, no face counted as wrong": str(accuracy_with_interval(right, table.attrs["photos"])),
        f"answered (at {NOT_SURE_BELOW:.2f} or more)": str(coverage),
        "of these right": str(sure),
    }


def keep(result: pd.DataFrame, by_group: pd.DataFrame) -> None:
    """Writes the tables, and the card of the shipped model."""
    result.to_csv(RESULTS / "accuracy.csv", index_label="figure")
    by_group.round(4).to_csv(RESULTS / "accuracy-by-group.csv", index=False)
    ours = by_group[(by_group["model"] == SHIPPED_MODEL.stem) & by_group["masked"]]
    card = model_card([SHIPPED_MODEL, SEED_MODEL], result, ours, MEASURED_BY)
    (SHIPPED_MODEL.parent / "README.md").write_text(card, encoding="utf-8")


def main(
    models: Annotated[list[Path] | None, typer.Argument(help="ours and the seed's without")] = None,
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE,
    every: Annotated[int, typer.Option(help="take every n-th portrait, for a quick look that is not kept")] = 1,
) -> None:
    """Measures, prints, keeps."""
    names = {str(path): path for path in models} if models else OURS_AND_THE_SEEDS
    loaded = {name: load_model(path) for name, path in names.items()}
    columns: dict[str, dict[str, str]] = {}
    by_group: list[pd.DataFrame] = []
    for masked in (True, False):
        table, probabilities = answers(loaded, fairface, masked, every)
        for name, pairs in probabilities.items():
            column = f"{name}, {'masked' if masked else 'bare'}"
            columns[column] = figures(table, pairs)
            by_group.append(accuracy_by_group(table, pairs).assign(model=name, masked=masked))
            append_look(
                RESULTS / "looks.csv",
                f"benchmarks.accuracy, FairFace-val 1/{every}, {column}: {columns[column]['accuracy (95 % interval)']}",
            )
    result = pd.DataFrame(columns)
    print(result.T.to_string())
    if every == 1 and not models:
        keep(result, pd.concat(by_group))


if __name__ == "__main__":
    typer.run(main)
