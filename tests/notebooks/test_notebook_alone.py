"""By hand on Kaggle: the built notebook, unedited, alone in an empty folder, with nothing but what Kaggle's image has.

The environments, with the oldest Keras that training supports and with the newest, are made once, some minutes each, in
the system's folder for temporary files.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import nbformat
import pytest

from maskedgender.data.layout import FOLDER
from maskedgender.networks.model_files import load_model

from ..support.dataset_server import KAGGLEHUBS_PORT, Store, packed_dataset, serve
from ..support.kaggle_machine import LAYOUTS, no_package_no_network
from ..support.small_dataset import make_small_dataset

pytestmark = pytest.mark.soak

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "notebooks" / "pclubtask3.ipynb"
SMALL = sys.platform == "linux" and platform.machine() == "x86_64"  # where there is a TensorFlow without CUDA
TENSORFLOW = "tensorflow-cpu" if SMALL else "tensorflow"
RUNS_NOTEBOOKS = ["nbclient", "ipykernel"]
IMAGES = {
    "oldest": [
        *("keras==3.8.0", f"{TENSORFLOW}==2.18.*", "numpy<2", "pillow<12", "matplotlib<3.8", "scikit-learn==1.2.2"),
        *("pandas<3", "opencv-python-headless<4.12", *RUNS_NOTEBOOKS),
    ],
    "newest": [
        *("keras", TENSORFLOW, "numpy", "pillow", "matplotlib", "scikit-learn", "pandas", "opencv-python-headless"),
        *RUNS_NOTEBOOKS,
    ],
}
EXECUTE = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
try:
    nbclient.NotebookClient(notebook, timeout=None, kernel_name="python3").execute()
finally:
    nbformat.write(notebook, sys.argv[1])
"""


@pytest.mark.parametrize(("image", "layout"), [("oldest", LAYOUTS[0]), ("newest", LAYOUTS[1])])
def test_attached_dataset_and_no_network(image: str, layout: str, tmp_path: Path):
    if image == "oldest" and sys.version_info >= (3, 13):
        pytest.skip("TensorFlow 2.18 knows Python up to 3.12")
    make_small_dataset(tmp_path / "input" / layout)
    python_path, attempts = no_package_no_network(tmp_path / "shim")
    printed = run_all(python_of(image), tmp_path, {"PYTHONPATH": python_path})
    assert "Validation accuracy: " in printed and "On this machine: " in printed
    assert load_model(tmp_path / "working" / "models" / "masked_gender.keras").model.output_shape == [
        (None, 2),
        (None, 1),
    ]
    assert set(attempts.read_text().split()) == {"www.kaggle.com"}, "asked once whether there is an internet"


def test_dataset_is_downloaded_where_none_is_attached(tmp_path: Path):
    store = Store(packed_dataset(make_small_dataset(tmp_path / "at-kaggle") / FOLDER), breaks=[100_000])
    python_path, attempts = no_package_no_network(tmp_path / "shim")
    kagglehub = {"KAGGLE_API_ENVIRONMENT": "TEST", "NO_PROXY": "localhost", "KAGGLEHUB_CACHE": str(tmp_path / "cache")}
    with serve(store, KAGGLEHUBS_PORT):
        printed = run_all(Path(sys.executable), tmp_path, {"PYTHONPATH": python_path, **kagglehub})
    assert "The download stopped (ChunkedEncodingError)" in printed and "Validation accuracy: " in printed
    assert set(attempts.read_text().split()) == {"www.kaggle.com"}, "asked once whether there is an internet"


def run_all(python: Path, folder: Path, environment: dict[str, str]) -> str:
    """Do what Run All does with a copy of the notebook in the empty folder `working`; what it printed."""
    working = folder / "working"
    working.mkdir()
    shutil.copy(NOTEBOOK, working)
    script = folder / "execute.py"
    script.write_text(EXECUTE)
    kaggle = {"KAGGLE_INPUT_ROOT": str(folder / "input"), "HOME": str(folder), "USERPROFILE": str(folder)}
    subprocess.run(
        [python, script, NOTEBOOK.name], cwd=working, env={**os.environ, **kaggle, **environment}, check=True
    )
    cells = nbformat.read(working / NOTEBOOK.name, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    return "\n".join(output.get("text", "") for output in outputs)


def python_of(image: str) -> Path:
    """The Python of an environment with an image's packages, which is made where it is missing."""
    folder = Path(tempfile.gettempdir()) / f"maskedgender-{image}-keras"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    complete = folder / "complete.txt"
    if not complete.is_file() or complete.read_text() != "\n".join(IMAGES[image]):
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *IMAGES[image]], check=True)
        complete.write_text("\n".join(IMAGES[image]))
    return python
