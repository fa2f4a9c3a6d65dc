"""What the page says about its model: what it is, how often it is right and for whom, and what it is not for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from ..networks.checksums import sha256
from ..networks.classifier import Classifier
from ..networks.records import NOT_KNOWN, record_of
from ..places import RESULTS, SHIPPED_MODEL
from ..prediction.answers import per_cent

GROUPS = ("gender", "race", "age", "gender and race")
FEW = 100  # people: for a group of fewer the panel says how many they are
_MEANING = """**What the answer means.** "Female" and "male" are labels that annotators gave to people's *appearance* in
the photos that the model learned from: two words, chosen by others. The model does not know anyone's gender; only that
person does. It makes mistakes, and not equally often for everyone, so do not use it to decide anything about a person.
{border} The machine that runs this page keeps a photo in a folder of this page alone, {where}, removes it three minutes
after you last used it, or when the page ends, and sends it nowhere."""
NOT_FOR = """**What it is not for.** Decisions about people: access, policing, hiring, advertising, counting a crowd.
Telling anyone's gender: for people whom neither word fits, every "female" and "male" is wrong. Expect more
errors on children, profiles, and faces that are dark, blurred or hidden by more than a mask."""


def meaning(model: Classifier, in_memory: bool = True) -> str:
    """What an answer means, in Markdown, when this model gives none, and where photos lie."""
    border = 'This model always gives one of the two words, and is never "not sure".'
    if model.not_sure_below is not None:
        border = f'When neither label reaches {per_cent(model.not_sure_below)}, the answer is "not sure".'
    return _MEANING.format(border=border, where="in memory" if in_memory else "on its disk")


def warning(model: Classifier, path: Path) -> str:
    """What there is to say, in Markdown, about a model file that is not the shipped one; nothing about that."""
    if path.resolve() == SHIPPED_MODEL.resolve():
        return ""
    first = f"This page uses the file `{path.name}`, not the shipped model: how often it errs is not known here."
    said = "\n".join(f"- {sentence}" for sentence in (first, *model.notes, "Use only files from people you trust."))
    return f"\n\n**Another model.**\n\n{said}"


def about_model(path: Path) -> str:
    """The panel about a model file, in Markdown: its record, and what was measured of this very file."""
    record, card = record_of(path), path.with_name("README.md")
    parameters, data, date = (record.get(name, NOT_KNOWN) for name in ("parameters", "training data", "date"))
    measured = f"**How often it is right, and for whom**: {NOT_KNOWN}."
    if card.exists() and sha256(path) in card.read_text(encoding="utf-8"):
        measured = _measured(path.stem)
    return "\n\n".join(
        [
            f"**What it is.** `{path.name}`, a neural network that sees one face at a time. Parameters: "
            f"{parameters}; trained on: {data}; date: {date}.",
            measured,
            NOT_FOR,
        ]
    )


def _measured(model: str) -> str:
    """The accuracy on masked and on bare faces, and a table of it by group, narrow enough for a phone."""
    overall = pd.read_csv(RESULTS / "accuracy.csv", index_col="figure").loc["accuracy (95 % interval)"]
    groups = pd.read_csv(RESULTS / "accuracy-by-group.csv").rename(columns={"count": "people"})
    groups = groups[groups.model == model]
    lines = [
        f"| {value.replace('_', ' or ')} | {' | '.join(_with_interval(row) for row in rows.itertuples())} |"
        for kind in GROUPS
        for value, rows in groups[groups.group == kind].groupby("value", sort=False)
    ]
    return "\n".join(
        [
            "**How often it is right**, on portraits that it did not learn from:\n",
            f"- with a mask: {overall[f'{model}, masked']}",
            f"- bare: {overall[f'{model}, bare']}\n",
            "**For whom.** Accuracy, with a 95 % interval. Where intervals overlap, the groups may well be alike.\n",
            "| Labelled | With a mask | Bare |\n| --- | --- | --- |",
            *lines,
        ]
    )


def _with_interval(row: Any) -> str:
    count = f", n = {row.people}" if row.people < FEW else ""
    return f"{per_cent(row.accuracy)} ({100 * row.low:.0f} to {100 * row.high:.0f}{count})"
