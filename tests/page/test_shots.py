"""Pictures of the page are taken anew only where they differ to the eye, and in the browser that is there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shots.browser import find_browser
from shots.make_shots import looks_the_same


def test_a_pixel_that_is_a_little_darker_looks_the_same_and_a_letter_does_not(tmp_path: Path) -> None:
    picture = np.full((40, 60, 3), 200, np.uint8)
    smoothed, written, larger = picture.copy(), picture.copy(), np.full((41, 60, 3), 200, np.uint8)
    smoothed[10, 10] -= 7
    written[10:14, 10] = 90
    for name, pixels in {"old": picture, "smoothed": smoothed, "written": written, "larger": larger}.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    same = {
        name: looks_the_same(tmp_path / f"{name}.png", tmp_path / "old.png")
        for name in ("smoothed", "written", "larger")
    }
    assert same == {"smoothed": True, "written": False, "larger": False}


def test_edge_is_found_where_windows_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("shots.browser.ON_MACOS", ())
    for name in ("ProgramFiles", "ProgramFiles(x86)", "LocalAppData"):
        monkeypatch.setenv(name, str(tmp_path / name))
    assert find_browser() is None
    edge = tmp_path / "ProgramFiles(x86)" / "Microsoft" / "Edge" / "Application" / "msedge.exe"
    edge.parent.mkdir(parents=True)
    edge.touch()
    assert find_browser() == str(edge)
