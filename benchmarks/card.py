"""Write the shipped model's card, models/README.md, and its figure, from the results that are kept.

    python -m benchmarks.card

The words are those of card_template.md, in the order of Hugging Face's template, with the sections that Mitchell et
al., "Model Cards for Model Reporting", 2019, ask for. Nothing is measured anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from string import Template
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from maskedgender import __version__
from maskedgender.faces.detector import SCORE_THRESHOLD
from maskedgender.files import written_whole
from maskedgender.measure.metrics import CALLED_FEMALE, CALLED_MALE, Estimate, percent, share_of
from maskedgender.networks.checksums import sha256
from maskedgender.networks.model_files import load_model
from maskedgender.networks.records import NOT_KNOWN, NOT_SURE_BELOW, record_of
from maskedgender.places import SHIPPED_MODEL

from .answers import MODELS, RESULTS

TEMPLATE = Path(__file__).with_name("card_template.md")
MODEL = SHIPPED_MODEL.stem
KINDS = {True: "with a mask", False: "bare"}
WATTS = 100  # what a small server draws with two of its cores at work; nobody has measured it
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3)


def card() -> str:
    """The card, in Markdown."""
    record = record_of(SHIPPED_MODEL)
    groups, robustness = of_model("accuracy-by-group"), of_model("robustness")
    groups["value"] = groups["value"].str.replace("_", " or ")  # FairFace writes "Latino_Hispanic"
    changed = robustness.set_index("change")
    both = groups[(groups["group"] == "gender and race") & groups["masked"]]
    worst, best = both.loc[both["accuracy"].idxmin()], both.loc[both["accuracy"].idxmax()]
    facts = {
        "stem": MODEL,
        "name": SHIPPED_MODEL.name,
        "version": __version__,
        "size": f"{SHIPPED_MODEL.stat().st_size / 1e6:.1f} MB",
        "sha256": sha256(SHIPPED_MODEL),
        "parameters": f"{load_model().model.count_params():,}",
        "facts": markdown(["", "by its record"], record.items()),
        "data": record["trained on"],
        "time": record["training time"],
        "energy": energy_of(record["training time"]),
        "near_copies": str(pd.read_csv(RESULTS / "near-copies.csv")["validation"].nunique()),
        "tests": tests_of_portraits(pd.read_csv(RESULTS / "looks.csv")),
        "worst": f"{worst['value']}, {share(worst)}",
        "best": f"{best['value']}, {share(best)}",
        "older_women": accuracy_of(groups, "gender and age", "female, 50-59", "female, 60-69", "female, 70+"),
        "girls": accuracy_of(groups, "gender and age", "female, 0-2"),
        "infants": accuracy_of(groups, "age", "0-2"),
        "children": accuracy_of(groups, "age", "3-9"),
        "profiles": accuracy_of(groups, "head turn", "45-90"),
        "flips": text_of("worn", "flips when the frame moves", "masked"),
        "dark": interval(changed.loc["dark"], "accuracy"),
        "quarter": interval(changed.loc["quarter resolution"], "accuracy"),
        "noise": interval(changed.loc["noise"], "accuracy"),
        "compared": as_it_is("accuracy"),
        "worn": as_it_is("worn"),
        "held_out": as_it_is("held-out-styles"),
        "peers": as_it_is("peers"),
        "gaps": gaps_table(of_model("gaps")),
        "coverage": coverage_table(of_model("coverage")),
        "by_group": by_group_table(groups),
        "by_size": by_size_table(groups),
        "robustness": robustness_table(robustness),
    }
    for kind in ("masked", "bare"):
        numbers = re.findall(r"[\d.,]*\d", text_of("accuracy", "accuracy (95 % interval)", kind))
        facts |= dict(zip([f"{kind}_{name}" for name in ("value", "low", "high", "count")], numbers, strict=True))
        facts[f"behind_{kind}"] = found_behind_a_close_up(kind)
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(facts)


def as_it_is(name: str) -> str:
    """A table of results whose cells are text, in Markdown."""
    table = pd.read_csv(RESULTS / f"{name}.csv", dtype=str, keep_default_na=False)
    return markdown(table.columns, table.to_numpy())


def text_of(name: str, figure: str, kind: str) -> str:
    """A figure of the model in such a table."""
    return pd.read_csv(RESULTS / f"{name}.csv", index_col="figure").loc[figure, f"{MODEL}, {kind}"]


def of_model(name: str, model: str = MODEL) -> pd.DataFrame:
    """The rows of one model in a table of results."""
    table = pd.read_csv(RESULTS / f"{name}.csv")
    return table[table["model"] == model]


def energy_of(time: str) -> str:
    """The energy of a time such as "230 minutes on cpu:0"."""
    minutes = float(time.split(" ")[0])
    return f"About {minutes / 60 * WATTS / 1000:.2f} kWh, estimated by hand: {minutes:.0f} minutes at {WATTS} W"


def tests_of_portraits(log: pd.DataFrame) -> str:
    """How many figures were taken from the test portraits."""
    return str((~log["figure"].str.startswith("benchmarks.worn")).sum())


def found_behind_a_close_up(kind: str) -> str:
    """How many small faces are found in large photos that another face fills, at the threshold that is used."""
    table = pd.read_csv(RESULTS / "detection-validation.csv").set_index(["pictures", "figure"])
    row = table.loc[(f"behind a close-up, {kind}", "found")]
    count, found = int(row["count"]), round(row[f"{SCORE_THRESHOLD:.2f}"] * row["count"])
    return str(share_of(np.arange(count) < found))


def by_group_table(groups: pd.DataFrame) -> str:
    """A line a group of people or style of mask: accuracy masked, and bare, and the masked errors by direction."""
    rows = {(row["group"], row["value"], row["masked"]): row for row in groups.to_dict("records")}
    errors, lines = ("answered", CALLED_MALE, CALLED_FEMALE), []
    for group, value in dict.fromkeys(key[:2] for key in rows if key[0] != "face size"):
        masked, bare = (rows.get((group, value, kind)) for kind in KINDS)
        told = ["" if pd.isna(masked[name]) else percent(masked[name]) for name in errors] if masked else ["-"] * 3
        lines.append([group, value, *(share(row) if row else "-" for row in (masked, bare)), *told])
    accuracies = [f"accuracy {kind} (95 % interval)" for kind in KINDS.values()]
    return markdown(["group", "value", *accuracies, *errors], lines)


def by_size_table(groups: pd.DataFrame) -> str:
    """A line a band of sizes: the share of faces found, and the accuracy on them."""
    sizes = groups[(groups["group"] == "face size") & (groups["value"] != NOT_KNOWN)]
    cells = {"found": lambda row: percent(row["count"] / row["photos"]), "accuracy": share}
    return masked_and_bare(sizes.rename(columns={"value": "pixels of the face"}), "pixels of the face", cells)


def gaps_table(gaps: pd.DataFrame) -> str:
    """A line a gap between groups, and one for the error beside the original's."""

    def told(row: dict[str, Any]) -> str:
        gap = Estimate(row["value"], row["low"], row["high"])
        return gap.as_ratio() if row[key].startswith("error") else gap.in_points()

    key = "(95 % interval)"
    return masked_and_bare(gaps.rename(columns={"figure": key}), key, {"": told})


