"""Kaggle's dataset: where it is attached, or by the real kagglehub from a server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests

from maskedgender.data.kaggle_download import find_dataset
from maskedgender.data.layout import FOLDER

from ..support.dataset_server import Store, packed_dataset, point_kagglehub_to, serve
from ..support.synthetic import synthetic_dataset

MEGABYTE = 1 << 20  # of which kagglehub keeps whole ones of half a download


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Where kagglehub finds Kaggle; it has a small dataset."""
    dataset = synthetic_dataset(tmp_path / "at-kaggle", 4)
    (dataset / "large.jpg").write_bytes(np.random.default_rng(0).bytes(3 * MEGABYTE))
    kept = Store(packed_dataset(dataset))
    with serve(kept) as kept.port:
        point_kagglehub_to(kept.port, tmp_path / "cache", monkeypatch)
        yield kept


def images(folder: Path) -> int:
    return len(list(folder.glob("Training/*/*.jpg")))


def test_download_goes_on_where_it_broke_off_and_is_kept(store: Store):
    store.breaks = [2 * MEGABYTE + 5000]
    with pytest.raises(requests.RequestException):
        find_dataset()
    found = find_dataset()
    assert images(next(found.rglob(FOLDER))) == 8
    assert store.ranges == [None, None, f"bytes={2 * MEGABYTE}-"], "a head that is read no further, then the rest"
    assert find_dataset() == found and len(store.ranges) == 3


@pytest.mark.parametrize("mount", ["faces", "datasets/itsshuvra/faces"])
def test_what_kaggle_has_attached_is_taken_and_nothing_asked(
    mount: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    attached = synthetic_dataset(tmp_path / "input" / mount, 4)
    monkeypatch.setenv("KAGGLE_INPUT_ROOT", str(tmp_path / "input"))
    assert find_dataset() == attached and store.ranges == []
