"""Write a file so that its name never stands for half of it, whenever the process is killed."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_count = itertools.count()


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` to write to; it takes the place of `path` if all goes well, and is removed if not.

    The folder is made where it is missing. The temporary file has the suffix of `path`, and a name that no other
    process or thread uses.
    """
    partial = path.with_name(f"partial-{os.getpid()}-{next(_count)}{path.suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