def coverage_table(coverage: pd.DataFrame) -> str:
    """A line a share of photos answered: the threshold that gives it, and the error of these answers."""
    shown = coverage.assign(answered=coverage["answered"].round(2)).sort_values("answered", ascending=False)
    shown = shown[shown["answered"].isin(COVERAGES)].assign(answered=lambda rows: rows["answered"].map("{:.0%}".format))
    cells = {"threshold": lambda row: f"{row['threshold']:.3f}", "wrong": lambda row: interval(row, "error")}
    return masked_and_bare(shown, "answered", cells)


def masked_and_bare(table: pd.DataFrame, key: str, cells: dict[str, Callable[[dict[str, Any]], str]]) -> str:
    """A line a value of a column, with these cells of the row with a mask, and of the bare one."""
    rows = {(row[key], row["masked"]): row for row in table.to_dict("records")}
    lines = []
    for value in dict.fromkeys(value for value, _ in rows):
        of_kinds = [rows.get((value, kind)) for kind in KINDS]
        lines.append([value, *(cell(row) if row else "" for row in of_kinds for cell in cells.values())])
    return markdown([key, *(f"{name} {kind}".strip() for kind in KINDS.values() for name in cells)], lines)


def robustness_table(robustness: pd.DataFrame) -> str:
    """A line a change; the other models' drops beside."""
    others = [name for name in MODELS if name != MODEL]
    drops = {name: {row["change"]: _drop(row) for _, row in of_model("robustness", name).iterrows()} for name in others}
    lines = [
        [row["change"], percent(row["found"]), interval(row, "accuracy"), _drop(row)]
        + [drops[name].get(row["change"], "") for name in others]
        for _, row in robustness.iterrows()
    ]
    return markdown(["change", "face found", "accuracy", "drop", *(f"drop of {name}" for name in others)], lines)


