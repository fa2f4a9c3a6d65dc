"""Whether a file is, byte by byte, the one that SHA256SUMS beside it lists: damage and exchange are noticed.

The list is what `sha256sum FILE... > SHA256SUMS` writes in the folder, and `sha256sum --check SHA256SUMS` reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..files import written_whole

LIST = "SHA256SUMS"


def is_listed(path: Path) -> bool:
    """Whether there is a list beside a file that tells of it."""
    return path.name in _listed(path.parent)


def is_whole(path: Path) -> bool:
    """Whether a listed file has the content that the list tells of."""
    return sha256(path) == _listed(path.parent)[path.name]


@contextmanager
def relisted(path: Path) -> Iterator[None]:
    """Let a listed file change: afterwards the list tells of its new content, and meanwhile not of it at all.

    So a kill between the two writes leaves a file that opens, rather than one that passes for damaged.
    """
    if not is_listed(path):
        yield
        return
    listed = _listed(path.parent)
    _write_list(path.parent, {name: digest for name, digest in listed.items() if name != path.name})
    try:
        yield
    except BaseException:
        if path.is_file() and sha256(path) == listed[path.name]:  # nothing was written
            _write_list(path.parent, listed)
        raise
    _write_list(path.parent, {**listed, path.name: sha256(path)})


def _write_list(folder: Path, listed: dict[str, str]) -> None:
    with written_whole(folder / LIST) as partial:
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
