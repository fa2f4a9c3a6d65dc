"""Ours beside the original's CNN on the same photos, by the served path: photo, detector, crop, file.

    python -m benchmarks.accuracy [MODEL.keras ...] [--fairface DIR]

FairFace's 5,000 validation portraits, each with a mask drawn on it, and bare; of each the largest face. Every fourth
photo is handed over once more, scaled so that its face has a size drawn from 24 to 192 pixels, for the accuracy by
size. Prints the table; keeps it in benchmarks/results/ with accuracy by group, gaps between groups, and risk against
coverage; writes the model card anew, and logs the test. About twelve minutes on two cores.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from maskedgender.measure.gaps import balanced_accuracy, error_ratio, gaps_between_groups
from maskedgender.measure.metrics import accuracy_by_group, answered, errors_by_group, percent, score, share_of
from maskedgender.measure.risk_coverage import risk_against_coverage
from maskedgender.measure.test_log import log_test

from .answers import CLEAN, KINDS, SEED_MODEL, TEST_LOG, Answers, answers, keep_table, load_models
from .card import main as write_card
from .changes import at_random_size
from .photos import FAIRFACE, photos

SIZED_EVERY = 4
LONG_TABLES = ("accuracy-by-group", "gaps", "coverage")


def figures(given: Answers) -> dict[str, str]:
    """One model's figures on one set of photos, as text."""
    labels, pairs = given.photos["label"].to_numpy(), given.probabilities
    of_found, threshold = given.part(given.found), given.not_sure_below
    coverage, sure = answered(labels[given.found], pairs[given.found], threshold or 0.0)
    return {
        "face found": str(share_of(given.found)),
        **score(labels[given.found], of_found.probabilities).row(),
        "balanced accuracy": str(balanced_accuracy(given.right, labels)),
        "accuracy, no face counted as wrong": str(share_of(given.right == 1)),
        '"not sure"': "never" if threshold is None else f"below {percent(threshold)}",
        "answered": str(coverage),
        "of these right": str(sure),
    }


def by_group(clean: Answers, sized: Answers) -> pd.DataFrame:
    """Accuracy and errors by group, as metrics.py gives them, and the column photos: with those without a face found.

    The groups are those of the clean photos; the faces' sizes are those of the photos that were scaled.
    """
    clean = replace(clean, photos=clean.photos.drop(columns="face size"))
    lines = pd.concat([_with_photos(clean), _with_photos(sized)])
    return lines[~lines.duplicated(["group", "value"])].reset_index(drop=True)


def _with_photos(given: Answers) -> pd.DataFrame:
    found, key = given.part(given.found), ["group", "value"]
    lines = accuracy_by_group(found.photos, found.probabilities)
    errors = errors_by_group(found.photos, found.probabilities, given.not_sure_below)
    every = accuracy_by_group(given.photos, given.probabilities)[[*key, "count"]].rename(columns={"count": "photos"})
    return every.merge(lines.merge(errors, on=key), "left", key).fillna({"count": 0}).astype({"count": int})


def gaps(clean: Answers, seeds: Answers | None) -> pd.DataFrame:
    """Gaps between groups and, where the seed's answers are given, the error as a share of its; a row a figure."""
    found = gaps_between_groups(clean.photos, clean.right, clean.sure)
    if seeds is not None:
        found["error, as a share of the seed's"] = error_ratio(clean.right, seeds.right)
    rows = [(figure, one.value, one.low, one.high) for figure, one in found.items()]
    return pd.DataFrame(rows, columns=["figure", "value", "low", "high"])


def measured(models: list[Path] | None, fairface: Path, every: int, masked: bool) -> dict[str, pd.DataFrame]:
    """All tables of the masked photos, or of the bare ones, one for each CSV file; `accuracy` has a column a model."""
    loaded = load_models(models)
    clean = answers(loaded, photos(fairface, "val", masked, every), masked)
    some = photos(fairface, "val", masked, SIZED_EVERY * every)
    sized = answers(loaded, some, masked, {"sized": at_random_size})
    return tables_of({name: (clean[name][CLEAN], sized[name]["sized"]) for name in loaded}, masked)


def tables_of(given: dict[str, tuple[Answers, Answers]], masked: bool) -> dict[str, pd.DataFrame]:
    """The same, of each model's answers to the clean photos, and to those that were scaled."""
    seeds, _ = given.get(SEED_MODEL.stem, (None, None))
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in LONG_TABLES}
    for name, (clean, sized) in given.items():
        found = clean.part(clean.found)
        coverage = risk_against_coverage(found.photos["label"].to_numpy(), found.probabilities)
        of_model = by_group(clean, sized), gaps(clean, None if name == SEED_MODEL.stem else seeds), coverage
        for table, rows in zip(LONG_TABLES, of_model, strict=True):
            parts[table].append(rows.assign(model=name, masked=masked))
    columns = {f"{name}, {KINDS[masked]}": figures(clean) for name, (clean, _) in given.items()}
    return {"accuracy": pd.DataFrame(columns), **{name: pd.concat(rows) for name, rows in parts.items()}}


def main(
    models: Annotated[list[Path] | None, typer.Argument(help="without, our two and the seed's")] = None,
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE,
    every: Annotated[int, typer.Option(help="take every n-th portrait, for a quick test that is not kept")] = 1,
) -> None:
    """Measures, prints, keeps."""
    with ProcessPoolExecutor(len(KINDS), multiprocessing.get_context("spawn")) as processes:
        both = list(processes.map(partial(measured, models, fairface, every), KINDS))
    accuracy = pd.concat([part["accuracy"] for part in both], axis=1)
    for column, figure in accuracy.loc["accuracy (95 % interval)"].items():
        log_test(TEST_LOG, f"benchmarks.accuracy, FairFace-val 1/{every}, {column}: {figure}")
    tables = {name: pd.concat([part[name] for part in both]) for name in LONG_TABLES}
    print(accuracy.T.to_string())
    print(tables["gaps"].to_string(index=False, float_format="{:.4f}".format))
    if every == 1 and not models:
        for name, table in {"accuracy": accuracy.rename_axis("figure").reset_index(), **tables}.items():
            keep_table(table, name)
        write_card()


if __name__ == "__main__":
    typer.run(main)
