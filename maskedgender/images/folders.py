"""Which files of a folder are pictures: one list of formats, and one way through folders, for all who look for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

SUFFIXES = {".jpg", ".jpeg", ".jfif", ".mpo", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"}
SUFFIXES |= {".heic", ".heif", ".hif"}
# What systems put beside photos: resource forks, indices, small copies, bins. None of it is anybody's photo.
NOBODYS = ("._*", ".DS_Store", "Thumbs.db", "@eaDir", ".Trash*", "$RECYCLE.BIN", "__MACOSX")


@dataclass
class Scan:
    """The pictures of a folder, sorted; how many other files lie there, systems' own apart; and folders kept closed."""

    pictures: list[Path] = field(default_factory=list)
    passed_over: int = 0
    closed: list[Path] = field(default_factory=list)


def is_picture(path: Path) -> bool:
    """Whether a file is named as a picture that can be read here."""
    return path.suffix.lower() in SUFFIXES


def is_nobodys(name: str) -> bool:
    """Whether a system put a file or folder of this name beside the photos."""
    return any(fnmatch(name, pattern) for pattern in NOBODYS)


def scan(folder: Path) -> Scan:
    """Look through a folder at any depth, links to folders followed once each.

    Broken links, pipes and the like that are named as pictures are among these, so that whoever reads them reports it.
    Folders that may not be opened, as systems keep some, are listed; the rest is looked through.

    Raises:
        PermissionError: the folder itself may not be opened.
    """
    found = Scan()
    os.scandir(folder).close()  # raises here, where it is the folder that was asked for
    for path in _files(folder, set(), found.closed):
        if is_picture(path):
            found.pictures.append(path)
        else:
            found.passed_over += 1
    found.pictures.sort()
    return found


def _files(folder: Path, seen: set[str], closed: list[Path]) -> Iterator[Path]:
    """All files but systems' own; a folder that a link leads back to is not entered again."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    try:
        entries = list(os.scandir(folder))
    except PermissionError:
        closed.append(folder)
        return
    for entry in entries:
        if is_nobodys(entry.name):
            continue
        if os.path.isdir(entry.path):  # noqa: PTH112 (a link to itself makes the others raise)
            yield from _files(Path(entry.path), seen, closed)
        else:
            yield Path(entry.path)
