"""Ours beside the original's CNN on the same photos, by the served path: photo, detector, crop, file.

    python -m benchmarks.accuracy [MODEL.keras ...] [--fairface DIR]

FairFace's 5,000 validation portraits, each with a mask drawn on it, and the same portraits bare. Faces are looked for
once a photo, the largest is taken, and every model answers for its crop. Every fourth photo is handed over once more,
scaled so that its face has a size drawn from 24 to 192 pixels (changes.py), for the accuracy by size. Prints the table;
keeps it in benchmarks/results/ with accuracy by group, gaps between groups, and risk against coverage, which is drawn
in models/risk-coverage.png too; writes the model card anew, and logs the look. About twelve minutes on two cores.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from matplotlib.figure import Figure

from maskedgender.measure.gaps import Estimate, balanced_accuracy, error_ratio, gaps_between_groups
from maskedgender.measure.looks import append_look
from maskedgender.measure.metrics import (
    accuracy_by_group,
    accuracy_with_interval,
    answered,
    errors_by_group,
    percent,
    score,
)
from maskedgender.measure.risk_coverage import plot_risk_against_coverage, risk_against_coverage
from maskedgender.networks.records import NOT_SURE_BELOW, record_of
from maskedgender.places import SHIPPED_MODEL

from .answers import CLEAN, LOOKS, RESULTS, SEED_MODEL, Answers, answers, keep_table, load_models
from .card import write_card
from .changes import at_random_size
from .photos import FAIRFACE, photos

SIZED = "at a random size"
SIZED_EVERY = 4
KINDS = {True: "masked", False: "bare"}


def figures(given: Answers) -> dict[str, str]:
    """One model's figures on one set of photos, as text."""
    table, pairs = given.of_found()
    labels = table["label"].to_numpy()
    border = given.not_sure_below
    coverage, sure = answered(labels, pairs, border or 0.0)
    return {
        "face found": str(accuracy_with_interval(len(table), len(given.photos))),
        **score(labels, pairs).row(),
        "balanced accuracy": balanced_accuracy(given.right, given.photos["label"].to_numpy()).in_percent(),
        "accuracy, no face counted as wrong": str(
            accuracy_with_interval(int(np.nansum(given.right)), len(given.photos))
        ),
        '"not sure"': "never" if border is None else f"below {percent(border)}",
        "answered": str(coverage),
        "of these right": str(sure),
    }


def by_group(clean: Answers, sized: Answers) -> pd.DataFrame:
    """Accuracy and errors by group, as metrics.py gives them, and the column photos: with those without a face found.

    The groups are those of the clean photos; the faces' sizes are those of the photos that were scaled.
    """
    clean = replace(clean, photos=clean.photos.drop(columns="face size"))
    lines = pd.concat([_lines_with_photos(clean), _lines_with_photos(sized)])
    return lines[~lines.duplicated(["group", "value"])].reset_index(drop=True)


def _lines_with_photos(given: Answers) -> pd.DataFrame:
    of_found = given.of_found()
    lines = accuracy_by_group(*of_found).merge(errors_by_group(*of_found, given.not_sure_below), on=["group", "value"])
    every = accuracy_by_group(given.photos, np.nan_to_num(given.probabilities))[["group", "value", "count"]]
    merged = every.rename(columns={"count": "photos"}).merge(lines, how="left", on=["group", "value"])
    return merged.fillna({"count": 0}).astype({"count": int})


def gaps(clean: Answers, seeds: Answers | None) -> pd.DataFrame:
    """Gaps between groups and, where the seed's answers are given, the error as a share of its; a row a figure."""
    found: dict[str, Estimate] = gaps_between_groups(clean.photos, clean.right, clean.sure)
    if seeds is not None:
        found["error, as a share of the seed's"] = error_ratio(clean.right, seeds.right)
    rows = [(figure, one.value, one.low, one.high) for figure, one in found.items()]
    return pd.DataFrame(rows, columns=["figure", "value", "low", "high"])


