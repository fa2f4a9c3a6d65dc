"""The notebooks are what their sources give, obey the rules of inclusion, and run from top to bottom, alone."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import jupytext
import keras
import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest

from maskedgender.data.layout import FOLDER
from maskedgender.networks.model_files import load_model
from maskedgender.prediction.answers import csv_rows

from ..support.kaggle_machine import LAYOUTS, no_package_no_network
from ..support.people import FAIRFACE
from ..support.small_dataset import make_small_dataset

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "notebooks" / "source"
TRAINING_NOTEBOOK = ROOT / "notebooks" / "pclubtask3.ipynb"
APP_NOTEBOOK = ROOT / "notebooks" / "PClubTask3Gradio.ipynb"
NETWORK = "%%writefile library/maskedgender/networks/masked.py"
# What Kaggle's image has. The optional ones are imported late: imagehash by an audit that does without it, pillow_heif
# where it is, kagglehub only when there is no dataset.
KAGGLE_HAS = {"IPython", "PIL", "cv2", "keras", "matplotlib", "numpy", "pandas", "requests", "scipy", "sklearn"}
KAGGLE_HAS |= {"tensorflow"}
KAGGLE_HAS |= {"imagehash", "kagglehub", "pillow_heif"}


def _builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build", ROOT / "notebooks" / "source" / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = _builder()


def _code(notebook: Path) -> list[str]:
    cells = nbformat.read(notebook, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


def _parameters(notebook: Path) -> list[str]:
    cells = nbformat.read(notebook, as_version=4).cells
    (cell,) = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    return [node.targets[0].id for node in ast.parse(cell.source).body]


@pytest.mark.parametrize("name", build.NARRATIVES)
def test_built_notebooks_are_current(name: str):
    assert build.current(name) == build.built(name), "run `make notebooks`"


@pytest.mark.parametrize("name", build.NARRATIVES)
def test_building_is_repeatable(name: str):
    assert build.built(name) == build.built(name)
    notebook = nbformat.reads(build.built(name).decode(), as_version=4)
    assert notebook.metadata.kernelspec.name == "python3"
    assert [cell.id for cell in notebook.cells] == [f"cell-{number:02d}" for number in range(len(notebook.cells))]


def test_outputs_stay_where_the_code_that_gave_them_is_unchanged():
    shown = nbformat.v4.new_output("stream", text="7\n")
    former = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source, outputs=[shown], execution_count=1) for source in ("a", "b", "b")]
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in ("b", "changed", "b")])
    build.keep_outputs(notebook, nbformat.writes(former).encode())
    assert [len(cell.outputs) for cell in notebook.cells] == [1, 0, 1]
    assert [cell.execution_count for cell in notebook.cells] == [1, None, 1]


def test_the_committed_notebooks_show_the_outputs_of_a_run():
    for name, figures in (("pclubtask3", 7), ("PClubTask3Gradio", 1)):
        assert build.path_of(name).stat().st_size < 1_500_000
        cells = nbformat.read(build.path_of(name), as_version=4).cells
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        assert sum("image/png" in output.get("data", {}) for output in outputs) >= figures, name
        assert not [output for output in outputs if output.get("name") == "stderr" or output.output_type == "error"]
        assert not re.search(r"/(?:home|root|work|tmp|Users)/", str(outputs)), "a path of somebody's machine"


def test_the_app_notebook_shows_the_shipped_models_answers():
    shown = "\n".join(_texts(nbformat.read(APP_NOTEBOOK, as_version=4)))
    printed = re.findall(r"^\d +\d+(?: +[\d.]+){5} +([\d.]+) ", shown, flags=re.M)
    answers = [float(str(row["p_female"])) for row in csv_rows(load_model(), ROOT / "examples" / "group.jpg")]
    assert [float(p) for p in printed] == pytest.approx(answers, abs=1e-3)


def test_kaggle_is_asked_for_a_gpu_and_the_internet():
    kaggle = nbformat.read(TRAINING_NOTEBOOK, as_version=4).metadata.kaggle
    assert (kaggle.accelerator, kaggle.isGpuEnabled, kaggle.isInternetEnabled) == ("nvidiaTeslaT4", True, True)


def _library() -> dict[str, str]:
    """The modules that the training notebook writes, and their texts."""
    cells = [cell for cell in _code(TRAINING_NOTEBOOK) if cell.startswith("%%writefile ")]
    pairs = [cell.removeprefix("%%writefile library/").split("\n", 1) for cell in cells]
    return dict(pairs)


def test_the_notebook_writes_the_package_word_for_word_and_all_that_it_needs():
    library = _library()
    for name, text in library.items():
        assert text == (ROOT / name).read_text(encoding="utf-8").rstrip("\n"), name
        assert set(build.imported(text, Path(name))) <= set(library), f"{name} is written before what it needs"
    assert set(build.needed_modules(build.narrative_code(_narrative()))) == set(library)


def test_the_network_alone_stands_open_before_anything_heavy():
    cells = nbformat.read(TRAINING_NOTEBOOK, as_version=4).cells
    opened = [cell.source.split("\n")[0] for cell in cells if "%%writefile" in cell.source and not cell.metadata]
    assert opened == [NETWORK]
    collapsed = [cell.metadata for cell in cells if "%%writefile" in cell.source and cell.metadata]
    assert all(metadata == build.COLLAPSED for metadata in collapsed)
    (network,) = (number for number, cell in enumerate(cells) if cell.source.startswith(opened[0]))
    assert not any("maskedgender." in cell.source for cell in cells[:network] if "%%writefile" not in cell.source)


def test_the_narrative_is_short():
    lines = build.narrative_code(_narrative()).splitlines()
    assert sum(bool(line.strip()) and not line.lstrip().startswith("#") for line in lines) < 150


def _narrative() -> nbformat.NotebookNode:
    return jupytext.read(SOURCE / "pclubtask3.py", fmt="py:percent")


def test_the_training_notebook_imports_only_what_kaggle_has():
    code = [*_library().values(), build.narrative_code(_narrative())]
    roots = {root for source in code for root in _roots(source)}
    assert roots - set(sys.stdlib_module_names) - {"maskedgender"} <= KAGGLE_HAS


def _roots(source: str) -> set[str]:
    """The first parts of the modules that a source imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(source)))
    plain = {alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {(n.module or "").split(".")[0] for n in nodes if isinstance(n, ast.ImportFrom) and not n.level}


def test_make_train_passes_on_every_parameter_of_the_notebook():
    passed = re.search(r"^PARAMETERS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert passed and passed[1].split() == _parameters(TRAINING_NOTEBOOK)


@pytest.mark.parametrize(
    ("given", "run_type", "expected"), [(None, "Batch", 11.5), (None, None, None), (2.0, "Batch", 2.0)]
)
def test_training_ends_before_kaggles_twelve_hours(
    given: float | None, run_type: str | None, expected: float | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE", raising=False)
    if run_type:
        monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", run_type)
    lines = re.findall(r"^(?:ON_KAGGLE|hours)\b.*$", "\n".join(_code(TRAINING_NOTEBOOK)), re.MULTILINE)
    names: dict[str, object] = {"HOURS": given, "os": os}
    exec("\n".join(lines), names)
    assert names["hours"] == expected


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the training notebook in it, on a machine like Kaggle's without the internet."""
    folder = tmp_path / "working"
    folder.mkdir()
    python_path, _ = no_package_no_network(tmp_path / "shim")
    monkeypatch.setenv("PYTHONPATH", python_path)
    make_small_dataset(tmp_path / "input" / LAYOUTS[1])
    monkeypatch.setenv("KAGGLE_INPUT_ROOT", str(tmp_path / "input"))
    shutil.copy(TRAINING_NOTEBOOK, folder)
    return folder


def _run(folder: Path, **parameters: object) -> nbformat.NotebookNode:
    notebook = folder / TRAINING_NOTEBOOK.name
    given = {"EPOCHS": 2, "BATCH_SIZE": 16, "IMAGE_SIZE": 64, "LIMIT": 56, "START": "nothing", **parameters}
    return papermill.execute_notebook(notebook, None, given, cwd=folder, progress_bar=False)


def test_the_training_notebook_runs_alone_from_top_to_bottom_without_a_network(alone: Path, tmp_path: Path):
    executed = _run(alone)
    printed = "\n".join(_texts(executed))
    assert re.search(r"cannot be read +0 +0\n", printed), "the dataset is doubted"
    assert re.search(r"On this machine: \S+, \d+ CPU cores, internet off", printed)
    assert re.search(r"Validation accuracy: \d+\.\d\d % \(", printed)
    assert re.search(r"epoch 2/2 loss .* held-out loss .* images/s", printed)
    assert sum("image/png" in str(cell.get("outputs")) for cell in executed.cells) == 8
    shown = [output.get("data", {}) for output in executed.cells[-1].outputs]
    links = [data["text/plain"] for data in shown if "text/html" in data]
    assert [Path(link).name for link in links] == [f"masked_gender.{end}" for end in ("keras", "json", "split.csv.gz")]
    assert all((alone / link).is_file() for link in links)
    _check_output(alone / "models")
    attempts = (tmp_path / "shim" / "attempts.txt").read_text().split()
    assert set(attempts) == {"www.kaggle.com"}, "asked once whether there is an internet"


TINY = {"EPOCHS": 1, "IMAGE_SIZE": 40, "LIMIT": 24}


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("    (3, 1, 6, 320, 1),\n", ""),
        pytest.param("layers.Dropout(0.2)", "layers.Dropout(0.3)", marks=pytest.mark.soak),
    ],
    ids=["one block fewer", "another dropout rate"],
)
def test_a_changed_network_is_a_run_of_its_own(alone: Path, line: str, changed: str):
    _run(alone, **TINY)
    notebook = nbformat.read(alone / TRAINING_NOTEBOOK.name, as_version=4)
    (cell,) = (cell for cell in notebook.cells if cell.source.startswith(NETWORK))
    assert line in cell.source
    cell.source = cell.source.replace(line, changed)
    nbformat.write(notebook, alone / TRAINING_NOTEBOOK.name)
    assert "epoch 1/1" in "\n".join(_texts(_run(alone, **TINY)))
    assert len(list((alone / "models" / "runs").iterdir())) == 2


@pytest.mark.soak
def test_a_finished_run_is_not_run_again(alone: Path):
    assert "epoch 1/1" in "\n".join(_texts(_run(alone, **TINY)))
    assert "epoch 1/1" not in "\n".join(_texts(_run(alone, **TINY)))


@pytest.mark.soak
def test_tables_that_would_say_not_known_do_not_appear(alone: Path, tmp_path: Path):
    (tmp_path / "input" / LAYOUTS[1] / FOLDER / "labels.csv").unlink(missing_ok=True)
    executed = _run(alone, **TINY)
    (table,) = (cell.outputs[-1].data["text/plain"] for cell in executed.cells if "groups[groups" in cell.source)
    assert "female" in table and "not known" not in table


def test_the_app_notebook_runs_from_top_to_bottom_as_it_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # nothing is to be installed by a test
    executed = papermill.execute_notebook(APP_NOTEBOOK, None, cwd=APP_NOTEBOOK.parent, progress_bar=False)
    printed = "\n".join(_texts(executed))
    rows = csv_rows(load_model(), ROOT / "examples" / "group.jpg")
    assert len(rows) == 6
    shown = [float(number) for number in re.findall(r"\b0\.\d{6}\b", printed)]
    for row in rows:  # OpenVINO answers there, and TensorFlow here
        assert min(abs(row["p_female"] - number) for number in shown) < 1e-4, "the same numbers as by the shell"
    assert "http://127.0.0.1:" in printed, "the page's address"
    assert "image/png" in str(executed.cells), "the photo with its boxes"
    streams = [output.name for cell in executed.cells for output in cell.get("outputs", []) if "name" in output]
    assert "stderr" not in streams, "nothing but its own words is printed"


@pytest.mark.parametrize("variable", ["KAGGLE_KERNEL_RUN_TYPE", "COLAB_RELEASE_TAG"])
def test_where_the_page_cannot_be_reached_the_app_notebook_says_so(variable: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv(variable, "synthetic")
    code = nbformat.read(APP_NOTEBOOK, as_version=4).cells[-1].source
    told: list[str] = []
    names = {"os": os, "LAUNCH": True, "SHARE": False, "print": told.append, "launch": lambda *_, **__: told.append("")}
    exec(code, names)
    assert len(told) == 1 and "SHARE = True" in told[0]
    exec(code, {**names, "SHARE": True, "SHIPPED": ROOT, "MODEL": "m"})
    assert told[1:] == [""]


def _texts(executed: nbformat.NotebookNode) -> list[str]:
    """What the cells printed and showed, as text."""
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    return [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]


def _check_output(folder: Path) -> None:
    model = keras.saving.load_model(folder / "masked_gender.keras")
    answers, *masks = keras.tree.flatten(model.predict(np.zeros((2, *model.input_shape[1:]), np.uint8), verbose=0))
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    if (FAIRFACE / "val.zip").is_file():  # pictures that show nobody have no mask either
        assert [mask.shape for mask in masks] == [(2, 1)]
    assert len(pd.read_csv(folder / "looks.csv")) == 1, "Validation is opened once"
    (history,) = folder.glob("runs/*/history.csv")
    assert pd.read_csv(history).epoch.tolist() == [1, 2]
