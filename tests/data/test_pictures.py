"""A dataset folder: found, listed with what is known of its portraits, split, and streamed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from maskedgender.data.augment import augmented
from maskedgender.data.batches import Batches
from maskedgender.data.copies import NEAR, near_pairs, perceptual_hash, without_leaks
from maskedgender.data.pictures import find_dataset, list_pictures, read_portrait
from maskedgender.data.split import split

from ..support.people import collins, hopper
from ..support.synthetic import synthetic_dataset


def test_lists_each_picture_with_its_part_and_label(tmp_path: Path):
    dataset = synthetic_dataset(tmp_path, portraits=8)
    pictures = list_pictures(tmp_path)
    assert pictures.groupby(["part", "label"]).size().to_dict() == {
        ("test", 0): 2, ("test", 1): 2, ("train", 0): 8, ("train", 1): 8
    }  # fmt: skip
    assert all(Path(row.path).parent.name == ("female", "male")[row.label] for row in pictures.itertuples())
    assert (pictures.source == pictures.file).all() and "style" not in pictures
    assert list_pictures(dataset).equals(pictures)


def test_folders_may_be_spelled_otherwise_and_named_from_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    dataset = synthetic_dataset(tmp_path, portraits=4)
    (dataset / "Training").rename(dataset / "train")
    (dataset / "Validation" / "male").rename(dataset / "Validation" / "Male")
    monkeypatch.chdir(dataset)
    assert len(list_pictures(find_dataset("."))) == 12


def test_labels_csv_tells_of_portraits_with_spaces_after_its_commas_and_from_windows_too(tmp_path: Path):
    labels = synthetic_dataset(tmp_path, portraits=4, variants=2, labels_file=True) / "labels.csv"
    pictures, text = list_pictures(tmp_path), labels.read_text()
    assert pictures[pictures.part == "train"].source.value_counts().eq(2).all()
    assert set(pictures["style"]) == {"none"} and set(pictures.age) == {"20-29"}
    for written in (text.replace(",", ", "), "\ufeff" + text.replace("/", "\\").replace("\n", "\r\n")):
        labels.write_bytes(written.encode())
        assert list_pictures(tmp_path).equals(pictures)


def test_a_picture_that_labels_csv_does_not_list_or_tells_no_source_of_is_its_own_portrait(tmp_path: Path):
    dataset = synthetic_dataset(tmp_path, portraits=4, labels_file=True)
    labels = dataset / "labels.csv"
    labels.write_text("\n".join(labels.read_text().splitlines()[:-1]))
    last = list_pictures(tmp_path).query("style == 'not known'")
    assert len(last) == 1 and last.source.item() == last.file.item()
    pd.read_csv(labels).drop(columns=["source", "race"]).to_csv(labels, index=False)
    pictures = list_pictures(tmp_path)
    assert (pictures.source == pictures.file).all() and "race" not in pictures


def test_what_network_drives_keep_beside_pictures_is_none(tmp_path: Path):
    dataset = synthetic_dataset(tmp_path / ".mine", portraits=4)
    folder = dataset / "Training" / "male"
    for name in ("._0-0.jpg", "@eaDir/0-0.jpg/SYNO.jpg", "Thumbs.db", ".@__thumb/0-0.jpg", ".picasaoriginals/0-0.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "0-0.jpg", folder / name)
    copy = shutil.copytree(dataset, tmp_path / "copy")
    for name in ("@Recycle", "#recycle", ".AppleDouble"):
        shutil.copytree(copy, dataset / name)
    assert len(list_pictures(tmp_path / ".mine")) == 12


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("file,source\n".encode("utf-16"), "invalid start byte"),
        ("file,source\na.jpg,Zo\xeb".encode("cp1252"), "can't decode byte"),
        (b"file;source\na.jpg;x", "file"),
        (b"file,source\na.jpg,x\nb.jpg,x,y,z", "line 3"),
        (b"", "No columns"),
        (b'file,source\n"a.jpg,x', "EOF inside string"),
    ],
)
def test_a_labels_csv_that_is_no_table_is_named(tmp_path: Path, content: bytes, told: str):
    dataset = synthetic_dataset(tmp_path, portraits=4)
    (dataset / "labels.csv").write_bytes(content)
    with pytest.raises(ValueError, match=f"labels.csv is no table in UTF-8 with commas and a column file: .*{told}"):
        list_pictures(tmp_path)


def test_a_class_without_pictures_is_told(tmp_path: Path):
    dataset = synthetic_dataset(tmp_path, portraits=2)
    for file in (dataset / "Validation" / "male").iterdir():
        file.unlink()
    with pytest.raises(FileNotFoundError, match=f"{tmp_path} needs Training/ and Validation/"):
        list_pictures(tmp_path)


def test_the_attached_dataset_is_found_and_a_given_one_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("KAGGLE_INPUT_ROOT", str(tmp_path / "input"))
    synthetic_dataset(tmp_path / "input" / "datasets" / "owner" / "name", portraits=2)
    assert len(list_pictures(find_dataset())) == 8
    assert find_dataset(tmp_path / "mine") == tmp_path / "mine"


def test_reads_colours_in_their_order_and_names_with_umlauts(tmp_path: Path):
    red = np.zeros((40, 60, 3), np.uint8)
    red[..., 0] = 200
    Image.fromarray(red).save(tmp_path / "Bärbel.png")
    assert read_portrait(tmp_path / "Bärbel.png", 32)[16, 16].tolist() == [200, 0, 0]
    (tmp_path / "empty.jpg").touch()
    assert read_portrait(tmp_path / "empty.jpg", 32) is None


def test_hashes_of_a_portrait_stay_alike_and_those_of_strangers_do_not(tmp_path: Path):
    def of(name: str, pixels: np.ndarray, **how: int) -> np.ndarray:
        Image.fromarray(pixels).save(tmp_path / name, **how)
        return np.frombuffer(perceptual_hash(str(tmp_path / name)) or b"", np.uint8)

    masked = hopper().copy()
    masked[350:] = 120  # something over the lower half
    small = np.asarray(Image.fromarray(hopper()).resize((200, 230)))
    looks = np.stack(
        [of("a.png", hopper()), of("b.jpg", small, quality=70), of("c.png", masked), of("d.png", collins())]
    )
    pairs = {tuple(pair) for pair in np.sort(near_pairs(looks)).tolist() if pair[0] < pair[1]}
    assert pairs == {(0, 1), (0, 2), (1, 2)}


def test_near_pairs_are_those_that_comparing_all_gives():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (630, 256), np.uint8)
    for row in range(30):  # near copies, with up to 30 bits turned
        bits[600 + row] = bits[row]
        bits[600 + row, rng.choice(256, row + 1, replace=False)] ^= 1
    wanted = np.argwhere((bits[:, None] != bits[None]).sum(axis=2) <= NEAR)
    found = np.sort(near_pairs(np.packbits(bits, axis=1)))
    assert {tuple(pair) for pair in found.tolist()} == {tuple(sorted(pair)) for pair in wanted.tolist()}


def test_training_loses_what_shows_a_portrait_of_the_test_or_contradicts_itself(tmp_path: Path):
    dataset = synthetic_dataset(tmp_path, portraits=12)
    copy = (dataset / "Validation" / "male" / "0-0.jpg").read_bytes()
    (dataset / "Training" / "male" / "leaked.jpg").write_bytes(copy)
    twin = (dataset / "Training" / "female" / "3-0.jpg").read_bytes()
    (dataset / "Training" / "male" / "twin.jpg").write_bytes(twin)
    (dataset / "Training" / "male" / "broken.jpg").write_bytes(twin[:20])
    kept, told = without_leaks(list_pictures(tmp_path))
    assert re.findall(r"\d+", told) == ["1", "1", "2"], told  # unreadable, leaked, with the other label
    assert not kept.file.str.contains("leaked|twin|broken|Training/female/3-0").any() and len(kept) == 24 - 1 + 6


def test_a_portraits_side_depends_on_its_name_alone(tmp_path: Path):
    synthetic_dataset(tmp_path, portraits=60, variants=2, labels_file=True)
    pictures = list_pictures(tmp_path)
    train, validation, test = split(pictures)
    assert not set(train.source) & set(validation.source) and set(test.part) == {"test"}
    assert 2 <= validation.source.nunique() <= 30
    fewer = split(pictures.sample(frac=0.5, random_state=1))
    assert set(fewer[1].source) <= set(validation.source) and set(fewer[0].source) <= set(train.source)


def test_batches_show_each_portrait_once_an_epoch_and_others_in_the_next(tmp_path: Path):
    synthetic_dataset(tmp_path, portraits=10, variants=3, labels_file=True)
    train = list_pictures(tmp_path).query("part == 'train'").reset_index(drop=True)
    batches = Batches(train, 32, batch=8, augment=True)
    shown = []
    for epoch in (0, 1, 0):
        batches.begin(epoch, 10)
        assert train.source[batches.rows].is_unique and len(batches) == 3
        shown.append(batches[0])
    assert not np.array_equal(shown[0][0], shown[1][0])
    assert all(np.array_equal(*pair) for pair in zip(shown[0], shown[2], strict=True))  # as after a stop


def test_batches_without_augmentation_are_the_pictures_in_their_order(tmp_path: Path):
    synthetic_dataset(tmp_path, portraits=3)
    pictures = list_pictures(tmp_path)
    batches = Batches(pictures, 32, batch=4)
    read = np.concatenate([batches[number][0] for number in range(len(batches))])
    assert np.array_equal(read, np.stack([read_portrait(path, 32) for path in pictures.path]))
    assert np.concatenate([batches[number][1] for number in range(len(batches))]).tolist() == pictures.label.tolist()


def test_women_and_men_of_an_age_weigh_the_same_in_training(tmp_path: Path):
    synthetic_dataset(tmp_path, portraits=30, labels_file=True)
    train = list_pictures(tmp_path).query("part == 'train'")
    few = (train.label == 0) & (np.arange(len(train)) % 5 == 0)
    train["age"] = np.where(few | (train.label == 1), "more than 70", "20-29")
    batches = Batches(train, 32, augment=True)
    weights = pd.Series(batches.weights, train.index)
    old = train.age == "more than 70"
    assert weights[few].sum() == pytest.approx(weights[old & ~few].sum()) and weights[few].min() > 2
    assert (batches[0][2] == batches.weights[batches.rows[:32]]).all()
    assert set(Batches(train, 32).weights) == {1}


def test_augmentation_keeps_the_portrait_and_is_another_each_time():
    portrait = np.asarray(Image.fromarray(hopper()).resize((96, 96)))
    rng = np.random.default_rng(0)
    pictures = [augmented(portrait, rng) for _ in range(60)]
    assert len({picture.tobytes() for picture in pictures}) == 60
    assert all(picture.shape == portrait.shape and picture.dtype == np.uint8 for picture in pictures)
    both_ways = portrait / 2 + portrait[:, ::-1] / 2  # half of them are mirrored
    assert np.corrcoef(np.mean(pictures, axis=0).ravel(), both_ways.ravel())[0, 1] > 0.6
    still = augmented(portrait, np.random.default_rng(3), strength=0.0)
    assert min(np.abs(still.astype(int) - turned).max() for turned in (portrait, portrait[:, ::-1])) <= 1
