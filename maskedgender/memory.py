"""Have a training's memory kept by the process: each step wants again what the one before it has freed."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # of mallopt(3), as <malloc.h> numbers them


def keep_freed() -> None:
    """Keep what is freed, large pieces too, in one heap for all threads; call it before there are threads.

    Each step of training frees a gigabyte that the next one needs again: to clear its pages anew takes up to half of
    two cores' time. This is for glibc, the C library of most Linux systems; others are left as they are.
    """
    if glibc := _glibc():
        for parameter, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_ARENA_MAX, 1)):
            glibc.mallopt(parameter, value)


def _glibc() -> ctypes.CDLL | None:
    """The running process's C library, where it is glibc."""
    library = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
    return library if hasattr(library, "malloc_trim") else None
