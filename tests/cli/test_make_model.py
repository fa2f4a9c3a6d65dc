"""`make model`: portraits become the notebook's outputs and the file that they tell of."""

from __future__ import annotations

import base64
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from maskedgender.networks.checksums import sha256

from ..support.people import FAIRFACE

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.soak
@pytest.mark.skipif(not (FAIRFACE / "val.zip").is_file(), reason="FairFace is not at ../shared/data/fairface")
@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_one_command_makes_the_file_whose_sum_the_notebook_shows(tmp_path: Path):
    checkout = tmp_path / "checkout"
    left = shutil.ignore_patterns(".git", ".venv", "masked", "trained", "runs", "results", "shots")
    shutil.copytree(ROOT, checkout, ignore=left)
    given = {"FAIRFACE": FAIRFACE, "LIMIT": 260, "EPOCHS": 1, "SIZE": 64, "VENV": sys.prefix}
    command = ["make", "-o", f"{sys.prefix}/installed-for-imagenet", "model", *(f"{k}={v}" for k, v in given.items())]
    subprocess.run(command, cwd=checkout, check=True, env={**os.environ, "PYTHONPATH": str(checkout)})
    notebook = nbformat.read(checkout / "notebooks" / "pclubtask3.ipynb", as_version=4)
    shown = "\n".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    file = checkout / "trained" / "masked_gender.keras"
    assert re.search(r"SHA-256 ([0-9a-f]{64})", shown)[1] == sha256(file)
    assert str(tmp_path) not in nbformat.writes(notebook)
    pictures = [output.data for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    first = next(base64.b64decode(data["image/png"]) for data in pictures if "image/png" in data)
    shown_people = np.asarray(Image.open(io.BytesIO(first)).convert("L"))
    quarter = shown_people[len(shown_people) // 2 :, shown_people.shape[1] // 2 + 10 :]
    assert (quarter > 250).all(), "16 pictures of the dataset are shown, not the 12 of people in examples/"
    assert "was finished before" in shown or "begins" in shown
