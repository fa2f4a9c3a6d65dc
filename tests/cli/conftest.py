"""What the tests of the shell share: a command line run in this process, a model file, photos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from maskedgender.cli.commands import app
from maskedgender.networks.exporting import save_with_record

from ..support.networks import quick_model
from ..support.people import collins, hopper

Shell = Callable[..., Result]


@pytest.fixture(scope="session")
def shell() -> Shell:
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "untrained.keras"
    save_with_record(quick_model(64), path, {})
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One photo without a face, one with a face, one with two, and a text, at several depths."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    Image.fromarray(hopper()).save(folder / "hopper.png")
    Image.fromarray(np.hstack([hopper()[:512], collins()])).save(folder / "deep" / "two.JPG")
    Image.fromarray(np.full((200, 200, 3), 128, np.uint8)).save(folder / "grey.png")
    (folder / "notes.txt").write_text("no photo, and not named as one")
    return folder
