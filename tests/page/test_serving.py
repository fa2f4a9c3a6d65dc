"""Served as it should be: to whom, for how long an upload is kept, after a kill, and without a network."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.page_process import CHECKOUT, PageProcess, page_process
from maskedgender.page import app, serving, uploads
from shots.make_shots import upload

from ..support.visitor import API, Visitor, file_data, files_in, until

KEEP = 5  # seconds, the least that the command takes
PHOTO = app.EXAMPLES / "grace_hopper.jpg"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageProcess]:
    """The page with a name and a password."""
    folder = tmp_path_factory.mktemp("locked")
    accounts = folder / "accounts.txt"
    accounts.write_text("ada:correct horse: battery\n\ngrace:staple\n")
    with page_process(folder, "--port", "7920", "--auth", str(accounts)) as started:
        yield started


# What is answered without a login, besides the framework's own scripts; none of it tells of photos or the model.
OPEN = {
    f"{prefix}{path}"
    for prefix, paths in {
        "/": ("", "favicon.ico", "login", "login/", "logout", "manifest.json", "pwa_icon/x", "robots.txt", "theme.css"),
        "/gradio_api/": ("app_id", "cancel", "reset", "startup-events", "theme.css", "token", "user"),
    }.items()
    for path in (*paths, *(f"{path}/" for path in paths))
}


def test_without_login_nothing_is_answered(locked: PageProcess, model_path: Path) -> None:
    stranger = httpx.Client(base_url=locked.address, timeout=60)
    routes = list(all_routes(app.build_page(model_path).app.routes))
    answered = set()
    for route in routes:
        path = re_filled(getattr(route, "path", ""))
        if "heartbeat" in path:  # answers for ever
            continue
        for method in getattr(route, "methods", None) or ():
            reply = stranger.request(method, path, json={} if method == "POST" else None)
            if reply.status_code not in (401, 403, 404, 405):
                answered.add(path)
    assert len(routes) > 60 and answered <= OPEN
    assert stranger.get("/config").status_code == 401
    shown = config_in(stranger.get("/").text)
    assert shown["auth_required"] and not shown.get("components") and not shown.get("dependencies")
    assert stranger.get(f"{API}/file={PHOTO}").status_code == 401
    assert stranger.post(f"{API}/upload", files={"files": ("a.jpg", b"x")}).status_code == 401
    assert stranger.get("/gradio_api/token").json() == {"token": None, "user": None}


def config_in(page: str) -> dict[str, Any]:
    """What the page's HTML tells its script: of all components with what they hold, but for a login."""
    before = "window.gradio_config = "
    return json.JSONDecoder().raw_decode(page, page.index(before) + len(before))[0]


def all_routes(routes: Iterable[Any]) -> Iterator[Any]:
    """The routes, and those of routers among them, which newer releases of FastAPI keep as they are."""
    for route in routes:
        router = getattr(route, "original_router", None)
        yield from all_routes(router.routes) if router else [route]


def re_filled(path: str) -> str:
    """A route's path with an x for each of its parameters."""
    return "/".join("x" if part.startswith("{") else part for part in path.split("/")).replace(
        "{path_or_url:path}", "x"
    )


def test_with_name_and_password_the_page_is_whole(locked: PageProcess) -> None:
    for name, password in (("ada", "wrong"), ("ada", "staple"), ("", ""), ("nobody", "correct horse: battery")):
        own = {"X-Forwarded-For": f"10.0.0.{len(name)}"}  # guesses are counted by the address that they come from
        refused = httpx.post(f"{locked.address}/login", data={"username": name, "password": password}, headers=own)
        assert refused.status_code in (400, 422), name
    visitor = Visitor(locked.address)
    login = {"username": "ada", "password": "correct horse: battery"}
    assert visitor.post("/login", data=login).json() == {"success": True}
    assert '"p_female"' in visitor.answer(visitor.upload(PHOTO.read_bytes()))
    assert "battery" not in locked.log.read_text("utf-8", "replace")


