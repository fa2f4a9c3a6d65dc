"""The log of the test set's openings: one that is opened often stops being a test set."""

from __future__ import annotations

import csv
import datetime
from pathlib import Path

from ..networks.records import commit_of


def log_test(log: Path, figure: str) -> None:
    """Add a line (date, commit, figure) to a CSV file, which is made where it is missing."""
    log.parent.mkdir(parents=True, exist_ok=True)
    new = not log.exists()
    with log.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(("date", "commit", "figure"))
        writer.writerow((datetime.date.today().isoformat(), commit_of(log.parent), figure))
