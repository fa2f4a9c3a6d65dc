"""The browser in which the page is tested and its pictures are taken: `python -m shots.browser` says where one is."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

ON_THE_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ON_THE_PATH += ("microsoft-edge", "microsoft-edge-stable", "msedge")
ON_MACOS = ("Google Chrome", "Microsoft Edge", "Chromium")
ON_WINDOWS = ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe")


def find_browser() -> str | None:
    """The system's Chromium, Chrome or Edge, wherever Linux, macOS and Windows keep it; None for Playwright's own."""
    on_the_path = filter(None, map(shutil.which, ON_THE_PATH))
    places = [
        folder / f"{name}.app/Contents/MacOS/{name}"
        for folder in (Path("/Applications"), Path.home() / "Applications")
        for name in ON_MACOS
    ]
    for folder in filter(None, map(os.environ.get, ("ProgramFiles", "ProgramFiles(x86)", "LocalAppData"))):
        places += [Path(folder, name) for name in ON_WINDOWS]
    return next(on_the_path, None) or next((str(place) for place in places if place.is_file()), None)


if __name__ == "__main__":
    print(find_browser() or sys.exit(1))
