"""From which probability on an answer is given, and where the border between the two words lies: chosen, not tested.

    python -m benchmarks.threshold --dataset masked [--model models/masked_gender.keras] [--write]

The portraits of the choosing split that lies beside the model go through the served path (photo, detector, crop, file),
each with a mask, and bare; no test image is looked at. Prints

- how many are answered at each threshold, how many of these answers are right, and the smallest threshold whose answers
  to masked portraits are at least 95 % right even at the lower end of their 95 % interval. The interval is the margin
  that makes it hold for other photos, too, which the smallest threshold that just passes on these very ones would
  not, half of the time. `--write` makes it the border of "not sure" in the record beside the model;
- how often women and men are answered rightly when the logit of male minus female is shifted, and the shift at which
  both are right equally often: what the calibration, which weighs both the same, leaves to be wished for.

About three minutes on two cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from maskedgender.data.layout import TRAINING
from maskedgender.data.listing import list_images
from maskedgender.data.locate import find_dataset
from maskedgender.data.split_record import choosing_portraits
from maskedgender.measure.metrics import answered, calibration_error, percent
from maskedgender.networks.records import NOT_SURE_BELOW, NOT_SURE_BY, amend_record, record_of
from maskedgender.places import SHIPPED_MODEL
from maskedgender.training.calibration import LEAST_RIGHT

from .answers import CLEAN, answers, load_models
from .photos import FAIRFACE, photos

THRESHOLDS = np.arange(50, 100) / 100
SHIFTS = np.arange(-100, 101) / 100  # of the logit
SHOWN_SHIFTS = np.arange(-5, 6) / 5


def thresholds(labels: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """One row a threshold: what share is answered, and how much of that is right, each a `Share`."""
    rows = [(threshold, *answered(labels, probabilities, threshold)) for threshold in THRESHOLDS]
    return pd.DataFrame(rows, columns=["threshold", "answered", "of these right"])


def chosen(table: pd.DataFrame) -> float | None:
    """The smallest threshold whose answers are surely right often enough; None where there is none."""
    enough = table[[right.low >= LEAST_RIGHT for right in table["of these right"]]]
    return None if enough.empty else float(enough["threshold"].iloc[0])


def shifted(probabilities: np.ndarray, shift: float) -> np.ndarray:
    """The probabilities, (N, 2), when the logit of male minus female is higher by `shift`."""
    male = probabilities[:, 1] * np.exp(shift)
    male = male / (male + probabilities[:, 0])
    return np.column_stack([1 - male, male])


def operating_points(labels: np.ndarray, probabilities: np.ndarray, shifts: Sequence[float]) -> pd.DataFrame:
    """One row a shift: accuracy on women, on men, and on all, and the calibration error, 0..1."""
    rows = []
    for shift in shifts:
        pairs = shifted(probabilities, shift)
        women, men = recalls(labels, pairs)
        right = float((pairs.argmax(axis=1) == labels).mean())
        rows.append((shift, women, men, right, calibration_error(labels, pairs)))
    return pd.DataFrame(rows, columns=["shift", "women", "men", "all", "calibration error"])


def recalls(labels: np.ndarray, probabilities: np.ndarray) -> tuple[float, float]:
    """The shares of women, and of men, that are answered rightly."""
    right = probabilities.argmax(axis=1) == labels
    return float(right[labels == 0].mean()), float(right[labels == 1].mean())


def equal_shift(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """The shift at which women and men are right equally often, as nearly as the steps allow."""
    gaps = [float(np.subtract(*recalls(labels, shifted(probabilities, shift)))) for shift in SHIFTS]
    return float(SHIFTS[np.abs(gaps).argmin()])


def show(name: str, labels: np.ndarray, probabilities: np.ndarray) -> None:
    """Prints the operating points of one set of photos."""
    equal = equal_shift(labels, probabilities)
    points = operating_points(labels, probabilities, sorted({*SHOWN_SHIFTS, equal}))
    print(f"\n{name}, {len(labels):,} photos: women and men are equally often right at a shift of {equal:+.2f}")
    formats = {"shift": "{:+.2f}".format, **dict.fromkeys(points.columns[1:], percent)}
    print(points.to_string(index=False, formatters=formats))


def write_border(model: Path, choice: float | None, by: str) -> None:
    """Put the border of "not sure", and what it was chosen by, into a model's record; take both away if there is none.

    A border that was chosen by fewer portraits is higher, as the interval of their accuracy is wider.
    """
    border = None if choice is None else f"{choice:.2f}"
    amend_record(model, {NOT_SURE_BELOW: border, NOT_SURE_BY: border and by})


def main(
    dataset: Annotated[Path, typer.Option(help="the dataset folder that the model was trained on")],
    model: Annotated[Path, typer.Option(help="a .keras file")] = SHIPPED_MODEL,
    fairface: Annotated[Path, typer.Option(help="FairFace's folder, of which the dataset was made")] = FAIRFACE,
    every: Annotated[int, typer.Option(help="take every n-th portrait of the split")] = 1,
    write: Annotated[bool, typer.Option("--write", help="put the border into the model's record")] = False,
) -> None:
    """Prints the tables and the choices."""
    if write and not record_of(model):
        raise typer.BadParameter(f"{model} has no record of its own, so nothing can be written into it.")
    files = choosing_portraits(model, list_images(find_dataset(dataset), TRAINING))
    loaded = load_models([model])
    found = {}
    for masked, name in ((True, "with a mask"), (False, "bare")):
        taken = photos(fairface, "train", masked, every=every, only=files)
        table, pairs = answers(loaded, taken, masked)[str(model)][CLEAN].of_found()
        found[name] = (table["label"].to_numpy(), pairs)
    table = thresholds(*found["with a mask"])
    print(table[::5].to_string(index=False, formatters={"threshold": "{:.2f}".format}))
    choice = chosen(table)
    print(
        f'"not sure" below {choice}'
        if choice
        else f"No threshold gives answers that are surely {LEAST_RIGHT:.0%} right."
    )
    if write:
        write_border(model, choice, f"{len(found['with a mask'][0]):,} masked portraits of the choosing split")
    found["both together"] = tuple(np.concatenate(parts) for parts in zip(*found.values(), strict=True))
    for name, (labels, pairs) in found.items():
        show(name, labels, pairs)


if __name__ == "__main__":
    typer.run(main)
