"""What the page says about its model: what it is, how often it is right and for whom, and what it is not for."""

from __future__ import annotations

import csv
from pathlib import Path

from ..networks.checksums import sha256
from ..networks.classifier import Classifier
from ..networks.records import NOT_KNOWN, record_of
from ..places import RESULTS, SHIPPED_MODEL
from ..prediction.answers import per_cent

GROUPS = ("gender", "race", "age", "gender and race")
FEW = 100  # people: for a group of fewer the panel says how many they are
BY_GROUP, OVERALL = "accuracy-by-group.csv", "accuracy.csv"
_MEANING = """**What the answer means.** "Female" and "male" are labels that annotators gave to people's *appearance* in
the photos that the model learned from: two words, chosen by others. The model does not know anyone's gender; only that
person does. It makes mistakes, and not equally often for everyone, so do not use it to decide anything about a person.
{border} The machine that runs this page keeps a photo in a folder of this page alone, {where}, removes it three minutes
after you last used it, or when the page ends, and sends it nowhere."""
NOT_FOR = """**What it is not for.** Decisions about people: access, policing, hiring, advertising, counting a crowd.
Telling anyone's gender: for people whom neither word fits, every "female" and "male" is wrong. Expect more
errors on children, profiles, and faces that are dark, blurred or hidden by more than a mask."""


def meaning(model: Classifier, in_memory: bool = True) -> str:
    """What an answer means, in Markdown, when this model gives none, and what becomes of a photo.

    Args:
        model: any model of `load_model`.
        in_memory: whether the folder of photos lies in memory.
    """
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


def about_model(path: Path, results: Path = RESULTS) -> str:
    """The panel about a model file, in Markdown: its record, and what was measured of this very file.

    Args:
        path: the .keras file.
        results: the folder of the measurements, accuracy.csv and accuracy-by-group.csv.
    """
    record = record_of(path)
    facts = {name: record.get(name, NOT_KNOWN) for name in ("parameters", "training data", "date")}
    is_measured = _is_measured(path) and (results / BY_GROUP).is_file() and (results / OVERALL).is_file()
    return "\n\n".join(
        [
            f"**What it is.** `{path.name}`, a neural network that sees one face at a time. Parameters: "
            f"{facts['parameters']}; trained on: {facts['training data']}; date: {facts['date']}.",
            "**How often it is right**, on portraits that it did not learn from: "
            + (_accuracy(results, path.stem) if is_measured else f"{NOT_KNOWN}."),
            "**For whom.** "
            + (_by_group(results, path.stem) if is_measured else f"Its accuracy by group is {NOT_KNOWN}."),
            NOT_FOR,
        ]
    )


def _is_measured(path: Path) -> bool:
    """Whether the card beside a model file is about this very file: then the measurements are, too."""
    card = path.with_name("README.md")
    return card.exists() and sha256(path) in card.read_text(encoding="utf-8")


def _accuracy(results: Path, model: str) -> str:
    """The accuracy on masked and on bare faces, a line each."""
    (figures,) = (row for row in _rows(results / OVERALL) if row["figure"].startswith("accuracy (95"))
    return "".join(
        f"\n- {'with a mask' if what.endswith('masked') else 'bare'}: {share}"
        for what, share in figures.items()
        if what.startswith(model)
    )


def _by_group(results: Path, model: str) -> str:
    """A table narrow enough for a phone."""
    measured: dict[str, dict[str, list[dict[str, str]]]] = {}  # masked and bare, by kind of group, by group
    for row in _rows(results / BY_GROUP):
        if row["model"] == model and row["group"] in GROUPS:
            by_value = measured.setdefault(row["group"], {})
            by_value.setdefault(row["value"], []).append(row)
    lines = [
        f"| {_named(value)} | {' | '.join(map(_with_interval, rows))} |"
        for kind in GROUPS
        for value, rows in measured.get(kind, {}).items()
    ]
    head = "| Labelled | With a mask | Bare |\n| --- | --- | --- |"
    told = "Accuracy, with a 95 % interval. Where intervals overlap, the groups may well be alike."
    return "\n\n".join(["", told, "\n".join([head, *lines])])


def _named(value: str) -> str:
    """A group by the data set's own words."""
    return value.replace("_", " or ")


def _with_interval(row: dict[str, str]) -> str:
    low, high = (f"{100 * float(row[end]):.0f}" for end in ("low", "high"))
    count = f", n = {row['count']}" if int(row["count"]) < FEW else ""
    return f"{per_cent(float(row['accuracy']))} ({low} to {high}{count})"


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))
