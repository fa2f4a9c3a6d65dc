"""A small Kaggle on this machine, for the official client: it answers what training there asks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN, USER = "token-of-ann", "ann"
KERNEL = "ann/maskedgender-train"


@dataclass
class FakeKaggle:
    """What Kaggle knows and does; a test changes it.

    Attributes:
        states: of the notebook, one a question, the last one for good.
        files: what the notebook left, by name.
        log: what it printed.
        refused: HTTP status and Kaggle's words, by method.
        dropped: how often a method breaks the connection instead of answering.
        answers: more fields of a method's answer.
        calls: the methods that were called.
        pushed: the request that saved the notebook.
    """

    states: list[str] = field(default_factory=lambda: ["QUEUED", "RUNNING", "COMPLETE"])
    files: dict[str, bytes] = field(default_factory=dict)
    log: str = ""
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    pushed: dict[str, Any] = field(default_factory=dict)
    address: str = ""

    def answer(self, method: str, request: dict[str, Any]) -> dict[str, Any]:
        """A method's answer; KeyError for a method that is not known."""
        if method == "SaveKernel":
            self.pushed = request
        given = {name: self.pushed.get(name) for name in ("enableGpu", "enableInternet", "machineShape")}
        blob = {"source": "{}", "language": "python", "kernelType": "notebook", "slug": "maskedgender-train"}
        known = {
            "IntrospectToken": {"active": request.get("token") == TOKEN, "username": USER},
            "SaveKernel": {"ref": f"/code/{KERNEL}", "versionNumber": 7},
            "GetKernel": {"metadata": {"ref": KERNEL, **given}, "blob": blob},
            "GetKernelSessionStatus": {"status": self.states[0]},
            "ListKernelSessionOutput": self.page(int(request.get("pageToken") or 0)),
        }
        if method == "GetKernelSessionStatus" and len(self.states) > 1:
            self.states.pop(0)
        return known[method] | self.answers.get(method, {})

    def page(self, number: int) -> dict[str, Any]:
        """One file a page, so that pages matter."""
        names = list(self.files)[number : number + 1]
        files = [{"url": f"{self.address}/{name}", "fileName": name} for name in names]
        log = json.dumps([{"stream_name": "stdout", "time": 1.0, "data": self.log}])
        return {"files": files, "log": log, "nextPageToken": str(number + 1) if number + 1 < len(self.files) else ""}


class Handler(BaseHTTPRequestHandler):
    """Kaggle's methods by POST, of sessions for the version that was pushed; files by GET."""

    fake: FakeKaggle

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = self.path.split("/")[-1]
        self.fake.calls.append(method)
        if self.fake.dropped.get(method, 0):
            self.fake.dropped[method] -= 1
        elif method in self.fake.refused:
            code, message = self.fake.refused[method]
            self.reply(code, json.dumps({"code": code, "message": message}).encode())
        elif "Session" in method and request.get("versionLabel") != "v7":
            self.reply(404, json.dumps({"code": 404, "message": "Not found"}).encode())
        else:
            self.reply(200, json.dumps(self.fake.answer(method, request)).encode())

    def do_GET(self) -> None:
        self.reply(200, self.fake.files[self.path.removeprefix("/")])

    def reply(self, code: int, content: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


@contextmanager
def serve(fake: FakeKaggle) -> Iterator[None]:
    """Listen on a free port, which `address` then tells."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("HandlerOfFake", (Handler,), {"fake": fake}))
    fake.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()
