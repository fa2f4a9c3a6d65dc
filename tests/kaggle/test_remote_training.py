"""Training on Kaggle by command: the official client against a small Kaggle on this machine."""

from __future__ import annotations

import base64
import json
import re
import threading
from pathlib import Path

import keras
import pytest

from maskedgender.cli.kaggle import KAGGLE_DATASET
from maskedgender.data import layout
from maskedgender.kaggle import client as kaggle_client
from maskedgender.kaggle import remote_training as kaggle_run
from maskedgender.kaggle.parameters import with_parameters
from maskedgender.kaggle.remote_training import EXECUTED, NOTEBOOK
from maskedgender.networks import model_files
from maskedgender.networks.checksums import LIST, is_whole

from ..support.kaggle_server import (
    ACCURACY,
    DATASET,
    KERNEL,
    RECORD,
    TOKEN,
    USER,
    FakeKaggle,
    left_by_the_notebook,
    log_of,
)
from ..support.kaggle_shell import remember_a_run, sentence, shell

KEY = "Basic " + base64.b64encode(b"ann:key-of-ann").decode()
QUOTA = "Maximum weekly GPU quota of 30.00 hours reached."
PHONE = "Phone verification is required to use a GPU."


@pytest.fixture
def small_model(tmp_path: Path) -> bytes:
    """A real .keras file with the shapes that the app takes, and little else."""
    layers = [
        keras.Input((32, 32, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, "softmax"),
    ]
    keras.Sequential(layers).save(tmp_path / "small.keras")
    return (tmp_path / "small.keras").read_bytes()


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any file is taken for a model: where a test is about something else."""
    monkeypatch.setattr(model_files, "load_model", lambda path: path)


def test_round_trip(kaggle: FakeKaggle, small_model: bytes, tmp_path: Path):
    kaggle.files = left_by_the_notebook(small_model)
    output = tmp_path / "models"
    result = shell("train", "EPOCHS=14", "--output", output)
    assert result.exit_code == 0, result.output
    assert re.search(r"queued\n.*running\n.*complete\n", result.output)
    assert f"validation accuracy {ACCURACY}; best epoch 11; epochs 14" in result.output
    assert (output / "masked_gender.keras").read_bytes() == small_model
    assert json.loads((output / "masked_gender.json").read_text()).items() >= RECORD.items()
    assert (tmp_path / "runs" / "pclubtask3-kaggle-7.ipynb").read_bytes() == kaggle.files[EXECUTED]
    assert ACCURACY in (tmp_path / "runs" / "pclubtask3-kaggle-7.log").read_text()
    assert (output / "masked_gender.split.csv.gz").read_bytes() == b"a split", "or none could go on from it"
    assert {path.suffix for path in output.iterdir()} == {".json", ".keras", ".gz"}
    assert [call for call in kaggle.calls if "weights" in call or "looks" in call] == []


def test_what_is_pushed(kaggle: FakeKaggle, loads: None, tmp_path: Path):
    assert shell("train", "EPOCHS=14", "--output", tmp_path).exit_code == 0
    asked = {"enableGpu": True, "enableTpu": False, "enableInternet": True, "isPrivate": True}
    asked |= {"slug": KERNEL, "machineShape": "NvidiaTeslaT4", "datasetDataSources": [DATASET]}
    assert {name: kaggle.pushed.get(name) for name in asked} == asked
    pushed, ours = json.loads(kaggle.pushed["text"])["cells"], json.loads(NOTEBOOK.read_text())["cells"]
    changed = [(a["source"], "".join(b["source"])) for a, b in zip(pushed, ours, strict=True) if a["id"] == b["id"]]
    changed = [(a, b) for a, b in changed if a != b]
    run_id = json.loads((tmp_path / "runs" / "kaggle.json").read_text())["id"]
    expected = changed[0][1].replace("EPOCHS = None", "EPOCHS = 14").replace("RUN_ID = None", f"RUN_ID = {run_id!r}")
    assert len(changed) == 1 and changed[0][0] == expected


def test_default_dataset_is_the_one_that_the_notebook_downloads():
    assert KAGGLE_DATASET == layout.KAGGLE_DATASET == DATASET


def test_parameters_are_literals_or_texts_and_keep_their_comments():
    words = ["EPOCHS=3", "LIMIT=None", "ARCHITECTURE=seed", "DATASET=C:\\new", "LOOKS='a b'"]
    cells = json.loads(with_parameters(NOTEBOOK.read_text(), words))["cells"]
    code = next(cell["source"] for cell in cells if "parameters" in cell["metadata"].get("tags", ()))
    values: dict[str, object] = {}
    exec(code, values)
    assert [values[word.split("=")[0]] for word in words] == [3, None, "seed", "C:\\new", "a b"]
    assert values["SEED"] == 0 and "# the network below; or" in code


@pytest.mark.parametrize("word", ["EPOCH=3", "EPOCHS", "=3", "epochs=3"])
def test_wrong_parameters_are_named_before_kaggle_is_asked(word: str, kaggle: FakeKaggle):
    assert "DATASET, CLASSES, ARCHITECTURE" in sentence(shell("train", word))
    assert kaggle.calls == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ARCHITECTURE=masked2"], "masked, small, seed"),
        (["ARCHITECTURE=small", "START=imagenet"], "cannot start from ImageNet"),
        (["START=models/masked_gender.keras"], "are not on Kaggle"),
        (["CLASSES=male,female"], "does not say what the folders are called"),
        (["EPOCHS=ten"], "EPOCHS is a number above 0"),
        (["LIMIT=0"], "LIMIT is a number above 0"),
    ],
)
def test_what_could_only_fail_there_is_refused_here(words: list[str], said: str, kaggle: FakeKaggle) -> None:
    assert said in sentence(shell("train", *words))
    assert kaggle.calls == []


def test_after_the_laptop_was_closed(kaggle: FakeKaggle, loads: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def close(_: float) -> None:
        raise KeyboardInterrupt

    kaggle.states = ["RUNNING"]
    with monkeypatch.context() as closed:
        closed.setattr(kaggle_run.time, "sleep", close)
        result = shell("train", "--output", tmp_path / "models")
    assert result.exit_code == 1 and "Stopped." in result.output
    result = shell("status")
    assert result.exit_code == 0 and re.search(rf"{KERNEL}, version 7, pushed 0:00:0\d ago: running\n", result.output)
    kaggle.states = ["RUNNING", "COMPLETE"]
    assert shell("fetch").exit_code == 0
    assert (tmp_path / "models" / "masked_gender.keras").read_bytes() == b"a model"
    assert kaggle.calls.count("SaveKernel") == 1


@pytest.mark.parametrize("command", ["status", "fetch"])
def test_nothing_was_pushed(command: str, kaggle: FakeKaggle):
    assert "begin with `maskedgender kaggle train`" in sentence(shell(command))


FORMS = ["token", "file named", "access_token", "access_token.txt", "key", "kaggle.json", "login", "old login"]


@pytest.mark.parametrize("form", FORMS)
def test_credentials_in_each_form(form: str, kaggle: FakeKaggle, home: Path, monkeypatch: pytest.MonkeyPatch):
    remember_a_run()
    give_credentials(form, home, monkeypatch)
    kaggle.accepted = {KEY} if form in ("key", "kaggle.json") else {f"Bearer {TOKEN}"}
    result = shell("status")
    assert result.exit_code == 0, result.output
    assert ("GenerateAccessToken" in kaggle.calls) == (form == "old login")


def give_credentials(form: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave credentials in this form only."""
    if form != "token":
        monkeypatch.delenv("KAGGLE_API_TOKEN")
    login = {"refresh_token": "fresh", "access_token": TOKEN, "username": USER, "scopes": []}
    if form == "file named":
        (home / "token.txt").write_text(TOKEN)
        monkeypatch.setenv("KAGGLE_API_TOKEN", str(home / "token.txt"))
    elif form.startswith("access_token"):
        (home / ".kaggle" / form).write_text(TOKEN)
    elif form == "key":
        monkeypatch.setenv("KAGGLE_USERNAME", USER)
        monkeypatch.setenv("KAGGLE_KEY", "key-of-ann")
    elif form == "kaggle.json":
        (home / ".kaggle" / form).write_text(json.dumps({"username": USER, "key": "key-of-ann"}))
    elif form.endswith("login"):
        login["access_token_expiration"] = f"{2000 if form == 'old login' else 3000}-01-01T00:00:00+00:00"
        (home / ".kaggle" / "credentials.json").write_text(json.dumps(login))


@pytest.mark.parametrize("form", ["none", "wrong token", "wrong key"])
def test_no_credentials(form: str, kaggle: FakeKaggle, home: Path, monkeypatch: pytest.MonkeyPatch):
    give_credentials({"wrong key": "key"}.get(form, form), home, monkeypatch)
    if form == "wrong token":
        monkeypatch.setenv("KAGGLE_API_TOKEN", "token-of-nobody")
    result = shell("train")
    assert sentence(result) == kaggle_client.NO_CREDENTIALS
    assert len(result.output.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["access_token", "kaggle.json", "credentials.json"])
@pytest.mark.parametrize("content", ["", "{", '{"username": "ann"}'])
def test_damaged_credentials_are_none(
    name: str, content: str, kaggle: FakeKaggle, home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    (home / ".kaggle" / name).write_text(content)
    assert sentence(shell("train")) == kaggle_client.NO_CREDENTIALS
    assert "SaveKernel" not in kaggle.calls


def test_login_that_kaggle_has_ended(kaggle: FakeKaggle, home: Path, monkeypatch: pytest.MonkeyPatch):
    give_credentials("old login", home, monkeypatch)
    kaggle.refused["GenerateAccessToken"] = (401, "Unauthenticated")
    assert sentence(shell("train")) == kaggle_client.NO_CREDENTIALS


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (QUOTA, "weekly GPU quota on Kaggle is used up"),
        ("You've exceeded the number of hours allowed to use GPU.", "weekly GPU quota on Kaggle is used up"),
        (PHONE, "without a verified phone"),
        ("Maximum batch GPU session count of 2 reached.", "Too many notebooks"),
        ("Something new.", "Kaggle refused"),
    ],
)
def test_kaggle_refuses_the_notebook(words: str, expected: str, kaggle: FakeKaggle, tmp_path: Path):
    kaggle.answers["SaveKernel"] = {"error": words}
    told = sentence(shell("train"))
    assert expected in told and words.rstrip(".") in told
    kaggle.answers.clear()
    kaggle.refused["SaveKernel"] = (403, words)
    assert sentence(shell("train")) == told
    assert not (tmp_path / "runs" / "kaggle.json").exists()


