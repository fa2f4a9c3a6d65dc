"""TensorFlow without its notes on its own start and speed, unless the caller has set TF_CPP_MIN_LOG_LEVEL."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2  # the system's, which C++ writes to
QUIET = "TF_CPP_MIN_LOG_LEVEL" not in os.environ
if QUIET:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


@contextmanager
def quiet_import() -> Iterator[None]:
    """Import TensorFlow within: some notes of its start heed no level, so meanwhile what C++ writes is dropped."""
    kept = os.dup(STDERR)
    try:
        if QUIET:
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 (no path)
                os.dup2(nowhere.fileno(), STDERR)
        yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)
