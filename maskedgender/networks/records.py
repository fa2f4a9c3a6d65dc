"""The record of a model file: what its training says of its answers; inside the .keras file or, of old ones, beside."""

from __future__ import annotations

import json
import subprocess
import zipfile
from contextlib import suppress
from pathlib import Path

from ..places import SHIPPED_MODEL
from .checksums import sha256

RECORD = "record.json"  # in the zip that a .keras file is
NOT_KNOWN = "not known"
# What serving reads of a record.
SHA_256, CALIBRATED, NOT_SURE_BELOW = "SHA-256", "calibrated", "not sure below"
CLASS_ORDER, SCALE = "class order", "input scale"
FEMALE_FIRST = "female, male"


def record_of(model: Path) -> dict[str, str]:
    """The record of a model file: the one inside; or, of a file of version 1, in a .json; else empty.

    A .json counts, beside the file or beside the shipped one, where it names the file by its SHA-256.
    """
    with suppress(zipfile.BadZipFile, KeyError), zipfile.ZipFile(model) as content:
        return json.loads(content.read(RECORD))
    for file in (model, SHIPPED_MODEL):
        with suppress(OSError, ValueError):  # none, or one of somebody else's that is neither JSON nor text
            record = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
            if isinstance(record, dict) and record.get(SHA_256) == sha256(model):
                return record
    return {}


def commit_of(folder: Path) -> str:
    """The short commit of the checkout around a folder, "-dirty" where its Python differs; else "not known"."""
    git = ["git", "-C", str(folder)]
    commands = [*git, "rev-parse", "--short", "HEAD"], [*git, "status", "--porcelain", "-uno", "--", ":/*.py"]
    try:
        commit, changed = (subprocess.run(one, capture_output=True, text=True, check=True).stdout for one in commands)
    except (OSError, subprocess.CalledProcessError):
        return NOT_KNOWN
    return commit.strip() + ("-dirty" if changed else "")
