"""Processes that share the machine's cores among them, and end with the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import cv2


def pool_of_processes(
    count: int | None, start: Callable[..., object] | None = None, arguments: tuple[Any, ...] = ()
) -> ProcessPoolExecutor:
    """A pool of `count` processes, one a core for None, each of which calls `start` with the arguments first.

    They are spawned, as on every system: a fork would copy TensorFlow's locks.
    """
    return ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _begin, (start, arguments))


def _begin(start: Callable[..., object] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the first one decides
    cv2.setNumThreads(1)  # the processes share the cores among them
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if start:
        start(*arguments)


def _end_with_parent() -> None:
    """A pool's process would outlive a parent that was killed: it waits for work for ever (CPython's issue 111873)."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
    os._exit(1)
