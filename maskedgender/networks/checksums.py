"""Whether a file is, byte by byte, the one that this project ships: models/SHA256SUMS lists it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..places import SHIPPED_MODEL


def is_shipped(path: Path) -> bool:
    """Whether a file has the content of the model that ships, wherever it lies."""
    listed = (SHIPPED_MODEL.parent / "SHA256SUMS").read_text(encoding="utf-8").split()
    return sha256(path) in listed


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