@pytest.mark.parametrize("text", ["", "\n", "no colon", ":password", "name:", "ada:good\nbad", None])
def test_a_file_without_names_and_passwords_is_one_sentence(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "accounts.txt"
    if text is not None:
        file.write_text(text)
    with pytest.raises(serving.AuthError, match=r"accounts\.txt .*NAME:PASSWORD"):
        serving.read_auth(file)


def test_a_file_of_names_that_begins_with_the_mark_of_windows_is_read(tmp_path: Path) -> None:
    file = tmp_path / "accounts.txt"
    file.write_text("ada:staple\n", "utf-8-sig")
    assert serving.read_auth(file) == [("ada", "staple")]


def launched(model_path: Path, port: int) -> tuple[serving.Served, str]:
    """A page that was open in this process, and what it printed. Not capsys: uvicorn closes its stderr."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        page = app.launch(model_path, port=port, background=True)
    page.close()
    return page, said.getvalue()


def test_when_the_port_is_taken_the_next_one_is_used_and_named(model_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        page, said = launched(model_path, port)
    assert page.port > port
    assert f"Port {port} is taken; the page is at http://127.0.0.1:{page.port}" in said and "--auth" not in said


def test_the_page_is_private_by_default(model_path: Path) -> None:
    page = app.build_page(model_path)
    assert not page.get_config_file()["analytics_enabled"]
    assert uploads.KEEP_SECONDS + uploads.SWEEP_SECONDS < 60
    if os.name == "posix":
        assert uploads.upload_folder().stat().st_mode & 0o077 == 0, "others on the machine may not read it"


def test_nothing_of_a_photo_is_left_soon_after_its_answer_and_at_the_end(
    browser: Browser, tmp_path: Path, photos: dict[str, Path]
) -> None:
    with page_process(tmp_path, "--port", "7960", "--keep", str(KEEP)) as page:
        before = files_in(page)
        tab = browser.new_page()
        tab.goto(page.address)
        upload(tab, photos["hopper"])
        Visitor(page.address).upload(b"never asked about")
        with socket.create_connection(("127.0.0.1", page.port)) as leaving:
            leaving.sendall(half_an_upload())
            until(lambda: any(file.stat().st_size == 0 or file.name.startswith("tmp") for file in files_in(page)), 20)
        until(lambda: files_in(page) == before, KEEP + uploads.SWEEP_SECONDS + 20)
        Visitor(page.address).upload(b"still there when the page ends")
        assert files_in(page) != before
        page.stop()
        assert files_in(page) == [] and not list((tmp_path / "tmp").glob("maskedgender*"))
        assert "Traceback" not in page.log.read_text("utf-8", "replace")
        tab.close()


def head_of_an_upload(length: int) -> bytes:
    head = f"POST {API}/upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    return f"{head}Content-Length: {length}\r\n\r\n".encode()


def part_of_an_upload(content: bytes) -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n' + content + b"\r\n"


def half_an_upload() -> bytes:
    """A request that promises more than it brings."""
    return head_of_an_upload(1_000_000) + part_of_an_upload(b"photo" * 1000)


def test_the_first_photos_of_a_slow_upload_are_there_when_the_last_has_come(tmp_path: Path) -> None:
    parts = [part_of_an_upload(bytes([number]) * 5000) for number in range(5)]
    with page_process(tmp_path, "--port", "7950", "--keep", str(KEEP)) as page:
        with socket.create_connection(("127.0.0.1", page.port)) as caller:
            caller.sendall(head_of_an_upload(sum(map(len, parts)) + len(b"--x--\r\n")))
            for part in parts:
                caller.sendall(part)
                time.sleep(KEEP / 2)
            caller.sendall(b"--x--\r\n")
            reply = http.client.HTTPResponse(caller)
            reply.begin()
            files = [Path(name) for name in json.loads(reply.read())]
            assert reply.status == 200 and [file.read_bytes()[0] for file in files] == list(range(5))
        until(lambda: not any(file.exists() for file in files), KEEP + uploads.SWEEP_SECONDS + 20)


def test_after_a_kill_open_tabs_work_again_and_what_was_left_is_deleted(
    browser: Browser, tmp_path: Path, photos: dict[str, Path]
) -> None:
    """One tab has its answer, and the other waits for it, when the page is killed."""
    answered, waiting = browser.new_page(), browser.new_page()
    with page_process(tmp_path, "--port", "7980") as page:
        answered.goto(page.address)
        waiting.goto(page.address)
        upload(answered, photos["hopper"])
        kill_in_the_middle(page, waiting)
    waiting.get_by_text("Attempting reconnection").wait_for(timeout=60_000)
    left = files_in(page)
    assert left
    for file in left:  # the minute goes by
        os.utime(file, (time.time() - 60,) * 2)
    with page_process(tmp_path, "--port", str(page.port)) as again:
        assert again.address == page.address
        expect(waiting.get_by_text("Attempting reconnection")).to_have_count(0, timeout=60_000)
        waiting.locator("#words .hint").wait_for(timeout=60_000)  # it has come back by itself
        until(lambda: not any(file.exists() for file in left), 20)
        for tab in (answered, waiting):
            upload(tab, app.EXAMPLES / "group.jpg")
            tab.wait_for_function("document.querySelectorAll('.face').length == 3", timeout=60_000)
            tab.close()


def kill_in_the_middle(page: PageProcess, tab: Page) -> None:
    """Kill the page while a tab waits for an answer."""
    with tab.expect_response(lambda reply: "/queue/join" in reply.url, timeout=60_000):
        tab.locator("#photo input[type=file]").first.set_input_files(app.EXAMPLES / "group.jpg")
    page.kill()


def test_cut_from_the_network_the_page_works_whole(tmp_path: Path, photos: dict[str, Path]) -> None:
    if not (shutil.which("unshare") and shutil.which("ip")) or subprocess.run(["unshare", "-rn", "true"]).returncode:
        pytest.skip("network namespaces are not permitted here")
    command = ["unshare", "-rn", sys.executable, "-m", "tests.support.offline", str(tmp_path), str(photos["hopper"])]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["answer"].startswith("1 face: ")
    assert seen["lost"] == [] and seen["fonts"] == [] and seen["outward"] == ""


def test_only_files_older_than_the_time_are_swept_and_touching_begins_it_anew(tmp_path: Path) -> None:
    file = uploads.upload_folder() / "waiting.png"
    file.write_bytes(b"x")
    os.utime(file, (time.time() - 100,) * 2)
    uploads.touch([file, tmp_path / "gone.png", file / "below a file"])
    uploads.sweep()
    assert file.exists()
    os.utime(file, (time.time() - uploads.KEEP_SECONDS - 1,) * 2)
    uploads.sweep()
    assert not file.exists()


def test_an_upload_is_kept_while_its_request_waits_and_is_answered_and_not_much_longer() -> None:
    there: list[bool] = []

    def slow(upload: dict[str, str]) -> str:
        time.sleep(3)
        there.append(Path(upload["path"]).exists())
        return ""

    with serving.private_page("slow") as page:
        photo, said = gr.File(), gr.Textbox()
        photo.change(slow, photo, said, preprocess=False, api_name="predict")
    served = serving.serve(page, port=8020, keep_seconds=1, background=True)
    visitor = Visitor(served.address.rstrip("/"))
    paths = [visitor.upload(b"x") for _ in range(2)]
    events = [visitor.ask(file_data(path), also=[]).json()["event_id"] for path in paths]  # the second waits
    for event in events:
        assert "event: complete" in visitor.get(f"{API}/call/predict/{event}").text
    assert there == [True, True]
    until(lambda: not any(Path(path).exists() for path in paths), 10)
    served.close()
