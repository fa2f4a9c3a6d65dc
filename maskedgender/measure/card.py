"""The model card: what a model is, for whom, how good and where not, in Markdown, from what was measured and kept.

The words are in card_text.py; every figure comes from the tables that the benchmarks leave (`Measured`) or from the
record that training leaves beside a model. A section, table or line whose figures are missing is left out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from .. import __version__
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
from .card_tables import (
    KINDS,
    MISSING,
    accuracy_of,
    accuracy_when,
    as_it_is,
    by_group_table,
    by_size_table,
    coverage_table,
    gaps_table,
    markdown_table,
    robustness_table,
    small_behind_large,
    steadiness,
    without_missing,
    worst_group,
)
from .card_text import CARD, FIGURES, FRONT, RESULT
from .metrics import NOT_KNOWN

STARTED, TIME = "started from", "training time"
FACTS = (
    *("architecture", "view", "input", "parameters", "training data", "best epoch", "epochs"),
    *(TIME, STARTED, "hardware", "seed", "Keras", "commit", "date"),
    *(SCALE, CLASS_ORDER, CALIBRATED, BORDER, ANOTHER_SHARE, NOT_SURE_BELOW, NOT_SURE_BY),
)
WATTS = 100  # what a small server draws with two of its cores at work; nobody has measured it


@dataclass(frozen=True)
class Measured:
    """The tables that the benchmarks leave, each empty where it is missing.

    Attributes:
        accuracy: figures as text: a row a figure, a column a model and set of photos.
        accuracy_by_group: columns model, masked, group, value, photos, count, accuracy, low, high and,
            if known, answered, women called male, men called female.
        gaps: columns model, masked, figure, value, low, high.
        coverage: columns model, masked, answered, threshold, count, error, low, high.
        robustness: columns model, change, kind, photos, found, accuracy, low, high, drop, drop low, drop high.
        near_copies: columns training, validation: files of portraits that look the same.
        looks: columns date, commit, figure: each look at the test portraits.
        detection_choosing: columns pictures, figure, count, and a share for each threshold.
        looks_at_a_face: columns way, and for each change of the crop "flips, ...": figures as text.
        held_out_styles, peers, worn: tables that the card shows as they are.
    """

    accuracy: pd.DataFrame
    accuracy_by_group: pd.DataFrame
    gaps: pd.DataFrame
    coverage: pd.DataFrame
    robustness: pd.DataFrame
    held_out_styles: pd.DataFrame
    peers: pd.DataFrame
    near_copies: pd.DataFrame
    worn: pd.DataFrame
    looks: pd.DataFrame
    detection_choosing: pd.DataFrame
    looks_at_a_face: pd.DataFrame


AS_THEY_ARE = ("accuracy", "held_out_styles", "looks_at_a_face", "peers", "worn")


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
    records = {path.stem: read_record(path) for path in models}
    front = FRONT.format(stem=model.stem, results=_front_results(model, measured.accuracy))
    card = CARD.format(
        name=model.name,
        version=__version__,
        record=model.with_suffix(".json").name,
        size=f"{model.stat().st_size / 1e6:.1f} MB",
        sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        facts=_facts(records),
        **_of_training(records[model.stem]),
        **_of_evaluation(models, measured),
        **{name: _figure(model.parent, name) for name in FIGURES},
    )
    return front + without_missing(card)


def _of_training(record: dict[str, str]) -> dict[str, str]:
    """What the model's record tells of its training."""
    command = record.get("export command")
    data = record.get("export data", NOT_KNOWN)
    return {
        "data": record.get("training data", NOT_KNOWN),
        "time": _training_time(record),
        "hardware": record.get("hardware", NOT_KNOWN),
        "command": record.get("command", NOT_KNOWN),
        "export": f"The file was exported by `{command}` (images: {data})." if command else "It exported the file too.",
        "energy": _energy(record),
    }


