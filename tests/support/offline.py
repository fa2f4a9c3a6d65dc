"""In a network namespace with nothing but loopback: serve the page, open it, give it a photo, and print what happened.

unshare -rn python -m tests.support.offline FOLDER PHOTO
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser

from benchmarks.page_process import page_process
from shots.make_shots import chromium, upload


def main() -> None:
    """Prints one JSON object."""
    folder, photo = map(Path, sys.argv[1:])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    outward = folder / "outward.txt"
    listened_to = [sys.executable, "-m", "tests.support.outward", str(outward), "app"]
    with page_process(folder, command=listened_to) as served, chromium() as browser:
        seen = visit(browser, served.address, photo)
    print(json.dumps({**seen, "outward": outward.read_text()}))


def visit(browser: Browser, address: str, photo: Path) -> dict[str, object]:
    """Give a photo to the page: the answer, what the browser asked for in vain or elsewhere, and fonts not loaded."""
    page = browser.new_page()
    lost: list[str] = []
    # Aborted is what the page has closed by itself: the stream of a question that has been answered.
    page.on("requestfailed", lambda it: it.failure == "net::ERR_ABORTED" or lost.append(f"{it.failure} {it.url}"))
    page.on("response", lambda response: response.status < 400 or lost.append(f"{response.status} {response.url}"))
    page.on("request", lambda request: request.url.startswith((address, "data:", "blob:")) or lost.append(request.url))
    page.goto(address)
    upload(page, photo)
    fonts = page.evaluate(
        "document.fonts.ready.then(all => [...all].filter(f => f.status == 'error').map(f => f.family))"
    )
    return {"answer": page.locator("#verdict .summary").inner_text(), "lost": lost, "fonts": fonts}


main()
