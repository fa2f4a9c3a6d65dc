"""Write the shipped model's card, models/README.md, from the results that are kept; nothing is measured anew.

python -m benchmarks.card
"""

from __future__ import annotations

from maskedgender.files import written_whole
from maskedgender.measure.card import model_card, read_measured
from maskedgender.places import SHIPPED_MODEL

from .answers import OURS_AND_THE_SEEDS, RESULTS

CARD = SHIPPED_MODEL.parent / "README.md"


def write_card() -> None:
    """Writes the card, whole or not at all."""
    with written_whole(CARD) as partial:
        partial.write_text(model_card(list(OURS_AND_THE_SEEDS.values()), read_measured(RESULTS)), encoding="utf-8")


if __name__ == "__main__":
    write_card()
