"""Pictures of the page are taken, and its tests run, in the browser that is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from shots.browser import find_browser


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
