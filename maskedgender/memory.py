"""Have a training's memory kept by the process: each step wants again what the one before it has freed."""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # of mallopt(3), as <malloc.h> numbers them


def keep_freed() -> None:
    """Keep what is freed, large pieces too, in one heap for all threads; call it before there are threads.

    Each step of training frees a gigabyte that the next one needs again: to clear its pages anew takes up to half of
    two cores' time. This is for glibc, the C library of most Linux systems; others are left as they are.
    """
    if platform.libc_ver()[0] == "glibc":
        for parameter, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_ARENA_MAX, 1)):
            ctypes.CDLL(None).mallopt(parameter, value)
