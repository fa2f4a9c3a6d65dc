"""The dataset folder: found wherever it lies, split without leaks, streamed in true colours."""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from maskedgender.data import augment, listing
from maskedgender.data.augment import augmented
from maskedgender.data.layout import FOLDER, OURS, TRAINING, VALIDATION, folder_names
from maskedgender.data.listing import list_images
from maskedgender.data.locate import find_dataset
from maskedgender.data.split import limited, masked_ones, split_training
from maskedgender.data.stream import PortraitStream
from maskedgender.images.folders import Scan
from maskedgender.images.reduced_decoding import read_portrait

from ..support.synthetic import synthetic_dataset, synthetic_portrait


@pytest.mark.parametrize(
    "layout", ["gender-classified-dataset-with-masked-face", "datasets/itsshuvra/with-masked-face"]
)
def test_attached_dataset_is_found_in_both_layouts_of_kaggle(
    layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = synthetic_dataset(tmp_path / layout, 2)
    monkeypatch.setenv("KAGGLE_INPUT_ROOT", str(tmp_path))
    assert find_dataset() == dataset


def test_given_folder_wins_whether_it_is_the_dataset_or_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synthetic_dataset(tmp_path / "attached", 2)
    mine = synthetic_dataset(tmp_path / "mine" / "deeper", 2)
    monkeypatch.setenv("KAGGLE_INPUT_ROOT", str(tmp_path / "attached"))
    assert find_dataset(mine) == mine
    assert find_dataset(str(tmp_path / "mine")) == mine
    assert find_dataset(mine.rename(tmp_path / "another-name")) == tmp_path / "another-name"


def test_given_folder_without_a_dataset_is_an_error_that_says_what_is_expected(tmp_path: Path) -> None:
    for name in ("train/Female", "train/Male"):
        (tmp_path / name).mkdir(parents=True)
    expected, found = r"Training/ and Validation/.*female/ and male/", "found train/, train/Female/, train/Male/"
    with pytest.raises(FileNotFoundError, match=rf"{re.escape(str(tmp_path))}.*{expected}.*{found}"):
        find_dataset(tmp_path)
    with pytest.raises(FileNotFoundError, match="found no such folder"):
        find_dataset(tmp_path / "nowhere")


@pytest.mark.parametrize("called", ["women,men", "women, men,train,val"])
def test_a_dataset_with_other_names_is_listed_by_them(called: str, tmp_path: Path) -> None:
    names = folder_names(called)
    dataset = synthetic_dataset(tmp_path, 3)
    for part in (TRAINING, VALIDATION):
        for name in ("female", "male"):
            (dataset / part / name).rename(dataset / part / names[name])
        (dataset / part).rename(dataset / names[part])
    with pytest.raises(FileNotFoundError, match=r"found .*women/.*give these: --classes Female,Male"):
        find_dataset(tmp_path)
    assert find_dataset(tmp_path, names) == dataset
    images = list_images(dataset, TRAINING, names)
    assert images["file"].tolist()[::3] == [f"{names[TRAINING]}/women/0-0.jpg", f"{names[TRAINING]}/men/0-0.jpg"]
    assert images["label"].tolist() == [0, 0, 0, 1, 1, 1]
    expected = f"expected a folder with {names[TRAINING]}/ and {names[VALIDATION]}/, each with women/ and men/"
    with pytest.raises(FileNotFoundError, match=expected):
        find_dataset(tmp_path / "elsewhere", names)


@pytest.mark.parametrize("called", ["male,female", "Male,F", "F,Female", "women", "a,b,c", "a,b,c,d,e", "a,a", "a,"])
def test_names_that_would_swap_labels_or_say_too_little_are_refused(called: str) -> None:
    with pytest.raises(ValueError, match=rf'"{called}" does not say .*female, then that of male, such as Female,Male'):
        folder_names(called)


def test_without_other_names_the_folders_have_ours() -> None:
    assert folder_names(None) == OURS == {name: name for name in ("female", "male", "Training", "Validation")}


class FakeKaggle(BaseHTTPRequestHandler):
    """Answers as Kaggle's API does for a public dataset of which `archive` is the download; None: it is broken."""

    archive: bytes | None = None

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.archive is None:
            self._answer(500, "application/json", json.dumps({"code": 500, "message": "on fire"}).encode())
        elif self.path.endswith("GetDataset"):
            self._answer(200, "application/json", json.dumps({"currentVersionNumber": 3}).encode())
        else:
            self._answer(200, "application/zip", self.archive)

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def fake_kaggle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[FakeKaggle]]:
    """kagglehub, the real one, talking to a local server."""
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "TEST")  # localhost:7777
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KAGGLE_INPUT_ROOT", str(tmp_path / "nothing-attached"))
    server = ThreadingHTTPServer(("localhost", 7777), FakeKaggle)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield FakeKaggle
    FakeKaggle.archive = None
    server.shutdown()
    server.server_close()


