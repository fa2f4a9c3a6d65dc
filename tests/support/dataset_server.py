"""Kaggle's dataset service and its storage on this machine, for the real kagglehub in another process.

That finds it on KAGGLEHUBS_PORT with KAGGLE_API_ENVIRONMENT=TEST.
"""

from __future__ import annotations

import base64
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

KAGGLEHUBS_PORT = 7777


class Handler(BaseHTTPRequestHandler):
    """Kaggle's two methods, and the storage that they lead to."""

    archive: bytes

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/GetDataset"):
            body = b'{"currentVersionNumber": 3}'
            self._head(200, {"Content-Type": "application/json", "Content-Length": len(body)})
            self.wfile.write(body)
        else:
            self._head(302, {"Location": "/archive.zip", "Content-Length": 0})

    def do_GET(self) -> None:
        md5 = base64.b64encode(hashlib.md5(self.archive).digest()).decode()
        length = len(self.archive)
        self._head(200, {"Content-Type": "application/zip", "Content-Length": length, "X-Goog-Hash": f"md5={md5}"})
        self.wfile.write(self.archive)

    def _head(self, status: int, fields: dict[str, object]) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, str(value))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@contextmanager
def serve(archive: bytes) -> Iterator[None]:
    """Listen until the block is left; `archive` is the dataset, packed."""
    handler = type("HandlerOfArchive", (Handler,), {"archive": archive})
    server = ThreadingHTTPServer(("localhost", KAGGLEHUBS_PORT), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


def packed_dataset(dataset: Path) -> bytes:
    """A dataset folder as Kaggle packs it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in dataset.rglob("*.jpg"):
            zipped.write(path, path.relative_to(dataset.parent))
    return archive.getvalue()
