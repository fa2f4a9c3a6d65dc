"""How many pictures a second the page's Live tab answers: a real browser, whose camera shows one person.

    python -m benchmarks.live [--seconds 20]

The page runs in a process of its own, on all cores, as by `maskedgender app`. The browser shares them, and draws
without a graphics card, so that a person's own machine is rather faster. Prints the median and the slowest pace. One
minute.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from maskedgender.places import EXAMPLES
from shots.make_shots import chromium, film

from .page_process import page_process

READY = 60_000  # milliseconds within which the first answer comes


def main(seconds: Annotated[int, typer.Option(min=1, help="How long the camera runs.")] = 20) -> None:
    """Prints pictures a second."""
    with tempfile.TemporaryDirectory() as folder, page_process(Path(folder) / "page", "--port", "7870") as page:
        camera = film(EXAMPLES / "eileen_collins.jpg", Path(folder) / "camera.mjpeg")
        found = paces(page.address, camera, seconds)
    print(f"{statistics.median(found):.1f} pictures a second, {min(found):.1f} at the slowest, in {seconds} s")


def paces(address: str, camera: Path, seconds: int) -> list[float]:
    """The page's own count, pictures a second over the last ten, at the end of each second."""
    with chromium(f"--use-file-for-fake-video-capture={camera}") as browser:
        page = browser.new_context(permissions=["camera"]).new_page()
        page.goto(address)
        page.get_by_role("tab", name="Live").click()
        page.locator(".begin").click()
        page.locator("#now .summary").get_by_text("1 face").wait_for(timeout=READY)
        page.locator("[data-pace]").wait_for(timeout=READY)
        found = []
        for _ in range(seconds):
            page.wait_for_timeout(1000)
            found.append(float(page.locator("[data-pace]").get_attribute("data-pace") or "nan"))
        return found


if __name__ == "__main__":
    typer.run(main)