def test_dataset_is_downloaded_by_kagglehub_when_none_is_at_hand(fake_kaggle: type[FakeKaggle], tmp_path: Path) -> None:
    dataset = synthetic_dataset(tmp_path / "kaggle", 2)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in dataset.rglob("*.jpg"):
            zipped.write(path, path.relative_to(dataset.parent))
    fake_kaggle.archive = archive.getvalue()
    found = find_dataset()
    assert found.is_relative_to(tmp_path / "cache")
    assert len(list_images(found, TRAINING)) == 4


def test_failed_download_is_one_clear_sentence(fake_kaggle: type[FakeKaggle]) -> None:
    with pytest.raises(FileNotFoundError, match=r"download failed.*kaggle\.com/datasets/itsshuvra"):
        find_dataset()


def test_images_are_listed_with_labels_by_folder(tmp_path: Path) -> None:
    images = list_images(synthetic_dataset(tmp_path, 3), TRAINING)
    assert list(images.columns) == ["file", "label", "source", "age", "race", "style"]
    assert images["file"].tolist()[:3] == [f"Training/female/{number}-0.jpg" for number in range(3)]
    assert images["label"].tolist() == [0, 0, 0, 1, 1, 1]
    assert images["source"].nunique() == 6, "numbers that begin anew in each class are other people"
    assert set(images["race"]) == {"not known"}


def test_labels_file_describes_the_images_that_it_knows(tmp_path: Path) -> None:
    dataset = synthetic_dataset(tmp_path, 3, variants=2, labels_file=True)
    Image.fromarray(synthetic_portrait(1, 99)).save(dataset / "Training/male/extra.PNG")
    with pytest.warns(UserWarning, match="does not list 1 image: left out"):
        images = list_images(dataset, TRAINING).set_index("file")
    assert images.loc["Training/male/1-0.jpg", "source"] == images.loc["Training/male/1-1.jpg", "source"]
    assert images.loc["Training/male/1-1.jpg", ["age", "race", "style"]].tolist() == ["20-29", "synthetic", "none"]
    assert "Training/male/extra.PNG" not in images.index


def test_missing_or_empty_class_folder_is_an_error(tmp_path: Path) -> None:
    dataset = synthetic_dataset(tmp_path, 2)
    for path in (dataset / VALIDATION / "male").iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match="male"):
        list_images(dataset, VALIDATION)


def images_of(counts: tuple[int, int], variants: int) -> pd.DataFrame:
    """A list of images that need not exist."""
    rows = [
        (f"Training/{label}/{number}-{variant}.jpg", label, f"{label}/{number}")
        for label, count in enumerate(counts)
        for number, variant in np.ndindex(count, variants)
    ]
    return pd.DataFrame(rows, columns=["file", "label", "source"])


def test_split_keeps_variants_together_and_classes_in_proportion() -> None:
    images = images_of((300, 100), variants=3)
    fit, choose = split_training(images, 0.1, seed=5)
    assert not set(fit["source"]) & set(choose["source"])
    assert sorted([*fit["file"], *choose["file"]]) == sorted(images["file"])
    assert choose["label"].value_counts().to_dict() == pytest.approx({0: 90, 1: 30}, rel=0.35)


