"""Which photos the words of a command mean: files, folders, addresses, and lists of them."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

import typer

from ..images.buckets import is_address, pictures_at, shown
from ..images.folders import SUFFIXES, scan


def lines(listed: Path) -> list[str]:
    """The names in a text file, one a line: UTF-8, or UTF-16 as PowerShell writes it; a mark may precede the first.

    ValueError where it cannot be read as such.
    """
    try:
        content = listed.read_bytes()
        encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
        text = content.decode(encoding).replace("\r\n", "\n")
    except OSError as error:
        raise ValueError(f"The list {listed} cannot be read ({error.strerror}); check its name.") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{listed} is no list of photos but another kind of file; give text, names.") from error
    return [line for line in text.split("\n") if line.strip()]  # a name may hold what splitlines takes for an end


def require_there(paths: list[str]) -> None:
    """Raise ValueError for the first path at which there is nothing; addresses are not looked at."""
    for path in paths:
        if not is_address(path) and not os.path.exists(path):  # noqa: PTH110 (Path.exists raises on a long name)
            raise ValueError(f"There is no photo or folder at {path}; check its name.")


def photos_of(names: list[str]) -> tuple[list[Path | str], int]:
    """Files as they are named, so that a wrong name is reported; of folders, at any depth, what is named as a photo.

    Also how many other files lie in these folders.

    Raises:
        ValueError: there are no photos, or a package is missing that addresses need.
    """
    photos: list[Path | str] = []
    passed_over = 0
    for name in names:
        if is_address(name):
            pictures, others = pictures_at(name)
            photos += pictures
            passed_over += others
        elif os.path.isdir(name):  # noqa: PTH112 (Path.is_dir raises on a name that is too long)
            found = scan(Path(name))
            photos += found.pictures
            passed_over += found.passed_over
            for closed in found.closed:
                typer.echo(f"Skipped: {closed}, a folder that may not be opened.", err=True)
        else:
            photos.append(Path(name))
    if not names:
        raise ValueError("Name a photo or a folder.")
    if not photos:
        raise ValueError(f"No photos in {', '.join(map(shown, names))}: looked for {' '.join(sorted(SUFFIXES))}.")
    return list(dict.fromkeys(photos)), passed_over
