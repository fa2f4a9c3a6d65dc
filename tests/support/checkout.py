"""A copy of the checkout that a test may spoil."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("maskedgender", "tests", "shots", "examples", "models", "benchmarks", "notebooks", "pyproject.toml")


def copied(folder: Path) -> Path:
    """What tests need of the checkout, copied into an empty folder, which is returned."""
    left_out = shutil.ignore_patterns("__pycache__", "runs", "library")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=left_out)
        else:
            shutil.copy(ROOT / part, folder / part)
    return folder


def outcome_of(copy: Path, tests: Sequence[str], seconds: float = 600) -> subprocess.CompletedProcess[str]:
    """Run tests of a copy, named as for pytest, up to the first that fails."""
    words = [sys.executable, "-m", "pytest", "-x", "-m", "not soak", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(words, cwd=copy, env=environment, capture_output=True, text=True, timeout=seconds)
