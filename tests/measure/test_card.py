"""The model card: what was measured is in it, from the tables alone, and what was not is left out."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from benchmarks.accuracy import CLEAN, SIZED, measure
from benchmarks.answers import OURS_AND_THE_SEEDS, RESULTS, SEED_MODEL, Answers
from benchmarks.card import CARD
from maskedgender.measure.card import model_card, read_measured
from maskedgender.measure.card_tables import MISSING, small_behind_large
from maskedgender.networks.records import facts_of_answers, write_record

COUNT = 200
PHOTOS = pd.DataFrame(
    {
        "label": np.arange(COUNT) % 2,
        "race": np.where(np.arange(COUNT) < 120, "Black", "White"),
        "age": np.where(np.arange(COUNT) % 5, "20-29", "3-9"),
        "style": "cloth",
        "head turn": "45-90",
        "face size": np.where(np.arange(COUNT) < 50, "24-31", "96-127"),
    }
)


def made_up(wrong: slice, missing: slice = slice(0, 0)) -> Answers:
    p_label = np.full(COUNT, 0.9, np.float32)
    p_label[wrong], p_label[missing] = 0.2, np.nan
    p_male = np.where(PHOTOS["label"] == 1, p_label, 1 - p_label)
    return Answers(PHOTOS, np.column_stack([1 - p_male, p_male]))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up results as the benchmarks keep them: ours errs on a tenth, bare on a twentieth, the seed's on a fifth."""
    folder = tmp_path_factory.mktemp("results")
    masked = {CLEAN: made_up(slice(0, 20)), SIZED: made_up(slice(0, 20), missing=slice(0, 10))}
    bare = dict.fromkeys((CLEAN, SIZED), made_up(slice(0, 10)))
    seeds = dict.fromkeys((CLEAN, SIZED), made_up(slice(0, 40)))
    answers = {"masked": masked, "bare": bare}
    kinds = [measure({"small": ours, SEED_MODEL.stem: seeds}, kind) for kind, ours in answers.items()]
    pd.concat([tables["accuracy"] for tables in kinds], axis=1).to_csv(folder / "accuracy.csv", index_label="figure")
    for name in ("accuracy-by-group", "gaps", "coverage"):
        pd.concat([tables[name] for tables in kinds]).to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture
def models(tmp_path: Path) -> list[Path]:
    model = tmp_path / "small.keras"
    model.write_bytes(b"not a real model")
    facts = {"training time": "20 min", "parameters": 1234, **facts_of_answers(calibrated=True), "not sure below": 0.9}
    write_record(model, facts)
    return [model, tmp_path / "seed_gender.keras"]


def test_what_was_measured_is_in_the_card(models, results):
    card = model_card(models, read_measured(results))
    assert hashlib.sha256(b"not a real model").hexdigest() in card
    ninety, eighty = "90.00 % (85.06 % to 93.43 %, n = 200)", "80.00 % (73.91 % to 84.95 %, n = 200)"
    most = "95.00 % (91.04 % to 97.26 %, n = 200)"
    assert f"| accuracy (95 % interval) | {ninety} | {eighty} | {most} | {eighty} |" in card
    assert "| error, as a share of the seed's | 0.500 (0." in card
    assert "| largest gap between race groups, adults of 20 and over | 16.67 points (" in card
    black = "83.33 % (75.65 % to 88.94 %, n = 120)"
    assert f"| race | Black | {black} | 91.67 % (" in card
    assert "| 24-31 | 80.00 % | 75.00 % (59.81 % to 85.81 %, n = 40) | 100.00 % | 80.00 % (" in card, (
        "ten of fifty are not found"
    )
    assert "| 50% | 0.900 | 0.00 % (0.00 % to 3.70 %) | 0.900 |" in card
    assert f"Profiles: {ninety}" in card
    assert "| training time | 20 min | not known |" in card and "| parameters | 1234 | not known |" in card
    for line in (
        "| class order | female, male | not known |",
        "| border between the words | 1/2, for as many women as men | not known |",
        "| for another share of men | logit p' = logit p + log(share of men / share of women), ",
        "| not sure below | 0.9 | not known |",
    ):
        assert line in card
    assert "| class-wise calibration error | " in card


def test_the_card_says_how_many_small_faces_behind_a_large_one_are_found() -> None:
    rows = [
        {"pictures": f"behind a close-up, {kind}", "figure": figure, "count": 400, "0.40": share, "0.45": 0.1}
        for kind, share in (("bare", 0.93), ("masked", 0.31))
        for figure in ("found", "well framed")
    ]
    told = small_behind_large(pd.DataFrame(rows))
    assert "of bare ones 93.00 % (" in told and "of masked ones 31.00 % (" in told
    assert small_behind_large(pd.DataFrame(rows[:2])) == small_behind_large(pd.DataFrame()) == MISSING


def test_the_card_names_whom_it_knows_worst_and_in_which_direction_it_errs(models, results):
    card = model_card(models, read_measured(results))
    worst, best = "female, Black, 83.33 % (71.97 % to 90.69 %, n = 60)", "female, White, 100.00 %"
    assert f"by gender and race, with a mask: {worst}; and best: {best}" in card
    row = next(line for line in card.splitlines() if line.startswith("| gender and race | female, Black |"))
    assert row.endswith("| 100.00 % | 16.67 % | not known |"), "answered, women called male, men called female"


