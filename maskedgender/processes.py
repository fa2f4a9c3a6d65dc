"""Processes that share the machine's cores among them, and end with the one that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from itertools import islice
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, TypeVar

import cv2

AHEAD = 4  # items a core that are under way: enough that none waits, and so few that memory does not grow
Item = TypeVar("Item")
Result = TypeVar("Result")


def pool_of_processes(
    count: int | None, start: Callable[..., object] | None = None, arguments: tuple[Any, ...] = ()
) -> ProcessPoolExecutor:
    """A pool of `count` processes, one a core for None, each of which calls `start` with the arguments first.

    They are spawned, as on every system: a fork would copy TensorFlow's locks. Ctrl-C does not reach them.
    """
    return _Pool(count, _Context(), _begin, (start, arguments))


def in_order(pool: ProcessPoolExecutor, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The function of each item, in the items' order.

    Raises:
        BrokenProcessPool: a process was ended from outside, as systems do when memory runs out; the others are ended.
    """
    rest = iter(items)
    under_way: deque[Future[Result]] = deque()
    try:
        with _ctrl_c_afterwards():
            under_way.extend(pool.submit(function, item) for item in islice(rest, AHEAD * (os.cpu_count() or 1)))
        while under_way:
            with _ctrl_c_afterwards():
                result = under_way.popleft().result()
                under_way.extend(pool.submit(function, item) for item in islice(rest, 1))
            yield result
    except BrokenProcessPool:
        # Python 3.11's pool may overlook one that was just started, or fail at this itself where futures are cancelled,
        # as its `map` does; it would then wait for the rest for ever.
        _kill_all()
        raise


def _kill_all() -> None:
    for process in multiprocessing.active_children():
        if isinstance(process, _Process):
            process.kill()


@contextmanager
def _ctrl_c_afterwards() -> Iterator[None]:
    """Ctrl-C, the first time, takes effect at the end: in the midst of a pool it may leave a lock as it must not be."""
    if threading.current_thread() is not threading.main_thread():  # where no signal arrives
        yield
        return
    pressed = False

    def note(number: int, frame: object) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, before)  # for the second time
        with suppress(OSError):  # where nobody reads it any more: an error would end what is to be waited for
            os.write(2, b"\nStopping as soon as what is under way is done.\n")

    before = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, note)
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed:
            signal.raise_signal(signal.SIGINT)


class _Pool(ProcessPoolExecutor):
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = True) -> None:
        """Ctrl-C meanwhile kills the processes: if it broke off the wait, Python would wait for them for ever."""
        if threading.current_thread() is not threading.main_thread():
            return super().shutdown(wait, cancel_futures=cancel_futures)
        before = signal.getsignal(signal.SIGINT)
        try:
            signal.signal(signal.SIGINT, lambda number, frame: _kill_all())
            return super().shutdown(wait, cancel_futures=cancel_futures)
        finally:
            signal.signal(signal.SIGINT, before)


class _Process(SpawnProcess):
    def start(self) -> None:
        """With SIGINT blocked meanwhile, so that the new process has it blocked from its first moment."""
        if os.name == "nt":  # which knows no such thing
            return super().start()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            super().start()
        except (OSError, ValueError) as error:  # as pipes to a process that is gone, or were closed meanwhile, raise
            raise BrokenProcessPool("A process was ended while it, or another one, started.") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Context(SpawnContext):
    Process = _Process  # type: ignore[assignment]  # its own kind of the same


def _begin(start: Callable[..., object] | None, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where it could not be blocked
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
