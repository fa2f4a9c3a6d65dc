"""The shell: what it writes, its exit status, and one sentence for everything that the caller can put right."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from maskedgender import __version__
from maskedgender.cli.train import batches_for, limited
from maskedgender.data import make_dataset
from maskedgender.data.dataset_folder import FOLDER
from maskedgender.data.pictures import list_pictures
from maskedgender.networks.model_files import load_model

from ..support.networks import quick_model
from ..support.people import collins, hopper
from ..support.small_dataset import make_synthetic_dataset
from .conftest import Shell

ROOT = Path(__file__).parents[2]


def test_help_and_version_do_not_wait_for_keras(shell: Shell):
    code = "import sys, maskedgender.cli.commands; sys.exit('keras' in sys.modules or 'pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
    assert shell("--version").output == f"{__version__}\n"


def test_no_command_is_a_fault_of_the_callers(shell: Shell):
    for words in ([], ["--"]):
        result = shell(*words)
        assert result.exit_code == 2 and result.output.startswith("Usage:")


def test_nothing_of_tensorflows_start_stands_before_our_sentence():
    words = [sys.executable, "-m", "maskedgender", "export", "nosuch.keras", "--to", "onnx"]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    done = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "--dataset", "empty"], "empty needs Training/ and Validation/"),
        (["evaluate", "MODEL", "--dataset", "empty"], "empty needs Training/ and Validation/"),
        (["evaluate", "nosuch.keras"], "There is no model file at nosuch.keras"),
        (["app", "--model", "nosuch.keras"], "There is no model file at nosuch.keras"),
        (["app", "--auth", "nosuch.txt"], "nosuch.txt cannot be read"),
        (["export", "nosuch.keras", "--to", "litert"], "There is no model file at nosuch.keras"),
        (["export", "exported.onnx", "--to", "litert"], "exported.onnx is an exported file itself"),
        (["make-dataset", "--portraits", "empty", "--out", "out"], "empty holds no CSV with label in its name"),
    ],
)
def test_what_the_caller_can_put_right_is_one_sentence(
    words: list[str], said: str, shell: Shell, untrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    result = shell(*[untrained if word == "MODEL" else word for word in words])
    assert result.exit_code == 2 and result.output.startswith(said) and len(result.output.splitlines()) == 1


def test_a_fault_of_ours_keeps_its_traceback_and_stopping_is_no_fault(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    raised = iter([KeyError("a fault"), KeyboardInterrupt, BrokenPipeError(errno.EPIPE, "Broken pipe")])

    def fail(*_: object) -> None:
        raise next(raised)

    monkeypatch.setattr(make_dataset, "make_dataset", fail)
    words = ["make-dataset", "--portraits", tmp_path, "--labels", tmp_path / "x.csv", "--out", tmp_path]
    assert isinstance(shell(*words).exception, KeyError)
    stopped = shell(*words)
    assert stopped.exit_code == 1 and "Stopped." in stopped.output
    piped = shell(*words)
    assert piped.exit_code == 1 and not piped.output, "as with `| head`"


def test_make_dataset_from_photos_in_a_folder(shell: Shell, tmp_path: Path):
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


def test_the_seed_network_learns_from_women_and_men_in_turn(tmp_path: Path):
    pictures = list_pictures(make_synthetic_dataset(tmp_path))
    batches = batches_for("seed", pictures[pictures.part == "train"], 32, 16, seed=0)
    assert all(set(batches[number][1]) == {0, 1} for number in range(len(batches)))


def test_train_then_evaluate(shell: Shell, tmp_path: Path, untrained: Path):
    dataset, log = make_synthetic_dataset(tmp_path / "dataset", 24), tmp_path / "tests.csv"
    common = ["--dataset", dataset, "--log", log]
    (dataset / FOLDER / "Validation/female/synthetic2-0.jpg").write_bytes(b"no picture")
    size = ["--epochs", 1, "--image-size", 48, "--output", tmp_path / "models"]
    result = shell("train", *common, *size, "--architecture", "seed")
    assert result.exit_code == 0 and "1 cannot be read" in result.output, result.output
    seed = tmp_path / "models" / "seed_gender.keras"
    assert f"maskedgender app --model {seed}" in result.output.splitlines()[-1]
    trained = load_model(seed)
    assert trained.model.name == "seed_cnn" and trained.calibrated and trained.not_sure_below is None
    again = shell("train", *common, *size, "--architecture", "seed", "--start", untrained)
    assert again.exit_code == 2 and "holds another network than seed_cnn" in again.output
    result = shell("evaluate", seed, untrained, *common)
    assert result.exit_code == 0 and f"{seed}, by group" in result.output.replace("\n", ""), result.output
    assert len(pd.read_csv(log)) == 3, "each opening of the test set is written down"
    told = dict(re.findall(r"(\"not sure\"|answered|of these right) +(\S.*?) {2,}(?:\S.*)?\n", result.output + "\n"))
    assert told['"not sure"'] == "never" and told["answered"].startswith("100.00 %")


def test_evaluate_is_told_the_order_of_a_foreign_models_classes(shell: Shell, tmp_path: Path):
    dataset, foreign = make_synthetic_dataset(tmp_path / "dataset", 4), tmp_path / "foreign.keras"
    quick_model(32).save(foreign)
    accuracy = []
    for order in ("female,male", "male,female"):
        words = ["--dataset", dataset, "--scale", "0..255", "--model-classes", order]
        result = shell("evaluate", foreign, *words)
        assert result.exit_code == 0, result.output
        accuracy.append(float(re.search(r"accuracy \(95 % interval\) +([\d.]+) %", result.output)[1]))
    assert sum(accuracy) == pytest.approx(100, abs=0.02)


@pytest.mark.parametrize(("female", "male"), [(5, 5), (1, 9), (101, 99), (1000, 3)])
def test_a_limit_is_kept_with_the_shares_of_the_classes(female: int, male: int):
    pictures = pd.DataFrame({"label": [0] * female + [1] * male, "part": "train"})
    for limit in (4, 7, 9, 1001):
        counts = limited(pictures, limit).label.value_counts()
        wanted = min(limit, len(pictures))
        assert counts.sum() == wanted and counts.size == 2
        assert counts[0] == pytest.approx(wanted * female / len(pictures), abs=1)


def test_served_figures_leave_out_what_has_no_face(shell: Shell, tmp_path: Path, untrained: Path):
    dataset = make_synthetic_dataset(tmp_path / "dataset", 2)
    for name in ("female", "male"):
        folder = dataset / "GenderOcclusionData" / "Validation" / name
        Image.fromarray(collins()).save(folder / f"collins-as-{name}.png")
    result = shell("evaluate", untrained, "--dataset", dataset, "--log", tmp_path / "tests.csv", "--served")
    assert result.exit_code == 0, result.output
    assert "2 of 4 pictures without a face left out" in result.output
    assert "by photo, detector, crop, file" in (tmp_path / "tests.csv").read_text()