def _of_evaluation(models: Sequence[Path], measured: Measured) -> dict[str, object]:
    """The tables, and the figures that sentences name."""
    groups, robustness = (_of(table, models[0]) for table in (measured.accuracy_by_group, measured.robustness))
    return {
        "near_copies": measured.near_copies["validation"].nunique() if len(measured.near_copies) else NOT_KNOWN,
        "looks": _looks_until_measured(measured.looks),
        "compared": as_it_is(measured.accuracy),
        "gaps": gaps_table(_of(measured.gaps, models[0])),
        "coverage": coverage_table(_of(measured.coverage, models[0])),
        "by_group": by_group_table(groups),
        "by_size": by_size_table(groups),
        "robustness": robustness_table(robustness, _others(measured.robustness, models)),
        "held_out": as_it_is(measured.held_out_styles),
        "peers": as_it_is(_with(measured.peers, models[0])),
        "worn": as_it_is(measured.worn),
        "worst": worst_group(groups),
        "profiles": accuracy_of(groups, "head turn", "45-90"),
        "infants": accuracy_of(groups, "age", "0-2"),
        "children": accuracy_of(groups, "age", "3-9"),
        "dark": accuracy_when(robustness, "dark"),
        "quarter": accuracy_when(robustness, "quarter resolution"),
        "noise": accuracy_when(robustness, "noise"),
        "behind": small_behind_large(measured.detection_choosing),
        "steadiness": steadiness(measured.looks_at_a_face),
    }


def _front_results(model: Path, accuracy: pd.DataFrame) -> str:
    """The model-index of the front matter: accuracy with a mask, and bare; an empty list where it was not measured."""
    results = ""
    for kind, words in (("masked", KINDS[True]), ("bare", KINDS[False])):
        column = f"{model.stem}, {kind}"
        told = dict(zip(accuracy["figure"], accuracy[column], strict=True)) if column in accuracy else {}
        found = re.fullmatch(r"(.+) % \((.+) % to (.+) %, n = (.+)\)", told.get("accuracy (95 % interval)", ""))
        if found:
            value, low, high, count = found.groups()
            results += RESULT.format(kind=words, value=value, low=low, high=high, count=count)
    return results or " []"


def _looks_until_measured(looks: pd.DataFrame) -> str:
    """How many figures were taken from the test portraits until the accuracy was measured last."""
    if not len(looks):
        return NOT_KNOWN
    of_portraits = looks[~looks["figure"].str.startswith("benchmarks.worn")].reset_index(drop=True)
    measured = of_portraits.index[of_portraits["figure"].str.startswith("benchmarks.accuracy")]
    return str(measured[-1] + 1) if len(measured) else NOT_KNOWN


def _training_time(record: dict[str, str]) -> str:
    """With that of the file from which training went on, which its record names."""
    time = f"{record.get(TIME, NOT_KNOWN)} of training"
    return f"{time}, started from {record[STARTED]}" if STARTED in record else time


def _energy(record: dict[str, str]) -> str:
    """The energy of the training and of that of the file from which it went on, by hours and watts."""
    minutes = sum(float(minutes) for minutes in re.findall(r"([\d.]+) minutes", _training_time(record)))
    if not minutes:
        return f"{NOT_KNOWN[0].upper()}{NOT_KNOWN[1:]}."
    used = minutes / 60 * WATTS / 1000
    return (
        f"About {used:.2f} kWh, estimated by hand: {minutes:.0f} minutes at {WATTS} W, which a small server may draw. "
        "Earlier trials, and others' training on ImageNet, are not included."
    )


def _facts(records: dict[str, dict[str, str]]) -> str:
    known = [fact for fact in FACTS if fact != STARTED or any(STARTED in record for record in records.values())]
    lines = [[fact, *(record.get(fact, NOT_KNOWN) for record in records.values())] for fact in known]
    return markdown_table(["", *records], lines)


def _of(table: pd.DataFrame, model: Path) -> pd.DataFrame:
    """The rows of one model."""
    return table[table["model"] == model.stem] if len(table) else table


def _with(table: pd.DataFrame, model: Path) -> pd.DataFrame:
    """A table that compares models, if this one is among them; an empty one otherwise."""
    return table if len(_of(table, model)) else pd.DataFrame()


def _others(table: pd.DataFrame, models: Sequence[Path]) -> dict[str, pd.DataFrame]:
    rows = {model.stem: _of(table, model) for model in models[1:]}
    return {name: of_model for name, of_model in rows.items() if len(of_model)}


def _figure(folder: Path, name: str) -> str:
    """A line that shows a figure; MISSING where there is no file."""
    file, words = FIGURES[name]
    return f"![{words}]({file})" if (folder / file).is_file() else MISSING
