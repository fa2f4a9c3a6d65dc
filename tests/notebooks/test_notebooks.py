"""The two notebooks: built from the package, run from top to bottom, and changed as a reader would change them."""

from __future__ import annotations

import ast
import re
import shutil
import sys
from collections import Counter
from pathlib import Path

import nbformat
import numpy as np
import pytest

from maskedgender.networks.checksums import sha256
from maskedgender.networks.model_files import load_model
from maskedgender.networks.records import record_of
from maskedgender.places import EXAMPLES
from maskedgender.prediction.answers import predict_file

from ..support.kaggle_machine import LAYOUTS, no_package_no_network
from ..support.small_dataset import make_small_dataset
from .notebook import APP, QUICK, ROOT, TRAINING, run_notebook

sys.path.insert(0, str(ROOT / "notebooks" / "source"))
import build

FIT = "history = fitted("


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Attached as Kaggle attaches it."""
    folder = tmp_path_factory.mktemp("input")
    make_small_dataset(folder / LAYOUTS[1], count=120)
    return folder


@pytest.fixture(scope="module")
def working(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which the training notebook has run, without the package and without a network; what it printed."""
    folder = tmp_path_factory.mktemp("working")
    path, attempts = no_package_no_network(tmp_path_factory.mktemp("shim") / "python")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        patch.setenv("KAGGLE_INPUT_ROOT", str(dataset))
        printed = run_notebook(TRAINING, folder, QUICK, lambda source: re.sub(r"^!pip .*", "", source, flags=re.M))
    assert not attempts.exists(), "nothing but pip would have asked for the internet"
    return folder, printed


def test_the_training_notebook_runs_alone_from_top_to_bottom(working: tuple[Path, str]):
    folder, printed = working
    assert re.search(r"The run models/runs/masked_cnn-[0-9a-f]{8} begins\.", printed)
    assert re.search(r"accuracy \d+\.\d\d % \(\d+\.\d\d to \d+\.\d\d, n = \d+\), AUC 0\.\d+", printed)
    file = folder / "models" / "masked_gender.keras"
    (digest,) = re.findall(r"SHA-256 ([0-9a-f]{64})", printed)
    assert digest == sha256(file)
    record = record_of(file)
    assert record["calibrated"] == "yes" and "1 epochs" in record["trained on"]
    shutil.copy(file, folder / "alone.keras")
    model = load_model(folder / "alone.keras")
    assert model.calibrated and model.size == QUICK["SIZE"]
    pairs = model.predict(np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8))
    assert np.allclose(pairs.sum(axis=1), 1, atol=1e-5)


def test_the_app_notebook_takes_the_newest_file_and_answers_in_a_page_of_its_own(
    working: tuple[Path, str], tmp_path: Path, monkeypatch
):
    folder, _ = working
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "Downloads" / "masked_gender.keras"
    file.parent.mkdir()
    shutil.copy(folder / "models" / "masked_gender.keras", file)
    ask = (
        "\n_, told = answer(EXAMPLES / 'grace_hopper.jpg')\nprint('asked:', sorted(told), round(sum(told.values()), 3))"
    )
    printed = run_notebook(
        APP, tmp_path, {"LAUNCH": False}, lambda source: source + ask if "def answer(" in source else source
    )
    assert f"The model is masked_gender.keras, from {file.parent}." in printed
    assert "asked: ['female', 'male'] 1.0" in printed


def test_the_app_notebook_tells_what_is_wrong_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with pytest.raises(Exception) as raised:
        run_notebook(APP, tmp_path, {"LAUNCH": False, "MODEL": "nowhere.keras"}, until="load_model(path")
    told = re.sub(r"\x1b\[[0-9;]*m", "", str(raised.value))
    assert told.strip().endswith("ModelError: There is no model file at nowhere.keras; check its name.")
    assert "Traceback" not in told


def test_the_training_notebook_is_as_long_as_one_reads():
    cells = [cell.source for cell in nbformat.read(TRAINING, as_version=4).cells if cell.cell_type == "code"]
    lines = [line for cell in cells for line in cell.splitlines() if line.strip()]
    assert len(lines) <= 450
    code = "\n".join(cells)
    assert "%%" not in code and "from maskedgender" not in code and "import maskedgender" not in code
    names = Counter(
        node.name for cell in cells for node in ast.walk(ast.parse(re.sub(r"^[!%].*", "", cell, flags=re.M)))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("__")
    )  # fmt: skip
    assert max(names.values()) == 1, "each name is given once"


@pytest.mark.parametrize("name", build.NARRATIVES)
def test_each_cell_shows_what_its_code_gives(name: str):
    notebook = nbformat.read(build.path_of(name), as_version=4)
    assert notebook.metadata[build.OURS]["executed"] == build.code_of(notebook)
    shows = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and re.search(r"^(print|show|plt\.show|display)\(", cell.source, re.M)
    ]
    assert shows and all(cell.outputs for cell in shows)


