"""Kaggle's dataset by the real kagglehub from a server on this machine: resumed, checked, and refused if a trick."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests

import maskedgender.data.kaggle_download as download_module
from maskedgender.data.kaggle_download import UnsafeArchiveError, download
from maskedgender.data.layout import KAGGLE_DATASET, TRAINING
from maskedgender.data.listing import list_images
from maskedgender.data.locate import find_dataset

from ..support.dataset_server import Store, packed, packed_dataset, point_kagglehub_to, serve
from ..support.synthetic import synthetic_dataset

HANDLE = "ann/faces"
MEGABYTE = 1 << 20


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Where kagglehub finds Kaggle; it has a small dataset."""
    monkeypatch.setattr(download_module, "RETRY_SECONDS", (0.0, 0.0, 0.0))
    dataset = synthetic_dataset(tmp_path / "at-kaggle", 4)
    (dataset / "large.jpg").write_bytes(
        np.random.default_rng(0).bytes(3 * MEGABYTE)
    )  # kagglehub keeps whole megabytes of half a download
    kept = Store(packed_dataset(dataset))
    with serve(kept) as kept.port:
        point_kagglehub_to(kept.port, tmp_path / "cache", monkeypatch)
        yield kept


def test_download_is_whole_and_kept(store: Store):
    assert len(list_images(find_dataset(), TRAINING)) == 8
    assert len(list_images(find_dataset(), TRAINING)) == 8
    assert store.ranges == [None], "the second time it is there"


def test_download_that_breaks_off_goes_on_where_it_stopped(store: Store, capsys: pytest.CaptureFixture[str]):
    store.breaks = [2 * MEGABYTE + 5000]
    assert len(list_images(find_dataset(), TRAINING)) == 8
    assert store.ranges == [None, None, f"bytes={2 * MEGABYTE}-"], "a head that is read no further, then the rest"
    assert "The download stopped (ChunkedEncodingError); it goes on in 0 s." in capsys.readouterr().out


def test_next_run_goes_on_where_the_last_one_stopped(store: Store, monkeypatch: pytest.MonkeyPatch):
    store.breaks = [2 * MEGABYTE + 5000]
    with monkeypatch.context() as impatient, pytest.raises(FileNotFoundError, match="download failed"):
        impatient.setattr(download_module, "RETRY_SECONDS", ())
        find_dataset()
    assert len(list_images(find_dataset(), TRAINING)) == 8
    assert store.ranges[-1] == f"bytes={2 * MEGABYTE}-"


def test_what_lies_whole_in_the_cache_is_used_without_a_network(store: Store, monkeypatch: pytest.MonkeyPatch):
    find_dataset()
    monkeypatch.setattr("kagglehub.dataset_download", lambda handle: pytest.fail("Kaggle was asked"))
    assert len(list_images(find_dataset(), TRAINING)) == 8


