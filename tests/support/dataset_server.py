"""Kaggle's dataset service and its storage on this machine, for the real kagglehub, with the ways in which it fails.

In this process it may listen on any port, see `point_kagglehub_to`. Another process finds it on KAGGLEHUBS_PORT with
KAGGLE_API_ENVIRONMENT=TEST; but there kagglehub prints, and so reads, an answer before it stores any of it, so that
half a download leaves nothing.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from kagglesdk import kaggle_env

KAGGLEHUBS_PORT = 7777


@dataclass
class Store:
    """What Kaggle keeps, and how it fails; a test changes it.

    Attributes:
        archive: the dataset, packed.
        breaks: after how many bytes each of the next answers breaks off.
        port: where it listens.
        ranges: what was asked for, one entry an answer; None for the whole.
    """

    archive: bytes
    breaks: list[int] = field(default_factory=list)
    port: int = 0
    ranges: list[str | None] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    """Kaggle's two methods, and the storage that they lead to."""

    store: Store

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/GetDataset"):
            body = b'{"currentVersionNumber": 3}'
            self._head(200, {"Content-Type": "application/json", "Content-Length": len(body)})
            self.wfile.write(body)
        else:
            self._head(302, {"Location": "/archive.zip", "Content-Length": 0})

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.store.ranges.append(asked)
        first = int(re.findall(r"\d+", asked)[0]) if asked else 0
        content = self.store.archive
        md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
        head = {"Content-Type": "application/zip", "Accept-Ranges": "bytes", "Content-Length": len(content) - first}
        self._head(206 if asked else 200, {**head, "X-Goog-Hash": f"md5={md5}"})
        with suppress(ConnectionError):  # kagglehub asks for the head alone where it goes on
            self.wfile.write(content[first:][: self.store.breaks.pop(0) if self.store.breaks else None])

    def _head(self, status: int, fields: dict[str, object]) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, str(value))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def serve(store: Store, port: int = 0) -> Iterator[int]:
    """Listen on a port, any free one without, until the block is left; yields the port."""
    server = ThreadingHTTPServer(("localhost", port), type("HandlerOfStore", (Handler,), {"store": store}))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def point_kagglehub_to(port: int, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have kagglehub, in this process, ask this machine, and keep what it gets in a folder; no dataset is attached."""
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.LOCAL, f"http://localhost:{port}")
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(cache))
    monkeypatch.setenv("KAGGLE_INPUT_ROOT", str(cache / "nothing-attached"))


def packed_dataset(dataset: Path) -> bytes:
    """A dataset folder as Kaggle packs it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in dataset.rglob("*.jpg"):
            zipped.write(path, path.relative_to(dataset.parent))
    return archive.getvalue()
