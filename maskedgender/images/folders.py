"""Which files of a folder are pictures: one list of formats, and one way through folders, for all who look for them."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path

SUFFIXES = {".jpg", ".jpeg", ".jfif", ".mpo", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"}
SUFFIXES |= {".heic", ".heif", ".hif"}
# What systems, network drives and viewers keep beside photos: resource forks, indices, small copies, bins; as
# `fnmatch` takes it, in small letters. None of it is anybody's photo.
NOBODYS = ["._*", ".ds_store", "__macosx", ".appledouble", "thumbs.db", ".thumbnails", ".picasaoriginals"]
NOBODYS += ["$recycle.bin", ".trash*", "@recycle", "#recycle", "@eadir", ".@__thumb"]


def is_picture(path: Path) -> bool:
    """Whether a file is named as a picture that can be read here."""
    return path.suffix.lower() in SUFFIXES


def is_nobodys(name: str) -> bool:
    """Whether a system or a viewer put a file or folder of this name beside the photos."""
    return any(fnmatchcase(name.lower(), pattern) for pattern in NOBODYS)


def scan(folder: Path) -> tuple[list[Path], int, list[Path]]:
    """A folder's pictures, sorted; how many other files lie there, systems' own apart; and the folders kept closed.

    It is looked through at any depth, links to folders followed once each. Broken links, pipes and the like that are
    named as pictures are among these, so that whoever reads them reports it.

    Raises:
        PermissionError: the folder itself may not be opened.
    """
    os.scandir(folder).close()  # raises here, where it is the folder that was asked for
    pictures: list[Path] = []
    errors: list[OSError] = []
    others, seen = 0, set()
    for here, folders, files in os.walk(folder, followlinks=True, onerror=errors.append):
        real = os.path.realpath(here)
        folders[:] = [] if real in seen else [name for name in folders if not is_nobodys(name)]
        paths = [] if real in seen else [Path(here, name) for name in files if not is_nobodys(name)]
        seen.add(real)
        pictures += filter(is_picture, paths)
        others += sum(not is_picture(path) for path in paths)
    return sorted(pictures), others, [Path(error.filename) for error in errors]
