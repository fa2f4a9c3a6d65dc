"""A pool gives results in order, and one of which a process is ended ends the others and says so."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
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


def test_ctrl_c_waits_until_the_pool_has_what_it_was_given(capfd: pytest.CaptureFixture[str]) -> None:
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
    assert capfd.readouterr().err.startswith("\nStopping as soon as what is under way is done")


def signalled_and_killed(number: int) -> None:
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_ctrl_c_is_not_lost_when_a_process_dies_meanwhile() -> None:
    with pytest.raises(KeyboardInterrupt), pool_of_processes(1) as pool:
        list(in_order(pool, signalled_and_killed, range(3)))


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_ctrl_c_while_a_pool_ends_kills_its_processes() -> None:
    over = threading.Event()

    def press_again_and_again() -> None:
        while not over.wait(0.2):
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, lambda number, frame: None)  # of those that come too early or too late
    pressing = threading.Thread(target=press_again_and_again)
    try:
        with pool_of_processes(1) as pool:
            future = pool.submit(time.sleep, 10 * 60)
            while not future.running():
                time.sleep(0.01)
            pressing.start()
    finally:
        over.set()
        pressing.join()
        signal.signal(signal.SIGINT, before)
    assert isinstance(future.exception(), BrokenProcessPool) and not multiprocessing.active_children()
