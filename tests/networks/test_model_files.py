"""Model files: what is none gets a sentence, what is listed is verified, what is somebody else's is warned of."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import keras
import pytest
from typer.testing import CliRunner

from maskedgender.cli import commands as cli
from maskedgender.cli.one_sentence import TO_PUT_RIGHT
from maskedgender.networks.checksums import LIST, is_listed, is_whole, relisted
from maskedgender.networks.classifier import Classifier
from maskedgender.networks.model_files import ModelError, caution, load_model
from maskedgender.places import SHIPPED_MODEL

from ..support.bad_inputs import Case
from ..support.bad_models import MODELS


def classifier(shape: tuple[int, ...], bias: list[float], activation: str | None = "softmax") -> keras.Model:
    """A model that gives the same outputs for every picture."""
    inputs = keras.Input(shape)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    outputs = keras.layers.Dense(
        len(bias),
        activation=activation,
        kernel_initializer="zeros",
        bias_initializer=keras.initializers.Constant(bias),
    )(x)
    return keras.Model(inputs, outputs)


def test_what_is_no_model_gets_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.keras").write_text("no model")
    (tmp_path / "model.h5").write_bytes(b"\x89HDF")
    for name, said in {
        "missing.keras": "no model file",
        "text.keras": "not a .keras",
        "model.h5": "not a .keras",
    }.items():
        with pytest.raises(ModelError, match=said):
            load_model(tmp_path / name)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (classifier((64, 32, 3), [0, 0]), "square picture"),
        (classifier((64, 64, 4), [0, 0]), "square picture"),
        (classifier((64, 64, 3), [0, 0, 0]), "two probabilities"),
        (classifier((64, 64, 3), [float("nan"), 0]), "not probabilities"),
        (classifier((64, 64, 3), [3, -3], activation="relu"), "such as logits"),
    ],
    ids=["oblong", "four channels", "three classes", "NaN", "logits"],
)
def test_a_model_of_another_kind_is_refused(model: Classifier, said: str, tmp_path: Path) -> None:
    model.save(tmp_path / "other.keras")
    with pytest.raises(ModelError, match=said):
        load_model(tmp_path / "other.keras")


def test_a_model_with_code_in_it_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Lambda(lambda pixels: pixels / 255)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x)).save(tmp_path / "lambda.keras")
    with pytest.raises(ModelError, match="Python code of its own"):
        load_model(tmp_path / "lambda.keras")


def test_a_half_written_model_is_refused(model_path: Path, tmp_path: Path) -> None:
    whole = model_path.read_bytes()
    (tmp_path / "half.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError):
        load_model(tmp_path / "half.keras")


def listed(model_path: Path, folder: Path, written: str = "{sum}  {name}\n") -> Path:
    """A copy of a model in a folder whose list tells of it."""
    copy = folder / "listed.keras"
    copy.write_bytes(model_path.read_bytes())
    digest = hashlib.sha256(copy.read_bytes()).hexdigest()
    (folder / LIST).write_text(written.format(sum=digest, name=copy.name))
    return copy


def test_the_shipped_file_is_listed() -> None:
    assert is_listed(SHIPPED_MODEL), f"write {LIST}: cd models && sha256sum {SHIPPED_MODEL.name} > {LIST}"
    assert is_whole(SHIPPED_MODEL)


@pytest.mark.parametrize("written", ["{sum}  {name}\n", "{sum} *{name}", "0  other.keras\n{sum}  {name}\n"])
def test_a_listed_model_loads_and_an_exchanged_one_does_not(written: str, model_path: Path, tmp_path: Path) -> None:
    """Both are good models; the second is not the one that the list tells of."""
    path = listed(model_path, tmp_path, written)
    assert load_model(path).size == 160
    classifier((64, 64, 3), [0, 0]).save(path)
    with pytest.raises(ModelError, match=f"not the file that {LIST} beside it lists"):
        load_model(path)


def test_a_kill_between_any_two_writes_leaves_a_model_that_opens(model_path: Path, tmp_path: Path) -> None:
    path = listed(model_path, tmp_path, "{sum}  {name}\n")
    with relisted(path):
        assert load_model(path).size == 160, "before the new file is in place"
        classifier((64, 64, 3), [0, 0]).save(path)
        assert load_model(path).size == 64, "before the list tells of it"
    assert is_whole(path) and load_model(path).size == 64


def test_a_file_that_could_not_be_written_stays_listed(model_path: Path, tmp_path: Path) -> None:
    path = listed(model_path, tmp_path, "{sum}  {name}\n")
    with pytest.raises(OSError, match="full"), relisted(path):
        raise OSError("The disk is full.")
    assert is_listed(path) and is_whole(path)
    with pytest.raises(OSError, match="full"), relisted(path):
        path.write_bytes(b"another file")
        raise OSError("The disk is full.")
    assert not is_listed(path)


def test_relisting_keeps_the_other_files_and_begins_no_list(model_path: Path, tmp_path: Path) -> None:
    path = listed(model_path, tmp_path, "0  other.keras\n{sum}  {name}\n")
    content = (tmp_path / LIST).read_text()
    with relisted(path):
        pass
    assert sorted((tmp_path / LIST).read_text().splitlines()) == sorted(content.splitlines())
    (tmp_path / LIST).unlink()
    with relisted(path):
        pass
    assert not (tmp_path / LIST).exists()


def test_one_is_told_to_be_careful_with_a_file_of_somebody_elses(model_path: Path, photos: dict[str, Path]) -> None:
    assert caution(SHIPPED_MODEL) == caution(os.path.relpath(SHIPPED_MODEL)) == ""
    other = model_path.parents[1] / "benchmarks" / "models" / "seed_gender.keras"
    for words, told in (([], 0), (["--model", str(other)], 1)):
        ran = CliRunner().invoke(cli.app, ["predict", str(photos["hopper"]), *words])
        assert ran.exit_code == 0 and ran.stderr.count("only from people you trust") == told
        assert len(ran.stdout.splitlines()) == 1


def test_a_copy_of_the_shipped_file_is_nobody_elses(tmp_path: Path) -> None:
    copy = Path(shutil.copy(SHIPPED_MODEL, tmp_path / "copy.keras"))
    assert caution(copy) == caution(tmp_path / "nosuch.keras") == ""
    copy.write_bytes(copy.read_bytes()[:-1] + b"?")
    assert "only from people you trust" in caution(copy)


@pytest.mark.parametrize("case", MODELS, ids=lambda case: repr(case.name[:40]))
def test_a_model_file_of_another_kind_is_refused(case: Case, tmp_path: Path) -> None:
    case.make(tmp_path / case.name)
    with pytest.raises(ModelError) as raised:
        load_model(tmp_path / case.name)
    said = str(raised.value)
    assert case.outcome in said and str(tmp_path / case.name) in said
    assert said.endswith(".") and "\n" not in said and "Error" not in said and ";" in said.replace(":", ";")


def test_the_shell_says_what_is_wrong_with_a_model(photos: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "text.keras").write_text("no model")
    for name in ("text.keras", "missing.keras", "e" * 300 + ".keras"):
        ran = CliRunner().invoke(cli.app, ["predict", str(photos["hopper"]), "--model", str(tmp_path / name)])
        assert ran.exit_code == TO_PUT_RIGHT and name in ran.output.replace("\n", "")
        assert "Errno" not in ran.output and "Traceback" not in ran.output