def measure(given: dict[str, dict[str, Answers]], kind: str) -> dict[str, pd.DataFrame]:
    """All tables of one set of photos, one for each CSV file; `accuracy` has a column a model."""
    seeds = given[SEED_MODEL.stem][CLEAN] if SEED_MODEL.stem in given else None
    tables: dict[str, list[pd.DataFrame]] = {"accuracy-by-group": [], "gaps": [], "coverage": []}
    for name, of_change in given.items():
        clean = of_change[CLEAN]
        table, pairs = clean.of_found()
        tables["accuracy-by-group"].append(by_group(clean, of_change[SIZED]).assign(model=name))
        tables["gaps"].append(gaps(clean, None if name == SEED_MODEL.stem else seeds).assign(model=name))
        tables["coverage"].append(risk_against_coverage(table["label"].to_numpy(), pairs).assign(model=name))
    long = {name: pd.concat(parts).assign(masked=kind == KINDS[True]) for name, parts in tables.items()}
    return {"accuracy": pd.DataFrame({f"{name}, {kind}": figures(given[name][CLEAN]) for name in given}), **long}


def look(models: list[Path] | None, fairface: Path, every: int, masked: bool) -> dict[str, pd.DataFrame]:
    """All tables of the masked photos, or of the bare ones."""
    loaded = load_models(models)
    clean = answers(loaded, photos(fairface, "val", masked, every=every), masked)
    some = photos(fairface, "val", masked, every=SIZED_EVERY * every)
    sized = answers(loaded, some, masked, {SIZED: at_random_size})
    return measure({name: clean[name] | sized[name] for name in loaded}, KINDS[masked])


def keep(tables: dict[str, pd.DataFrame]) -> None:
    """Writes the tables, the figure and the card of the shipped model."""
    keep_table(tables["accuracy"].rename_axis("figure").reset_index(), "accuracy")
    for name in ("accuracy-by-group", "gaps", "coverage"):
        keep_table(tables[name], name)
    draw()
    write_card()


def draw() -> None:
    """Writes the figure that the card shows, from the table that is kept."""
    coverage = pd.read_csv(RESULTS / "coverage.csv")
    plot(coverage).savefig(SHIPPED_MODEL.parent / "risk-coverage.png", dpi=110)


def plot(coverage: pd.DataFrame) -> Figure:
    """Risk against coverage of the shipped model, masked and bare."""
    ours = coverage[coverage["model"] == SHIPPED_MODEL.stem]
    words = {True: "with a drawn mask", False: "bare"}
    border = float(record_of(SHIPPED_MODEL)[NOT_SURE_BELOW])
    return plot_risk_against_coverage({words[masked]: ours[ours["masked"] == masked] for masked in KINDS}, border)


def main(
    models: Annotated[list[Path] | None, typer.Argument(help="without, our two and the seed's")] = None,
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE,
    every: Annotated[int, typer.Option(help="take every n-th portrait, for a quick look that is not kept")] = 1,
    keep_it: Annotated[bool, typer.Option("--keep", help="keep the tables of a sample, too: n tells its size")] = False,
) -> None:
    """Measures, prints, keeps."""
    with ProcessPoolExecutor(len(KINDS), multiprocessing.get_context("spawn")) as processes:
        measured = list(processes.map(partial(look, models, fairface, every), KINDS))
    for part in measured:
        for column, accuracy in part["accuracy"].loc["accuracy (95 % interval)"].items():
            append_look(LOOKS, f"benchmarks.accuracy, FairFace-val 1/{every}, {column}: {accuracy}")
    tables = {
        "accuracy": pd.concat([part["accuracy"] for part in measured], axis=1),
        **{name: pd.concat([part[name] for part in measured]) for name in ("accuracy-by-group", "gaps", "coverage")},
    }
    print(tables["accuracy"].T.to_string())
    print(tables["gaps"].to_string(index=False, float_format="{:.4f}".format))
    if (every == 1 or keep_it) and not models:
        keep(tables)


if __name__ == "__main__":
    typer.run(main)