def test_split_follows_from_the_seed_not_from_the_order_of_rows() -> None:
    images = images_of((50, 50), variants=2)
    first, again = (split_training(rows, 0.2, seed=1)[1] for rows in (images, images.sample(frac=1, random_state=0)))
    assert set(first["file"]) == set(again["file"])
    assert set(first["file"]) != set(split_training(images, 0.2, seed=2)[1]["file"])


def test_a_portrait_stays_on_its_side_whatever_else_is_listed() -> None:
    images = images_of((400, 400), variants=2)
    chosen = set(split_training(images)[1]["source"])
    fewer = images[~images["source"].isin(["0/3", "1/77"])]
    assert set(split_training(fewer)[1]["source"]) == chosen - {"0/3", "1/77"}
    more = images_of((800, 500), variants=1)
    assert {source for source in split_training(more)[1]["source"] if source in set(images["source"])} == chosen


def test_the_rule_is_written_down_so_that_it_never_changes_unnoticed() -> None:
    images = images_of((20, 20), variants=1)
    assert split_training(images)[1]["source"].tolist() == ["0/3", "0/5", "0/7", "0/19", "1/19"]


@pytest.mark.parametrize(("share", "sides"), [(1e-9, (4, 1)), (1.0, (1, 4))])
def test_each_side_has_a_portrait_of_each_class(share: float, sides: tuple[int, int]) -> None:
    fit, choose = split_training(images_of((5, 5), variants=2), share)
    for side, count in zip((fit, choose), sides, strict=True):
        assert side.drop_duplicates("source")["label"].value_counts().to_dict() == {0: count, 1: count}


@pytest.mark.parametrize("count", [1, 0])
def test_split_of_a_class_with_one_portrait_or_none_is_an_error(count: int) -> None:
    with pytest.raises(ValueError, match=f"male has {count}"):
        split_training(images_of((5, count), variants=4))


def one_image(folder: Path, pixels: np.ndarray, name: str = "one.png") -> pd.DataFrame:
    Image.fromarray(pixels).save(folder / name)
    return pd.DataFrame({"file": [name], "label": [1]})


def test_limited_images_are_of_as_many_portraits_as_can_be(tmp_path: Path) -> None:
    images = list_images(synthetic_dataset(tmp_path, portraits=20, variants=2, labels_file=True), TRAINING)
    few, more = limited(images, 30), limited(images, 60)
    assert few["source"].is_unique and few["label"].value_counts().tolist() == [15, 15]
    assert set(more["source"]) == set(images["source"]) and len(more) == 60 and more["file"].is_unique
    assert limited(images, 1000).equals(images) and limited(images, 30, seed=1)["file"].tolist() != few["file"].tolist()


def test_masked_ones_are_all_where_the_dataset_does_not_tell() -> None:
    images = pd.DataFrame({"label": [0, 0, 1, 1], "style": ["none", "n95", "cloth", "none"]})
    assert masked_ones(images).index.tolist() == [1, 2]
    assert len(masked_ones(images.assign(style="not known"))) == 4
    assert len(masked_ones(images.assign(style=["none", "none", "cloth", "cloth"]))) == 4, "no woman would be left"


def test_stream_gives_true_rgb_from_0_to_255(tmp_path: Path) -> None:
    red_over_blue = np.zeros((100, 100, 3), np.uint8)
    red_over_blue[:50, :, 0] = red_over_blue[50:, :, 2] = 255
    x, y = PortraitStream(tmp_path, one_image(tmp_path, red_over_blue), (50, 50, 3), 1)[0]
    assert (x.dtype, x.shape, y.dtype, y.tolist()) == (np.uint8, (1, 50, 50, 3), np.int32, [1])
    np.testing.assert_array_equal(x[0, 10, 10], [255, 0, 0])
    np.testing.assert_array_equal(x[0, 40, 40], [0, 0, 255])


