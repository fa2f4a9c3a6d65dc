"""The dataset, doubted: what cannot be read, odd sizes, copies and near copies, and what is left out of training."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from maskedgender.data.audit import CONTRADICTED, LEAKED, NEAR_BITS, UNREADABLE, Audit, audit, near_pairs
from maskedgender.data.layout import OWN_SOURCE, TRAINING, VALIDATION
from maskedgender.data.listing import list_images
from maskedgender.data.split import split_training

from ..support.people import collins, fairface_portraits, hopper
from ..support.synthetic import synthetic_dataset

needs_imagehash = pytest.mark.skipif(
    importlib.util.find_spec("imagehash") is None, reason="near copies need imagehash, which is optional"
)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """8 synthetic portraits of each class to train on, 2 to validate; no two alike."""
    return synthetic_dataset(tmp_path, 8)


def audited(dataset: Path) -> Audit:
    return audit(dataset, list_images(dataset, TRAINING), list_images(dataset, VALIDATION))


def left_out(report: Audit) -> dict[str, str]:
    return dict(zip(report.left_out["file"], report.left_out["reason"], strict=True))


def finding(report: Audit, row: str) -> tuple[str, str]:
    return tuple(report.table.loc[row, [TRAINING, VALIDATION]])


def test_faultless_dataset_is_used_whole(dataset: Path):
    report = audited(dataset)
    images = list_images(dataset, TRAINING)
    kept = report.kept(images)
    assert kept.drop(columns=OWN_SOURCE).equals(images) and (kept[OWN_SOURCE] == images["source"]).all()
    assert report.sources.nunique() == len(report.sources) == 20
    assert finding(report, "images") == ("16", "4") and finding(report, "of them male") == ("8", "2")
    silent = report.table.drop(["images", "of them female", "of them male", "a near copy"], errors="ignore")
    assert (silent == "0").all(axis=None)
    assert "nothing is left out" in str(report)


@pytest.mark.parametrize("content", [b"", b"no picture", "half"])
def test_unreadable_files_are_named_and_left_out_of_both_parts(content: bytes | str, dataset: Path):
    for file in ("Training/male/3-0.jpg", "Validation/female/1-0.jpg"):
        whole = (dataset / file).read_bytes()
        (dataset / file).write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    report = audited(dataset)
    assert left_out(report) == {"Training/male/3-0.jpg": UNREADABLE, "Validation/female/1-0.jpg": UNREADABLE}
    assert finding(report, UNREADABLE) == ("1", "1")
    assert "Training/male/3-0.jpg" in str(report)
    assert len(report.kept(list_images(dataset, VALIDATION))) == 3


def test_odd_sizes_are_counted_and_stay(dataset: Path):
    for number, size in enumerate([(64, 48), (32, 32), (32, 32)]):
        path = dataset / f"Training/female/{number}-0.jpg"
        Image.open(path).resize(size).save(path)
    report = audited(dataset)
    assert finding(report, "not square") == ("1", "0")
    assert finding(report, "other size than 64 x 64") == ("3", "0")
    assert left_out(report) == {}


def test_training_images_with_a_copy_in_validation_are_left_out(dataset: Path):
    shutil.copy(dataset / "Validation/male/0-0.jpg", dataset / "Training/male/5-0.jpg")
    report = audited(dataset)
    assert left_out(report) == {"Training/male/5-0.jpg": LEAKED}
    assert finding(report, "a copy in the other part") == ("1", "1")
    assert f"left out, {LEAKED}: 1 image, Training/male/5-0.jpg" in str(report)


def test_all_variants_of_a_portrait_that_is_in_validation_are_left_out(tmp_path: Path):
    dataset = synthetic_dataset(tmp_path, 8, variants=2, labels_file=True)
    shutil.copy(dataset / "Validation/male/0-0.jpg", dataset / "Training/male/5-0.jpg")
    assert left_out(audited(dataset)) == {"Training/male/5-0.jpg": LEAKED, "Training/male/5-1.jpg": LEAKED}


def test_portraits_that_the_labels_file_puts_into_both_parts_are_left_out(tmp_path: Path):
    dataset = synthetic_dataset(tmp_path, 8, labels_file=True)
    labels = dataset / "labels.csv"
    labels.write_text(labels.read_text().replace("Training-female-7,", "Validation-female-1,"))
    assert left_out(audited(dataset)) == {"Training/female/7-0.jpg": LEAKED}


def test_copies_with_both_labels_are_all_left_out_of_training(dataset: Path):
    for file in ("Training/female/2-0.jpg", "Training/female/3-0.jpg"):
        shutil.copy(dataset / "Training/male/1-0.jpg", dataset / file)
    report = audited(dataset)
    wrong = ["Training/female/2-0.jpg", "Training/female/3-0.jpg", "Training/male/1-0.jpg"]
    assert left_out(report) == dict.fromkeys(wrong, CONTRADICTED)
    assert finding(report, "a copy with the other label") == ("3", "0")


def test_contradictions_within_validation_are_counted_and_stay(dataset: Path):
    shutil.copy(dataset / "Validation/male/0-0.jpg", dataset / "Validation/female/0-0.jpg")
    report = audited(dataset)
    assert left_out(report) == {} and finding(report, "a copy with the other label") == ("0", "2")


def test_copies_within_a_part_are_counted_unless_they_are_known_variants(tmp_path: Path):
    dataset = synthetic_dataset(tmp_path, 8, variants=2, labels_file=True)
    shutil.copy(dataset / "Training/male/5-0.jpg", dataset / "Training/male/5-1.jpg")
    assert finding(audited(dataset), "a copy in the same part") == ("0", "0")
    shutil.copy(dataset / "Training/male/6-0.jpg", dataset / "Training/male/7-1.jpg")
    report = audited(dataset)
    assert finding(report, "a copy in the same part") == ("2", "0") and left_out(report) == {}


def test_what_is_kept_can_be_split(dataset: Path):
    shutil.copy(dataset / "Validation/male/0-0.jpg", dataset / "Training/male/5-0.jpg")
    fit, choose = split_training(audited(dataset).kept(list_images(dataset, TRAINING)))
    assert len(fit) + len(choose) == 15


def test_copies_stay_on_one_side_of_the_split(tmp_path: Path):
    """Kaggle's folder names no portraits: each file is its own, and forty copies of four are four portraits."""
    dataset = synthetic_dataset(tmp_path, 44)
    for name, number in np.ndindex(2, 40):
        folder = dataset / TRAINING / ("female", "male")[name]
        shutil.copy(folder / f"{40 + number % 4}-0.jpg", folder / f"{number}-0.jpg")
    kept = audited(dataset).kept(list_images(dataset, TRAINING))
    assert len(kept) == 88 and kept["source"].nunique() == 8
    for seed in range(5):
        fit, choose = split_training(kept, 0.5, seed=seed)
        bytes_of = [{(dataset / file).read_bytes() for file in side["file"]} for side in (fit, choose)]
        assert not bytes_of[0] & bytes_of[1]


