"""Folders are looked through the same way everywhere: every picture, nobody's files left aside, links followed once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from maskedgender.images.folders import scan

NOBODYS = "._1.jpg @eaDir/1.jpg .Trash-1000/files/1.jpg __MACOSX/1.jpg $RECYCLE.BIN/1.jpg .AppleDouble/1.jpg"
NOBODYS += " .@__thumb/default1.jpg @Recycle/1.jpg #recycle/1.jpg .thumbnails/1.png .picasaoriginals/1.jpg Thumbs.db"


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"synthetic")


def test_pictures_at_any_depth_and_what_systems_and_viewers_keep_beside_them_is_left_aside(tmp_path: Path) -> None:
    write(tmp_path, "b.HIF", "a/c.JPG", "a/d/e.webp", "notes.txt", "a/f.mov", *NOBODYS.split())
    pictures, others, closed = scan(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in pictures] == ["a/c.JPG", "a/d/e.webp", "b.HIF"]
    assert others == 2 and not closed


def test_links_are_followed_and_circles_left(tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/1.jpg", "photos/2.jpg")
    (tmp_path / "photos" / "more").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "photos" / "back").symlink_to(tmp_path / "photos", target_is_directory=True)
    (tmp_path / "photos" / "itself").symlink_to(tmp_path / "photos" / "itself")
    (tmp_path / "photos" / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert [path.name for path in scan(tmp_path / "photos")[0]] == ["2.jpg", "gone.jpg", "1.jpg"]


def test_a_folder_that_may_not_be_opened_is_listed_and_the_rest_looked_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Windows keeps some closed in everybody's documents; root may open everything, so it is acted."""
    write(tmp_path, "closed/1.jpg", "open/2.jpg")
    opened = os.scandir

    def scandir(folder: Path) -> Iterator[os.DirEntry[str]]:
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied", str(folder))
        return opened(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    assert scan(tmp_path) == ([tmp_path / "open" / "2.jpg"], 0, [tmp_path / "closed"])
    with pytest.raises(PermissionError):
        scan(tmp_path / "closed")
