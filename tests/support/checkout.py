"""A copy of the checkout that a test may spoil."""

from __future__ import annotations

import os
import shutil
import signal
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
    """Run tests of a copy, named as for pytest, up to the first that fails.

    Raises:
        subprocess.TimeoutExpired: they took longer; what they had started is ended, too.
    """
    words = [sys.executable, "-m", "pytest", "-x", "-m", "not soak", "-p", "no:cacheprovider", *tests]
    # Without .pyc files: a fault that is as long as what was there, in the same second, would be missed.
    environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = subprocess.Popen(words, cwd=copy, env=environment, start_new_session=True, **pipes)
    try:
        told = running.communicate(timeout=seconds)
    except BaseException:
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        raise
    return subprocess.CompletedProcess(words, running.returncode, *told)
