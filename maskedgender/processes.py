"""Processes that share the machine's cores among them, and end with the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

import cv2


def pool_of_processes(
    count: int | None, start: Callable[..., object] | None = None, arguments: tuple[Any, ...] = ()
) -> ProcessPoolExecutor:
    """A pool of `count` processes, one a core for None, each of which calls `start` with the arguments first.

    They are spawned, as on every system: a fork would copy TensorFlow's locks. Ctrl-C is the first process's business.
    """
    return ProcessPoolExecutor(count, _Context(), _begin, (start, arguments))


class _Process(SpawnProcess):
    """A process that Ctrl-C does not reach, not even while it starts: that takes a second, and it would say so."""

    def start(self) -> None:
        """With SIGINT held back, as the new process will have it for good."""
        with _sigint_held_back():
            super().start()


class _Context(SpawnContext):
    Process = _Process  # type: ignore[assignment]  # its own kind of the same


@contextmanager
def _sigint_held_back() -> Iterator[None]:
    """A signal that comes meanwhile comes afterwards; Windows knows no such thing."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(start: Callable[..., object] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be held back
    cv2.setNumThreads(0)  # none besides: the processes share the cores (of 1, macOS would make all)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if start:
        start(*arguments)


def _end_with_parent() -> None:
    """A pool's process would outlive a parent that was killed: it waits for work for ever (CPython's issue 111873)."""
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
    os._exit(1)
