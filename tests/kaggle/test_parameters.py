"""`kaggle train` takes the parameters of `train`, spelled the same way, and gives them to the notebook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from maskedgender.cli.commands import app
from maskedgender.networks import model_files

from ..support.kaggle_server import FakeKaggle
from ..support.kaggle_shell import shell


def parameters_of(command: str) -> set[str]:
    here = typer.main.get_command(app)
    for word in command.split():
        here = here.commands[word]
    return {name for parameter in here.params for name in parameter.opts if name.startswith("--")}


def test_both_commands_spell_them_the_same_way():
    on_kaggle = parameters_of("kaggle train")
    assert {"--architecture", "--view", "--image-size", "--epochs", "--batch-size", "--seed", "--limit"} <= on_kaggle
    assert on_kaggle <= parameters_of("train")


def test_the_notebook_gets_them(kaggle: FakeKaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(model_files, "load_model", lambda path: path)
    network = ["--architecture", "small", "--image-size", "96", "--start", "nothing"]
    words = [*network, "--epochs", "14", "--seed", "3", "--classes", "F,M", "HOURS=2"]
    assert shell("train", *words, "--output", tmp_path).exit_code == 0
    cells = json.loads(kaggle.pushed["text"])["cells"]
    (code,) = (one["source"] for one in cells if "parameters" in one["metadata"].get("tags", ()))
    values: dict[str, object] = {}
    exec("".join(code), values)
    told = {
        name: values[name] for name in ("EPOCHS", "ARCHITECTURE", "IMAGE_SIZE", "START", "SEED", "HOURS", "CLASSES")
    }
    assert told == {
        "EPOCHS": 14, "ARCHITECTURE": "small", "IMAGE_SIZE": 96, "START": "nothing", "SEED": 3, "HOURS": 2,
        "CLASSES": "F,M",
    }  # fmt: skip
