"""A pool gives results in order, and one of which a process is ended ends the others and says so."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool

import psutil
import pytest

from maskedgender.processes import in_order, pool_of_processes


def slower_first(number: int) -> int:
    time.sleep(0.05 / (1 + number))
    return -number


def killed_at_7(number: int) -> int:
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    return number


def test_results_are_in_order() -> None:
    with pool_of_processes(2) as pool:
        assert list(in_order(pool, slower_first, range(40))) == [-number for number in range(40)]


def test_when_one_process_is_killed_the_others_end() -> None:
    with pytest.raises(BrokenProcessPool), pool_of_processes(3) as pool:
        for number in in_order(pool, killed_at_7, range(1000)):
            assert number != 7
    left = [psutil.Process(child.pid) for child in multiprocessing.active_children()]
    assert not [child for child in left if child.is_running()]


def test_ctrl_c_waits_until_the_pool_has_what_it_was_given() -> None:
    given: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            if number == 100:
                signal.raise_signal(signal.SIGINT)
            given.append(number)
            yield number

    got: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), pool_of_processes(2) as pool:
        got.extend(in_order(pool, slower_first, numbers()))
    assert given[-1] == 100 and signal.getsignal(signal.SIGINT) is handler
