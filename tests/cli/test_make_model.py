"""`make model`: killed at any moment and given again, it goes on, and ends as if it had never been stopped."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from maskedgender.data.layout import FOLDER
from maskedgender.data.make_dataset import make_dataset
from maskedgender.networks.model_files import load_model

from ..support.people import FAIRFACE

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not (FAIRFACE / "val.zip").is_file(), reason="FairFace is not at ../shared/data/fairface"),
    pytest.mark.skipif(shutil.which("make") is None, reason="there is no make"),
]

REPOSITORY = Path(__file__).resolve().parents[2]
PORTRAITS, EPOCHS = 120, 2  # of each part
# Files that tell how far it has come, in their order; after each one it is killed, up to two seconds later.
SIGNS = [
    "masked/**/Training/*/*.jpg",
    "masked/**/Validation/*/*.jpg",
    "made/**/runs/*/settings.json",
    "made/**/runs/*/epoch-0001.npz",
    "made/masked_gender.keras",
]


def test_killed_at_any_moment_it_goes_on(tmp_path: Path):
    moments = random.Random(0)
    killed = [killed_after(sign, moments.uniform(0, 2), tmp_path) for sign in SIGNS]
    assert killed.count(True) >= 3, "most moments were hit"
    ended = made_in(tmp_path)
    printed, _ = ended.communicate()
    assert ended.returncode == 0 and "Validation accuracy" in printed, printed
    (history,) = tmp_path.glob("made/runs/*/history.csv")
    assert pd.read_csv(history)["epoch"].tolist() == list(range(1, EPOCHS + 1))
    assert load_model(tmp_path / "made" / "masked_gender.keras").model.output_shape == [(None, 2), (None, 1)]
    assert not [path for path in tmp_path.rglob("*part*") if path.is_file()], "half a file was left"
    assert_same_dataset(tmp_path / "masked" / FOLDER, tmp_path / "unbroken")


def made_in(folder: Path) -> subprocess.Popen[str]:
    """Start `make model` in a process group of its own; what it needs is installed where this Python is."""
    places = {"MASKED": folder / "masked", "OUTPUT": folder / "made", "LOOKS": folder / "looks.csv"}
    given = {"FAIRFACE": FAIRFACE, "LIMIT": PORTRAITS, "EPOCHS": EPOCHS, "VENV": sys.prefix, **places}
    words = [f"{name}={value}" for name, value in given.items()]
    command = ["make", "-o", f"{sys.prefix}/installed-for-imagenet", "model", *words]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=pipe, stderr=subprocess.STDOUT, text=True, process_group=0
    )


def killed_after(sign: str, seconds: float, folder: Path) -> bool:
    """Start it, and kill it with all that it started soon after a file of this name is there; False if it had ended."""
    running = made_in(folder)
    while running.poll() is None and not any(folder.glob(sign)):
        time.sleep(0.02)
    time.sleep(seconds)
    ended = running.poll() is not None
    if not ended:
        os.killpg(running.pid, signal.SIGKILL)
    printed, _ = running.communicate()
    assert not ended or running.returncode == 0, printed
    return not ended


def assert_same_dataset(dataset: Path, unbroken: Path) -> None:
    """The images and the rows are those of a dataset that was made in one go."""
    labels = [FAIRFACE / f"{part}_labels.csv" for part in ("train", "val")]
    make_dataset(FAIRFACE, labels, unbroken, variants=2, limit=PORTRAITS)
    rows, expected = (pd.read_csv(folder / "labels.csv").sort_values("file") for folder in (dataset, unbroken / FOLDER))
    pd.testing.assert_frame_equal(rows.reset_index(drop=True), expected.reset_index(drop=True))
    assert all((dataset / file).read_bytes() == (unbroken / FOLDER / file).read_bytes() for file in rows["file"])
