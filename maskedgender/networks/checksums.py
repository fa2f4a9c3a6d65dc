"""Whether a file is, byte by byte, the one that SHA256SUMS beside it lists: damage and exchange are noticed.

The list is what `sha256sum FILE... > SHA256SUMS` writes in the folder, and `sha256sum --check SHA256SUMS` reads.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..files import written_whole

LIST = "SHA256SUMS"


def is_listed(path: Path) -> bool:
    """Whether there is a list beside a file that tells of it."""
    return path.name in _listed(path.parent)


def is_whole(path: Path) -> bool:
    """Whether a listed file has the content that the list tells of."""
    return sha256(path) == _listed(path.parent)[path.name]


def relist(path: Path) -> None:
    """Take a file's content as it is now for the right one, where its list tells of it."""
    if is_listed(path):
        listed = {**_listed(path.parent), path.name: sha256(path)}
        with written_whole(path.with_name(LIST)) as partial:
            partial.write_text("".join(f"{digest}  {name}\n" for name, digest in listed.items()), encoding="utf-8")


def _listed(folder: Path) -> dict[str, str]:
    """The sums in a folder's list, by name; none where there is no list."""
    path = folder / LIST
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    parts = (line.partition(" ") for line in lines)
    return {name.lstrip(" *"): digest.lower() for digest, _, name in parts}  # a star: read in binary mode


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
