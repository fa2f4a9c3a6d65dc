"""Photos that lie elsewhere, under addresses such as s3://bucket/folder: listed and read through fsspec."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np

from ..places import how_to_get
from .folders import is_nobodys, is_picture
from .photos import MAX_MEGABYTES, MissingPhotoError, PhotoError, read_photo, read_photo_bytes


def is_address(place: str | Path) -> bool:
    """Whether it is an address, such as s3://bucket/photo.jpg, and no path of this machine."""
    return "://" in str(place)


def pictures_at(address: str) -> tuple[list[str], int]:
    """The addresses of the pictures in a folder, at any depth, sorted; and how many other files lie there.

    An address of a file, of whatever kind, is itself the only one.

    Raises:
        ValueError: fsspec, or what it needs for such an address, is not installed.
        OSError: nothing is there, or it cannot be reached.
    """
    with _in_one_sentence(address):
        system, root = _fsspec().url_to_fs(address)
        if not system.exists(root):
            raise FileNotFoundError(f"There is nothing at {address}; check its name.")
        if system.isfile(root):
            return [address], 0
        names = system.find(root)
    theirs = [name for name in names if not any(map(is_nobodys, name.removeprefix(root).split("/")))]
    pictures = sorted(system.unstrip_protocol(name) for name in theirs if is_picture(Path(name)))
    return pictures, len(theirs) - len(pictures)


def read_photo_from(place: str | Path) -> np.ndarray:
    """As `read_photo`, of a path or of an address.

    Raises:
        PhotoError: as there; of an address, when it is not there, may not be read, or is no photo.
        OSError: it cannot be reached now.
    """
    if not is_address(place):
        return read_photo(place)
    name = str(place).rpartition("/")[2]
    try:
        with _in_one_sentence(str(place)), _fsspec().open(str(place), "rb") as file:
            content = file.read((MAX_MEGABYTES + 1) * 1024**2)
    except FileNotFoundError as error:
        raise MissingPhotoError(f"{name} is not there; check its name.") from error
    except PermissionError as error:
        raise PhotoError(f"{name} may not be read; ask its owner for permission.") from error
    return read_photo_bytes(content, name)


@contextmanager
def _in_one_sentence(address: str) -> Iterator[None]:
    """What fsspec raises for an address: ValueError where it needs a package, which it names; else OSError.

    Services have errors of their own, such as botocore's for credentials that are missing.
    """
    try:
        yield
    except ImportError as error:
        raise ValueError(f"{address} cannot be reached: {error}.") from error
    except (OSError, ValueError):
        raise
    except Exception as error:
        raise OSError(f"{address} cannot be reached: {error}.") from error


def _fsspec() -> ModuleType:
    try:
        import fsspec.core
    except ImportError as error:
        raise ValueError(f"Addresses need the package fsspec: {how_to_get('ray')} brings it.") from error
    return fsspec.core
