"""A pool gives results in order, and one of which a process is ended ends the others and says so."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
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
