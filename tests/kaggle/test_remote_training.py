"""Training on Kaggle by command: the official client against a small Kaggle on this machine."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from kagglesdk import kaggle_env
from typer.testing import CliRunner, Result

from maskedgender.cli.commands import app
from maskedgender.kaggle import remote_training
from maskedgender.kaggle.remote_training import NOTEBOOK
from maskedgender.networks.exporting import save_with_record

from ..support.kaggle_server import KERNEL, TOKEN, FakeKaggle, serve
from ..support.networks import quick_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real .keras file with the shapes that the app takes, and little else."""
    path = tmp_path_factory.mktemp("model") / "small.keras"
    save_with_record(quick_model(32), path, {})
    return path.read_bytes()


@pytest.fixture
def kaggle(model: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKaggle]:
    """Kaggle on this machine, and a home where the official client finds a token of its own."""
    for name in [name for name in os.environ if name.startswith("KAGGLE_")]:
        monkeypatch.delenv(name)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(remote_training, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(remote_training, "POLL_SECONDS", 0.01)
    fake = FakeKaggle(files={"models/epoch-0001.weights.h5": b"not asked for", "models/masked_gender.keras": model})
    with serve(fake):
        monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.LOCAL, fake.address)
        from kaggle.api.kaggle_api_extended import KaggleApi

        monkeypatch.setattr(KaggleApi, "args", ["--local"])  # read once, when the client is imported
        monkeypatch.setattr(KaggleApi, "config", str(tmp_path / ".kaggle" / "kaggle.json"))
        fake.calls.clear()
        yield fake


def shell(*words: object) -> Result:
    return CliRunner().invoke(app, ["kaggle", *map(str, words)])


def refusal(*words: object) -> str:
    result = shell(*words)
    assert result.exit_code == 2 and "Traceback" not in result.output, result.output
    return result.output


def parameters_of(notebook: str) -> dict[str, object]:
    cells = json.loads(notebook)["cells"]
    (code,) = ("".join(cell["source"]) for cell in cells if "parameters" in cell["metadata"].get("tags", ()))
    values: dict[str, object] = {}
    exec(code, {}, values)
    return values


def test_a_notebook_is_pushed_waited_for_and_its_model_fetched(kaggle: FakeKaggle, model: bytes, tmp_path: Path):
    options = ["--epochs", 30, "--batch-size", 32, "--image-size", 96, "--frozen", 0, "--limit", 400, "--seed", 1]
    result = shell("train", *options, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert re.findall("  (queued|running|complete)\n", result.output) == ["queued", "running", "complete"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == {"masked_gender.keras": model}
    asked = {"enableGpu": True, "enableInternet": True, "isPrivate": True, "slug": KERNEL}
    asked |= {"machineShape": "NvidiaTeslaT4"}
    asked |= {"datasetDataSources": ["itsshuvra/gender-classified-dataset-with-masked-face"]}
    assert {name: kaggle.pushed.get(name) for name in asked} == asked
    ours = NOTEBOOK.read_text(encoding="utf-8")
    cells = (json.loads(text)["cells"] for text in (kaggle.pushed["text"], ours))
    assert len([a for a, b in zip(*cells, strict=True) if a["source"] != "".join(b["source"])]) == 1
    given = {"EPOCHS": 30, "BATCH": 32, "SIZE": 96, "FROZEN": 0, "LIMIT": 400, "SEED": 1}
    assert parameters_of(kaggle.pushed["text"]) == parameters_of(ours) | given


def test_after_the_laptop_was_closed(kaggle: FakeKaggle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def close(_: float) -> None:
        raise KeyboardInterrupt

    kaggle.states = ["RUNNING"]
    with monkeypatch.context() as closed:
        closed.setattr(remote_training, "time", SimpleNamespace(sleep=close, strftime=time.strftime))
        result = shell("train", "--output", tmp_path / "out")
    assert result.exit_code == 1 and "Stopped." in result.output
    assert f"{KERNEL}, version 7: running\n" in shell("status").output
    kaggle.states = ["RUNNING", "COMPLETE"]
    assert shell("fetch").exit_code == 0 and (tmp_path / "out" / "masked_gender.keras").exists()


def test_nothing_was_pushed(kaggle: FakeKaggle):
    for command in ("status", "fetch"):
        assert "begin with `maskedgender kaggle train`" in refusal(command)


def test_no_credentials_that_kaggle_accepts(kaggle: FakeKaggle, monkeypatch: pytest.MonkeyPatch):
    for token in ("token-of-nobody", ""):
        monkeypatch.setenv("KAGGLE_API_TOKEN", token)
        told = refusal("train")
        assert "make an API token at https://www.kaggle.com/settings" in told and len(told.splitlines()) == 1
    assert "SaveKernel" not in kaggle.calls


def test_what_kaggle_refuses_is_told_in_its_words(kaggle: FakeKaggle, tmp_path: Path):
    kaggle.answers["SaveKernel"] = {"error": "Maximum weekly GPU quota of 30.00 hours reached."}
    assert "Kaggle refused the notebook: Maximum weekly GPU quota" in refusal("train")
    assert not (tmp_path / "runs" / "kaggle.json").exists()
    kaggle.answers["SaveKernel"] = {"invalidDatasetSources": ["ann/gone"]}
    assert "could not attach the dataset ann/gone" in refusal("train", "--dataset", "ann/gone")
    kaggle.answers = {"GetKernel": {"metadata": {"ref": KERNEL}}}
    assert "Kaggle gave no GPU" in refusal("train"), "an account whose phone is not verified"
    kaggle.refused["GetKernelSessionStatus"] = (404, "Not found")
    assert refusal("status") == "Not found\n"


def test_a_notebook_that_fails_shows_the_end_of_its_log(kaggle: FakeKaggle, tmp_path: Path):
    kaggle.states = ["RUNNING", "ERROR"]
    kaggle.log = "".join(f"line {number}\n" for number in range(50)) + "ValueError: no images\n"
    told = refusal("train", "--output", tmp_path / "out")
    assert "ended with error" in told and "line 49\nValueError: no images" in told and "line 9\n" not in told
    assert not (tmp_path / "out").exists()


def test_a_network_that_comes_back_is_waited_for(kaggle: FakeKaggle, tmp_path: Path):
    kaggle.dropped["GetKernelSessionStatus"] = 1
    assert shell("train", "--output", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out" / "masked_gender.keras").exists()


@pytest.mark.parametrize("content", [b"no model", None])
def test_what_is_no_model_replaces_nothing(content: bytes | None, kaggle: FakeKaggle, tmp_path: Path):
    (tmp_path / "masked_gender.keras").write_bytes(b"the old one")
    kaggle.files = {} if content is None else {"models/masked_gender.keras": content}
    assert "left no model" in (told := refusal("train", "--output", tmp_path)) or "masked_gender.keras" in told
    assert (tmp_path / "masked_gender.keras").read_bytes() == b"the old one"