def test_phone_not_verified_and_the_gpu_silently_left_out(kaggle: FakeKaggle):
    kaggle.answers["GetKernel"] = {"metadata": {"ref": KERNEL}}
    told = sentence(shell("train"))
    assert "without a verified phone" in told and f"https://www.kaggle.com/code/{KERNEL}" in told


@pytest.mark.parametrize("code", [403, 404])
def test_dataset_renamed(code: int, kaggle: FakeKaggle):
    kaggle.refused["GetDataset"] = (code, "Permission 'datasets.get' was denied")
    assert "Kaggle has no dataset ann/gone: it was renamed" in sentence(shell("train", "--dataset", "ann/gone"))
    assert "SaveKernel" not in kaggle.calls, "no quota is used up"


def test_dataset_not_attached(kaggle: FakeKaggle):
    kaggle.answers["SaveKernel"] = {"invalidDatasetSources": [DATASET]}
    assert f"could not attach the dataset {DATASET}" in sentence(shell("train"))


@pytest.mark.parametrize(("state", "failure"), [("ERROR", ""), ("CANCEL_ACKNOWLEDGED", "Your quota is used up.")])
def test_notebook_failed(state: str, failure: str, kaggle: FakeKaggle, tmp_path: Path):
    kaggle.states = ["RUNNING", state]
    kaggle.answers["GetKernelSessionStatus"] = {"failureMessage": failure} if failure else {}
    lines = [f"line {number}\n" for number in range(50)]
    kaggle.log = log_of(*lines, "\x1b[31mValueError\x1b[0m: no images\n\n", "[NbConvertApp] Writing 1 byte\n")
    told = shell("train", "--output", tmp_path / "models").output
    assert f"ended with: {state.lower().replace('_', ' ')}" in told
    assert told.endswith("line 48\nline 49\nValueError: no images\n") and "line 38\n" not in told
    assert ("weekly GPU quota on Kaggle is used up" in told) == bool(failure)
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("method", ["IntrospectToken", "GetDataset", "GetKernel", "GetKernelSessionStatus"])
def test_network_comes_back(method: str, kaggle: FakeKaggle, loads: None, tmp_path: Path):
    shell("status")  # the client is imported now, which logs in by itself
    kaggle.dropped[method] = 2
    result = shell("train", "--output", tmp_path)
    assert result.exit_code == 0, result.output
    told = "Kaggle is out of reach (ConnectionError: Remote end closed connection without response); again in 0.01 s"
    assert result.output.count(told) == 2


