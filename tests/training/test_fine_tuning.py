"""Going on from a file: its weights are taken, and the groups that it misses come more often."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from maskedgender.cli.commands import app
from maskedgender.data.layout import TRAINING
from maskedgender.data.listing import list_images
from maskedgender.data.split import split_training
from maskedgender.data.split_record import read_split, write_split
from maskedgender.networks.answering import answering_cnn, trained_cnn
from maskedgender.networks.checksums import sha256
from maskedgender.networks.masked import masked_cnn
from maskedgender.networks.seed import seed_cnn
from maskedgender.networks.small import small_cnn
from maskedgender.places import SHIPPED_MODEL
from maskedgender.training.fine_tuning import LEAST, MOST, group_weights, more_of_the_missed, repeated, start_from
from maskedgender.training.fitting import export
from maskedgender.training.pipeline import new_cnn

from ..support.synthetic import synthetic_dataset

SIZE = 48


def people(wrong: dict[tuple[int, str], int], each: int = 100) -> tuple[pd.DataFrame, np.ndarray]:
    """So many images of each group, and which of them are answered rightly."""
    rows = [(label, race, number >= count) for (label, race), count in wrong.items() for number in range(each)]
    table = pd.DataFrame(rows, columns=["label", "race", "right"])
    return table[["label", "race"]], table["right"].to_numpy()


def test_weights_are_the_root_of_a_groups_share_of_the_error_within_bounds() -> None:
    images, right = people({(0, "A"): 30, (1, "A"): 18, (0, "B"): 20, (1, "B"): 12})
    weights = group_weights(images, right)
    roots = {(0, "A"): 1.5**0.5, (1, "A"): 0.9**0.5, (0, "B"): 1.0, (1, "B"): 0.6**0.5}
    assert weights.to_dict() == pytest.approx(roots)
    others = {(label, race): 1 for label in (0, 1) for race in "BCD"}
    images, right = people({(0, "A"): 90, **others})
    assert group_weights(images, right).to_dict() == {(0, "A"): MOST, **dict.fromkeys(others, LEAST)}


def test_a_model_without_errors_has_no_group_to_prefer() -> None:
    assert set(group_weights(*people({(0, "A"): 0, (1, "A"): 0}))) == {LEAST}


def test_images_come_as_often_as_their_group_weighs() -> None:
    images = people({(0, "A"): 0, (1, "A"): 0}, each=1000)[0].assign(file=[f"{number}.jpg" for number in range(2000)])
    weights = pd.Series([1.5, 0.75], pd.MultiIndex.from_tuples([(0, "A"), (1, "A")], names=["label", "race"]))
    drawn = repeated(images, weights, seed=0)
    counts = drawn["label"].value_counts()
    assert counts[0] == pytest.approx(1500, abs=60) and counts[1] == pytest.approx(750, abs=60)
    assert drawn["file"].value_counts().max() == 2 and set(drawn["file"][drawn["label"] == 0]) == set(
        images["file"][:1000]
    )
    assert repeated(images, weights, seed=0).equals(drawn) and not repeated(images, weights, seed=1).equals(drawn)


def test_images_of_a_group_by_which_nothing_was_chosen_come_once() -> None:
    images = people({(0, "A"): 0, (1, "B"): 0}, each=10)[0]
    weights = pd.Series([2.0], pd.MultiIndex.from_tuples([(0, "A")], names=["label", "race"]))
    assert repeated(images, weights, seed=0)["race"].value_counts().to_dict() == {"A": 20, "B": 10}


def test_without_a_description_nothing_comes_more_often(tmp_path: Path) -> None:
    fit, choose = split_training(list_images(synthetic_dataset(tmp_path, 8), TRAINING))
    assert more_of_the_missed(small_cnn(SIZE), tmp_path, fit, choose) is fit


def test_a_file_with_its_mirror_gives_its_weights_to_a_new_cnn() -> None:
    model = masked_cnn()
    start_from(model, SHIPPED_MODEL)
    shipped = trained_cnn(keras.saving.load_model(SHIPPED_MODEL))
    assert all((a == b).all() for a, b in zip(model.get_weights(), shipped.get_weights(), strict=True))


def test_of_two_files_a_new_cnn_gets_the_mean_of_their_weights(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    files = [export(answering_cnn(small_cnn(SIZE)), tmp_path / f"{name}_gender.keras") for name in "ab"]
    model = small_cnn(SIZE)
    start_from(model, *files)
    one, other = (trained_cnn(keras.saving.load_model(file)).get_weights() for file in files)
    for mean, first, second in zip(model.get_weights(), one, other, strict=True):
        np.testing.assert_allclose(mean, (first + second) / 2, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("frozen, still", [(None, set()), (2, {"stem", "stage1", "stage2"})])
def test_stages_of_a_cnn_that_goes_on_may_stay_as_they_are(frozen: int | None, still: set[str]) -> None:
    model, _ = new_cnn("masked", "face", SIZE, "nothing", frozen)
    names = [layer.name.split("_")[0] for layer in model.layers if layer.weights and not layer.trainable_weights]
    assert set(names) == still


def test_a_file_of_another_cnn_is_refused(tmp_path: Path) -> None:
    path = export(seed_cnn(SIZE), tmp_path / "seed_gender.keras")
    with pytest.raises(ValueError, match=r"seed_gender\.keras holds another CNN than small_cnn: start from a file of"):
        start_from(small_cnn(SIZE), path)


def test_the_shell_goes_on_from_a_file_and_its_record_says_so(tmp_path: Path) -> None:
    dataset = synthetic_dataset(tmp_path / "dataset", 12, labels_file=True)
    start = export(small_cnn(SIZE), tmp_path / "start.keras")
    write_split(start, *split_training(list_images(dataset, TRAINING)))
    start.with_suffix(".json").write_text(json.dumps({"epochs": "16", "commit": "abc", "SHA-256": sha256(start)}))
    words = ["--dataset", dataset, "--looks", tmp_path / "looks.csv", "--epochs", 1, "--architecture", "small"]
    result = CliRunner().invoke(app, [str(word) for word in ["train", *words, "--start", start, "--output", tmp_path]])
    assert result.exit_code == 0, result.output
    facts = json.loads((tmp_path / "small_gender.json").read_text())
    assert facts["calibrated"] == "no" and "held-out portraits are too few" in result.output
    assert facts["input"] == f"({SIZE}, {SIZE}, 3)", "the size is that of the file"
    assert (
        facts["started from"].startswith("start.keras, SHA-256 ") and "epochs 16, commit abc" in facts["started from"]
    )
    (run,) = (tmp_path / "runs").iterdir()
    assert pd.read_csv(run / "history.csv")["learning_rate"][0] == pytest.approx(0.001)


def test_no_epochs_export_the_file_anew_and_its_record_tells_how_it_was_trained(tmp_path: Path) -> None:
    dataset = synthetic_dataset(tmp_path / "dataset", 12, labels_file=True)
    images = list_images(dataset, TRAINING)
    elsewhere = images[:1].assign(source="of another dataset")
    start = export(answering_cnn(small_cnn(SIZE)), tmp_path / "start.keras")
    write_split(start, pd.concat([images[::2], elsewhere]), images[1::2])
    facts = {
        "epochs": "16",
        "command": "long ago",
        "not sure below": "0.9",
        "border between the words": "1/2",
        "SHA-256": sha256(start),
    }
    start.with_suffix(".json").write_text(json.dumps(facts))
    words = ["--dataset", dataset, "--looks", tmp_path / "looks.csv", "--epochs", 0, "--architecture", "small"]
    result = CliRunner().invoke(app, [str(word) for word in ["train", *words, "--start", start, "--output", tmp_path]])
    assert result.exit_code == 0, result.output
    told = json.loads((tmp_path / "small_gender.json").read_text())
    assert told["epochs"] == "16" and told["command"] == "long ago" and "not sure below" not in told
    assert told["calibrated"] == "no" and "border between the words" not in told, "there were too few portraits"
    assert (
        "export command" in told
        and told["export data"].startswith("24 images of 24 portraits")
        and told["SHA-256"] == sha256(tmp_path / "small_gender.keras") != sha256(start)
    )
    assert read_split(tmp_path / "small_gender.keras")["of another dataset"] == "fit", "what it has learnt stays known"
    assert not (tmp_path / "runs").exists()
    words += ["--start", tmp_path / "small_gender.keras", "--output", tmp_path]  # the very file
    assert CliRunner().invoke(app, ["train", *map(str, words)]).exit_code == 0
    assert json.loads((tmp_path / "small_gender.json").read_text())["command"] == "long ago"
    first, second = (trained_cnn(keras.saving.load_model(path)) for path in (start, tmp_path / "small_gender.keras"))
    assert all((a == b).all() for a, b in zip(first.get_weights()[:-2], second.get_weights()[:-2], strict=True))
