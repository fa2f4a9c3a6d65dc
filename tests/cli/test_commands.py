"""The shell: what it writes, its exit status, and one sentence for everything that the caller can put right."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from maskedgender.data.audit import LEAKED, UNREADABLE
from maskedgender.networks.small import small_cnn
from PIL import Image
from typer.testing import CliRunner, Result

from maskedgender import __version__
from maskedgender.cli.commands import app
from maskedgender.data import make_dataset
from maskedgender.data.layout import FOLDER
from maskedgender.networks.checksums import LIST
from maskedgender.networks.model_files import load_model
from maskedgender.places import EXAMPLES, SHIPPED_MODEL
from maskedgender.training.fitting import export

from ..support.people import collins, hopper
from ..support.small_dataset import make_synthetic_dataset

PHOTO = EXAMPLES / "eileen_collins.jpg"


def shell(*words: object) -> Result:
    """A command line, run in this process."""
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(small_cnn(64), tmp_path_factory.mktemp("model") / "untrained.keras")


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
        (["train", "--start", "exported.tflite"], "exported.tflite cannot be trained further"),
        (["train", "--start", "a.keras", "--mean-with", "b.onnx"], "b.onnx cannot be trained further"),
        (["train", "--start", "nothing", "--mean-with", "a.keras"], "--mean-with goes with a .keras file at --start"),
        (["train", "--epochs", "0"], "With --epochs 0 nothing is learnt"),
        (["train", "--start", "nosuch.keras"], "There is no model file at nosuch.keras"),
        (["train", "--start", str(SHIPPED_MODEL), "--mean-with", "no.keras"], "There is no model file at no.keras"),
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
    assert "No image is in Validation: training needs some to be tested on" in result.stderr


def test_train_then_evaluate(tmp_path: Path, model: Path):
    dataset, looks = make_synthetic_dataset(tmp_path / "dataset"), tmp_path / "looks.csv"
    common = ["--dataset", dataset, "--looks", looks]
    size = ["--epochs", 1, "--image-size", 48, "--output", tmp_path / "models"]
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / LIST).write_text("0  seed_gender.keras\n")
    result = shell("train", *common, *size, "--architecture", "seed")
    assert result.exit_code == 0 and "Validation accuracy" in result.output, result.output
    seed = tmp_path / "models" / "seed_gender.keras"
    assert load_model(seed).model.name == "seed_cnn", "the list of the folder must tell of the new file"
    result = shell("evaluate", seed, model, *common)
    assert result.exit_code == 0 and f"{seed}, by group" in result.output.replace("\n", ""), result.output
    assert len(pd.read_csv(looks)) == 3, "each look at Validation is written down"
    facts = json.loads(seed.with_suffix(".json").read_text())
    assert (facts["class order"], facts["calibrated"]) == ("female, male", "no")
    told = dict(re.findall(r"(\"not sure\"|answered|of these right) +(\S.*?) {2,}(?:\S.*)?\n", result.output + "\n"))
    assert told['"not sure"'] == "never" and told["answered"].startswith("100.00 %")
    assert facts["architecture"] == "seed" and re.fullmatch(r"\d+ images of \d+ portraits", facts["training data"])


def test_train_doubts_the_dataset_first(tmp_path: Path):
    dataset = make_synthetic_dataset(tmp_path / "dataset", 16) / FOLDER
    shutil.copy(dataset / "Validation/male/synthetic3-0.jpg", dataset / "Training/male/synthetic5-0.jpg")
    (dataset / "Validation/female/synthetic2-0.jpg").write_bytes(b"no picture")
    words = ["--epochs", 1, "--image-size", 48, "--architecture", "seed"]
    result = shell("train", "--dataset", dataset, *words, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv(tmp_path / "out" / "looks.csv")) == 1, "the log lies beside the model"
    assert f"maskedgender app --model {tmp_path / 'out' / 'seed_gender.keras'}" in result.output.splitlines()[-1]
    report, training = result.output.split("epoch 1/1", 1)
    assert re.search(r"a copy in the other part +1 +1\n", report)
    assert f"left out, {LEAKED}: 1 image, Training/male/synthetic5-0.jpg\n" in report
    assert f"left out, {UNREADABLE}: 1 image, Validation/female/synthetic2-0.jpg\n" in report
    assert "13 images to fit, 2 held out" in report, "15 are left"
    assert "n = 15)" in training, "so are they in Validation"


def test_evaluate_doubts_the_dataset_first(tmp_path: Path, model: Path):
    dataset = make_synthetic_dataset(tmp_path / "dataset", 16) / FOLDER
    model = Path(shutil.copy(model, tmp_path))
    shutil.copy(dataset / "Training/male/synthetic5-0.jpg", dataset / "Validation/male/synthetic3-0.jpg")
    (dataset / "Validation/female/synthetic2-0.jpg").write_bytes(b"no picture")
    result = shell("evaluate", model, "--dataset", dataset)
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv(tmp_path / "looks.csv")) == 1, "the log lies beside the model"
    assert f"left out, {UNREADABLE}: 1 image, Validation/female/synthetic2-0.jpg\n" in result.output
    assert "1 of 15 images show a portrait that is in Training, too: left out" in result.output
    assert "n = 14)" in result.output


def test_train_and_evaluate_take_a_dataset_with_other_names(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
):
    dataset = make_synthetic_dataset(tmp_path / "dataset", 8) / FOLDER
    for part, theirs in (("Training", "train"), ("Validation", "val")):
        for name in ("female", "male"):
            (dataset / part / name).rename(dataset / part / name.title())
        (dataset / part).rename(dataset / theirs)
    common = ["--dataset", dataset, "--looks", tmp_path / "looks.csv"]
    for refused in (shell("train", *common), shell("evaluate", model, *common)):
        assert refused.exit_code == 2
        assert "found train/, val/, train/Female/, train/Male/, val/Female/" in refused.output
    words = ["--classes", "Female,Male,train,val"]
    monkeypatch.setattr("maskedgender.cli.train.new_cnn", Mock(side_effect=ValueError("prepared")))
    assert re.search(r"of them female +4 +4\n(?s:.*)prepared", shell("train", *common, *words).output)
    measured = shell("evaluate", model, *common, *words)
    assert measured.exit_code == 0 and "n = 8)" in measured.output, measured.output
    assert "left out" not in measured.output.replace("nothing is left out", ""), "nothing is said of no images"


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
    assert "no face found in 4 of 6 images: left out" in result.output
    assert "by photo, detector, crop, file" in (tmp_path / "looks.csv").read_text()
