"""The line in which photos wait for their answer: one is answered at a time, and what waits has a limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from ..memory import give_back

MOST_WAITING = 200  # photos
MOST_MEGABYTES = 500  # of photos that wait: they lie in memory


class FullError(Exception):
    """The line is full; its text is one sentence for the person who has to come back."""


class Line:
    """Who comes first is answered first; who goes away while waiting leaves no gap."""

    def __init__(self, most_waiting: int = MOST_WAITING, most_bytes: int = MOST_MEGABYTES * 1024**2) -> None:
        """An empty line; it grows to so many photos, and as many bytes."""
        self.most_waiting, self.most_bytes = most_waiting, most_bytes
        self._tickets: list[object] = []
        self._moved = asyncio.Event()
        self._worker = ThreadPoolExecutor(1, "answers")
        self._inside = self._bytes = 0

    def __len__(self) -> int:
        """How many photos wait or are being answered."""
        return len(self._tickets)

    @contextmanager
    def place(self, length: int) -> Iterator[None]:
        """Room for a photo of `length` bytes, from before it arrives until it is answered; FullError without."""
        if self._inside >= self.most_waiting or self._bytes + length > self.most_bytes:
            raise FullError("Too many photos are waiting just now; try again in a minute.")
        self._inside, self._bytes = self._inside + 1, self._bytes + length
        try:
            yield
        finally:
            self._inside, self._bytes = self._inside - 1, self._bytes - length

    async def answered(self, work: Callable[[], dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
        """{"waiting": how many are ahead} each time that this changes, and in the end what the work gives."""
        ticket = object()
        self._tickets.append(ticket)
        try:
            while ahead := self._tickets.index(ticket):
                moved = self._moved  # the line may move while this is being sent, and then there is another event
                yield {"waiting": ahead}
                await moved.wait()
            yield await asyncio.get_running_loop().run_in_executor(self._worker, work)
        finally:
            self._tickets.remove(ticket)
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()
            if not self._tickets:
                self._worker.submit(give_back)
