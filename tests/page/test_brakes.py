"""Brakes: other sites and other names get nothing, passwords cannot be guessed fast, and proxies are no trouble."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from benchmarks.page_process import PageProcess, page_process
from maskedgender.page import app
from maskedgender.page.address import Address
from maskedgender.page.brakes import FREE_TRIES, MOST_GUESSERS, Brakes, Guesses
from shots.make_shots import upload


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def door(where: Address, guesses: Guesses | None = None) -> TestClient:
    """A page behind brakes, whose login knows one password."""

    async def login(request: Request) -> JSONResponse:
        return JSONResponse({}, 200 if await request.body() == b"right" else 400)

    behind = Starlette(routes=[Route("/login", login, methods=["GET", "POST"])])
    return TestClient(Brakes(behind, where, guesses), base_url="http://localhost:7860")


def test_a_page_of_another_site_or_under_another_name_gets_nothing() -> None:
    own = door(Address(names={"faces.example"}))
    for headers, status in (
        ({}, 200),
        ({"Origin": "http://localhost:7860"}, 200),
        ({"Origin": "https://faces.example"}, 200),
        ({"Host": "faces.example", "Origin": "https://faces.example"}, 200),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
        ({"Host": "evil.example:7860"}, 403),
    ):
        assert own.post("/login", content=b"right", headers=headers).status_code == status, headers
        assert own.get("/login", headers=headers).status_code == (400 if status == 200 else 403), headers
    assert "--host" in own.get("/login", headers={"Host": "evil.example"}).text


def test_after_five_wrong_passwords_each_further_one_takes_longer() -> None:
    clock = Clock()
    guessed = door(Address(), Guesses(clock))

    def tries(password: bytes) -> int:
        return guessed.post("/login", content=password).status_code

    assert [tries(b"wrong") for _ in range(FREE_TRIES)] == [400] * 5
    refused = guessed.post("/login", content=b"right")
    assert refused.status_code == 429 and refused.json() == {
        "detail": "Too many wrong passwords; try again in 1 seconds."
    }
    clock.now += 1
    assert [tries(b"wrong"), tries(b"right")] == [400, 429]
    clock.now += 1
    assert tries(b"right") == 429, "twice as long"
    clock.now += 1
    assert tries(b"right") == 200
    assert [tries(b"wrong") for _ in range(FREE_TRIES)] == [400] * 5, "who knows it begins anew"


def test_guessing_fills_no_memory_and_one_guesser_does_not_stop_another() -> None:
    guesses = Guesses()
    for number in range(MOST_GUESSERS + 10):
        guesses.tried(str(number))
    assert len(guesses._tries) == MOST_GUESSERS
    for _ in range(20):
        guesses.tried("one")
    assert guesses.wait("one") > 100 and guesses.wait("another") == 0


@contextmanager
def proxy(page: PageProcess, shown_at: str) -> Iterator[str]:
    """A reverse proxy that shows a page at a path, and takes that off before it asks, as nginx is mostly told to."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            if not self.path.startswith(shown_at):
                return self.send_error(404)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            url = page.address + (self.path.removeprefix(shown_at) or "/")
            with httpx.stream(self.command, url, headers=dict(self.headers), content=body, timeout=60) as reply:
                self.send_response(reply.status_code)
                for name, value in reply.headers.multi_items():
                    if name not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.end_headers()
                for part in reply.iter_raw():
                    self.wfile.write(part)

        do_GET = do_POST = _pass_on  # noqa: N815 (as http.server names them)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://faces.localhost:{server.server_port}{shown_at}/"
    server.shutdown()


def test_it_starts_with_proxies_in_the_environment_and_works_behind_one(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All by the environment: proxies that are not there, the address, and the path at which a proxy shows it."""
    for name, value in {
        "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "ALL_PROXY": "socks5://127.0.0.1:9",
        "GRADIO_SERVER_NAME": "127.0.0.1 faces.localhost", "GRADIO_SERVER_PORT": "8123", "GRADIO_ROOT_PATH": "/faces",
    }.items():  # fmt: skip
        monkeypatch.setitem(os.environ, name, value)
    with page_process(tmp_path) as page:
        assert page.port >= 8123
        for name in ("http_proxy", "https_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name)
        with proxy(page, "/faces") as shown:
            for address in (shown, f"{page.address}/faces/"):
                tab = browser.new_page()
                tab.goto(address)
                upload(tab, app.EXAMPLES / "grace_hopper.jpg")
                assert tab.locator("#words .summary").inner_text().startswith("1 face: ")
                tab.close()
        assert "Traceback" not in page.log.read_text("utf-8", "replace")
