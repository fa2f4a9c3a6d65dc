"""The training notebook with nothing but what Kaggle's image has, and on two devices.

The environments, with the oldest Keras that training supports and with the newest, are made once, some minutes each, in
the system's folder for temporary files.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import nbformat
import pytest

from maskedgender.data.dataset_folder import FOLDER
from maskedgender.networks.model_files import load_model

from ..support.dataset_server import packed_dataset, serve
from ..support.kaggle_machine import LAYOUTS, no_package_no_network
from ..support.small_dataset import make_small_dataset
from .notebook import QUICK, TRAINING

pytestmark = pytest.mark.soak

SMALL = sys.platform == "linux" and platform.machine() == "x86_64"  # where there is a TensorFlow without CUDA
TENSORFLOW = "tensorflow-cpu" if SMALL else "tensorflow"
IMAGES = {
    "oldest": [
        *("keras==3.8.0", f"{TENSORFLOW}==2.18.*", "numpy<2", "matplotlib<3.9", "scikit-learn==1.4.*", "pandas<2.3"),
        *("scipy<1.14", "opencv-python-headless<4.12", "nbclient", "ipykernel"),
    ],
    "newest": [
        *("keras", TENSORFLOW, "numpy", "matplotlib", "scikit-learn", "pandas", "scipy", "opencv-python-headless"),
        *("nbclient", "ipykernel"),
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
TWO_DEVICES = """
import tensorflow as tf
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
"""


@pytest.mark.parametrize(("image", "layout"), [("oldest", LAYOUTS[0]), ("newest", LAYOUTS[1])])
def test_attached_dataset_and_no_network(image: str, layout: str, tmp_path: Path):
    if image == "oldest" and sys.version_info >= (3, 13):
        pytest.skip("TensorFlow 2.18 knows Python up to 3.12")
    make_small_dataset(tmp_path / "input" / layout)
    python_path, _ = no_package_no_network(tmp_path / "shim")
    printed = run_all(python_of(image), tmp_path, {"PYTHONPATH": python_path})
    assert "ImageNet's weights are not installed: every layer begins from nothing." in printed
    assert "SHA-256" in printed
    assert load_model(tmp_path / "working" / "models" / "masked_gender.keras").size == QUICK["SIZE"]


def test_the_dataset_is_downloaded_where_none_is_attached(tmp_path: Path):
    archive = packed_dataset(make_small_dataset(tmp_path / "at-kaggle") / FOLDER)
    python_path, _ = no_package_no_network(tmp_path / "shim")
    kagglehub = {"KAGGLE_API_ENVIRONMENT": "TEST", "NO_PROXY": "localhost", "KAGGLEHUB_CACHE": str(tmp_path / "cache")}
    with serve(archive):
        printed = run_all(Path(sys.executable), tmp_path, {"PYTHONPATH": python_path, **kagglehub})
    assert "SHA-256" in printed


def test_without_dataset_and_network_one_sentence_says_what_to_do(tmp_path: Path):
    python_path, _ = no_package_no_network(tmp_path / "shim")
    with pytest.raises(subprocess.CalledProcessError):
        run_all(Path(sys.executable), tmp_path, {"PYTHONPATH": python_path})
    told = (tmp_path / "working" / TRAINING.name).read_text(encoding="utf-8")
    assert "switch the internet on, or name a folder." in told


def test_two_devices_share_each_batch_and_the_file_is_in_full_precision(tmp_path: Path):
    """Two logical CPUs stand for Kaggle's two T4."""
    make_small_dataset(tmp_path / "input" / LAYOUTS[0], count=400)  # the first batches must be whole ones
    printed = run_all(Path(sys.executable), tmp_path, {}, TWO_DEVICES, LIMIT=400)
    assert "on cpu:0, cpu:1" in printed and "SHA-256" in printed
    assert load_model(tmp_path / "working" / "models" / "masked_gender.keras").size == QUICK["SIZE"]


def run_all(python: Path, folder: Path, environment: dict[str, str], first: str = "", **given: int) -> str:
    """Do what Run All does with a copy of the notebook in the empty folder `working`; what it printed.

    Args:
        first: code that runs before all else.
        given: parameters other than those of QUICK.
    """
    working = folder / "working"
    working.mkdir()
    notebook = nbformat.read(TRAINING, as_version=4)
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += first + "\n" + "\n".join(f"{name} = {value!r}" for name, value in {**QUICK, **given}.items())
        if cell.cell_type == "code":
            cell.outputs = []
    nbformat.write(notebook, working / TRAINING.name)
    (folder / "execute.py").write_text(EXECUTE)
    kaggle = {"KAGGLE_INPUT_ROOT": str(folder / "input"), "HOME": str(folder), "USERPROFILE": str(folder)}
    command = [python, folder / "execute.py", TRAINING.name]
    subprocess.run(command, cwd=working, env={**os.environ, **kaggle, **environment}, check=True)
    cells = nbformat.read(working / TRAINING.name, as_version=4).cells
    return "\n".join(output.get("text", "") for cell in cells for output in cell.get("outputs", []))


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
