"""The tables of the model card, in Markdown, from the tables that the benchmarks leave."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import pandas as pd

from ..faces.detector import SCORE_THRESHOLD
from .gaps import Estimate
from .metrics import CALLED_FEMALE, CALLED_MALE, NOT_KNOWN, Share, accuracy_with_interval, percent

MISSING = "(missing)"  # stands for what was not measured, until `without_missing` leaves it out

SIZES = "face size"  # the group that has a table of its own
ERRORS = ("answered", CALLED_MALE, CALLED_FEMALE)
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)
LOOKS_TAKEN, FLIPS = "mirror image, nearer, farther", "flips, "  # by the shipped model; and what columns begin with
KINDS = {True: "with a mask", False: "bare"}


def by_group_table(groups: pd.DataFrame) -> str:
    """A line a group of people or style of mask: accuracy masked, and bare, and the masked errors by direction."""
    rows = {(row["group"], row["value"], row["masked"]): row for _, row in groups.iterrows() if row["group"] != SIZES}
    names = dict.fromkeys((group, value) for group, value, _ in rows)
    lines = [
        [group, named(value), *(_share_or_none(of_kind) for of_kind in kinds), *_errors(kinds[0])]
        for group, value in names
        for kinds in [[rows.get((group, value, masked)) for masked in KINDS]]
    ]
    accuracies = (f"accuracy {kind} (95 % interval)" for kind in KINDS.values())
    return markdown_table(["group", "value", *accuracies, *ERRORS], lines)


def named(value: object) -> str:
    """A group as people write it: "Latino or Hispanic" for "Latino_Hispanic"."""
    return str(value).replace("_", " or ")


def _share_or_none(row: pd.Series | None) -> str:
    return "-" if row is None else _share(row)


def _errors(row: pd.Series | None) -> list[str]:
    """The share that is answered, and the wrong ones by direction; not known where the run did not count them."""
    if row is None:
        return ["-"] * len(ERRORS)
    return [percent(row[name]) if pd.notna(row.get(name)) else NOT_KNOWN for name in ERRORS]


def worst_group(groups: pd.DataFrame) -> str:
    """A sentence that names the people, by gender and race, on whom it errs most with a mask."""
    both = groups[(groups["group"] == "gender and race") & groups["masked"].astype(bool)] if len(groups) else groups
    if not len(both):
        return MISSING
    worst, best = (both.loc[both["accuracy"].agg(which)] for which in ("idxmin", "idxmax"))
    return (
        f"The people whom it knows worst, by gender and race, with a mask: {named(worst['value'])}, {_share(worst)}; "
        f"and best: {named(best['value'])}, {_share(best)}."
    )


def by_size_table(groups: pd.DataFrame) -> str:
    """A line a band of sizes: the share of faces found, and the accuracy on them, masked and bare."""
    rows = {(row["value"], row["masked"]): row for _, row in groups.iterrows() if row["group"] == SIZES}
    lines = [
        [str(size), *(cell for masked in KINDS for cell in _found_and_right(rows.get((size, masked))))]
        for size in dict.fromkeys(size for size, _ in rows if size != NOT_KNOWN)
    ]
    header = [f"{what} {kind}" for kind in KINDS.values() for what in ("found", "accuracy")]
    return markdown_table(["pixels of the face", *header], lines)


def _found_and_right(row: pd.Series | None) -> tuple[str, str]:
    return ("", "") if row is None else (percent(row["count"] / row["photos"]), _share(row))


def gaps_table(gaps: pd.DataFrame) -> str:
    """A line a gap between groups, and one for the error beside the original's."""
    found = {(row.figure, row.masked): Estimate(row.value, row.low, row.high) for row in gaps.itertuples()}
    lines = []
    for figure in dict.fromkeys(figure for figure, _ in found):
        of_kinds = [found.get((figure, masked)) for masked in KINDS]
        is_ratio = figure.startswith("error")
        lines.append([figure, *("" if one is None else str(one) if is_ratio else one.in_points() for one in of_kinds)])
    return markdown_table(["(95 % interval)", *KINDS.values()], lines)


def coverage_table(coverage: pd.DataFrame) -> str:
    """A line a share of photos answered: the threshold that gives it, and the error of these answers."""
    rows = {(round(row["answered"], 2), row["masked"]): row for _, row in coverage.iterrows()}
    shares = [share for share in COVERAGES if any((share, masked) in rows for masked in KINDS)]
    lines = [
        [f"{share:.0%}", *(cell for masked in KINDS for cell in _threshold_and_error(rows.get((share, masked))))]
        for share in shares
    ]
    header = [f"{what} {kind}" for kind in KINDS.values() for what in ("threshold", "wrong")]
    return markdown_table(["answered", *header], lines)