def test_stream_greys_by_the_luma_of_true_rgb(tmp_path: Path) -> None:
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 255
    x, _ = PortraitStream(tmp_path, one_image(tmp_path, red), (32, 32, 1), 1)[0]
    assert x.shape == (1, 32, 32, 1)
    np.testing.assert_array_equal(x, 76)  # 0.299 * 255; a blue of the same strength would be 29


def test_jpeg_read_at_reduced_scale_equals_the_whole_picture_made_smaller(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 256)
    pixels = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], ramp[::-1, None]), axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "ramp.jpg", quality=95)
    for size in (100, 128, 200):
        whole = np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BOX), dtype=int)
        assert np.abs(read_portrait(tmp_path / "ramp.jpg", size) - whole).mean() < 2


def test_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"not a picture")
    with pytest.raises(ValueError, match=r"broken\.jpg"):
        read_portrait(tmp_path / "broken.jpg", 32)


def test_stream_gives_each_image_once_an_epoch_in_an_order_of_seed_and_epoch(tmp_path: Path) -> None:
    dataset = synthetic_dataset(tmp_path, 10)
    images = list_images(dataset, TRAINING).assign(label=range(20))  # so that a label names its image

    def order(seed: int, epoch: int) -> list[int]:
        stream = PortraitStream(dataset, images, (32, 32, 3), 8, seed=seed, shuffle=True)
        stream.epoch = epoch
        assert [len(stream[index][1]) for index in range(len(stream))] == [8, 8, 4]
        return np.concatenate([stream[index][1] for index in range(3)]).tolist()

    assert sorted(order(0, 0)) == list(range(20))
    assert order(0, 1) == order(0, 1) != order(0, 0) != order(1, 0)


def test_stream_pairs_each_image_with_its_own_label(tmp_path: Path) -> None:
    dataset = synthetic_dataset(tmp_path, 10)
    stream = PortraitStream(dataset, list_images(dataset, TRAINING), (32, 32, 3), 20, shuffle=True, augment=True)
    x, y = stream[0]
    brighter_below = x[:, 20:].mean((1, 2, 3)) > x[:, :12].mean((1, 2, 3))
    np.testing.assert_array_equal(brighter_below, y == 1)


def test_augmentation_follows_from_seed_epoch_and_image(tmp_path: Path) -> None:
    dataset = synthetic_dataset(tmp_path, 4)
    stream = PortraitStream(dataset, list_images(dataset, TRAINING), (48, 48, 3), 8, augment=True)
    first, _ = stream[0]
    np.testing.assert_array_equal(first, stream[0][0])
    stream.epoch = 1
    assert (stream[0][0] != first).any(axis=(1, 2, 3)).all()
    stream.seed, stream.epoch = 1, 0
    assert (stream[0][0] != first).any(axis=(1, 2, 3)).all()


def test_augmentation_without_strength_only_mirrors(tmp_path: Path) -> None:
    dataset = synthetic_dataset(tmp_path, 4)
    images = list_images(dataset, TRAINING)
    plain, augmenting = (PortraitStream(dataset, images, (48, 48, 3), 8, augment=augment) for augment in (False, True))
    augmenting.strength = 0.0
    for as_it_is, augmented_one in zip(plain[0][0], augmenting[0][0], strict=True):
        mirrored = as_it_is[:, ::-1]
        assert any(np.abs(augmented_one - other.astype(int)).max() <= 1 for other in (as_it_is, mirrored))


