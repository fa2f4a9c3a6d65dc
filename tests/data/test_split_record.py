"""What a model has learnt is never chosen by: the split lies beside it, and whoever goes on reads it from there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from maskedgender.data.layout import OWN_SOURCE
from maskedgender.data.split import split_training
from maskedgender.data.split_record import (
    choosing_portraits,
    read_split,
    require_not_learnt,
    split_as_recorded,
    split_file,
    write_split,
)


def images_of(portraits: range) -> pd.DataFrame:
    """Two variants of each portrait, which need not exist."""
    rows = [(f"Training/{n % 2}/{n}-{v}.jpg", n % 2, f"train/{n}") for n in portraits for v in range(2)]
    return pd.DataFrame(rows, columns=["file", "label", "source"])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file beside which lies a split that the rule does not give: every fourth portrait chooses."""
    images = images_of(range(200))
    chosen = images["source"].isin([f"train/{number}" for number in range(0, 200, 4)])
    write_split(tmp_path / "m.keras", images[~chosen], images[chosen])
    return tmp_path / "m.keras"


def test_what_the_model_knows_stays_on_its_side_and_new_portraits_follow_the_rule(model: Path) -> None:
    images = images_of(range(100, 400))
    fit, choose = split_as_recorded(model, images)
    sides = read_split(model)
    assert sorted([*fit["file"], *choose["file"]]) == sorted(images["file"])
    for side, table in (("fit", fit), ("choose", choose)):
        known = table["source"][table["source"].isin(sides.index)]
        assert len(known) and set(sides[known]) == {side}
    new = images[~images["source"].isin(sides.index)]
    by_rule = set(split_training(new)[1]["source"])
    assert {source for source in choose["source"] if source not in sides.index} == by_rule


def test_few_new_portraits_of_one_class_do_not_stop_the_run(model: Path) -> None:
    """As of portraits that no mask would fit when the model was trained."""
    images = images_of(range(202))
    new_man = images[images["source"] != "train/200"]
    fit, choose = split_as_recorded(model, new_man)
    assert sorted([*fit["file"], *choose["file"]]) == sorted(new_man["file"])


def test_a_second_file_has_learnt_nothing_that_is_chosen_by(model: Path, tmp_path: Path) -> None:
    choose = split_as_recorded(model, images_of(range(200)))[1]
    require_not_learnt(model, choose)
    other = tmp_path / "other.keras"
    write_split(other, *split_training(images_of(range(200))))
    with pytest.raises(ValueError, match=r"other\.keras has learnt portraits that are to be chosen by"):
        require_not_learnt(other, choose)


def test_going_on_never_chooses_by_what_was_learnt(model: Path) -> None:
    images = images_of(range(200))
    by_rule = set(split_training(images)[1]["source"])
    learnt = set(read_split(model)[lambda sides: sides == "fit"].index)
    assert by_rule & learnt, "the rule alone would choose by learnt portraits"
    assert not set(split_as_recorded(model, images)[1]["source"]) & learnt


def test_a_portrait_that_goes_by_its_copys_name_keeps_its_side(tmp_path: Path) -> None:
    """The first of three copies named the group; another time it is not listed, and another of them names it."""
    images = images_of(range(60))
    copies = images["source"].isin(["train/1", "train/2", "train/3"])
    learnt = images.assign(**{OWN_SOURCE: images["source"]})
    learnt.loc[copies, "source"] = "train/1"
    fit, choose = split_training(learnt)
    side = "fit" if (fit["source"] == "train/1").any() else "choose"
    model = tmp_path / "m.keras"
    write_split(model, *((fit, choose) if side == "choose" else (choose, fit)))  # not where the rule would put them
    kept = "choose" if side == "fit" else "fit"
    assert read_split(model)[["train/1", "train/2", "train/3"]].tolist() == [kept] * 3
    without_the_first = images[images["source"] != "train/1"]
    again = without_the_first.assign(**{OWN_SOURCE: without_the_first["source"]})
    again.loc[again["source"] == "train/3", "source"] = "train/2"
    for listed in (again, without_the_first):
        tables = dict(zip(("fit", "choose"), split_as_recorded(model, listed), strict=True))
        assert {"train/2", "train/3"} <= set(tables[kept].get(OWN_SOURCE, tables[kept]["source"]))


def test_copies_of_both_sides_are_learnt_and_never_chosen_by(model: Path) -> None:
    images = images_of(range(0, 40))
    united = images.assign(**{OWN_SOURCE: images["source"]})
    united.loc[images["source"] == "train/5", "source"] = "train/4"  # that was chosen by, and this was learnt
    fit, choose = split_as_recorded(model, united)
    assert {"train/4", "train/5"} <= set(fit[OWN_SOURCE]) and "train/4" not in set(choose["source"])


def test_without_a_split_or_with_another_dataset_nothing_is_decided(model: Path) -> None:
    assert choosing_portraits(model, images_of(range(0, 9))) == {"train/0", "train/4", "train/8"}
    with pytest.raises(ValueError, match=r"holds no portrait that m\.keras was chosen by"):
        choosing_portraits(model, images_of(range(300, 310)))
    with pytest.raises(ValueError, match=r"nothing to fit, or nothing to choose by"):
        split_as_recorded(model, images_of(range(0, 1)))
    split_file(model).unlink()
    with pytest.raises(ValueError, match=r"no m\.split\.csv\.gz beside m\.keras"):
        read_split(model)


def test_the_same_split_is_the_same_bytes(model: Path) -> None:
    before = split_file(model).read_bytes()
    sides = read_split(model)
    rows = pd.DataFrame({"source": np.random.default_rng(0).permutation(sides.index)})
    write_split(model, rows[rows["source"].map(sides) == "fit"], rows[rows["source"].map(sides) == "choose"])
    assert split_file(model).read_bytes() == before
