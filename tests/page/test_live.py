"""The camera, in a real browser that has a face before it: answered as it runs, or refused where it must be."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from maskedgender.networks.classifier import Classifier
from maskedgender.page import app
from maskedgender.page.serving import Served
from maskedgender.prediction.answers import predict_file
from shots.make_shots import chromium, film

SLOW = 60_000
# Playwright's way to drive a browser takes one to a process: another browser needs another process.
CHILD = """
import sys, json
from tests.page.test_live import watch, refused
print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
"""


def in_a_process(*asked: str) -> dict[str, object]:
    done = subprocess.run([sys.executable, "-c", CHILD, *asked], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def watch(address: str, camera: str) -> dict[str, object]:
    """The Live tab before a camera that shows a film, for some seconds."""
    with chromium(f"--use-file-for-fake-video-capture={camera}") as browser:
        page = browser.new_context(permissions=["camera"]).new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.method + request.url))
        page.goto(address)
        page.get_by_role("tab", name="Live").click()
        page.locator(".begin").click()
        page.locator("#now .summary").get_by_text("1 face").wait_for(timeout=SLOW)
        page.locator(".pace").get_by_text("frames per second").wait_for(timeout=SLOW)
        said, pace = page.locator("#now .summary").inner_text(), page.locator(".pace").inner_text()
        stored = page.evaluate("[localStorage.length, document.cookie]")
        drawn = page.evaluate(
            "(() => { const one = document.querySelector('.stage canvas');"
            " return one.getContext('2d').getImageData(0, 0, one.width, one.height).data.some((value) => value); })()"
        )
        page.get_by_role("tab", name="One photo").click()
        page.wait_for_timeout(1500)
        before = len(asked)
        page.wait_for_timeout(1500)
        still = page.evaluate("document.querySelector('.stage video').srcObject !== null")
        return {
            "said": said,
            "pace": pace,
            "drawn": drawn,
            "still": still,
            "after": len(asked) - before,
            "kept": stored,
        }


def refused(address: str, name: str) -> dict[str, object]:
    """What the page says to who wants a camera on a page over plain HTTP that is not this machine's own."""
    with chromium(f"--host-resolver-rules=MAP {name} 127.0.0.1") as browser:
        page = browser.new_page()
        page.goto(address)
        page.locator(".open-camera").click()
        one = page.locator("#words .notice").inner_text()
        page.get_by_role("tab", name="Live").click()
        page.locator(".begin").click()
        return {"one": one, "live": page.locator("#now .notice").inner_text()}


def test_the_camera_is_answered_as_it_runs_and_off_where_nobody_sees_it(
    address: str, model: Classifier, tmp_path: Path
) -> None:
    camera = film(app.EXAMPLES / "eileen_collins.jpg", tmp_path / "camera.mjpeg")
    (face,) = predict_file(model, camera)  # its first picture
    seen = in_a_process("watch", address, str(camera))
    assert seen["said"] == f"1 face: {face.answer}." and seen["drawn"] is True
    assert re.fullmatch(r"\d+\.\d frames per second", str(seen["pace"]))
    assert seen["still"] is False and seen["after"] == 0, "the camera is off in another tab"
    assert seen["kept"][0] == 0


@pytest.fixture
def by_name(model_path: Path) -> Iterator[Served]:
    """The page, called by another name than localhost."""
    served = app.launch(model_path, host=["127.0.0.1", "faces.test"], port=7990, background=True)
    yield served
    served.close()


def test_over_plain_http_the_page_says_why_there_is_no_camera(by_name: Served) -> None:
    said = in_a_process("refused", f"http://faces.test:{by_name.port}/", "faces.test")
    assert said["one"] == said["live"] and "HTTPS or on localhost" in str(said["one"])


def test_an_answer_is_the_average_over_the_last_second_and_stays_with_its_face(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    seen = page.evaluate("""async () => {
        const { follower } = await import('./page/live.js'), seen = follower();
        const face = (x, p) => ({ box: [x, 100, 80, 90], p_female: p, p_male: 1 - p }), told = [];
        told.push(seen([face(100, 0.99), face(400, 0.01)], 0.83, 0));
        told.push(seen([face(402, 0.03), face(104, 0.5)], 0.83, 300));
        told.push(seen([], 0.83, 600));
        told.push(seen([face(108, 0.7)], 0.83, 900));
        told.push(seen([face(108, 0.1)], 0.83, 2500));
        return told; }""")
    page.close()
    numbers = [[(face["number"], round(face["p"], 3), face["answer"]) for face in one] for one in seen]
    assert numbers[0] == [(1, 0.99, "female"), (2, 0.01, "male")]
    assert sorted(numbers[1]) == [(1, 0.745, "not sure"), (2, 0.02, "male")], "whatever order they are found in"
    assert numbers[2] == [] and numbers[3] == [(1, 0.73, "not sure")], "lost for one picture, it is the same face"
    assert numbers[4] == [(3, 0.1, "male")], "what is older than a second counts no more"
    assert 100 < next(face for face in seen[1] if face["number"] == 1)["box"][0] < 104