def test_a_labels_file_of_ones_own_needs_the_column_file_alone(tmp_path: Path) -> None:
    dataset = synthetic_dataset(tmp_path, 3)
    files = list_images(dataset, TRAINING)["file"]
    pd.DataFrame({"file": files, "race": "A"}).to_csv(dataset / "labels.csv", index=False)
    images = list_images(dataset, TRAINING)
    assert images["source"].tolist() == files.tolist() and set(images["race"]) == {"A"}
    blank = dict.fromkeys(("source", "age", "race", "style"), "")
    pd.DataFrame({"file": files, **blank}).to_csv(dataset / "labels.csv", index=False)
    images = list_images(dataset, TRAINING)
    assert images["source"].tolist() == files.tolist(), "a blank cell says nothing"
    assert set(images[["age", "race", "style"]].stack()) == {"not known"}
    for wrong in (pd.DataFrame({"file": ["elsewhere.jpg"]}), pd.DataFrame({"name": files})):
        wrong.to_csv(dataset / "labels.csv", index=False)
        with pytest.raises(ValueError, match=r"labels\.csv lists none of the images"):
            list_images(dataset, TRAINING)


def test_a_class_folder_with_a_part_that_may_not_be_opened_is_no_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = synthetic_dataset(tmp_path, 3)
    closed = dataset / "Training" / "female" / "closed"
    monkeypatch.setattr(listing, "scan", lambda folder: Scan([folder / "1.jpg"], closed=[closed]))
    with pytest.raises(PermissionError, match=r"closed may not be opened"):
        list_images(dataset, TRAINING)


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_augmentation_moves_within_its_bounds(strength: float, monkeypatch: pytest.MonkeyPatch) -> None:
    for chance in ("ERASE_CHANCE", "DEGRADE_CHANCE"):
        monkeypatch.setattr(augment, chance, 0)
    dot = np.zeros((101, 101, 3), np.uint8)
    dot[46:55, 46:55] = 255
    centres = []
    for seed in range(100):
        picture = augmented(dot, np.random.default_rng(seed), strength)[..., 1].astype(float)
        picture -= np.median(picture)
        centres.append([np.average(axis, weights=picture) for axis in np.indices(picture.shape)])
    away = np.abs(np.array(centres) - 50)
    assert 10 * strength < away.max() < 12.7 * strength  # 12 % of the side


def test_augmentation_turns_and_scales_about_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    for chance in ("ERASE_CHANCE", "DEGRADE_CHANCE", "SHIFT"):
        monkeypatch.setattr(augment, chance, 0)
    rows, columns = np.indices((100, 100)) - 49.5
    waves = (128 + 100 * np.cos(0.12 * rows + 0.07 * columns)).astype(np.uint8)  # the same when turned by half
    for seed in range(20):
        picture = augmented(np.dstack([waves] * 3), np.random.default_rng(seed)).astype(int)
        half_turned = picture[::-1, ::-1]
        assert np.abs(picture - half_turned)[25:75, 25:75].max() <= 8


@pytest.mark.parametrize("kind", ["GREY", "DEGRADE", "ERASE"])
def test_augmentation_spoils_as_many_pictures_as_it_says(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chances = {name: getattr(augment, f"{name}_CHANCE") for name in ("GREY", "DEGRADE", "ERASE")}
    still = dict.fromkeys(("SHIFT", "SCALE", "ROTATION", "GAIN", "CHANNEL_GAIN", "OFFSET"), 0.0)
    for name, value in {**still, **{f"{name}_CHANCE": chances[name] * (name == kind) for name in chances}}.items():
        monkeypatch.setattr(augment, name, value)
    portrait = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    pictures = [augmented(portrait, np.random.default_rng(seed)) for seed in range(400)]
    spoilt = [not any((picture == one).all() for one in (portrait, portrait[:, ::-1])) for picture in pictures]
    assert np.mean(spoilt) == pytest.approx(chances[kind], abs=0.08)


def test_what_is_erased_may_reach_every_edge() -> None:
    touched = np.zeros((16, 16), bool)
    for seed in range(3000):
        portrait = np.full((16, 16, 3), 127, np.uint8)
        augment._erase(portrait, np.random.default_rng(seed))
        changed = (portrait != 127).any(axis=2)
        assert 0 < changed.sum() <= (augment.ERASE_SIDE * 16) ** 2
        touched |= changed
    assert touched.all()


def test_folder_name_is_kaggles() -> None:
    assert (FOLDER, TRAINING, VALIDATION) == ("GenderOcclusionData", "Training", "Validation")
