"""The shell: what it writes, its exit status, and one sentence for everything that the caller can put right."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from maskedgender import __version__
from maskedgender.cli.commands import app
from maskedgender.data import make_dataset
from maskedgender.data.layout import FOLDER
from maskedgender.networks.exporting import save_with_record
from maskedgender.networks.model_files import load_model
from maskedgender.places import EXAMPLES

from ..support.networks import quick_model
from ..support.people import collins, hopper
from ..support.small_dataset import make_synthetic_dataset

PHOTO = EXAMPLES / "eileen_collins.jpg"


def shell(*words: object) -> Result:
    """A command line, run in this process."""
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "untrained.keras"
    save_with_record(quick_model(64), path, {})
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    Image.fromarray(hopper()).save(folder / "hopper.png")
    Image.fromarray(np.hstack([hopper()[:512], collins()])).save(folder / "deep" / "two.JPG")
    Image.fromarray(np.full((200, 200, 3), 128, np.uint8)).save(folder / "grey.png")
    (folder / "notes.txt").write_text("no photo, and not named as one")
    return folder


def test_help_and_version_do_not_wait_for_keras():
    code = "import sys, maskedgender.cli.commands; sys.exit('keras' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0
    assert shell("--version").output == f"{__version__}\n"


def test_every_command_of_the_shell_is_there():
    listed = re.findall(r"^\W*([a-z-]+)  ", shell("--help").output, re.MULTILINE)
    assert {"make-dataset", "train", "evaluate", "predict", "app", "kaggle", "export"} <= set(listed)


@pytest.mark.parametrize(("given", "told"), [({}, "3 40"), ({"TF_CPP_MIN_LOG_LEVEL": "0"}, "0 0")])
def test_tensorflow_is_quiet_unless_the_caller_wants_it_otherwise(given: dict[str, str], told: str):
    code = "import logging, os, maskedgender.cli.commands; "
    code += "print(os.environ['TF_CPP_MIN_LOG_LEVEL'], logging.getLogger('tensorflow').level)"
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"} | given
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == told


def test_nothing_of_tensorflows_start_stands_before_our_sentence(tmp_path: Path):
    words = [sys.executable, "-m", "maskedgender", "evaluate", str(tmp_path / "nosuch.keras"), "--dataset", "nosuch"]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "PHOTOS", "--model", "nowhere.keras"],
        ["predict", "EMPTY", "--model", "MODEL"],
        ["predict", "PHOTOS", "--model", "MODEL", "--csv", "nowhere/out.csv"],
        ["train", "--dataset", "EMPTY"],
        ["evaluate", "MODEL", "--dataset", "EMPTY"],
        ["export", "nowhere.keras", "--to", "litert"],
        ["make-dataset", "--portraits", "EMPTY", "--labels", "nowhere.csv", "--out", "EMPTY/out"],
    ],
)
def test_what_the_caller_can_put_right_is_one_sentence(words: list[str], photos: Path, model: Path, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    places = {"PHOTOS": str(photos), "MODEL": str(model), "EMPTY": str(tmp_path / "empty")}
    result = shell(*[re.sub("[A-Z]+", lambda word: places[word[0]], word) for word in words])
    assert result.exit_code == 2
    assert len(result.output.strip().splitlines()) == 1 and "Traceback" not in result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["export", "exported.onnx", "--to", "litert"], "exported.onnx is an exported file itself"),
        (["predict", str(PHOTO), "--model", "nosuch.keras"], "There is no model file at nosuch.keras"),
        (["app", "--model", "nosuch.keras"], "There is no model file at nosuch.keras"),
        (["predict"], "Name a photo or a folder."),
        (["predict", "nosuch://bucket/photo.jpg"], "nosuch"),
    ],
)
def test_what_cannot_be_used_that_way_is_said_at_once(words: list[str], said: str):
    result = shell(*words)
    assert result.exit_code == 2 and said in result.output and len(result.output.strip().splitlines()) == 1


def test_wrong_usage_has_status_2():
    assert shell("train", "--architecture", "resnet").exit_code == 2
    assert shell("train", "--epochs", "-1").exit_code == 2


def test_a_fault_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(make_dataset, "make_dataset", lambda *_: {}["a fault"])
    result = shell("make-dataset", "--portraits", tmp_path, "--labels", tmp_path / "x.csv", "--out", tmp_path)
    assert isinstance(result.exception, KeyError)


def test_stopping_is_no_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(make_dataset, "make_dataset", stop)
    result = shell("make-dataset", "--portraits", tmp_path, "--labels", tmp_path / "x.csv", "--out", tmp_path)
    assert result.exit_code == 1 and "Stopped." in result.output


def test_make_dataset_from_photos_in_a_folder(tmp_path: Path):
    (tmp_path / "in" / "train").mkdir(parents=True)
    Image.fromarray(hopper()).save(tmp_path / "in" / "train" / "1.jpg")
    Image.fromarray(collins()).save(tmp_path / "in" / "train" / "2.jpg")
    (tmp_path / "labels.csv").write_text("file,gender\ntrain/1.jpg,female\ntrain/2.jpg,female\n")
    words = ["--portraits", tmp_path / "in", "--labels", tmp_path / "labels.csv", "--out", tmp_path / "out"]
    result = shell("make-dataset", *words, "--variants", 2, "--unmasked", 0)
    assert result.exit_code == 0, result.output
    assert re.search(r"portraits read +2\n.*images with a mask +4\n", result.output)
    assert len(list((tmp_path / "out" / "GenderOcclusionData" / "Training" / "female").glob("*.jpg"))) == 4
    assert "No image is in Validation, and training needs some" in result.stderr


def test_train_then_evaluate(tmp_path: Path, model: Path):
    dataset, log = make_synthetic_dataset(tmp_path / "dataset"), tmp_path / "looks.csv"
    common = ["--dataset", dataset, "--looks", log]
    (dataset / FOLDER / "Validation/female/synthetic2-0.jpg").write_bytes(b"no picture")
    size = ["--epochs", 1, "--image-size", 48, "--output", tmp_path / "models"]
    result = shell("train", *common, *size, "--architecture", "seed")
    assert result.exit_code == 0 and "1 cannot be read" in result.output, result.output
    seed = tmp_path / "models" / "seed_gender.keras"
    assert f"maskedgender app --model {seed}" in result.output.splitlines()[-1]
    trained = load_model(seed)
    assert trained.model.name == "seed_cnn" and trained.calibrated and trained.not_sure_below is None
    again = shell("train", *common, *size, "--architecture", "seed", "--start", model)
    assert again.exit_code == 2 and "holds another network than seed_cnn" in again.output
    result = shell("evaluate", seed, model, *common)
    assert result.exit_code == 0 and f"{seed}, by group" in result.output.replace("\n", ""), result.output
    assert len(pd.read_csv(log)) == 3, "each opening of the test set is written down"
    told = dict(re.findall(r"(\"not sure\"|answered|of these right) +(\S.*?) {2,}(?:\S.*)?\n", result.output + "\n"))
    assert told['"not sure"'] == "never" and told["answered"].startswith("100.00 %")


@pytest.mark.parametrize(
    ("words", "opened_by"),
    [
        (["evaluate", "--model-classes"], "maskedgender.cli.train"),
        (["export", "--to", "onnx", "--classes"], "maskedgender.prediction.export"),
    ],
)
def test_of_a_model_from_elsewhere_scale_and_classes_can_be_said(
    words: list[str], opened_by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    opened = Mock(side_effect=ValueError("opened"))
    monkeypatch.setattr(f"{opened_by}.load_model", opened)
    dataset = ["--dataset", make_synthetic_dataset(tmp_path, 2)] if words[0] == "evaluate" else []
    shell(*words, "male,female", "--scale", "0..1", tmp_path / "other.keras", *dataset)
    opened.assert_called_once_with(tmp_path / "other.keras", "0..1", "male,female")


def test_served_figures_leave_out_what_has_no_face(tmp_path: Path, model: Path):
    dataset = make_synthetic_dataset(tmp_path / "dataset", 4)
    for name in ("female", "male"):
        folder = dataset / "GenderOcclusionData" / "Validation" / name
        Image.fromarray(collins()).save(folder / f"collins-as-{name}.png")
    result = shell("evaluate", model, "--dataset", dataset, "--looks", tmp_path / "looks.csv", "--served")
    assert result.exit_code == 0, result.output
    assert "4 of 6 pictures without a face left out" in result.output
    assert "by photo, detector, crop, file" in (tmp_path / "looks.csv").read_text()
