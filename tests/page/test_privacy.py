"""An upload is its uploader's alone, and the server reads and fetches nothing else, whatever a request says."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file

from benchmarks.page_process import CHECKOUT, PageProcess, page_process
from maskedgender.page import app, uploads

from ..support.visitor import API, Visitor, file_data, files_in

PHOTO = app.EXAMPLES / "grace_hopper.jpg"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageProcess]:
    """The page with its defaults."""
    with page_process(tmp_path_factory.mktemp("served"), "--port", "7900") as started:
        yield started


def test_another_visitor_cannot_fetch_or_use_an_upload_even_with_its_path(served: PageProcess) -> None:
    owner, other, nobody = Visitor(served.address), Visitor(served.address), httpx.Client(base_url=served.address)
    path = owner.upload(PHOTO.read_bytes())
    assert owner.get(f"{API}/file={path}").content == PHOTO.read_bytes()
    assert '"p_female"' in owner.answer(path)
    for stranger in (other, nobody):
        for method in ("GET", "HEAD"):
            assert stranger.request(method, f"{API}/file={path}").status_code == 404
            assert stranger.request(method, f"{API}/file/{path}").status_code == 404
        for endpoint in (
            "call/predict",
            "run/predict",
            "api/predict",
            "queue/join",
            "call/v2/predict",
            "call/predict/",
        ):
            body = {"data": [file_data(path), "none"], "session_hash": "guess", "fn_index": 0}
            assert stranger.post(f"{API}/{endpoint}", json=body).status_code == 403, endpoint
            assert stranger.post(f"{API}/{endpoint}", content=json.dumps(body)).status_code == 403, endpoint


def test_the_path_of_an_upload_cannot_be_told_from_the_photo(served: PageProcess) -> None:
    owner, other = Visitor(served.address), Visitor(served.address)
    paths = [Path(visitor.upload(PHOTO.read_bytes())) for visitor in (owner, owner, other)]
    assert len({path.parent for path in paths}) == 3 and {path.name for path in paths} == {"photo.jpg"}
    first, *_ = paths
    stored = [file for file in files_in(served) if file.name == first.name and file not in paths]
    assert stored, "Gradio's own copy lies at a path made of the photo's hash"
    assert [other.get(f"{API}/file={file}").status_code for file in stored] == [404] * len(stored)


def test_a_caller_without_cookies_gets_an_answer_at_a_random_path(served: PageProcess) -> None:
    client = Client(served.address, verbose=False, analytics_enabled=False)
    assert client.predict(handle_file(PHOTO), "none", api_name="/predict")[2][0]["answer"]
    caller = httpx.Client(base_url=served.address)
    first, second = (caller.post(f"{API}/upload", files={"files": ("a.jpg", b"x")}).json()[0] for _ in range(2))
    assert Path(first).parents[1] != Path(second).parents[1]
    assert caller.get(f"{API}/file={first}").content == b"x"


def test_asking_about_an_upload_begins_its_time_anew_and_leaves_examples_as_they_are(served: PageProcess) -> None:
    visitor = Visitor(served.address)
    file, example = Path(visitor.upload(PHOTO.read_bytes())), PHOTO.stat().st_mtime
    os.utime(file, (time.time() - 30,) * 2)
    visitor.ask(file_data(str(file)))
    assert time.time() - file.stat().st_mtime < 20
    visitor.ask(file_data(str(PHOTO)))
    assert PHOTO.stat().st_mtime == example


def tricks(served: PageProcess) -> Iterator[str]:
    """Requests for files that are nobody's to see, as they go over the wire."""
    secret = CHECKOUT / "pyproject.toml"
    model = CHECKOUT / "models" / "masked_gender.keras"
    up = "../" * 12
    for file in (
        secret, model, CHECKOUT / "maskedgender" / "app.py", "/etc/passwd", "/proc/self/environ", "/proc/self/cmdline",
        "/dev/zero", "/dev/stdin", f"{up}etc/passwd", up.replace("/", "%2f") + "etc/passwd",
        up.replace(".", "%2e") + "etc/passwd", up.replace(".", "%252e") + "etc/passwd", "..%5c..%5cetc%5cpasswd",
        "%2fetc%2fpasswd", "/etc/passwd%00.jpg", "%00", "", ".", "/", "~/.bashrc", "a" * 5000,
        f"{app.EXAMPLES}/../pyproject.toml", f"{app.EXAMPLES}/%2e%2e/pyproject.toml", f"{PHOTO}/../../pyproject.toml",
        f"{PHOTO}%00.txt", f"{app.EXAMPLES}", served.log, f"{served.log.parent}/tmp", "C:%5cWindows%5cwin.ini",
        "C:/Windows/win.ini", "%5c%5c127.0.0.1%5cshare%5cx", "//127.0.0.1/share/x", "file:///etc/passwd",
        "http://127.0.0.1:9/", "https://example.com/x.jpg", "data:text/html,x", "/proc/self/root/etc/passwd",
        "/proc/self/cwd/page.log", "/proc/1/root/etc/passwd",
    ):  # fmt: skip
        yield f"{API}/file={file}"
        yield f"{API}/file/{file}"
    for route in ("static/", "assets/", "svelte/", "gradio_api/custom_component/1/client/component/", "theme.css/"):
        for there in (f"{up}etc/passwd", up.replace("/", "%2f") + "etc/passwd", up.replace(".", "%2e") + "etc/passwd"):
            yield f"/{route}{there}"
    yield f"{API}/proxy=http://127.0.0.1:9/"
    yield f"{API}/proxy=https://example.com/"
    yield f"{API}/stream/a/b/1/playlist-file"
    yield f"{API}/deep_link?session_hash=x"


