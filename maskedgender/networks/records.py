"""The record beside a model file: what a training run says of what it has made, as JSON."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import written_whole
from .checksums import sha256

if TYPE_CHECKING:
    import keras
    import pandas as pd


NOT_KNOWN = "not known"
# What a record says of the answers, by name; serving reads the first five.
SHA_256, CALIBRATED, NOT_SURE_BELOW, CLASS_ORDER = "SHA-256", "calibrated", "not sure below", "class order"
SCALE = "input scale"
FEMALE_FIRST = "female, male"
NOT_SURE_BY = "not sure chosen by"
BORDER, ANOTHER_SHARE = "border between the words", "for another share of men"


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
    import keras  # late: who only reads a record needs none

    from .answering import trained_cnn

    return {
        "input": model.input_shape[1:],
        "parameters": f"{trained_cnn(model).count_params():,}",  # without the fixed matrices of its looks
        "best epoch": best,
        "epochs": len(history),
        "training time": f"{history.seconds.sum() / 60:.1f} minutes",
        "hardware": f"{len(keras.distribution.list_devices('gpu')) or 'no'} GPU, {os.cpu_count()} CPU cores",
        "Keras": f"{keras.__version__} on {keras.backend.backend()}",
        "commit": commit_of(Path()),
        "date": datetime.date.today().isoformat(),
        **{name.replace("_", " "): value for name, value in others.items()},
    }


def exported_facts(trained: Mapping[str, str], **others: object) -> dict[str, object]:
    """What the record of a file says that another's weights were exported to: how those were trained, and the export.

    Args:
        trained: the other file's record.
        others: facts of the export, as for `training_facts`; "command", "commit" and "data", the images that it was
            calibrated on, go under names of their own.
    """
    own = ("command", "commit", "data")
    others = {f"export {name}" if name in own else name: value for name, value in others.items()}
    of_its_answers = (NOT_SURE_BELOW, NOT_SURE_BY, BORDER, ANOTHER_SHARE)
    kept = {name: value for name, value in trained.items() if name not in of_its_answers}
    return kept | {name: value for name, value in others.items() if name != "started_from"}


def facts_of_answers(calibrated: bool) -> dict[str, str]:
    """What a record says of the two numbers that its file gives, as our training leaves them."""
    facts = {SCALE: "0..255", CLASS_ORDER: FEMALE_FIRST, CALIBRATED: "yes" if calibrated else "no"}
    if not calibrated:
        return facts
    return facts | {
        BORDER: "1/2, for as many women as men",
        ANOTHER_SHARE: "logit p' = logit p + log(share of men / share of women), p and p' those of male",
    }


def write_record(model: Path, facts: Mapping[str, object]) -> None:
    """Keep the facts of a training run in a JSON file beside its model, for the card; FACTS are those that it shows."""
    text = {name: str(value) for name, value in facts.items() if value is not None}
    with written_whole(model.with_suffix(".json")) as partial:
        partial.write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")


def read_record(model: Path) -> dict[str, str]:
    """The facts kept beside a model; none where there is no such file."""
    record = model.with_suffix(".json")
    return json.loads(record.read_text(encoding="utf-8")) if record.exists() else {}


def record_of(model: Path) -> dict[str, str]:
    """The facts kept beside a model if they are of this very file, which they name by its SHA-256; none otherwise.

    What lies there may also be a JSON file of somebody else's, of any content.
    """
    try:
        record = read_record(model)
    except ValueError:  # neither JSON nor text
        return {}
    named = record.get(SHA_256) if isinstance(record, dict) else None
    return record if named and named == sha256(model) else {}


def amend_record(model: Path, facts: Mapping[str, object]) -> None:
    """Change some of the facts kept beside a model; None takes one away."""
    write_record(model, {**read_record(model), **facts})
