"""What the page says about its model: what it is, how often it is right and for whom, and what it is not for."""

from __future__ import annotations

import re
from pathlib import Path

from ..networks.checksums import sha256
from ..networks.classifier import Classifier
from ..networks.records import NOT_KNOWN
from ..places import SHIPPED_MODEL
from ..prediction.answers import per_cent

_MEANING = """**What the answer means.** "Female" and "male" are labels that annotators gave to people's *appearance* in
the photos that the model learned from: two words, chosen by others. The model does not know anyone's gender; only that
person does. It makes mistakes, and not equally often for everyone, so do not use it to decide anything about a person.
{border} The machine that runs this page keeps a photo in a folder of this page alone, {where}, removes it three minutes
after you last used it, or when the page ends, and {sent}."""
NOT_FOR = """**What it is not for.** Decisions about people: access, policing, hiring, advertising, counting a crowd.
Telling anyone's gender: for people whom neither word fits, every "female" and "male" is wrong. Expect more
errors on children, older women, profiles, and faces that are dark, blurred or hidden by more than a mask."""
_NOT_MEASURED = f"**How often it is right, and for whom**: {NOT_KNOWN}."
_MEASURED = """**How often it is right**, on portraits that it did not learn from, with 95 % intervals:
with a mask {}; bare {}.

**For whom.** Where the intervals overlap, the groups may well be alike.

| Labelled | With a mask | Bare |
| --- | --- | --- |
"""
# In a model card: its accuracy with a mask, and bare; and a group's row, whose last columns a phone has no room for.
_OVERALL = re.compile(r'value: ([\d.]+), name: "Accuracy, %, 95 % interval ([\d.]+) to ([\d.]+)"')
_GROUP = re.compile(r"^\| (?:gender|race|gender and age|gender and race) (\| .+? \| .+? \| .+? \|)", re.MULTILINE)
_ACCURACY = re.compile(r"([\d.]+) % \(([\d.]+) % to ([\d.]+) %(, n = \d\d(?=\)))?.*?\)")  # n where it has two digits


def meaning(model: Classifier, path: Path, in_memory: bool, shared: bool) -> str:
    """What an answer means, in Markdown, when this model gives none, where photos go, and that it is another model."""
    border = 'This model always gives one of the two words, and is never "not sure".'
    if model.not_sure_below is not None:
        border = f'When neither label reaches {per_cent(model.not_sure_below)}, the answer is "not sure".'
    sent = "sends it nowhere else; through the public link, photos pass Gradio's servers on their way to it"
    where = "in memory" if in_memory else "on its disk"
    told = _MEANING.format(border=border, where=where, sent=sent if shared else "sends it nowhere")
    if path.resolve() == SHIPPED_MODEL.resolve():
        return told
    first = f"This page uses the file `{path.name}`, not the shipped model: how often it errs is not known here."
    said = "\n".join(f"- {sentence}" for sentence in (first, *model.notes, "Use only files from people you trust."))
    return f"{told}\n\n**Another model.**\n\n{said}"


def about_model(model: Classifier, path: Path) -> str:
    """The panel about a model, in Markdown: its record, and what the card beside it says if it is of this very file."""
    pictures = model.record.get("trained on") or model.record.get("training data", NOT_KNOWN)  # the latter: version 1
    what = f"a neural network that sees one face at a time, trained on: {pictures}."
    card = path.with_name("README.md")
    text = card.read_text(encoding="utf-8") if card.exists() else ""
    measured = _measured(text) if sha256(path) in text else _NOT_MEASURED
    return f"**What it is.** `{path.name}`, {what}\n\n{measured}\n\n{NOT_FOR}"


def _measured(card: str) -> str:
    """The accuracy on masked and on bare faces, and by group in whole per cent: narrow enough for a phone."""
    overall = (f"{value} % ({low} to {high})" for value, low, high in _OVERALL.findall(card))

    def whole(cell: re.Match[str]) -> str:
        value, low, high = (f"{float(figure):.0f}" for figure in cell.groups()[:3])
        return f"{value} % ({low} to {high}{cell[4] or ''})"

    return _MEASURED.format(*overall) + _ACCURACY.sub(whole, "\n".join(_GROUP.findall(card)))
