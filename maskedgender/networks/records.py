"""The record of a model file: what its training says of its answers; inside the .keras file or, of old ones, beside."""

from __future__ import annotations

import json
import subprocess
import zipfile
from contextlib import suppress
from pathlib import Path

from .checksums import sha256

RECORD = "record.json"  # in the zip that a .keras file is
NOT_KNOWN = "not known"
# What serving reads of a record.
SHA_256, CALIBRATED, NOT_SURE_BELOW = "SHA-256", "calibrated", "not sure below"
CLASS_ORDER, SCALE = "class order", "input scale"
FEMALE_FIRST = "female, male"


def record_of(model: Path) -> dict[str, str]:
    """The record of a model file: the one inside; else a .json beside it that names the file by its SHA-256; or empty.

    Files of version 1 and exported ones have theirs beside them.
    """
    with suppress(zipfile.BadZipFile, KeyError), zipfile.ZipFile(model) as content:
        return json.loads(content.read(RECORD))
    with suppress(OSError, ValueError):  # none, or one of somebody else's that is neither JSON nor text
        record = json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))
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
