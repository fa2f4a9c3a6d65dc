"""Waiting, for tests of things that happen in another process."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(true: Callable[[], object], seconds: float) -> None:
    """Wait until something is true; AssertionError when it takes longer."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "took too long"
        time.sleep(0.2)
