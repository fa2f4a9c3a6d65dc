"""The model card: what a model is, for whom, how good and where not, in Markdown, from what was measured and kept.

The words are in card_text.py; every figure comes from the tables that the benchmarks leave (`Measured`) or from the
record that training leaves beside a model. What was not measured is shown as "not known".
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from ..networks.records import (
    ANOTHER_SHARE,
    BORDER,
    CALIBRATED,
    CLASS_ORDER,
    NOT_SURE_BELOW,
    NOT_SURE_BY,
    SCALE,
    read_record,
)
from .card_text import CARD, FIGURES
from .gaps import Estimate
from .metrics import NOT_KNOWN, Share, percent

STARTED = "started from"
FACTS = (
    *("architecture", "view", "input", "parameters", "training data", "training images", "best epoch", "epochs"),
    *("training time", STARTED, "hardware", "command", "seed", "Keras", "commit", "date"),
    *(SCALE, CLASS_ORDER, CALIBRATED, BORDER, ANOTHER_SHARE, NOT_SURE_BELOW, NOT_SURE_BY),
)
SIZES = "face size"  # the group that has a table of its own
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
KINDS = {True: "with a mask", False: "bare"}


@dataclass(frozen=True)
class Measured:
    """The tables that the benchmarks leave, each empty where it is missing.

    Attributes:
        accuracy: figures as text: a row a figure, a column a model and set of photos.
        accuracy_by_group: columns model, masked, group, value, photos, count, accuracy, low, high.
        gaps: columns model, masked, figure, value, low, high.
        coverage: columns model, masked, answered, threshold, count, error, low, high.
        robustness: columns model, change, kind, photos, found, accuracy, low, high, drop, drop low, drop high.
        near_copies: columns training, validation: files of portraits that look the same.
        ways, held_out_styles, peers, worn: tables that the card shows as they are.
    """

    accuracy: pd.DataFrame
    accuracy_by_group: pd.DataFrame
    gaps: pd.DataFrame
    coverage: pd.DataFrame
    robustness: pd.DataFrame
    ways: pd.DataFrame
    held_out_styles: pd.DataFrame
    peers: pd.DataFrame
    near_copies: pd.DataFrame
    worn: pd.DataFrame


AS_THEY_ARE = ("accuracy", "ways", "held_out_styles", "peers", "worn")


def read_measured(folder: Path) -> Measured:
    """The tables in a folder: accuracy.csv, accuracy-by-group.csv and so on, one for each field of `Measured`."""

    def table(name: str) -> pd.DataFrame:
        path = folder / f"{name.replace('_', '-')}.csv"
        if not path.is_file():
            return pd.DataFrame()
        return pd.read_csv(path, dtype=str, keep_default_na=False) if name in AS_THEY_ARE else pd.read_csv(path)

    return Measured(**{field.name: table(field.name) for field in fields(Measured)})


def model_card(models: Sequence[Path], measured: Measured) -> str:
    """A model's card.

    Args:
        models: the file that the card is about first, then others that it is compared with.
        measured: their model columns hold the files' names without .keras.
    """
    model = models[0]
    groups = _of(measured.accuracy_by_group, model)
    robustness = _of(measured.robustness, model)
    records = {path.stem: read_record(path) for path in models}
    ours = records[model.stem]
    return CARD.format(
        name=model.name,
        record=model.with_suffix(".json").name,
        size=f"{model.stat().st_size / 1e6:.1f} MB",
        sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        facts=_facts(records),
        near_copies=measured.near_copies["validation"].nunique() if len(measured.near_copies) else NOT_KNOWN,
        data=ours.get("training data", NOT_KNOWN),
        time=_training_time(ours),
        hardware=ours.get("hardware", NOT_KNOWN),
        command=ours.get("command", NOT_KNOWN),
        export=ours.get("export command", "the same command"),
        export_data=ours.get("export data", "the same"),
        compared=_as_it_is(measured.accuracy),
        gaps=_gaps(_of(measured.gaps, model)),
        coverage=_coverage(_of(measured.coverage, model)),
        by_group=_by_group(groups),
        by_size=_by_size(groups),
        robustness=_robustness(robustness, _others(measured.robustness, models)),
        held_out=_as_it_is(measured.held_out_styles),
        ways=_as_it_is(measured.ways),
        peers=_as_it_is(measured.peers),
        worn=_as_it_is(measured.worn),
        profiles=_accuracy_of(groups, "head turn", "45-90"),
        infants=_accuracy_of(groups, "age", "0-2"),
        children=_accuracy_of(groups, "age", "3-9"),
        dark=_accuracy_when(robustness, "dark"),
        quarter=_accuracy_when(robustness, "quarter resolution"),
        **{name: _figure(model.parent, name) for name in FIGURES},
    )


def _training_time(record: dict[str, str]) -> str:
    """With that of the file from which training went on, which its record names."""
    time = f"{record.get('training time', NOT_KNOWN)} of training"
    return f"{time}, on from {record[STARTED]}" if STARTED in record else time


def _facts(records: dict[str, dict[str, str]]) -> str:
    known = [fact for fact in FACTS if fact != STARTED or any(STARTED in record for record in records.values())]
    lines = [[fact, *(record.get(fact, NOT_KNOWN) for record in records.values())] for fact in known]
    return _table(["", *records], lines)


def _by_group(groups: pd.DataFrame) -> str:
    """A line a group of people or style of mask: accuracy masked, and bare."""
    shares = {(row.group, row.value, row.masked): _share(row) for row in groups.itertuples() if row.group != SIZES}
    names = dict.fromkeys((group, value) for group, value, _ in shares)
    lines = [[*name, *(shares.get((*name, masked), "-") for masked in KINDS)] for name in names]
    return _table(["group", "value", "accuracy with a mask (95 % interval)", "accuracy bare (95 % interval)"], lines)


def _by_size(groups: pd.DataFrame) -> str:
    """A line a band of sizes: the share of faces found, and the accuracy on them, masked and bare."""
    rows = {(row.value, row.masked): row for row in groups.itertuples() if row.group == SIZES}
    lines = [
        [str(size), *(cell for masked in KINDS for cell in _found_and_right(rows.get((size, masked))))]
        for size in dict.fromkeys(size for size, _ in rows if size != NOT_KNOWN)
    ]
    header = [f"{what} {kind}" for kind in KINDS.values() for what in ("found", "accuracy")]
    return _table(["pixels of the face", *header], lines)


def _found_and_right(row: Any | None) -> tuple[str, str]:
    if row is None:
        return "", ""
    return percent(row.count / row.photos), _share(row)


def _gaps(gaps: pd.DataFrame) -> str:
    found = {(row.figure, row.masked): Estimate(row.value, row.low, row.high) for row in gaps.itertuples()}
    lines = []
    for figure in dict.fromkeys(figure for figure, _ in found):
        of_kinds = [found.get((figure, masked)) for masked in KINDS]
        is_ratio = figure.startswith("error")
        lines.append([figure, *("" if one is None else str(one) if is_ratio else one.in_points() for one in of_kinds)])
    return _table(["(95 % interval)", *KINDS.values()], lines)


def _coverage(coverage: pd.DataFrame) -> str:
    """A line a share of photos answered: the threshold that gives it, and the error of these answers."""
    rows = {(round(row["answered"], 2), row["masked"]): row for _, row in coverage.iterrows()}
    shares = [share for share in COVERAGES if any((share, masked) in rows for masked in KINDS)]
    lines = [
        [f"{share:.0%}", *(cell for masked in KINDS for cell in _threshold_and_error(rows.get((share, masked))))]
        for share in shares
    ]
    header = [f"{what} {kind}" for kind in KINDS.values() for what in ("from", "wrong")]
    return _table(["answered", *header], lines)


def _threshold_and_error(row: pd.Series | None) -> tuple[str, str]:
    return ("", "") if row is None else (f"{row['threshold']:.3f}", _interval(row, "error"))


def _robustness(robustness: pd.DataFrame, others: dict[str, pd.DataFrame]) -> str:
    """A line a change; the other models' drops beside."""
    drops = {name: {row["change"]: _drop(row) for _, row in rows.iterrows()} for name, rows in others.items()}
    lines = [
        [row["change"], percent(row["found"]), _interval(row, "accuracy"), _drop(row)]
        + [of_model.get(row["change"], NOT_KNOWN) for of_model in drops.values()]
        for _, row in robustness.iterrows()
    ]
    return _table(["change", "face found", "accuracy", "drop", *(f"drop of {name}" for name in drops)], lines)