def test_network_stays_away(kaggle: FakeKaggle):
    remember_a_run()
    kaggle.dropped["GetKernelSessionStatus"] = 100
    assert "look at your network" in sentence(shell("fetch"))
    assert kaggle.calls.count("GetKernelSessionStatus") == 4


def test_overburdened_kaggle_is_asked_again(kaggle: FakeKaggle):
    remember_a_run()
    kaggle.refused["GetKernelSessionStatus"] = (500, "Internal error")
    assert "out of reach" in sentence(shell("status"))
    assert kaggle.calls.count("GetKernelSessionStatus") == 4


def test_lost_answer_does_not_push_twice(kaggle: FakeKaggle, loads: None, tmp_path: Path):
    kaggle.dropped["SaveKernel"] = 1
    assert "`maskedgender kaggle fetch` waits for it again" in sentence(shell("train", "--output", tmp_path / "models"))
    assert kaggle.calls.count("SaveKernel") == 1
    assert shell("fetch").exit_code == 0 and (tmp_path / "models" / "masked_gender.keras").exists()


def test_no_answer_does_not_hang(kaggle: FakeKaggle, monkeypatch: pytest.MonkeyPatch):
    remember_a_run()
    patience_is_over = threading.Event()
    monkeypatch.setattr(kaggle_client, "TIMEOUT", 0.2)
    monkeypatch.setattr(kaggle, "status", lambda: {"status": "RUNNING", "late": patience_is_over.wait(30)})
    assert "out of reach (ReadTimeout: " in sentence(shell("status"))
    patience_is_over.set()


