"""Have memory kept or given back, as the work needs: a training wants again what it frees, a page does not.

glibc, the C library of most Linux systems, keeps what is freed in small pieces, in a heap for each few threads, and
gives large pieces back at once. Other libraries are left as they are.
"""

from __future__ import annotations

import ctypes
import gc
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # of mallopt(3), as <malloc.h> numbers them


def keep_freed() -> None:
    """Keep what is freed, large pieces too, in one heap for all threads; call it before there are threads.

    Each step of training frees a gigabyte that the next one needs again: to clear its pages anew takes up to half of
    two cores' time.
    """
    if glibc := _glibc():
        for parameter, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_ARENA_MAX, 1)):
            glibc.mallopt(parameter, value)


def keep_little() -> None:
    """Let threads that start from now on share two heaps, and make `give_back` quick; call it before serving."""
    gc.freeze()  # no collection needs to look at a million objects of libraries again
    if glibc := _glibc():
        glibc.mallopt(M_ARENA_MAX, 2)


def give_back() -> None:
    """Free what nothing refers to, and return it to the system; takes some milliseconds."""
    gc.collect()
    if glibc := _glibc():
        glibc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """The running process's C library, where it is glibc."""
    library = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
    return library if hasattr(library, "malloc_trim") else None
