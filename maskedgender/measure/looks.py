"""The log of looks at the test set: one that is opened often stops being one, so every opening is written down."""

from __future__ import annotations

import csv
import datetime
from pathlib import Path

from ..networks.records import commit_of

LOOK_COLUMNS = ("date", "commit", "figure")


def append_look(log: Path, figure: str) -> None:
    """Add a line (date, commit, figure) to the log of looks at Validation, a CSV file that is made where missing.

    A test set that is opened often stops being one, so every opening is written down. The commit is that of the
    checkout in which the log lies; "not known" outside of one, as on Kaggle.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    new = not log.exists()
    with log.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(LOOK_COLUMNS)
        writer.writerow((datetime.date.today().isoformat(), commit_of(log.parent), figure))
