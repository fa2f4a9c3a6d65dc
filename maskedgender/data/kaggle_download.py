"""Fetch a public dataset from Kaggle by kagglehub: finished where it stopped, and checked."""

from __future__ import annotations

import shutil
import tarfile
import time
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from unittest.mock import patch

import requests

from .kaggle_access import TokenFileError, setting, spoiled_token

RETRY_SECONDS = (2.0, 8.0, 30.0)  # before each further attempt while the network fails


class UnsafeArchiveError(Exception):
    """An archive with a member that points out of its folder."""


class StrictZip(zipfile.ZipFile):
    """A zip that refuses what `ZipFile` quietly rewrites: members such as "../x", "/x" or "C:\\x", and links."""

    def extractall(self, *arguments: Any, **options: Any) -> None:
        """As `ZipFile.extractall`, all or nothing; UnsafeArchiveError names the first member that points outside."""
        for member in self.infolist():
            if _points_outside(member):
                raise UnsafeArchiveError(f"its archive is refused, for {member.filename!r} points out of its folder")
        super().extractall(*arguments, **options)


def download(handle: str) -> Path:
    """Fetch a dataset, OWNER/NAME, into kagglehub's cache, once; later calls only return its folder, without a network.

    kagglehub compares the archive's MD5 sum where Kaggle gives one, each member's CRC when it unpacks, and goes on with
    half an archive that it finds. Here it is called again while the network fails; an archive that turns out damaged,
    with which kagglehub would fail for ever, is fetched anew, once; and one that points outside is refused.

    Raises:
        UnsafeArchiveError: the archive points outside; it is deleted.
        TokenFileError: a token file that cannot be read.
        ConnectionError: the network fails, and a setting would mend it.
        ImportError: there is no kagglehub.
        Exception: whatever else kagglehub raises; it has no base class of its own.
    """
    from kagglehub.exceptions import DataCorruptionError  # late: only needed when no dataset is at hand

    if cached := _whole_in_cache(handle):
        return cached
    _require_readable_token()
    try:
        return _resumed(handle)
    except requests.RequestException:
        # Some of these are ValueErrors, too: a proxy that cannot be used, a login page in the place of an answer. They
        # say nothing of what lies in the cache.
        raise
    except UnsafeArchiveError:
        _forget(handle)
        raise
    except (DataCorruptionError, zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, ValueError):
        _forget(handle)
        print("The archive is damaged; it is fetched anew.")
        return _resumed(handle)


def _whole_in_cache(handle: str) -> Path | None:
    """The newest version of a dataset that kagglehub has marked as complete: it is used without a network."""
    from kagglehub.config import get_cache_folder

    kept = Path(get_cache_folder()) / "datasets" / handle
    numbers = [int(mark.stem) for mark in kept.glob("*.complete") if mark.stem.isdigit()]
    folders = [kept / "versions" / str(number) for number in sorted(numbers, reverse=True)]
    return next((folder for folder in folders if folder.is_dir()), None)


def _resumed(handle: str) -> Path:
    """As `download`, called again while the network fails."""
    import kagglehub

    for seconds in (*RETRY_SECONDS, None):
        try:
            with patch.object(zipfile, "ZipFile", StrictZip):  # kagglehub has no hook for it
                return Path(kagglehub.dataset_download(handle))
        except requests.HTTPError:  # an answer, and a refusal
            raise
        except OSError as error:
            if mended := setting(error):
                raise ConnectionError(mended) from error
            if seconds is None or not isinstance(error, requests.RequestException):
                raise
            print(f"The download stopped ({type(error).__name__}); it goes on in {seconds:g} s.")
            time.sleep(seconds)
    raise AssertionError("the last attempt returns or raises")


def _require_readable_token() -> None:
    """TokenFileError for a token that kagglehub would end by in a ValueError, as it does by a damaged archive."""
    from kagglehub.config import get_kaggle_credentials

    try:
        credentials = get_kaggle_credentials()
    except ValueError as error:
        raise TokenFileError(spoiled_token() or f"{error}.") from error
    if credentials and not all(str(value).isascii() for value in vars(credentials).values()):
        raise TokenFileError(spoiled_token() or "Kaggle's token has letters that no token has: make a new one.")


def _points_outside(member: zipfile.ZipInfo) -> bool:
    """Whether a member would land outside, on any system, or is a link, which may."""
    windows, posix = PureWindowsPath(member.filename), PurePosixPath(member.filename)
    is_link = (member.external_attr >> 16) & 0o170000 == 0o120000
    return is_link or bool(windows.anchor) or posix.is_absolute() or ".." in windows.parts


def _forget(handle: str) -> None:
    """Delete the archives of a dataset, and what came out of them, from kagglehub's cache."""
    from kagglehub.config import get_cache_folder

    shutil.rmtree(Path(get_cache_folder()) / "datasets" / handle, ignore_errors=True)
