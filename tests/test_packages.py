"""What is installed: serving alone needs no TensorFlow, and requirements.txt brings everything."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from maskedgender.places import how_to_get

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_requirements_txt_is_what_serving_and_training_need():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").replace('"', "'").splitlines()
    listed = [line for line in lines if line and not line.startswith("#")]
    assert sorted(listed) == sorted(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["train"])


PYTHON_OF_SOME_VERSION = """#!/bin/sh
if [ "$1" = -c ]; then exec {python} -c 'import sys; sys.version_info = {version}; exec(sys.argv[1])' "$2"; fi
if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; fi
"""


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
@pytest.mark.parametrize(
    ("version", "target", "status", "told"),
    [
        ((3, 10, 9), "installed-to-serve", 2, "Python 3.11 to 3.14 is needed"),
        ((3, 13, 1), "installed", 0, "installing requirements.txt"),
        ((3, 14, 0), "installed-to-serve", 0, "installing what the page needs"),
        ((3, 14, 0), "installed", 2, "TensorFlow needs Python 3.11 to 3.13: make clean"),
        ((3, 15, 0), "installed-to-serve", 2, "Python 3.11 to 3.14 is needed"),
    ],
)
def test_make_says_which_python_it_needs(
    version: tuple[int, int, int], target: str, status: int, told: str, tmp_path: Path
):
    """A stand-in for another Python, which says its version, and installs nothing."""
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "python"
    python.write_text(PYTHON_OF_SOME_VERSION.format(python=shlex.quote(sys.executable), version=version))
    python.chmod(0o755)
    done = subprocess.run(["make", f"PYTHON={python}", f".venv/{target}"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, told in done.stdout + done.stderr) == (status, True), done.stdout + done.stderr
    assert (tmp_path / ".venv" / target).is_file() == (status == 0)


TRAINING_PACKAGES = ("tensorflow", "sklearn", "matplotlib", "kaggle", "kagglehub", "kagglesdk")
WITHOUT_THEM = f"""
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {TRAINING_PACKAGES}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
from maskedgender.cli.commands import app
app(sys.argv[1:])
"""


def without_training_packages(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_THEM, *map(str, words)], cwd=ROOT, capture_output=True, text=True
    )


def test_photos_are_answered_without_them(tmp_path: Path):
    done = without_training_packages("predict", ROOT / "examples", "--csv", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").count("\n") == 1 + 12, "a heading and twelve faces"


def test_the_page_can_be_built_without_them():
    code = WITHOUT_THEM.replace(
        "app(sys.argv[1:])", "from maskedgender.page.app import *; build_page(load_model(), SHIPPED_MODEL)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "error"), [(["predict", "examples/eileen_collins.jpg"], "ModuleNotFoundError"), (["app"], "ImportError")]
)
def test_without_openvino_or_with_a_broken_one_a_sentence_names_it(words: list[str], error: str):
    code = WITHOUT_THEM.replace(str(TRAINING_PACKAGES), '("tensorflow", "openvino")')
    code = code.replace("raise ModuleNotFoundError(", f"raise {error}(")
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "openvino" in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    "words", [["train"], ["evaluate", "x.keras"], ["export", "--to", "litert"], ["kaggle", "status"]]
)
def test_what_needs_them_says_in_one_sentence_how_to_get_them(words: list[str]):
    done = without_training_packages(*words)
    extra = "export" if words[0] == "export" else "train"
    assert done.returncode == 2 and f'pip install -e ".[{extra}]"' in done.stderr, done.stderr
    assert done.stderr.count("\n") == 1


def test_how_to_get_them_holds_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    assert how_to_get("train") == 'pip install -e ".[train]"'
    monkeypatch.chdir(tmp_path)
    assert how_to_get("train") == f'pip install -e "{ROOT}[train]"'


def test_a_python_that_tensorflow_does_not_know_is_told_which_ones_it_does(monkeypatch: pytest.MonkeyPatch):
    known = {extra: how_to_get(extra) for extra in ("train", "export", "ray")}
    monkeypatch.setattr(sys, "version_info", (3, 14, 0, "final", 0))
    for extra in ("train", "export"):
        assert how_to_get(extra) == f"{known[extra]}, with Python 3.11 to 3.13,"
    assert how_to_get("ray") == known["ray"]
