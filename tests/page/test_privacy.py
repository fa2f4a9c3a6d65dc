"""A photo is answered and forgotten: it never is a file, nobody can ask for it, and the server fetches nothing."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.page_process import CHECKOUT, PageProcess, page_process
from maskedgender.page import app

from ..support.visitor import Visitor, files_in, until

API = "/gradio_api"
PHOTO = app.EXAMPLES / "grace_hopper.jpg"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageProcess]:
    """The page with its defaults."""
    with page_process(tmp_path_factory.mktemp("served"), "--port", "7900") as started:
        yield started


def stored_by(page: PageProcess) -> set[str]:
    """Every file that the page's process holds open for writing, and all in its folders, memory's included."""
    process, named = f"/proc/{page.process.pid}/fd", set()
    for number in os.listdir(process) if Path(process).is_dir() else ():  # noqa: PTH208 (names alone)
        try:
            named.add(os.readlink(f"{process}/{number}"))  # noqa: PTH115
        except OSError:
            continue  # closed just now
    opened = {name for name in named if name.startswith("/") and not name.startswith(("/dev/", "/proc/"))}
    return (opened - {str(page.log)}) | {str(path) for path in files_in(page)}


def test_a_photo_never_is_a_file(served: PageProcess) -> None:
    """Looked for on the disk while photos arrive, wait and are answered, and after one was left in the middle."""
    visitor, before = Visitor(served.address), stored_by(served)
    assert visitor.answer(PHOTO.read_bytes())["faces"]
    seen = set()
    with socket.create_connection(("127.0.0.1", served.port)) as leaving:
        head = f"POST /answer HTTP/1.1\r\nHost: localhost\r\nContent-Length: {PHOTO.stat().st_size}\r\n\r\n"
        leaving.sendall(head.encode() + PHOTO.read_bytes()[:-1000])
        for _ in range(10):
            seen |= stored_by(served) - before
            time.sleep(0.1)
    before_answers = stored_by(served)
    assert seen == set() and before_answers - before == set()
    health = httpx.get(f"{served.address}/health").json()
    until(lambda: httpx.get(f"{served.address}/health").json() == {"waiting": 0}, 20)
    assert health.keys() == {"waiting"}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux")
def test_nothing_is_left_on_the_disk_by_a_kill(tmp_path: Path) -> None:
    """Killed while it has a photo half received, and another answered; all that was written since is looked through."""
    secret = os.urandom(64)
    with page_process(tmp_path, "--port", "7910") as page:
        began = time.time()
        Visitor(page.address).answer(PHOTO.read_bytes() + secret)
        with socket.create_connection(("127.0.0.1", page.port)) as half:
            half.sendall(b"POST /answer HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n" + secret * 100)
            time.sleep(1)
            page.kill()
    places = [str(tmp_path), "/dev/shm", "/tmp"]
    found = subprocess.run(
        ["find", *places, "-xdev", "-type", "f", "-newermt", f"@{began:.0f}", "-size", "-50M", "-print0"],
        capture_output=True,
    ).stdout.split(b"\0")
    holding = [name for name in found if name and holds(Path(os.fsdecode(name)), secret)]
    assert holding == []


def holds(file: Path, content: bytes) -> bool:
    try:
        return content in file.read_bytes()
    except OSError:  # another process's, gone by now
        return False


def test_gradios_own_doors_for_files_and_functions_are_closed(served: PageProcess) -> None:
    visitor = Visitor(served.address)
    for path in (
        "upload", "queue/join", "call/predict", "call/v2/predict", "run/predict", "api/predict", "process_recording",
        "component_server", "cancel", "reset", "vibe-edit", "run-history/connect", "stream/x", "info",
        "queue/data", "file=/etc/passwd", "proxy=http://127.0.0.1:9/", "stream/a/b/1/playlist.m3u8", "runs",
        "custom_component/1/client/component/x.js", "openapi.json", "token", "user", "app_id", "dev/reload",
        "upload_progress", "deep_link",
    ):  # fmt: skip
        for method in ("GET", "POST"):
            assert visitor.request(method, f"{API}/{path}").status_code == 404, path
    assert visitor.get("/monitoring").status_code == visitor.get("/docs").status_code == 404


def test_the_configuration_tells_no_path_of_the_machine(served: PageProcess) -> None:
    told = httpx.get(f"{served.address}/config").text + httpx.get(served.address).text
    assert '"components"' in told
    for path in (CHECKOUT, Path.home(), served.log.parent, Path(os.__file__).parent):
        assert str(path) not in told, path


def tricks() -> Iterator[str]:
    """Requests for files that are nobody's to see, as they go over the wire."""
    up = "../" * 12
    for file in (
        "/etc/passwd", f"{up}etc/passwd", up.replace("/", "%2f") + "etc/passwd", up.replace(".", "%2e") + "etc/passwd",
        up.replace(".", "%252e") + "etc/passwd", "..%5c..%5cetc%5cpasswd", "%2fetc%2fpasswd", "a" * 5000, "%00",
        "README.md", "../README.md", "..%2fREADME.md", "grace_hopper.jpg%00.txt", "grace_hopper.jpg/../README.md",
        "C:%5cWindows%5cwin.ini", "//127.0.0.1/share/x", "file:///etc/passwd", "http://127.0.0.1:9/", "page.css", "",
    ):  # fmt: skip
        for door in (f"{API}/file=", f"{API}/file/", "/examples/", "/page/", "/static/", "/assets/", "/svelte/"):
            yield door + file
            yield f"{door}{file}.js"


def test_path_tricks_give_403_or_404(served: PageProcess) -> None:
    answered = {}
    for trick in tricks():
        connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
        connection.putrequest("GET", trick, skip_host=False)
        connection.endheaders()
        reply = connection.getresponse()
        answered[trick[:200]] = (reply.status, reply.read()[:80])
        connection.close()
    assert {trick: reply for trick, reply in answered.items() if reply[0] not in (403, 404)} == {}
    assert len(answered) > 150


def test_odd_requests_are_no_fault_of_the_server(served: PageProcess) -> None:
    visitor, before = Visitor(served.address), served.log.stat().st_size

    def told(content: bytes, **how: Any) -> str:
        return visitor.answer(content, **how).get("error", "")

    assert "is not a photo in a supported format" in told(b"no photo", name="a/b/c.jpg")
    assert "is not a photo but an empty file" in told(b"")
    assert "c.jpg" in told(b"x", name="a/b/c.jpg") and "a/b" not in told(b"x", name="a/b/c.jpg")
    assert told(b"x", name="\0\n" + "x" * 3000)
    assert visitor.answer(PHOTO.read_bytes(), style="none such")["faces"]
    assert visitor.ask(PHOTO.read_bytes(), show="all").status_code == 422
    assert visitor.get("/answer").status_code == 404
    for content in (b"", b"x", PHOTO.read_bytes()):
        told_of_heat = visitor.post("/heat", content=content)
        assert told_of_heat.status_code == 200 and "error" in told_of_heat.json()
    assert visitor.post("/login", content=b"\xff").status_code in (400, 422)
    log = served.log.read_bytes()[before:].decode("utf-8", "replace")
    assert "Traceback" not in log, log[-3000:]


def test_a_photo_that_is_too_large_is_refused_before_it_is_read(served: PageProcess) -> None:
    visitor = Visitor(served.address)
    for said in (True, False):
        content: Any = bytes(25 * 1024**2 + 1) if said else (bytes(1024**2) for _ in range(26))
        reply = visitor.post("/answer", content=content)
        assert reply.status_code == 413 and reply.json() == {"error": "The photo has more than 25 MB; save it smaller."}
