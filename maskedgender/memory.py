"""Have memory kept or given back, as the work needs: a training wants again what it frees, a page does not.

Python leaves what refers to itself, as finished requests do, for a collection that may be minutes away. glibc, the C
library of most Linux systems, keeps what is freed in small pieces, in a heap for each few threads, and gives large
pieces back at once. Other libraries are left as they are.
"""

from __future__ import annotations

import ctypes
import gc
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # of mallopt(3), as <malloc.h> numbers them
MOST = 2**31 - 1
HEAPS = 2  # that a page's threads share; by default there are eight a core, each as large as its busiest moment


def keep_freed() -> None:
    """Keep what is freed, large pieces too, in one heap for all threads; call it before there are threads.

    Each step of training frees a gigabyte that the next one needs again. To have all its pages cleared anew can take
    half of two cores' time.
    """
    if glibc := _glibc():
        for parameter, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, MOST), (M_ARENA_MAX, 1)):
            glibc.mallopt(parameter, value)


def keep_little() -> None:
    """Make `give_back` quick, and let threads that start from now on share a few heaps; call it before serving."""
    # What is there now stays: no collection needs to look at a million objects of libraries again. Garbage among them
    # stays, too: of a process that has just loaded a model that is less than can be measured, and takes 0.15 s to find.
    gc.freeze()
    if glibc := _glibc():
        glibc.mallopt(M_ARENA_MAX, HEAPS)


def give_back() -> None:
    """Free what nothing refers to, and return it to the system; takes some milliseconds."""
    gc.collect()
    if glibc := _glibc():
        glibc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """The running process's C library, where it is glibc."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None