def test_a_copy_unites_all_variants_of_both_portraits_under_the_first_name(tmp_path: Path):
    dataset = synthetic_dataset(tmp_path, 8, variants=2, labels_file=True)
    shutil.copy(dataset / "Training/male/6-0.jpg", dataset / "Training/male/7-1.jpg")
    images = list_images(dataset, TRAINING)
    kept = audited(dataset).kept(images)
    changed = kept["source"] != images["source"]
    assert kept.loc[changed, "file"].tolist() == ["Training/male/7-0.jpg", "Training/male/7-1.jpg"]
    assert set(kept.loc[changed, "source"]) == {"Training-male-6"}


@needs_imagehash
def test_a_near_copy_is_of_one_source(dataset: Path):
    save(hopper(), dataset / "Training/female/0-0.jpg", 95)
    save(hopper(), dataset / "Training/female/4-0.jpg", 60)
    kept = audited(dataset).kept(list_images(dataset, TRAINING)).set_index("file")["source"]
    assert kept["Training/female/4-0.jpg"] == "Training/female/0-0.jpg" and kept.nunique() == 15


def test_without_imagehash_near_copies_are_said_to_be_not_searched(dataset: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    shutil.copy(dataset / "Validation/male/0-0.jpg", dataset / "Training/male/5-0.jpg")
    report = audited(dataset)
    assert finding(report, "a near copy")[0].startswith("not searched")
    assert left_out(report) == {"Training/male/5-0.jpg": LEAKED}


@needs_imagehash
def test_another_file_of_the_same_portrait_behind_a_mask_is_a_near_copy(dataset: Path):
    save(hopper(), dataset / "Validation/female/0-0.jpg", 95)
    masked = hopper().copy()
    masked[330:] = (90, 140, 190)  # below her eyes
    save(masked, dataset / "Training/female/4-0.jpg", 60)
    save(collins(), dataset / "Training/female/5-0.jpg", 60)
    report = audited(dataset)
    assert left_out(report) == {"Training/female/4-0.jpg": LEAKED}
    assert finding(report, "a near copy in the other part") == ("1", "1")
    assert finding(report, "a copy in the other part") == ("0", "0")


@needs_imagehash
def test_different_people_are_no_near_copies(dataset: Path):
    for number, portrait in enumerate(fairface_portraits(200)):
        part = VALIDATION if number % 5 == 0 else TRAINING
        save(portrait, dataset / f"{part}/{('female', 'male')[number % 2]}/face{number}.jpg", 90)
    assert left_out(audited(dataset)) == {}


def save(portrait: np.ndarray, path: Path, quality: int) -> None:
    """Write a portrait as a JPEG of 256 pixels a side."""
    Image.fromarray(cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA)).save(path, quality=quality)


def test_near_pairs_are_those_of_comparing_all_with_all():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (40, 256), np.uint8)
    turned = [row ^ (rng.permutation(256) < apart) for row in bits for apart in (1, NEAR_BITS, NEAR_BITS + 1, 40)]
    bits = np.concatenate([bits, turned]).astype(np.uint8)
    expected = [
        (one, other)
        for one in range(len(bits))
        for other in range(one + 1, len(bits))
        if (bits[one] != bits[other]).sum() <= NEAR_BITS
    ]
    found = near_pairs(np.packbits(bits, axis=1).view(np.uint16))
    assert len(expected) >= 80 and [tuple(pair) for pair in found] == expected