def _threshold_and_error(row: pd.Series | None) -> tuple[str, str]:
    return ("", "") if row is None else (f"{row['threshold']:.3f}", _interval(row, "error"))


def robustness_table(robustness: pd.DataFrame, others: dict[str, pd.DataFrame]) -> str:
    """A line a change; the other models' drops beside."""
    drops = {name: {row["change"]: _drop(row) for _, row in rows.iterrows()} for name, rows in others.items()}
    lines = [
        [row["change"], percent(row["found"]), _interval(row, "accuracy"), _drop(row)]
        + [of_model.get(row["change"], NOT_KNOWN) for of_model in drops.values()]
        for _, row in robustness.iterrows()
    ]
    return markdown_table(["change", "face found", "accuracy", "drop", *(f"drop of {name}" for name in drops)], lines)


def _drop(row: pd.Series) -> str:
    return "none" if row["kind"] == "clean" else Estimate(row["drop"], row["drop low"], row["drop high"]).in_points()


def _interval(row: pd.Series, value: str) -> str:
    return Estimate(row[value], row["low"], row["high"]).in_percent()


def accuracy_of(groups: pd.DataFrame, group: str, value: str) -> str:
    """One group's accuracy with a mask."""
    known = ((row["group"], str(row["value"]), row) for _, row in groups.iterrows() if row["masked"])
    rows = [row for *key, row in known if key == [group, value]]
    return _share(rows[0]) if rows else MISSING


def accuracy_when(robustness: pd.DataFrame, change: str) -> str:
    """The accuracy with a mask on photos that were changed in one way."""
    rows = [row for _, row in robustness.iterrows() if row["change"] == change]
    return _interval(rows[0], "accuracy") if rows else MISSING


def _share(row: pd.Series) -> str:
    """The accuracy of a row of `accuracy_by_group`."""
    return str(Share(row["accuracy"], row["low"], row["high"], int(row["count"])))


def as_it_is(table: pd.DataFrame) -> str:
    """A table whose cells are text already."""
    return markdown_table(list(table.columns), table.to_numpy().tolist())


def small_behind_large(detection: pd.DataFrame) -> str:
    """How many small faces are found in large photos that another face fills, at the threshold that is used."""
    found = detection[detection["figure"] == "found"].set_index("pictures") if len(detection) else detection
    shares = []
    for kind in ("bare", "masked"):
        if f"behind a close-up, {kind}" not in found.index:
            return MISSING
        row = found.loc[f"behind a close-up, {kind}"]
        shares.append(accuracy_with_interval(round(row[f"{SCORE_THRESHOLD:.2f}"] * row["count"]), int(row["count"])))
    return (
        "Small faces behind one that fills a photo of 12 megapixels, 64 to 192 pixels large: of bare ones "
        f"{shares[0]} are found, of masked ones {shares[1]} (`python -m benchmarks.detection`)."
    )


def steadiness(looks_at_a_face: pd.DataFrame) -> str:
    """How many answers turn round when a crop changes a little, by the looks that the shipped model takes."""
    if not len(looks_at_a_face):
        return MISSING
    taken = looks_at_a_face.set_index("way").loc[LOOKS_TAKEN]
    flips = [f"{name.removeprefix(FLIPS)}, {share}" for name, share in taken.items() if str(name).startswith(FLIPS)]
    told = "It is not quite steady. Of its answers to crops, these turn round:"
    return f"{told} {'; '.join(flips)} (`python -m benchmarks.looks`)."


def without_missing(card: str) -> str:
    """A card without what was not measured: lines, tables with the words before them, sections in which nothing is."""
    kept: list[str] = []
    for paragraph in card.split("\n\n"):
        if paragraph == MISSING:
            if not kept[-1].startswith(("#", "|", "!")):
                kept.pop()
            continue
        if paragraph.startswith("##") and kept and kept[-1].startswith("### "):
            kept.pop()
        kept.append("\n".join(line for line in paragraph.split("\n") if MISSING not in line))
    return "\n\n".join(kept)


def markdown_table(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """A table in Markdown, MISSING when it has no lines; empty cells and missing numbers are "not known"."""
    rows = [[_cell(cell) for cell in line] for line in lines]
    if not rows:
        return MISSING
    cells = [list(header), ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def _cell(cell: object) -> str:
    if cell == "" or (isinstance(cell, float) and math.isnan(cell)):
        return NOT_KNOWN
    return str(cell).replace("|", r"\|")
