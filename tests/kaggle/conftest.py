"""Kaggle on this machine, for the commands that train there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from maskedgender.kaggle import client as kaggle_client
from maskedgender.kaggle import remote_training as kaggle_run

from ..support.kaggle_server import (
    ACCURACY,
    TOKEN,
    FakeKaggle,
    left_by_the_notebook,
    log_of,
    only_this_machine,
    point_kaggle_to,
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without credentials of the person who runs the tests."""
    for name in [name for name in os.environ if name.startswith("KAGGLE_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "home" / ".kaggle").mkdir(parents=True)
    return tmp_path / "home"


@pytest.fixture
def kaggle(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKaggle]:
    """Kaggle on this machine, where the official client finds a token; in the end nothing else was called."""
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    strangers = only_this_machine(monkeypatch)
    fake = FakeKaggle(files=left_by_the_notebook(), log=log_of(f"Validation accuracy: {ACCURACY}\n"))
    fake.start()
    point_kaggle_to(fake.port, monkeypatch)
    point_client_to(home, monkeypatch)
    fake.calls.clear()  # the client's import, here the first time, asks who one is
    monkeypatch.setattr(kaggle_run, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(kaggle_run, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(kaggle_client, "DELAYS", (0.01, 0.01, 0.01))
    yield fake
    fake.stop()
    assert fake.unknown == [] and strangers == []


def point_client_to(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The official client reads these once, when it is imported; tests have a home each."""
    from kaggle.api.kaggle_api_extended import KaggleApi

    monkeypatch.setattr(KaggleApi, "args", ["--local"])
    monkeypatch.setattr(KaggleApi, "config", str(home / ".kaggle" / "kaggle.json"))
