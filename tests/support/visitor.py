"""A user of the page over HTTP, and what tests look at beside it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from benchmarks.page_process import PageProcess

API = "/gradio_api"


class Visitor(httpx.Client):
    """A user's browser: opens the page, and keeps its cookies."""

    def __init__(self, address: str) -> None:
        """Open the page."""
        super().__init__(base_url=address, timeout=120)
        self.get("/")

    def upload(self, photo: bytes, name: str = "photo.jpg") -> str:
        """The path that the server gives to an upload."""
        return self.post(f"{API}/upload", files={"files": (name, photo)}).raise_for_status().json()[0]

    def ask(self, data: object, also: Sequence[object] = ("none",)) -> httpx.Response:
        """The reply to a request for an answer, whose file is described by `data`; `also` are the other inputs."""
        return self.post(f"{API}/call/predict", json={"data": [data, *also]})

    def answer(self, path: str) -> str:
        """The stream of events that ends with the answer for a path."""
        event = self.ask(file_data(path)).raise_for_status().json()["event_id"]
        return self.get(f"{API}/call/predict/{event}").text


def file_data(path: str, **more: object) -> dict[str, Any]:
    """A file as Gradio's own clients describe it."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}, **more}


def files_in(page: PageProcess) -> list[Path]:
    """All files that the page's process has stored."""
    return [path for path in (page.log.parent / "tmp").rglob("*") if path.is_file()]


def until(true: Callable[[], object], seconds: float) -> None:
    """Wait until something is true; AssertionError when it takes longer."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "took too long"
        time.sleep(0.2)
