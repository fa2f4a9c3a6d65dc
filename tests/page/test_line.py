"""Photos wait in line: one at a time, in their order, and no more than there is room for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from maskedgender.page.line import FullError, Line

Result = TypeVar("Result")


def run(together: Coroutine[Any, Any, Result]) -> Result:
    """What it gives, from a thread of its own: while a browser is open, Playwright runs a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, together).result()


async def told(line: Line, work: Any) -> list[dict[str, Any]]:
    return [said async for said in line.answered(work)]


def test_photos_are_answered_in_their_order_and_told_how_many_are_ahead() -> None:
    order, may_end = [], threading.Event()

    def work(number: int) -> dict[str, Any]:
        may_end.wait(10)
        order.append(number)
        return {"number": number}

    async def together() -> list[list[dict[str, Any]]]:
        line = Line()
        waiting = [asyncio.create_task(told(line, lambda number=number: work(number))) for number in range(3)]
        await asyncio.sleep(0.1)
        assert len(line) == 3
        may_end.set()
        answers = await asyncio.gather(*waiting)
        assert len(line) == 0
        return answers

    first, second, third = run(together())
    assert order == [0, 1, 2]
    assert first == [{"number": 0}] and second == [{"waiting": 1}, {"number": 1}]
    assert third == [{"waiting": 2}, {"waiting": 1}, {"number": 2}]


def test_who_is_slow_to_hear_of_the_line_is_answered_all_the_same() -> None:
    async def slowly(line: Line) -> list[dict[str, Any]]:
        heard = []
        async for said in line.answered(lambda: {"ended": True}):
            heard.append(said)
            await asyncio.sleep(0.2)  # meanwhile the line moves
        return heard

    async def together() -> list[dict[str, Any]]:
        line, may_end = Line(), threading.Event()
        first = asyncio.create_task(told(line, lambda: {"ended": may_end.wait(10)}))
        await asyncio.sleep(0.05)
        second = asyncio.create_task(slowly(line))
        await asyncio.sleep(0.05)
        may_end.set()
        await first
        return await asyncio.wait_for(second, 5)

    assert run(together()) == [{"waiting": 1}, {"ended": True}]


def test_who_goes_away_while_waiting_leaves_no_gap() -> None:
    may_end = threading.Event()

    async def together() -> list[dict[str, Any]]:
        line = Line()
        asked = [asyncio.create_task(told(line, lambda: {"ended": may_end.wait(10)})) for _ in range(3)]
        await asyncio.sleep(0.1)
        asked[1].cancel()
        await asyncio.sleep(0.1)
        may_end.set()
        return await asked[2]

    assert run(together()) == [{"waiting": 2}, {"waiting": 1}, {"ended": True}]


def test_a_fault_in_one_answer_does_not_stop_the_next() -> None:
    def fault() -> dict[str, Any]:
        raise RuntimeError("a fault")

    async def together() -> list[Any]:
        line = Line()
        asked = [asyncio.create_task(told(line, work)) for work in (fault, lambda: {"right": True})]
        return await asyncio.gather(*asked, return_exceptions=True)

    failed, right = run(together())
    assert isinstance(failed, RuntimeError) and right[-1] == {"right": True}


def test_a_line_has_a_length_and_a_weight() -> None:
    line = Line(most_waiting=2, most_bytes=100)
    with line.place(60):
        with pytest.raises(FullError, match="try again in a minute"), line.place(50):
            pass
        with line.place(40), pytest.raises(FullError), line.place(0):
            pass
    with line.place(100):
        pass
