"""What is written down: the record beside a model, and the log of looks at the test set."""

from __future__ import annotations

import csv
import datetime
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import keras
import pandas as pd

from .metrics import NOT_KNOWN

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


def commit_of(folder: Path) -> str:
    """The short commit of the checkout around a folder, "-dirty" where its Python differs; else "not known"."""
    git = ["git", "-C", str(folder)]
    commands = [*git, "rev-parse", "--short", "HEAD"], [*git, "status", "--porcelain", "-uno", "--", ":/*.py"]
    try:
        commit, changed = (subprocess.run(one, capture_output=True, text=True, check=True).stdout for one in commands)
    except (OSError, subprocess.CalledProcessError):
        return NOT_KNOWN
    return commit.strip() + ("-dirty" if changed else "")


def training_facts(model: keras.Model, history: pd.DataFrame, best: int, **others: object) -> dict[str, object]:
    """What a finished training run says of itself, for `write_record`; `others` are added under their own names.

    Args:
        history: one row an epoch, with the column seconds.
        best: the epoch (from 1) whose weights the model holds.
    """
    return {
        "input": model.input_shape[1:],
        "parameters": f"{model.count_params():,}",
        "best epoch": best,
        "epochs": len(history),
        "training time": f"{history.seconds.sum() / 60:.1f} minutes",
        "hardware": f"{len(keras.distribution.list_devices('gpu')) or 'no'} GPU, {os.cpu_count()} CPU cores",
        "Keras": f"{keras.__version__} on {keras.backend.backend()}",
        "commit": commit_of(Path()),
        "date": datetime.date.today().isoformat(),
        **{name.replace("_", " "): value for name, value in others.items()},
    }


def write_record(model: Path, facts: Mapping[str, object]) -> None:
    """Keep the facts of a training run in a JSON file beside its model, for the card; FACTS are those that it shows."""
    text = {name: str(value) for name, value in facts.items()}
    partial = model.with_name(f"partial-{model.stem}.json")
    try:
        partial.write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")
        partial.replace(model.with_suffix(".json"))
    finally:
        partial.unlink(missing_ok=True)
