"""Export a model: one .keras file that carries the record of what a caller must know of its answers."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RECORD = "record.json"  # a member of the zip that a .keras file is
CONTRACT = {"class order": "female, male", "input scale": "0..255", "calibrated": "yes"}  # of what training exports


def save_with_record(model: Any, file: Path, facts: Mapping[str, object]) -> str:
    """Write a model with its record as one .keras file, whole or not at all, and a .json for people; its SHA-256."""
    texts = {name: str(value) for name, value in {**CONTRACT, **facts}.items() if value is not None}
    record = json.dumps(texts, indent=2)
    partial = file.with_name(f"partial-{file.name}")
    model.save(partial)
    with zipfile.ZipFile(partial, "a") as content:
        content.writestr(RECORD, record)
    file.with_suffix(".json").write_text(record + "\n", encoding="utf-8")
    partial.replace(file)
    return hashlib.sha256(file.read_bytes()).hexdigest()
