"""Take the pictures in shots/ of the real page in a real browser: `make shots`, or with another model's path after it.

Needs Playwright and a Chromium (Debian: apt install chromium). Takes about 40 seconds.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageChops, ImageOps
from playwright.sync_api import Browser, Page, sync_playwright

from maskedgender.page.app import open_page
from maskedgender.page.style import COLOURS, COLOURS_ON_DARK
from maskedgender.places import EXAMPLES, SHIPPED_MODEL
from shots.browser import find_browser

SHOTS = Path(__file__).resolve().parent
ANSWER_TIME = 60_000  # milliseconds, at most
SMOOTHING = 16  # grey levels
DESK, PHONE = (1200, 900), (390, 844)
STRIPE = 8  # rows of pixels
BROWSER = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),  # a camera where there is none
)


@dataclass(frozen=True)
class Scene:
    """One picture to take: of which photo, on what window (pixels), under which colour scheme, after which clicks.

    Several photos are given to the tab for many.
    """

    name: str
    photo: Path | Sequence[Path]
    window: tuple[int, int] = DESK
    colours: Literal["light", "dark"] = "light"
    clicks: Callable[[Page], None] = lambda page: None


def main() -> None:
    """Serve the page on a free port, and take every scene."""
    model = sys.argv[1] if len(sys.argv) > 1 else SHIPPED_MODEL
    with tempfile.TemporaryDirectory() as folder, serve(model) as address:
        with chromium() as browser:
            for scene in scenes(Path(folder)):
                print(take(browser, address, scene).name)
        camera = film(EXAMPLES / "barack_obama.jpg", Path(folder) / "camera.mjpeg")
        with chromium(f"--use-file-for-fake-video-capture={camera}") as browser:
            print(take(browser, address, Scene("live", [], clicks=start_camera)).name)


def scenes(folder: Path) -> list[Scene]:
    """Every picture that is taken; photos that are not among the examples are made in a folder."""
    one, group = EXAMPLES / "eileen_collins.jpg", EXAMPLES / "group.jpg"
    no_face, no_photo = folder / "no_face.jpg", folder / "letter.jpg"
    Image.fromarray(landscape()).save(no_face)
    no_photo.write_text("Dear reader")
    return [
        Scene("group", group),
        Scene("dark", group, colours="dark", clicks=show_heat),
        Scene("phone", one, PHONE, clicks=lambda page: draw_masks(page, "surgical")),
        Scene("mask_switch", one, clicks=lambda page: draw_masks(page, "surgical")),
        Scene("no_face", no_face),
        Scene("gallery", [*sorted(EXAMPLES.glob("*.jpg")), no_face, no_photo]),
    ]


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
    page = open_page(model, background=True)
    try:
        yield str(page.local_url).rstrip("/")
    finally:
        page.close()


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """A headless browser, started with further arguments."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=[*BROWSER, *arguments])
        try:
            yield browser
        finally:
            browser.close()


def film(photo: Path, file: Path) -> Path:
    """A photo as a film, for a camera that shows a person: a file that ends in .mjpeg, 640 x 480."""
    with Image.open(photo) as picture:
        frame = ImageOps.pad(picture.convert("RGB"), (640, 480))
    frame.save(file, "JPEG", quality=90)
    file.write_bytes(file.read_bytes() * 30)
    return file


def upload(page: Page, photo: Path) -> None:
    """Give a photo to the open page, and wait until its answer is there."""
    page.locator("#verdict .hint, #verdict .summary, #verdict .notice").first.wait_for(timeout=ANSWER_TIME)
    page.evaluate("document.querySelector('#verdict .prose > *').classList.add('of-another-photo')")
    page.locator("#photo input[type=file]").first.set_input_files(photo)
    answer = ":is(.summary, .notice):not(.of-another-photo, .of-another-photo *)"
    page.locator(f"#verdict {answer}").first.wait_for(timeout=ANSWER_TIME)
    page.wait_for_function("[...document.querySelectorAll('#picture img')].every(image => image.complete)")


def upload_many(page: Page, photos: Sequence[Path]) -> None:
    """Give photos to the tab for many, and wait until the last is answered."""
    page.get_by_role("tab", name="Many photos").click()
    page.locator("#files input[type=file]").first.set_input_files(list(photos))
    page.locator("#progress :is(.summary, .notice)").first.wait_for(timeout=ANSWER_TIME)


def draw_masks(page: Page, style: str) -> None:
    """Choose a style of mask under an answer, and wait until the answer with it is there."""
    page.locator("#masks").get_by_label(style, exact=True).check()
    page.locator(".versions.two").first.wait_for(timeout=ANSWER_TIME)


def show_heat(page: Page, number: int = 1) -> None:
    """Ask what the model looked at in a face, and wait until that is shown."""
    card = page.locator(".face").nth(number - 1)
    card.locator(".look").click()
    card.locator(".heat").first.wait_for(timeout=ANSWER_TIME)


def start_camera(page: Page) -> None:
    """Start the camera in the tab for it, and wait until it has been answered for a while."""
    page.get_by_role("tab", name="Live").click()
    page.get_by_text("Click to Access Webcam").click()
    page.locator("#camera").get_by_label("capture photo").click()
    page.locator("#now .summary").get_by_text("face:").wait_for(timeout=ANSWER_TIME)
    page.wait_for_timeout(3000)


def take(browser: Browser, address: str, scene: Scene, folder: Path = SHOTS) -> Path:
    """Upload the scene's photos, click, and save the whole page as a PNG in a folder."""
    width, height = scene.window
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scene.colours, permissions=["camera"]
    )
    page = context.new_page()
    page.goto(address)
    if isinstance(scene.photo, Path):
        upload(page, scene.photo)
    elif scene.photo:
        upload_many(page, scene.photo)
    scene.clicks(page)
    page.mouse.move(0, 0)
    page.wait_for_timeout(700)  # scrolling and fading in have come to an end
    page.evaluate("window.scrollTo(0, 0)")
    file, taken = folder / f"{scene.name}.png", folder / f"{scene.name}.part.png"
    page.screenshot(path=taken, full_page=True)
    context.close()
    shrink(taken)
    if file.is_file() and looks_the_same(taken, file):
        taken.unlink()
    else:
        taken.replace(file)
    return file


def looks_the_same(one: Path, other: Path) -> bool:
    """Whether pictures differ by no more than a browser's smoothing of an edge does from one run to the next."""
    pictures = [Image.open(file).convert("RGB") for file in (one, other)]
    if pictures[0].size != pictures[1].size:
        return False
    return max(most for _, most in ImageChops.difference(*pictures).getextrema()) <= SMOOTHING


def shrink(file: Path) -> None:
    """Store a screenshot with a palette of 256 colours: a third of the size, and little to see of it.

    The colours of the answers are kept, however few pixels have them: they lie under the picture in broad stripes
    while the palette is chosen.
    """
    with Image.open(file) as shot:
        width, height = shot.size
        colours = [*COLOURS.values(), *COLOURS_ON_DARK.values()]
        striped = Image.new("RGB", (width, height + STRIPE * len(colours)))
        striped.paste(shot.convert("RGB"))
    for place, colour in enumerate(colours):
        striped.paste(colour, (0, height + place * STRIPE, width, height + (place + 1) * STRIPE))
    striped.quantize(256, kmeans=1).crop((0, 0, width, height)).save(file, optimize=True)


if __name__ == "__main__":
    main()
