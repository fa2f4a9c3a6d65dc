"""Write a file so that its name never stands for half of it, whenever the process is killed or the power fails."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_count = itertools.count()


@contextmanager
def written_whole(path: Path, synced: bool = True) -> Iterator[Path]:
    """A file beside `path` to write to: it takes the place of `path` when all went well, and is removed otherwise.

    The folder is made where it is missing. The name of the file is its writer's own, so that two processes (or threads)
    that write the same `path` do not write into each other's; it ends as `path` does.

    Args:
        synced: have it on the disk before its name changes, for the case that the power fails. That takes some
            milliseconds: too long for many small files that can be made again.

    Raises:
        OSError: the system does not let us write, say because the disk is full; `path` is what it was.
    """
    partial = path.with_name(f"partial-{os.getpid()}-{next(_count)}-{path.name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        if synced:
            with partial.open("rb+") as written:
                os.fsync(written.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
