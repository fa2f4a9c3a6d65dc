"""Take the pictures in shots/ of the real page in a real browser: `make shots`, or with another model's path after it.

Needs Playwright and a Chromium (Debian: apt install chromium). Takes about 20 seconds.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from maskedgender import app
from maskedgender.prediction import SHIPPED_MODEL

SHOTS = Path(__file__).resolve().parent
MOST_BYTES = 390_000
DESK, PHONE = (1200, 900), (390, 844)
QUIET_BROWSER = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


@dataclass(frozen=True)
class Scene:
    """One picture to take: of which photo, on what window (pixels), under which colour scheme."""

    name: str
    photo: Path
    window: tuple[int, int] = DESK
    colours: str = "light"


def main() -> None:
    """Serve the page on a free port, and take every scene."""
    model = sys.argv[1] if len(sys.argv) > 1 else SHIPPED_MODEL
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "no_face.jpg"
        Image.fromarray(landscape()).save(empty)
        examples = app.EXAMPLES
        scenes = [
            Scene("one_face", examples / "grace_hopper.jpg"),
            Scene("group", examples / "group.jpg"),
            Scene("phone", examples / "eileen_collins.jpg", PHONE),
            Scene("dark", examples / "group.jpg", colours="dark"),
            Scene("no_face", empty),
        ]
        with serve(model) as address, chromium() as browser:
            for scene in scenes:
                print(take(browser, address, scene).name)


def landscape() -> np.ndarray:
    """A picture without a face, uint8 (600, 800, 3): sky over rolling hills."""
    y, x = np.mgrid[0:600, 0:800].astype(np.float32)
    hills = 360 + 40 * np.sin(x / 110) + 18 * np.sin(x / 37 + 1)
    sky = np.stack([120 + y / 6, 165 + y / 8, 225 - y / 20], axis=-1)
    grass = np.stack([70 + (y - hills) / 7, 125 - (y - hills) / 9, 60 + 0 * y], axis=-1)
    return np.where((y > hills)[..., None], grass, sky).clip(0, 255).astype(np.uint8)


@contextmanager
def serve(model: str | Path) -> Iterator[str]:
    """The page of a model file on a free port; gives its address."""
    page = app.launch(model, prevent_thread_lock=True)
    try:
        yield str(page.local_url)
    finally:
        page.close(verbose=False)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium, the system's where there is one."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=QUIET_BROWSER)
        try:
            yield browser
        finally:
            browser.close()


def upload(page: Page, photo: Path) -> None:
    """Give a photo to the open page, and wait until its answer is there."""
    page.locator("#photo input[type=file]").first.set_input_files(photo)
    page.locator("#words .summary, #words .notice").first.wait_for(timeout=60_000)
    page.wait_for_function("[...document.querySelectorAll('#answer img')].every(image => image.complete)")


def take(browser: Browser, address: str, scene: Scene, folder: Path = SHOTS) -> Path:
    """Upload the scene's photo, and save the whole page as a PNG in a folder."""
    width, height = scene.window
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scene.colours)
    page = context.new_page()
    page.goto(address)
    upload(page, scene.photo)
    page.mouse.move(0, 0)
    page.wait_for_timeout(700)  # scrolling and fading in have come to an end
    page.evaluate("window.scrollTo(0, 0)")
    file = folder / f"{scene.name}.png"
    page.screenshot(path=file, full_page=True)
    context.close()
    _shrink(file)
    return file


def _shrink(file: Path) -> None:
    """Store a screenshot with as many steps a colour as fit into MOST_BYTES; photos are what makes a PNG large."""
    with Image.open(file) as shot:
        whole = shot.convert("RGB")
    for steps in (255, 127, 63, 31, 15):
        whole.point([round(round(value * steps / 255) * 255 / steps) for value in range(256)] * 3).save(
            file, optimize=True
        )
        if file.stat().st_size <= MOST_BYTES:
            return


if __name__ == "__main__":
    main()
