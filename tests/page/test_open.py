"""Opened as it should be: for whom, where, in which browser, behind a proxy, and without a network."""

from __future__ import annotations

import http.server
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gradio_client
import httpx
import pytest
from gradio import networking
from playwright.sync_api import Browser

from benchmarks.page_process import PageProcess, page_process
from maskedgender.page.app import open_page, read_auth
from maskedgender.places import EXAMPLES
from shots.browser import find_browser
from shots.make_shots import upload

PHOTO = EXAMPLES / "barack_obama.jpg"
# What is answered without a login, besides the framework's own scripts; none of it tells of photos or the model.
OPEN = ("/", "/health", "/theme.css", "/robots.txt", "/favicon.ico", "/gradio_api/startup-events")


@pytest.fixture(scope="module")
def locked(model_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page with a name and a password."""
    accounts = tmp_path_factory.mktemp("locked") / "accounts.txt"
    accounts.write_text("ada : correct horse: battery\n\ngrace:staple\n", "utf-8-sig")
    page = open_page(model_path, auth=accounts, background=True)
    yield str(page.local_url).rstrip("/")
    page.close()


def test_without_a_login_nothing_is_told_and_with_one_all(locked: str) -> None:
    for path in ("/config", "/gradio_api/info", f"/gradio_api/file={PHOTO}", "/gradio_api/queue/data"):
        assert httpx.get(locked + path).status_code == 401, path
    for path in ("/answer", "/gradio_api/upload", "/gradio_api/queue/join", "/gradio_api/call/answer"):
        assert httpx.post(locked + path, content=PHOTO.read_bytes()).status_code in (401, 422), path
    assert "What the answer means" not in httpx.get(locked).text
    assert [path for path in OPEN if httpx.get(locked + path).status_code != 200] == []
    for name, password in (("ada", "wrong"), ("ada", "staple"), ("nobody", "correct horse: battery")):
        refused = httpx.post(f"{locked}/login", data={"username": name, "password": password})
        assert refused.status_code == 400, name
    visitor = httpx.Client(base_url=locked, timeout=60)
    visitor.post("/login", data={"username": "ada", "password": "correct horse: battery"}).raise_for_status()
    assert visitor.post("/answer", content=PHOTO.read_bytes()).json()["faces"]
    assert visitor.get("/config").json()["analytics_enabled"] is False
    program = gradio_client.Client(locked, auth=("grace", "staple"), verbose=False)
    assert program.predict(gradio_client.handle_file(PHOTO), api_name="/answer")["faces"]


@pytest.mark.parametrize("text", ["", "no colon", ":password", "name:", "ada:good\nbad", None])
def test_a_file_without_names_and_passwords_is_one_sentence(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "accounts.txt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ValueError, match=r"accounts\.txt .*NAME:PASSWORD"):
        read_auth(file)


def test_without_the_network_a_public_link_is_refused_in_one_sentence(
    model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(**how: object) -> str:
        raise ConnectionError("Network is unreachable")

    monkeypatch.setattr(networking, "setup_tunnel", unreachable)
    with pytest.raises(OSError, match=r"^There is no public link .* leave --share out\.$"):
        open_page(model_path, share=True, background=True)


def test_edge_is_found_where_windows_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("shots.browser.ON_MACOS", ())
    for name in ("ProgramFiles", "ProgramFiles(x86)", "LocalAppData"):
        monkeypatch.setenv(name, str(tmp_path / name))
    assert find_browser() is None
    edge = tmp_path / "ProgramFiles(x86)" / "Microsoft" / "Edge" / "Application" / "msedge.exe"
    edge.parent.mkdir(parents=True)
    edge.touch()
    assert find_browser() == str(edge)


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


@pytest.mark.soak
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
            tab = browser.new_page()
            tab.goto(shown)
            upload(tab, EXAMPLES / "grace_hopper.jpg")
            assert tab.locator("#verdict .summary").inner_text().startswith("1 face: ")
            tab.close()
        assert "Traceback" not in page.log.read_text("utf-8", "replace")


@pytest.mark.soak
def test_neither_page_nor_browser_asks_another_machine_for_anything(
    browser: Browser, tmp_path: Path, photos: dict[str, Path]
) -> None:
    outward, asked = tmp_path / "outward.txt", list[str]()
    command = [sys.executable, "-m", "tests.support.outward", str(outward), "app"]
    with page_process(tmp_path, command=command) as page:
        tab = browser.new_page()
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(page.address)
        upload(tab, photos["hopper"])
        tab.close()
    assert len(asked) > 5 and [url for url in asked if not url.startswith((page.address, "data:", "blob:"))] == []
    assert outward.read_text() == ""