def test_path_tricks_give_403_or_404(served: PageProcess) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    answered = {}
    for trick in tricks(served):
        connection.putrequest("GET", trick, skip_host=False)
        connection.endheaders()
        reply = connection.getresponse()
        answered[trick[:200]] = (reply.status, reply.read()[:80])
    assert {trick: reply for trick, reply in answered.items() if reply[0] not in (403, 404)} == {}
    assert len(answered) > 80


def test_a_link_in_an_own_folder_leads_nowhere(served: PageProcess) -> None:
    visitor = Visitor(served.address)
    path = Path(visitor.upload(b"x"))
    link = path.with_name("link.jpg")
    link.symlink_to(CHECKOUT / "pyproject.toml")
    assert visitor.get(f"{API}/file={link}").status_code == 404
    assert visitor.ask(file_data(str(link))).status_code == 403


def test_only_uploads_and_examples_are_answered(served: PageProcess, tmp_path: Path) -> None:
    visitor = Visitor(served.address)
    here = tmp_path / "private.jpg"
    shutil.copy(PHOTO, here)
    beside = served.log.parent / "tmp" / "private.jpg"
    shutil.copy(PHOTO, beside)
    for file in (here, beside, "/etc/passwd", "/dev/zero", f"{app.EXAMPLES}/../README.md", "", ".", "a\0b"):
        for described in (file_data(str(file)), {"path": str(file)}, {"path": str(file), "url": None, "meta": {}}):
            assert visitor.ask(described).status_code == 403, described
            assert visitor.ask({"image": [described]}).status_code == 403, described
            for door in ("run/predict", "run/upload", "api/upload", "call/upload", "queue/join"):
                body = {"data": [described, "none"], "fn_index": 0, "session_hash": "x"}
                assert visitor.post(f"{API}/{door}", json=body).status_code == 403, door
    beside.unlink()
    assert '"p_female"' in visitor.answer(str(PHOTO))


@pytest.fixture
def listener() -> Iterator[tuple[str, list[object]]]:
    """The address of a server on loopback that nobody is to call, and who did."""
    callers: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            while True:
                try:
                    connection, caller = server.accept()
                except OSError:  # closed at the end
                    return
                callers.append(caller)
                connection.close()

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/photo.jpg", callers
        server.shutdown(socket.SHUT_RDWR)


def test_no_request_makes_the_server_fetch_anything(
    served: PageProcess, listener: tuple[str, list[object]], photos: dict[str, Path]
) -> None:
    url, callers = listener
    visitor = Visitor(served.address)
    own = visitor.upload(photos["hopper"].read_bytes())
    asked: list[object] = [
        url,
        {"url": url},
        {"path": url},
        {"path": None, "url": url, "meta": {"_type": "gradio.FileData"}},
        file_data(url),
        file_data(url, url=url, is_stream=True),
        file_data(own, url=url),
        file_data(own, url=f"{API}/proxy={url}", orig_name=url),
        {**file_data(own, url=url), "meta": {"_type": "gradio.FileData", "is_stream": True, "url": url, "path": url}},
        [file_data(url)],
        {"image": {"path": url, "url": url}},
    ]
    for data in asked:
        reply = visitor.ask(data)
        if reply.status_code == 200:
            visitor.get(f"{API}/call/predict/{reply.json()['event_id']}")
        visitor.post(f"{API}/run/upload", json={"data": [data, "none"], "fn_index": 0, "session_hash": "x"})
    for route in (f"file={url}", f"file/{url}", f"proxy={url}", f"stream/{url}"):
        assert visitor.get(f"{API}/{route}").status_code in (403, 404)
        visitor.post(f"{API}/{route}", json={"data": [url]})
    for door in ("component_server", "process_recording", "stream/x"):
        assert visitor.post(f"{API}/{door}", json={"data": url, "fn_name": "x", "component_id": 1}).status_code == 404
    assert callers == []


def test_a_request_that_is_too_long_is_not_kept_in_memory(served: PageProcess) -> None:
    body = json.dumps({"data": ["x" * uploads.MOST_JSON]})
    reply = httpx.post(f"{served.address}{API}/call/predict", content=body, timeout=60)
    assert reply.status_code == 413


def test_odd_requests_are_no_fault_of_the_server(served: PageProcess) -> None:
    visitor, before = Visitor(served.address), served.log.stat().st_size
    for body in (b"", b"{", b"[" * 100_000, b"null", b"\xff\xfe", b'{"data": null}', b'{"data": [{"path": 3}, 1]}'):
        assert visitor.post(f"{API}/call/predict", content=body).status_code in (200, 400, 422), body[:20]
    for files in ({"files": ("../../../x.jpg", b"x")}, {"files": ("a\0.jpg", b"x")}, {"files": ("x" * 300, b"x")}, {}):
        assert visitor.post(f"{API}/upload", files=files or {"other": b"x"}).status_code < 500, files
    assert visitor.post(f"{API}/upload", content=b"x").status_code == 400
    big = {"files": ("big.jpg", bytes(25 * 1024**2 + 1))}
    assert visitor.post(f"{API}/upload", files=big).status_code == 413
    log = served.log.read_bytes()[before:].decode("utf-8", "replace")
    assert "Traceback" not in log, log[-3000:]