@pytest.mark.parametrize("error", [requests.exceptions.InvalidSchema, requests.exceptions.JSONDecodeError])
def test_a_network_error_never_deletes_what_was_fetched(
    error: type[requests.RequestException], store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """A SOCKS proxy that needs a further package, and a hotel's login page: both errors are ValueErrors, too."""
    half = tmp_path / "cache" / "datasets" / KAGGLE_DATASET / "1.archive"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half an archive")

    def fails(handle: str) -> str:
        raise error("synthetic", "", 0) if error is requests.exceptions.JSONDecodeError else error("synthetic")

    monkeypatch.setattr("kagglehub.dataset_download", fails)
    with pytest.raises(FileNotFoundError, match="synthetic"):
        find_dataset()
    assert half.read_bytes() == b"half an archive"


def test_network_that_stays_away_is_one_sentence(store: Store):
    store.breaks = [100] * 100
    with pytest.raises(FileNotFoundError, match=r"download failed.*kaggle\.com/datasets/itsshuvra"):
        find_dataset()


@pytest.mark.parametrize("hashed", [True, False])
def test_damaged_download_is_fetched_anew_once(hashed: bool, store: Store, capsys: pytest.CaptureFixture[str]):
    store.hashed, store.damaged = hashed, 1
    assert len(list_images(find_dataset(), TRAINING)) == 8
    assert store.ranges == [None, None]
    assert "The archive is damaged; it is fetched anew." in capsys.readouterr().out


@pytest.mark.parametrize("archive", [b"<html>no archive</html>", b""])
def test_what_is_no_archive_is_one_sentence(archive: bytes, store: Store):
    store.archive = archive
    with pytest.raises(FileNotFoundError, match="download failed"):
        find_dataset()
    assert len(store.ranges) == 2


@pytest.mark.parametrize("name", ["../evil.txt", "a/../../evil.txt", "/evil.txt", "..\\evil.txt", "C:\\evil.txt"])
def test_archive_that_points_out_of_its_folder_is_refused(name: str, store: Store, tmp_path: Path):
    store.archive = packed({"fine.txt": b"fine", name: b"evil"})
    with pytest.raises(UnsafeArchiveError, match="points out of its folder"):
        download(HANDLE)
    assert not list(tmp_path.rglob("*.txt")), "nothing of it is unpacked"
    with pytest.raises(FileNotFoundError, match=r"refused, for .*evil\.txt.* points out of its folder"):
        find_dataset()


def test_archive_with_a_link_is_refused(store: Store):
    store.archive = packed({"link": b"/etc"}, mode=stat.S_IFLNK | 0o777)
    with pytest.raises(UnsafeArchiveError, match="'link'"):
        download(HANDLE)


def test_within_kaggle_the_dataset_is_attached_not_downloaded(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store.mount = "datasets/itsshuvra/faces"
    attached = synthetic_dataset(tmp_path / "input" / store.mount, 4)
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Batch")
    monkeypatch.setenv("KAGGLE_DATA_PROXY_URL", f"http://localhost:{store.port}")
    monkeypatch.setenv("KAGGLE_CACHE_MOUNT_FOLDER", str(tmp_path / "input"))
    for token in ("KAGGLE_USER_SECRETS_TOKEN", "KAGGLE_DATA_PROXY_TOKEN"):
        monkeypatch.setenv(token, "token")
    assert find_dataset() == attached
    assert store.ranges == []


def test_zips_are_read_as_before_afterwards(store: Store):
    before = zipfile.ZipFile
    download(HANDLE)
    assert zipfile.ZipFile is before


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """Half an archive in kagglehub's cache."""
    archive = tmp_path / "cache" / "datasets" / KAGGLE_DATASET / "1.archive"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"half an archive")
    return archive


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8"])
@pytest.mark.parametrize("name", ["kaggle.json", "token"])
def test_a_token_that_cannot_be_read_is_named_and_deletes_nothing(
    name: str, encoding: str, half: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """kagglehub ends in a ValueError then, as it does where an archive is damaged."""
    path = tmp_path / name
    path.write_text('{"username": "ann"}' if name == "kaggle.json" else "tökeñ", encoding=encoding)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    monkeypatch.delenv("KAGGLE_API_TOKEN", raising=False)
    if name == "token":
        monkeypatch.setenv("KAGGLE_API_TOKEN", str(path))
    with pytest.raises(FileNotFoundError, match=r"kaggle\.json|token") as told:
        find_dataset()
    assert ("save it as UTF-8" in str(told.value)) == (encoding != "utf-8")
    assert half.read_bytes() == b"half an archive"


def test_a_proxy_that_cannot_be_used_is_said_at_once(
    half: Path, store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with pytest.raises(FileNotFoundError, match=r"pip install pysocks|The proxy does not let us through"):
        find_dataset()
    assert "it goes on in" not in capsys.readouterr().out
    assert half.read_bytes() == b"half an archive"
