"""Photos under addresses, such as s3://bucket/folder: listed and read through fsspec.

What stands behind an address's question mark, and the user before its host, may be keys: neither is ever shown.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from ..places import how_to_get
from .folders import is_nobodys, is_picture
from .photos import MAX_MEGABYTES, PhotoError, read_photo, read_photo_bytes


def is_address(place: str | Path) -> bool:
    """Whether it is an address, such as s3://bucket/photo.jpg, and no path of this machine."""
    return "://" in str(place)


def shown(place: str | Path) -> str:
    """A path, or an address without its user and query, as it may be shown."""
    return _without_keys(str(place).partition("?")[0]) if is_address(place) else str(place)


def pictures_at(address: str) -> tuple[list[str], int]:
    """The addresses of the pictures in a folder, at any depth, sorted; and how many other files lie there.

    An address of a file, or of what cannot be listed, is itself the only one: reading it tells what is wrong.

    Raises:
        ValueError: fsspec, or what it needs for such an address, is not installed.
    """
    system, root = _opened(address)
    try:
        if is_picture(Path(shown(address))) or not system.isdir(root):
            return [address], 0
        names = system.find(root)
    except Exception:  # noqa: BLE001 (services raise errors of their own)
        return [address], 0
    theirs = [name for name in names if not any(map(is_nobodys, name.removeprefix(root).split("/")))]
    pictures = sorted(system.unstrip_protocol(name) for name in theirs if is_picture(Path(name)))
    return pictures, len(theirs) - len(pictures)


def read_photo_from(place: str | Path) -> np.ndarray:
    """As `read_photo`, of a path or of an address.

    Raises:
        PhotoError: as there; of an address, when it cannot be reached, either.
        ValueError: as for `pictures_at`.
    """
    if not is_address(place):
        return read_photo(place)
    name = shown(place).rpartition("/")[2]
    system, path = _opened(str(place))
    try:
        content = system.cat_file(path, end=(MAX_MEGABYTES + 1) * 1024**2)
    except FileNotFoundError as error:
        raise PhotoError(f"{name} is not there; check its name.") from error
    except Exception as error:  # services raise errors of their own, such as botocore's for credentials
        if isinstance(error, PermissionError) or getattr(error, "status", 0) in (401, 403) or "Forbidden" in str(error):
            raise PhotoError(f"{name} may not be read; ask its owner for permission.") from error
        reason = _without_keys(str(error).replace(str(place), shown(place))) or type(error).__name__
        raise PhotoError(f"{name} cannot be reached ({' '.join(reason.split())}); try it again later.") from error
    return read_photo_bytes(content, name)


def _without_keys(text: str) -> str:
    """A text without the users and queries of the addresses in it."""
    return re.sub(r"(?<=://)[^/\s]*@|\?[^\s'\"]*", "", text)


def _opened(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path there; nothing is asked of it yet."""
    try:
        import fsspec.core
    except ImportError as error:
        raise ValueError(f"Addresses need the package fsspec: {how_to_get('ray')} brings it.") from error
    try:
        return fsspec.core.url_to_fs(address)
    except (ImportError, ValueError) as error:
        raise ValueError(f"{shown(address)} cannot be reached: {_without_keys(str(error))}.") from error
