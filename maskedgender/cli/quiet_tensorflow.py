"""TensorFlow without its notes on its own start and speed, unless the caller has set TF_CPP_MIN_LOG_LEVEL."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
OURS = "3"
STDERR = 2  # the system's, which C++ writes to


def quieten_tensorflow() -> None:
    """Call it before TensorFlow is imported; its errors are raised as Python's, too."""
    if LEVEL not in os.environ:
        os.environ[LEVEL] = OURS
        logging.getLogger("tensorflow").setLevel(logging.ERROR)


@contextmanager
def quiet_import() -> Iterator[None]:
    """Import TensorFlow within: some notes of its start heed no level, so meanwhile what C++ writes is dropped."""
    if os.environ.get(LEVEL) != OURS:
        yield
        return
    kept, nowhere = os.dup(STDERR), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STDERR)
    try:
        yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)
        os.close(nowhere)