def test_the_app_notebook_shows_the_answers_of_the_shipped_file():
    shown = re.findall(r"\d +(female|male|not sure) +(0\.\d+) ", APP.read_text(encoding="utf-8"))
    answers = predict_file(load_model(), EXAMPLES / "group.jpg")
    assert [answer for answer, _ in shown] == [face.answer for face in answers] and len(shown) == 6
    assert np.allclose([float(p_female) for _, p_female in shown], [face.p_female for face in answers], atol=0.02)


def test_what_a_reader_wrote_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    copies = {name: shutil.copy(build.path_of(name), tmp_path) for name in build.NARRATIVES}
    monkeypatch.setattr(build, "path_of", lambda name: Path(copies[name]))
    written = Path(copies["pclubtask3"]).read_text(encoding="utf-8").replace("Dropout(0.2)", "Dropout(0.5)")
    Path(copies["pclubtask3"]).write_text(written, encoding="utf-8")
    assert build.main([]) == 1
    assert "pclubtask3.ipynb was changed by hand, and is left as it is" in capsys.readouterr().err
    assert Path(copies["pclubtask3"]).read_text(encoding="utf-8") == written


CHANGES = {
    "a layer after pooling": (
        "x = layers.Dropout(0.2)(x)",
        'x = layers.Dropout(0.2)(layers.Dense(64, activation="relu")(x))',
    ),
    "other filters": ("(3, 2, 24, 2)", "(3, 2, 32, 2)"),
    "another optimizer": (
        'keras.optimizers.AdamW(schedule, weight_decay=0.05, name="adamw")\n'
        '    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])',
        "keras.optimizers.SGD(schedule, momentum=0.9)",
    ),
    "another augmentation": ("rng.uniform(-30, 30)", "rng.uniform(-180, 180)"),
    "the original's CNN": (
        "model = masked_cnn(SIZE, view)",
        "inputs = x = keras.Input((SIZE, SIZE, 3))\n"
        "    for filters in (32, 64, 128, 256):\n"
        '        x = layers.Conv2D(filters, 3, padding="same", kernel_regularizer="l2")(x)\n'
        "        x = layers.MaxPooling2D()(layers.ReLU()(layers.Dropout(0.1)(x)))\n"
        '    x = layers.Dropout(0.2)(layers.Dense(128, activation="relu")(layers.Flatten()(x)))\n'
        '    model = keras.Model(inputs, layers.Dense(2)(x), name="original")',
    ),
    "a network of keras.applications": (
        "model = masked_cnn(SIZE, view)",
        'base = keras.applications.MobileNetV3Small((SIZE, SIZE, 3), include_top=False, pooling="avg", weights=None)\n'
        '    model = keras.Model(base.input, layers.Dense(2, dtype="float32")(base.output), name="mobilenet")',
    ),
    "more epochs": ("EPOCHS = 1", "EPOCHS = 2"),
    "smaller pictures": ("SIZE = 64", "SIZE = 48"),
}


@pytest.mark.soak
@pytest.mark.parametrize("name", CHANGES)
def test_what_a_reader_changes_is_trained(name: str, working: tuple[Path, str], dataset: Path, monkeypatch):
    folder, _ = working
    monkeypatch.setenv("KAGGLE_INPUT_ROOT", str(dataset))
    before, after = CHANGES[name]
    found = []

    def change(source: str) -> str:
        found.append(before in source)
        return source.replace(before, after)

    whole = name in ("a layer after pooling", "the original's CNN", "a network of keras.applications")
    printed = run_notebook(TRAINING, folder, QUICK, change, until="" if whole else FIT)
    assert any(found) and re.search(r"The run \S+ begins\.", printed)
    if name == "other filters":
        assert int(re.search(r"(\d+) of 99 layers begin", printed)[1]) in range(85, 98)
    assert "SHA-256" in printed or not whole
    if "EPOCHS = 2" not in after:
        printed = run_notebook(TRAINING, folder, QUICK, change, until=FIT)
        assert "was finished before" in printed


@pytest.mark.soak
def test_the_changes_are_those_that_the_notebook_proposes():
    prose = "\n".join(
        cell.source for cell in nbformat.read(TRAINING, as_version=4).cells if cell.cell_type == "markdown"
    )
    for words in (
        'layers.Dense(64, activation="relu")',
        "keras.optimizers.SGD(schedule, momentum=0.9)",
        "rng.uniform(-180, 180)",
    ):
        assert words in prose
    flat = re.sub(r"\s+", " ", prose)
    for name in ("the original's CNN", "a network of keras.applications"):
        assert re.sub(r"\s+", " ", CHANGES[name][1]) in flat
