"""A user of the page over HTTP, and what tests look at beside it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from benchmarks.page_process import PageProcess


class Visitor(httpx.Client):
    """A user's browser: opens the page, and keeps its cookies."""

    def __init__(self, address: str) -> None:
        """Open the page."""
        super().__init__(base_url=address, timeout=120)
        self.get("/")

    def ask(self, photo: bytes, name: str = "photo.jpg", **how: str) -> httpx.Response:
        """The reply to a photo, whose answer is its last line."""
        return self.post("/answer", content=photo, params=how, headers={"X-Name": quote(name)})

    def answer(self, photo: bytes, name: str = "photo.jpg", **how: str) -> dict[str, Any]:
        """The answer to a photo."""
        return json.loads(self.ask(photo, name, **how).raise_for_status().text.splitlines()[-1])


def files_in(page: PageProcess) -> list[Path]:
    """All files in the folder that the page's process has for temporary ones."""
    return [path for path in (page.log.parent / "tmp").rglob("*") if path.is_file()]


def until(true: Callable[[], object], seconds: float) -> None:
    """Wait until something is true; AssertionError when it takes longer."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "took too long"
        time.sleep(0.2)