def test_the_front_matter_can_be_read_and_holds_the_accuracy(models, results):
    front = yaml.safe_load(model_card(models, read_measured(results)).split("---")[1])
    masked, bare = front["model-index"][0]["results"]
    values = [result["metrics"][0]["value"] for result in (masked, bare)]
    assert front["license"] == "cc-by-4.0" and values == [90.0, 95.0]
    assert "with a mask, 200 portraits" in masked["dataset"]["name"]


def test_the_energy_is_estimated_from_the_time_that_the_records_tell(models):
    write_record(models[0], {"training time": "30 minutes", "started from": "x.keras, training time 90.0 minutes"})
    assert "About 0.20 kWh, estimated by hand: 120 minutes at 100 W" in model_card(
        models, read_measured(models[0].parent)
    )


def test_a_table_that_an_older_run_has_left_is_shown_as_it_is(models, results, tmp_path):
    """Such as one without the class-wise calibration error."""
    kept = pd.read_csv(results / "accuracy.csv", dtype=str)
    kept[~kept["figure"].str.startswith("class-wise")].to_csv(tmp_path / "accuracy.csv", index=False)
    card = model_card(models, read_measured(tmp_path))
    assert "| calibration error | " in card and "| class-wise" not in card


def test_what_was_not_measured_is_left_out(models, results, tmp_path):
    card = model_card(models, read_measured(tmp_path))
    headings = [line for line in card.splitlines() if line.startswith("### ")]
    assert headings == ["### Other shares of women and men"], "the only section without a figure"
    assert "  results: []\n" in card and "looks.csv): not known until" in card
    for words in (
        "Low light",
        "Noise",
        "steady",
        "Few pixels",
        "Children",
        "Profiles",
        "whom it knows worst",
        "risk-coverage",
        "missing",
    ):
        assert words not in card, words
    assert '- Two words: for people whom neither fits, every "female" and "male" is wrong.\n- Nearly all the' in card
    some = model_card(models, read_measured(results))
    assert "### When it is not sure" in some and "(risk-coverage.png)" not in some, "a table without its figure"


def test_a_comparison_without_this_model_is_left_out(models, tmp_path):
    for name, is_there in (("seed_gender", False), ("small", True)):
        (tmp_path / "peers.csv").write_text(f"model,photos\nother,masked\n{name},masked\n")
        assert ("### Beside others" in model_card(models, read_measured(tmp_path))) == is_there


def test_a_record_is_shown_once_and_in_words(models, results):
    write_record(models[0], {"command": "maskedgender train --epochs 3", "training images": 35482})
    groups = read_measured(results).accuracy_by_group.replace("Black", "Latino_Hispanic", regex=True)
    card = model_card(models, dataclasses.replace(read_measured(results), accuracy_by_group=groups))
    assert card.count("maskedgender train --epochs 3") == 1
    assert "35482" not in card, "the last run's, which beside the images of all runs reads as another count of them"
    assert "Latino_Hispanic" not in card and "| race | Latino or Hispanic | 83.33 %" in card
    assert "by gender and race, with a mask: female, Latino or Hispanic, 83.33 %" in card


def test_tables_and_figures_appear_when_they_are_there(models, results, tmp_path):
    for name in ("risk-coverage.png", "attribution.png"):
        (models[0].parent / name).write_bytes(b"a picture")
    (tmp_path / "held-out-styles.csv").write_text("style,trained on it,not trained on it\nn95,82.10 %,\n")
    looks = ("masked_cnn: 88 %", "benchmarks.accuracy, bare: 90 %", "my own training, tested: 91 %")
    (tmp_path / "looks.csv").write_text(
        "\n".join(["date,commit,figure", *(f'2026-01-01,abc,"{one}"' for one in looks)])
    )
    row = "dark,photo,100,0.875,0.7,0.6,0.8,0.031,0.01,0.05"
    header = "model,change,kind,photos,found,accuracy,low,high,drop,drop low,drop high"
    (tmp_path / "robustness.csv").write_text(f"{header}\nsmall,{row}\nseed_gender,{row.replace('0.031', '0.041')}\n")
    (tmp_path / "looks-at-a-face.csv").write_text(
        'way,masked,"flips, scaled by 5 %"\none,80 %,9 %\n"mirror image, nearer, farther",81 %,7 %\n'
    )
    card = model_card(models, read_measured(tmp_path))
    assert "these turn round: scaled by 5 %, 7 % (`python -m benchmarks.looks`)" in card
    assert "](attribution.png)" in card and "](risk-coverage.png)" in card
    assert "| n95 | 82.10 % | not known |" in card and "looks.csv): 2 until" in card
    drops = "3.10 points (1.00 to 5.00) | 4.10 points (1.00 to 5.00)"
    assert f"| dark | 87.50 % | 70.00 % (60.00 % to 80.00 %) | {drops} |" in card
    assert "Low light: 70.00 % (60.00 % to 80.00 %)" in card


def test_the_shipped_card_is_what_the_kept_results_give():
    """When this fails: make card."""
    assert CARD.read_text(encoding="utf-8") == model_card(list(OURS_AND_THE_SEEDS.values()), read_measured(RESULTS))
