"""Served as it should be: to whom, after a kill, and without a network."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from benchmarks.page_process import CHECKOUT, PageProcess, page_process
from maskedgender.page import app, serving
from shots.make_shots import upload

from ..support.people import GROUP
from ..support.visitor import Visitor, files_in

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
        "/gradio_api/": ("startup-events", "theme.css"),
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
    for path in ("/answer", "/heat"):
        assert stranger.post(path, content=PHOTO.read_bytes()).status_code == 401
    assert stranger.get(f"/examples/{PHOTO.name}").status_code == 401


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
    assert visitor.answer(PHOTO.read_bytes())["faces"]
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


def test_after_a_kill_open_tabs_work_again_and_nothing_is_left(
    browser: Browser, tmp_path: Path, photos: dict[str, Path]
) -> None:
    """One tab has its answer, and the other waits for it, when the page is killed."""
    answered, waiting = browser.new_page(), browser.new_page()
    with page_process(tmp_path, "--port", "7980") as page:
        answered.goto(page.address)
        waiting.goto(page.address)
        upload(answered, photos["hopper"])
        kill_in_the_middle(page, waiting)
    waiting.locator("#words .notice").get_by_text("is it still running").wait_for(timeout=60_000)
    assert files_in(page) == []
    with page_process(tmp_path, "--port", str(page.port)) as again:
        assert again.address == page.address
        for tab in (answered, waiting):
            upload(tab, GROUP)
            tab.wait_for_function("document.querySelectorAll('.face').length == 3", timeout=60_000)
            tab.close()


def kill_in_the_middle(page: PageProcess, tab: Page) -> None:
    """Kill the page while a tab waits for an answer."""
    with tab.expect_request(lambda request: "/answer" in request.url, timeout=60_000):
        tab.locator("#photo input[type=file]").first.set_input_files(GROUP)
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
