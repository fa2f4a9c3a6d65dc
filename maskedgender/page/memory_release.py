"""Give memory back to the system that answers no longer need: under load it would come to hundreds of megabytes.

Python leaves what refers to itself, as finished requests do, for a collection that may be minutes away; and glibc keeps
what is freed, in a heap for each few threads.
"""

from __future__ import annotations

import ctypes
import gc
import sys

ARENAS = 2  # heaps that threads share; by default there are eight a core, each as large as its busiest moment
M_ARENA_MAX = -8  # as <malloc.h> numbers it


def keep_little() -> None:
    """Make `give_back` quick, and let threads that start from now on share a few heaps; call it before serving."""
    gc.collect()
    gc.freeze()  # what is there now stays: no collection needs to look at TensorFlow's million objects again
    if glibc := _glibc():
        glibc.mallopt(M_ARENA_MAX, ARENAS)


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
