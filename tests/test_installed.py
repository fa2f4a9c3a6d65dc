"""What is installed from a wheel holds the model, the notebooks and the examples, and works outside a checkout."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
WITHOUT = shutil.ignore_patterns(
    ".git", ".venv", "build", "dist", "*.egg-info", "tests", "shared", "runs", "__pycache__"
)


def setup_script():
    spec = importlib.util.spec_from_file_location("setup_script", ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_ships_is_all_that_an_installed_package_needs_and_not_much_more():
    shipped = {path.relative_to(ROOT).as_posix() for path in setup_script().shipped()}
    needed = {"models/masked_gender.keras", "models/SHA256SUMS", "examples/examples.csv"}
    needed |= {f"notebooks/{name}.ipynb" for name in ("pclubtask3", "PClubTask3Gradio")}
    needed |= {"models/README.md"}
    assert needed <= shipped
    assert sum((ROOT / path).stat().st_size for path in shipped) < 22_000_000, "a wheel is to stay under 25 MB"


def test_an_installed_package_looks_inside_itself(tmp_path: Path):
    """The package alone, moved elsewhere, with a folder shipped/ in it; it is asked in a process of its own."""
    shutil.copytree(ROOT / "maskedgender", tmp_path / "maskedgender", ignore=WITHOUT)
    (tmp_path / "maskedgender" / "shipped").mkdir()
    code = "from maskedgender.places import *; print(SHIPPED_MODEL, RUNS, exports_of(SHIPPED_MODEL), sep='\\n')"
    code += "; print(exports_of(Path('mine/a.keras')).as_posix(), how_to_get('ray'), sep='\\n')"
    told = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    model = tmp_path / "maskedgender" / "shipped" / "models" / "masked_gender.keras"
    assert told.splitlines() == [str(model), "runs", ".", "mine", 'pip install "maskedgender[ray]"']


@pytest.mark.soak
def test_the_wheel_works_in_an_empty_environment_and_another_folder(tmp_path: Path):
    shutil.copytree(ROOT, tmp_path / "source", ignore=WITHOUT)
    wheels, own = tmp_path / "wheels", tmp_path / "venv"
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(wheels)]
    subprocess.run([*build, str(tmp_path / "source")], check=True)
    (wheel,) = wheels.glob("*.whl")
    assert wheel.stat().st_size < 25_000_000
    venv.create(own, with_pip=True)
    scripts = own / ("Scripts" if sys.platform == "win32" else "bin")
    subprocess.run([scripts / "python", "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    shutil.copy(ROOT / "examples" / "eileen_collins.jpg", tmp_path / "photo.jpg")
    done = subprocess.run(
        [scripts / "maskedgender", "predict", "photo.jpg"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0 and "photo.jpg, face 1: female" in done.stdout, done.stderr
    assert sum(path.stat().st_size for path in own.rglob("*") if path.is_file()) < 1_000_000_000
    code = "from maskedgender.page.app import *; build_page(load_model(), SHIPPED_MODEL)"
    subprocess.run([scripts / "python", "-c", code], cwd=tmp_path, check=True)
