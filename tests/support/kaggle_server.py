"""A small Kaggle on this machine, for the official client: it answers what training needs, and writes down all calls.

The client, in this process, looks for it where `point_kaggle_to` says.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from kagglesdk import kaggle_env

TOKEN, USER = "token-of-ann", "ann"
KERNEL = "ann/maskedgender-train"
DATASET = "itsshuvra/gender-classified-dataset-with-masked-face"

RUN_ID = "synthetic"
ACCURACY = "96.10 % (95.80 % to 96.39 %, n = 20,714)"
RECORD = {"best epoch": "11", "epochs": "14", "training time": "31.0 minutes", "hardware": "2 GPU, 4 CPU cores"}


@dataclass
class FakeKaggle:
    """What Kaggle knows and does; a test changes it.

    Attributes:
        accepted: values of the header Authorization that are let in.
        states: of the notebook, one a question, the last one for good.
        files: what the notebook left, by name.
        refused: (HTTP status, Kaggle's words) of a method.
        dropped: how often a method breaks the connection instead of answering, before it answers.
        answers: more fields of a method's answer.
        calls: the methods that were called; files as "GET name".
        unknown: paths that this server does not have.
        port: where it listens.
    """

    accepted: set[str] = field(default_factory=lambda: {f"Bearer {TOKEN}"})
    states: list[str] = field(default_factory=lambda: ["QUEUED", "RUNNING", "COMPLETE"])
    files: dict[str, bytes] = field(default_factory=dict)
    log: str = ""
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    pushed: dict[str, Any] = field(default_factory=dict)
    port: int = 0

    def start(self) -> None:
        """Listen on a free port."""
        kaggle = self

        class Handler(_Handler):
            fake = kaggle

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """A method's answer; None for a method that is not known."""
        known = {
            "security.OAuthService/IntrospectToken": lambda: {"active": request["token"] == TOKEN, "username": USER},
            "users.AccountService/GenerateAccessToken": lambda: {"token": TOKEN, "expiresIn": 3600},
            "datasets.DatasetApiService/GetDataset": lambda: {"ref": DATASET},
            "kernels.KernelsApiService/SaveKernel": lambda: self.save(request),
            "kernels.KernelsApiService/GetKernel": self.kernel,
            "kernels.KernelsApiService/GetKernelSessionStatus": self.status,
            "kernels.KernelsApiService/ListKernelSessionOutput": lambda: self.page(request),
        }
        return known[method]() | self.answers.get(method.split("/")[1], {}) if method in known else None

    def save(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a pushed notebook."""
        self.pushed = dict(request)
        given = re.search(r"RUN_ID = '(\w+)'", request["text"])
        if "models/masked_gender.json" in self.files and given:  # as the notebook does
            record = json.loads(self.files["models/masked_gender.json"])
            self.files["models/masked_gender.json"] = json.dumps({**record, "run": given[1]}).encode()
        return {"ref": f"/code/{request['slug']}", "url": "https://www.kaggle.com/code", "versionNumber": 7}

    def kernel(self) -> dict[str, Any]:
        """The pushed notebook."""
        settings = {name: self.pushed.get(name) for name in ("enableGpu", "enableInternet", "machineShape")}
        return {"metadata": {"ref": KERNEL, **settings}, "blob": {"source": self.pushed.get("text")}}

    def status(self) -> dict[str, Any]:
        """The state of the run."""
        return {"status": self.states.pop(0) if len(self.states) > 1 else self.states[0]}

    def page(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One file a page, so that pages matter."""
        number = int(request.get("pageToken", 0))
        names = list(self.files)
        url = f"http://127.0.0.1:{self.port}/files/{number}"
        files = [{"url": url, "fileName": name} for name in names[number : number + 1]]
        return {"files": files, "log": self.log, "nextPageToken": str(number + 1) if number + 1 < len(names) else ""}


class _Handler(BaseHTTPRequestHandler):
    fake: FakeKaggle

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = self.path.removeprefix("/api/v1/")
        name = method.split("/")[-1]
        self.fake.calls.append(name)
        if self.fake.dropped.get(name, 0):
            self.fake.dropped[name] -= 1
            self.fake.answer(method, request)  # it did arrive; only the answer is lost
            return
        free = name in ("IntrospectToken", "GenerateAccessToken")
        if not free and self.headers["Authorization"] not in self.fake.accepted:
            self.reply(401, {"code": 401, "message": "Unauthenticated"})
        elif name in self.fake.refused:
            code, message = self.fake.refused[name]
            self.reply(code, {"code": code, "message": message})
        else:
            answer = self.fake.answer(method, request)
            if answer is None:
                self.fake.unknown.append(self.path)
            self.reply(404 if answer is None else 200, answer or {"code": 404, "message": "Not found"})

    def do_GET(self) -> None:
        files = dict(enumerate(self.fake.files.items()))
        number = self.path.removeprefix("/files/")
        if not number.isdigit() or int(number) not in files:
            self.fake.unknown.append(self.path)
            self.send(404, b"", "text/plain")
            return
        name, content = files[int(number)]
        self.fake.calls.append(f"GET {name}")
        self.send(200, content, "application/octet-stream")

    def reply(self, code: int, content: dict[str, Any]) -> None:
        self.send(code, json.dumps(content).encode(), "application/json; charset=utf-8")

    def send(self, code: int, content: bytes, kind: str) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        with suppress(ConnectionError):  # a client that lost its patience has gone
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal: `calls` has it."""


def point_kaggle_to(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the official client, in this process, ask this machine."""
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.LOCAL, f"http://127.0.0.1:{port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def left_by_the_notebook(model: bytes = b"a model", run: str = RUN_ID) -> dict[str, bytes]:
    """The files of a training that went well."""
    record = {**RECORD, "run": run, "SHA-256": hashlib.sha256(model).hexdigest()}
    outputs = [{"output_type": "stream", "name": "stdout", "text": [f"Validation accuracy: {ACCURACY}\n"]}]
    notebook = {"cells": [{"cell_type": "code", "source": "", "outputs": outputs, "metadata": {}}]}
    return {
        "__notebook__.ipynb": json.dumps(notebook).encode(),
        "models/looks.csv": b"date,commit,figure\n",
        "models/masked_gender.json": json.dumps(record).encode(),
        "models/masked_gender.keras": model,
        "models/masked_gender.split.csv.gz": b"a split",
        "models/runs/masked_cnn/epoch-0011.weights.h5": b"not asked for",
    }


def log_of(*texts: str) -> str:
    """A log as Kaggle keeps it."""
    return json.dumps([{"stream_name": "stdout", "time": 1.0, "data": text} for text in texts])


def only_this_machine(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Refuse connections to other machines; returns the list where they are written down."""
    strangers: list[object] = []
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1"):
            strangers.append(address)
            raise ConnectionRefusedError(f"{address} is another machine")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    return strangers
