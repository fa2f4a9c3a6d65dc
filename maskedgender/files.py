"""Write a file so that its name never stands for half of it, whenever the process is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A file beside `path` to write to: it takes the place of `path` when all went well, and is removed otherwise.

    The folder is made where it is missing; the endings of the two names are the same.

    Raises:
        OSError: the system does not let us write, say because the disk is full; `path` is what it was.
    """
    partial = path.with_name(f"partial-{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
