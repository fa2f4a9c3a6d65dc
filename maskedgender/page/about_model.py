"""What the page says about its model: what it is, how often it is right and for whom, and what it is not for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from ..networks.classifier import Classifier
from ..networks.records import NOT_KNOWN, read_record
from ..places import SHIPPED_MODEL

GROUPS = ("gender", "race", "age")
_MEANING = """**What the answer means.** "Female" and "male" are labels that annotators gave to people's *appearance* in
the photos that the model learned from: two words, chosen by others. The model does not know anyone's gender; only that
person does. It makes mistakes, and not equally often for everyone, so do not use it to decide anything about a person.
{border} Photos stay on this machine, and are deleted about a minute later. """
NOT_FOR = """**What it is not for.** Decisions about people: access, policing, hiring, advertising, counting a crowd.
Telling anyone's gender: people whom neither word fits are always answered wrongly. Expect more errors on children,
profiles, and faces that are dark, blurred or hidden by more than a mask."""

Table = list[list[str]]


def meaning(model: Classifier) -> str:
    """What an answer means, in Markdown, and when this model gives none."""
    if model.not_sure_below is None:
        return _MEANING.format(border='This model always gives one of the two words, and is never "not sure".')
    border = f'When neither label reaches {model.not_sure_below:.0%}, the answer is "not sure".'
    return _MEANING.format(border=border)


def warning(model: Classifier, path: Path) -> str:
    """What there is to say, in Markdown, about a model file that is not the shipped one; nothing about that."""
    if path.resolve() == SHIPPED_MODEL.resolve():
        return ""
    first = f"This page uses the file `{path.name}`, not the shipped model: how often it errs is not known here."
    said = "\n".join(f"- {sentence}" for sentence in (first, *model.notes, "Use files from people you trust only."))
    return f"\n\n**Another model.**\n\n{said}"


def about_model(path: Path) -> str:
    """The panel about a model file, in Markdown: its record, and the tables of the card that lies beside it."""
    record = read_record(path)
    facts = {name: record.get(name, NOT_KNOWN) for name in ("parameters", "training data", "date")}
    tables = list(_tables(_card_of(path)))
    return "\n\n".join(
        [
            f"**What it is.** `{path.name}`, a neural network that sees one face at a time. Parameters: "
            f"{facts['parameters']}; trained on: {facts['training data']}; date: {facts['date']}.",
            f"**How often it is right**, on portraits that it did not learn from: {_accuracy(tables, path.stem)}",
            f"**For whom.** {_by_group(tables)}",
            NOT_FOR,
        ]
    )


def _card_of(path: Path) -> str:
    """The text of the card beside a model file, nothing unless it is about this very file."""
    card = path.with_name("README.md")
    text = card.read_text(encoding="utf-8") if card.exists() else ""
    return text if hashlib.sha256(path.read_bytes()).hexdigest() in text else ""


def _tables(markdown: str) -> Iterator[Table]:
    """Every table in a text: the header's cells first, then those of each row."""
    for is_table, lines in groupby(markdown.splitlines(), key=lambda line: line.startswith("|")):
        if is_table:
            cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
            yield [row for row in cells if set("".join(row)) != {"-"}]


def _accuracy(tables: list[Table], model: str) -> str:
    """The accuracy on every set of images that the card knows, such as "masked_gender, bare"."""
    for header, *rows in tables:
        for name, *shares in rows:
            if name.startswith("accuracy (95"):
                named = zip(header[1:], shares, strict=True)
                return "".join(f"\n- {what}: {share}" for what, share in named if what.startswith(model))
    return NOT_KNOWN + "."


def _by_group(tables: list[Table]) -> str:
    """The accuracy by gender, race and age, as the test images are labelled."""
    for header, *rows in tables:
        if header[:2] == ["group", "value"]:
            shown = [header, ["---"] * len(header), *(row for row in rows if row[0] in GROUPS)]
            table = "\n".join(f"| {' | '.join(row).replace('_', ' ')} |" for row in shown)
            return f"Accuracy by group. Where intervals overlap, the groups may well be alike.\n\n{table}"
    return f"Its accuracy by group is {NOT_KNOWN}."