def test_notebook_is_gone(kaggle: FakeKaggle):
    remember_a_run()
    kaggle.refused["GetKernelSessionStatus"] = (404, "Not found")
    assert f"Kaggle has no notebook {KERNEL} that you may see" in sentence(shell("status"))


def test_damaged_model_replaces_nothing(kaggle: FakeKaggle, tmp_path: Path):
    (tmp_path / "masked_gender.keras").write_bytes(b"the old one")
    told = sentence(shell("train", "--output", tmp_path))
    assert "nothing was replaced: masked_gender.keras is not a .keras file" in told
    assert (tmp_path / "masked_gender.keras").read_bytes() == b"the old one"
    assert not list((tmp_path / "runs").glob("*.ipynb"))


def test_last_months_model_is_not_taken_for_the_last_pushs(kaggle: FakeKaggle, loads: None, tmp_path: Path):
    """The push never arrived, so Kaggle still has what an earlier one left."""
    (tmp_path / "masked_gender.keras").write_bytes(b"the old one")
    remember_a_run()
    kaggle.files = left_by_the_notebook(b"last month's", run="another")
    assert "was not made by the last push" in sentence(shell("fetch"))
    assert (tmp_path / "masked_gender.keras").read_bytes() == b"the old one"


def test_a_model_that_arrives_damaged_is_not_taken(kaggle: FakeKaggle, loads: None):
    kaggle.files["models/masked_gender.keras"] = b"a modeL"
    assert "did not arrive as its record describes it" in sentence(shell("train"))


def test_model_of_another_kind_replaces_nothing(kaggle: FakeKaggle, tmp_path: Path):
    layers = [keras.Input((32, 32, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, "softmax")]
    keras.Sequential(layers).save(tmp_path / "three.keras")
    kaggle.files = left_by_the_notebook((tmp_path / "three.keras").read_bytes())
    assert "nothing was replaced: masked_gender.keras" in sentence(shell("train", "--output", tmp_path / "models"))
    assert not (tmp_path / "models").exists()


def test_list_of_checksums_tells_of_the_new_model(kaggle: FakeKaggle, loads: None, tmp_path: Path):
    (tmp_path / LIST).write_text("0  masked_gender.keras\n")
    assert shell("train", "--output", tmp_path).exit_code == 0
    assert is_whole(tmp_path / "masked_gender.keras"), "or the app would refuse it as damaged"


def test_no_model_was_left(kaggle: FakeKaggle):
    del kaggle.files["models/masked_gender.keras"]
    assert "left no *_gender.keras among its 5 files" in sentence(shell("train"))


def test_file_names_cannot_leave_the_folder(kaggle: FakeKaggle, loads: None, tmp_path: Path):
    kaggle.files["../../masked_gender.keras"] = kaggle.files.pop("models/masked_gender.keras")
    assert shell("train", "--output", tmp_path / "a" / "b").exit_code == 0
    assert [path.parent for path in tmp_path.rglob("*.keras")] == [tmp_path / "a" / "b"]


def test_full_disk_leaves_no_half_files(
    kaggle: FakeKaggle, loads: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    remember_a_run()
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name.startswith("partial-") and path.name.endswith("masked_gender.keras"):
            write(path, content[:1])
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert "No space left on device" in sentence(shell("fetch"))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["kaggle.json"]


def test_notebook_without_outputs_is_known_by_its_log(kaggle: FakeKaggle, loads: None, tmp_path: Path):
    del kaggle.files[EXECUTED]
    result = shell("train", "--output", tmp_path)
    assert f"validation accuracy {ACCURACY}" in result.output
    assert (tmp_path / "runs" / "pclubtask3-kaggle-7.ipynb").read_text() == kaggle.pushed["text"]