def _drop(row: pd.Series) -> str:
    return "none" if row["kind"] == "clean" else Estimate(row["drop"], row["drop low"], row["drop high"]).in_points()


def _interval(row: pd.Series, value: str) -> str:
    return Estimate(row[value], row["low"], row["high"]).in_percent()


def _accuracy_of(groups: pd.DataFrame, group: str, value: str) -> str:
    """One group's accuracy with a mask."""
    rows = [row for row in groups.itertuples() if row.masked and (row.group, str(row.value)) == (group, value)]
    return _share(rows[0]) if rows else NOT_KNOWN


def _accuracy_when(robustness: pd.DataFrame, change: str) -> str:
    rows = [row for _, row in robustness.iterrows() if row["change"] == change]
    return _interval(rows[0], "accuracy") if rows else NOT_KNOWN


def _share(row: Any) -> str:
    """The accuracy of a row of `accuracy_by_group`, as itertuples gives it."""
    return str(Share(row.accuracy, row.low, row.high, int(row.count)))


def _of(table: pd.DataFrame, model: Path) -> pd.DataFrame:
    """The rows of one model."""
    return table[table["model"] == model.stem] if len(table) else table


def _others(table: pd.DataFrame, models: Sequence[Path]) -> dict[str, pd.DataFrame]:
    rows = {model.stem: _of(table, model) for model in models[1:]}
    return {name: of_model for name, of_model in rows.items() if len(of_model)}


def _figure(folder: Path, name: str) -> str:
    """A line that shows a figure; says that there is none where the file is missing."""
    file, words = FIGURES[name]
    return f"![{words}]({file})" if (folder / file).is_file() else f"({words}: {NOT_KNOWN})"


def _as_it_is(table: pd.DataFrame) -> str:
    return _table(list(table.columns), table.to_numpy().tolist())


def _table(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """A table in Markdown, "not known" when it has no lines; empty cells and missing numbers are "not known", too."""
    rows = [[_cell(cell) for cell in line] for line in lines]
    if not rows:
        return NOT_KNOWN[0].upper() + NOT_KNOWN[1:] + "."
    cells = [list(header), ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def _cell(cell: object) -> str:
    if cell == "" or (isinstance(cell, float) and math.isnan(cell)):
        return NOT_KNOWN
    return str(cell).replace("|", r"\|")