def _drop(row: pd.Series) -> str:
    return "none" if row["kind"] == "clean" else Estimate(row["drop"], row["drop low"], row["drop high"]).in_points()


def accuracy_of(groups: pd.DataFrame, group: str, *values: str) -> str:
    """The accuracy with a mask on the people of these values together."""
    rows = groups[(groups["group"] == group) & groups["value"].isin(values) & groups["masked"]]
    right = round((rows["accuracy"] * rows["count"]).sum())
    return str(share_of(np.arange(rows["count"].sum()) < right))


def share(row: pd.Series | dict[str, Any]) -> str:
    """The accuracy of a row of accuracy-by-group.csv."""
    return str(Estimate(row["accuracy"], row["low"], row["high"], int(row["count"])))


def interval(row: pd.Series | dict[str, Any], value: str) -> str:
    """A share of a row, with its interval."""
    return str(Estimate(row[value], row["low"], row["high"]))


def markdown(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """A table; empty cells are "not known"."""
    rows = [[str(cell) or NOT_KNOWN for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in [list(header), ["---"] * len(header), *rows])


def plot(coverage: pd.DataFrame) -> Figure:
    """Error among the answers that are given against the share of photos answered; a dot at the threshold."""
    threshold = float(record_of(SHIPPED_MODEL)[NOT_SURE_BELOW])
    figure, axis = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    for masked, colour, words in ((True, "#3b6ea8", "with a drawn mask"), (False, "#d9822b", "bare")):
        rows = coverage[coverage["masked"] == masked]
        answered, error, low, high = (100 * rows[name] for name in ("answered", "error", "low", "high"))
        axis.plot(answered, error, color=colour, label=words)
        axis.fill_between(answered, low, high, color=colour, alpha=0.15)
        sure = rows[rows["threshold"] >= threshold].tail(1)
        axis.plot(100 * sure["answered"], 100 * sure["error"], "o", color=colour)
    axis.set(xlabel="photos answered, %", ylabel="of these wrong, %", xlim=(0, 100))
    axis.set_title(f"Dots: answers from {threshold:.2f} on, else “not sure”", fontsize=10)
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False)
    return figure


def main() -> None:
    """Writes card and figure, each whole or not at all."""
    with written_whole(SHIPPED_MODEL.with_name("README.md")) as partial:
        partial.write_text(card(), encoding="utf-8")
    with written_whole(SHIPPED_MODEL.with_name("risk-coverage.png")) as partial:
        plot(of_model("coverage")).savefig(partial, dpi=110)


if __name__ == "__main__":
    main()
