"""The model card: what a model is, for whom, how good and where not, in Markdown, from what was measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from .evaluation import NOT_KNOWN, Share

FACTS = (
    *("architecture", "view", "input", "parameters", "training data", "training images", "best epoch", "epochs"),
    *("training time", "hardware", "command", "seed", "Keras", "commit", "date"),
)


def model_card(models: Sequence[Path], figures: pd.DataFrame, groups: pd.DataFrame, measured_by: str) -> str:
    """A model's card, from what was measured and from the facts that training kept beside the model files.

    Args:
        models: the file that the card is about first, then others that it is compared with.
        figures: what was measured, as text: a row a figure, a column a model and set of images.
        groups: what `accuracy_by_group` gave for the card's model.
        measured_by: on which images, and by which command, in a sentence.
    """
    facts = [read_record(path) for path in models]
    shares = groups[["accuracy", "low", "high", "count"]].itertuples(index=False)
    return CARD.format(
        name=models[0].name,
        size=f"{models[0].stat().st_size / 1e6:.1f} MB",
        sha256=hashlib.sha256(models[0].read_bytes()).hexdigest(),
        measured_by=measured_by,
        compared=_table(["", *figures.columns], [[name, *row] for name, *row in figures.itertuples()]),
        training=_table(
            ["", *(path.stem for path in models)],
            [[fact, *(of_one.get(fact, NOT_KNOWN) for of_one in facts)] for fact in FACTS],
        ),
        by_group=_table(
            ["group", "value", "accuracy (95 % interval)"],
            [list(line) for line in zip(groups.group, groups.value, (Share(*share) for share in shares), strict=True)],
        ),
    )


def read_record(model: Path) -> dict[str, str]:
    """The facts kept beside a model; none where there is no such file."""
    record = model.with_suffix(".json")
    return json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}


def _table(header: list[str], lines: list[list[object]]) -> str:
    """A table in Markdown."""
    cells = [header, ["---"] * len(header), *([str(cell) for cell in line] for line in lines)]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


CARD = """# Model card: {name}

A small Keras CNN that says, for the crop of one face, mask or no mask, how well it fits the two words that annotators
gave to such pictures: female, male. Every figure here was measured or recorded by the commands it names.

- file: `{name}`, {size}
- SHA-256: `{sha256}`

## Measured

{measured_by}

{compared}

By group, for `{name}`, with a mask. Where intervals overlap, the groups may well be alike.

{by_group}

## Trained

{training}

Training data: FairFace (Kimmo Karkkainen and Jungseock Joo, "FairFace: Face Attribute Dataset for Balanced Race,
Gender, and Age", WACV 2021), CC BY 4.0, with masks drawn by this project. The licence of the labels does not settle the
rights in the photographs, which their authors found on the web.

## Meant for, not meant for, and limits

Meant for learning how such a model is made and measured, and for trying it on one's own photos, on one's own machine.

- The model does not know anyone's gender. The labels are annotators' guesses from appearance, in two words only; people
  whom neither word fits are always answered wrongly.
- Not for decisions about people: access, policing, hiring, advertising, counting a crowd by gender.
- Its accuracy differs between groups of people (above).
- The masks it was tested on are drawn, not worn. Real masks, veils and scarves, other cameras, other light, and faces
  seen from the side are not measured apart; its probabilities are calibrated for photos like the test's.

## Licence

The weights: CC BY 4.0, see `LICENSE` beside them, with FairFace's attribution.
"""
