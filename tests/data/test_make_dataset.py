"""Portraits in, Kaggle's layout out: nothing lost, nothing passed on that is not what it says, nothing done twice."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import psutil
import pytest
from PIL import Image

from maskedgender.data.dataset_folder import alone_in
from maskedgender.data.listing import list_images
from maskedgender.data.make_dataset import MASKED_SCORE, enlarged, make_dataset
from maskedgender.data.portraits import LOT, VALIDATION_SHARE, PortraitsError
from maskedgender.data.split import split_training
from maskedgender.faces.crops import BOX_CENTRE_IN_CROP, CROP_OVER_BOX, canonical_crop
from maskedgender.faces.detector import detect
from maskedgender.faces.finding import find_close_up, find_faces
from maskedgender.images.photos import read_photo
from maskedgender.images.reduced_decoding import read_portrait

from ..support.people import collins, hopper

MANY = [f"{number}.jpg" for number in range(2000)]
LABELS = [number % 2 for number in range(2000)]
HEADER = "file,age,gender,race\n"


def write_portrait(path: Path, photo: np.ndarray, number: int) -> None:
    """A portrait that differs with its number: another framing and another light."""
    top, left = 7 * (number % 5), 9 * (number % 4)
    photo = photo[top : top + 420, left : left + 420]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((photo * (0.7 + 0.05 * (number % 6))).astype(np.uint8)).resize((144, 144)).save(path, quality=95)


@pytest.fixture
def portraits(tmp_path: Path) -> Path:
    """Twelve portraits for training and four for validation, with labels in FairFace's form."""
    folder = tmp_path / "portraits"
    for part, count in (("train", 12), ("val", 4)):
        lines = [HEADER]
        for number in range(1, count + 1):
            photo, gender = (hopper(), "female") if number % 2 else (collins(), "male")  # any label will do here
            write_portrait(folder / part / f"{number}.jpg", photo, number)
            lines.append(f"{part}/{number}.jpg,30-39,{gender},White\n")
        (folder / f"{part}_labels.csv").write_text("".join(lines))
    return folder


def labels(portraits: Path) -> list[Path]:
    return [portraits / "train_labels.csv", portraits / "val_labels.csv"]


def images_of(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*.jpg"))}


def test_the_layout_is_kaggles_and_every_image_is_a_crop_with_its_labels(portraits, tmp_path):
    summary = make_dataset(portraits, labels(portraits), tmp_path / "out", variants=2, unmasked=0.3)
    dataset = tmp_path / "out" / "GenderOcclusionData"
    table = pd.read_csv(dataset / "labels.csv")
    assert sorted(table["file"]) == sorted(
        path.removeprefix("GenderOcclusionData/") for path in images_of(tmp_path / "out")
    )
    assert list(table.columns) == ["file", "source", "gender", "age", "race", "style"]
    assert len(table) == 32
    assert (table["file"].str.split("/").str[1] == table["gender"]).all()
    assert (table["file"].str.startswith("Training/") == table["source"].str.startswith("train/")).all()
    assert {cv2.imread(str(dataset / file)).shape for file in table["file"]} == {(256, 256, 3)}
    assert 0 < (table["style"] == "none").sum() < 20
    assert summary.portraits == 16
    assert summary.outcomes == {}
    assert f"{(table['style'] != 'none').sum()}" in summary.table()


def test_bare_images_show_the_portrait_and_masked_ones_do_not(portraits, tmp_path):
    make_dataset(portraits, labels(portraits), tmp_path / "bare", unmasked=1)
    make_dataset(portraits, labels(portraits), tmp_path / "masked", unmasked=0, styles=["surgical"])
    bare, masked = (images_of(tmp_path / name) for name in ("bare", "masked"))
    assert bare.keys() == masked.keys()
    for name, jpeg in bare.items():
        difference = np.abs(decoded(jpeg).astype(int) - decoded(masked[name]))
        assert difference[150:190, 100:150].mean() > 15
        assert difference[50:100, 60:190].mean() < difference[150:190, 60:190].mean()  # the eyes stay free


def decoded(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_training_reads_what_serving_sees(portraits, tmp_path):
    """Framing, colour order and scale: the same portrait by make-dataset and the stream, and by the app's own steps."""
    make_dataset(portraits, labels(portraits), tmp_path / "out", unmasked=1)
    dataset = tmp_path / "out/GenderOcclusionData"
    for row in pd.read_csv(dataset / "labels.csv").itertuples():
        photo = read_photo(portraits / row.source)
        photo, face = enlarged(photo, detect(photo, 224)[0])
        found, framed = find_faces(photo)[0], find_close_up(photo, MASKED_SCORE) or face
        np.testing.assert_allclose(found.box, framed.box, atol=0.12 * max(found.box[2:]))
        served = canonical_crop(photo, framed, 128).astype(int)
        read = read_portrait(dataset / row.file, 128)
        assert np.abs(served - read).mean() < 6
        assert np.abs(served[..., ::-1] - read).mean() > 2 * np.abs(served - read).mean()


def test_a_masked_face_is_framed_as_the_detector_finds_it_in_its_mask(portraits, tmp_path):
    """The bare face's box is larger, and its middle lower: a mask hides the chin from the detector."""
    make_dataset(portraits, labels(portraits), tmp_path / "out", variants=2, unmasked=0, styles=["n95"])
    boxes = [find_close_up(decoded(jpeg)[..., ::-1], MASKED_SCORE).box for jpeg in images_of(tmp_path / "out").values()]
    middles = np.array([(x + width / 2, y + height / 2) for x, y, width, height in boxes]) / 256
    sides = np.array([max(box[2:]) for box in boxes]) / 256
    np.testing.assert_allclose(middles.mean(axis=0), BOX_CENTRE_IN_CROP, atol=0.02)
    assert sides.mean() == pytest.approx(1 / CROP_OVER_BOX, rel=0.05)


def test_zips_give_what_folders_give_and_the_seed_decides(portraits, tmp_path):
    zipped = tmp_path / "zipped"
    zipped.mkdir()
    for number, part in enumerate(("train", "val")):
        with zipfile.ZipFile(zipped / f"part-{number}.zip", "w") as archive:
            for path in (portraits / part).iterdir():
                archive.write(path, f"{part}/{path.name}")
    made = [
        (make_dataset(place, labels(portraits), tmp_path / name, seed=seed), images_of(tmp_path / name))[1]
        for name, place, seed in (("folders", portraits, 0), ("zips", zipped, 0), ("seed", portraits, 1))
    ]
    assert made[0] == made[1]
    assert made[0] != made[2]


def test_the_authors_own_spelling_is_understood(portraits, tmp_path):
    csv = tmp_path / "fairface_label_val.csv"
    csv.write_text("file,age,gender,race,service_test\nval/1.jpg,more than 70,Female,East Asian,True\n")
    make_dataset(portraits, [csv], tmp_path / "out")
    row = pd.read_csv(tmp_path / "out/GenderOcclusionData/labels.csv").iloc[0]
    assert (row["file"], row["gender"], row["age"]) == ("Validation/female/1-0.jpg", "female", "70+")


def test_what_cannot_be_masked_is_left_out_and_reported(portraits, tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (144, 144, 3), dtype=np.uint8)).save(portraits / "train/1.jpg")
    (portraits / "train/2.jpg").write_bytes((portraits / "train/2.jpg").read_bytes()[:200])
    (portraits / "train/3.jpg").write_bytes(b"")
    summary = make_dataset(portraits, labels(portraits)[:1], tmp_path / "out", unmasked=0)
    assert summary.outcomes == {"no face": 1, "unreadable": 2}
    left_out = pd.read_csv(tmp_path / "out/GenderOcclusionData/left-out.csv")
    assert sorted(left_out["source"]) == [f"train/{number}.jpg" for number in (1, 2, 3)]
    assert len(images_of(tmp_path / "out")) == 9


def test_a_wrong_folder_does_not_pass_for_unreadable_pictures(portraits, tmp_path):
    (portraits / "train/4.jpg").unlink()
    with pytest.raises(PortraitsError, match=r"1 of the 12 portraits .* train/4\.jpg"):
        make_dataset(portraits, labels(portraits)[:1], tmp_path / "out")
    write_portrait(portraits / "train/4.jpg", hopper(), 4)
    assert make_dataset(portraits, labels(portraits)[:1], tmp_path / "out").portraits == 12


def test_labels_with_commas_repeats_and_contradictions(portraits, tmp_path):
    csv = tmp_path / "labels.csv"
    csv.write_text('file,gender,race\ntrain/1.jpg,female,"Black, African"\ntrain/1.jpg,female,"Black, African"\n')
    make_dataset(portraits, [csv], tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/GenderOcclusionData/labels.csv")
    assert table[["source", "race"]].values.tolist() == [["train/1.jpg", "Black, African"]]
    csv.write_text("file,gender\ntrain/1.jpg,female\ntrain/1.jpg,male\n")
    with pytest.raises(PortraitsError, match=r"different things of train/1\.jpg"):
        make_dataset(portraits, [csv], tmp_path / "other")
    csv.write_text("file,gender\ntrain/a/1.jpg,female\ntrain/a-1.jpg,female\n")
    with pytest.raises(PortraitsError, match="would get one name"):
        make_dataset(portraits, [csv], tmp_path / "other")


def test_a_portrait_whose_variants_are_half_written_down_is_made_again(portraits, tmp_path):
    make_dataset(portraits, labels(portraits), tmp_path / "out", variants=3)
    table = tmp_path / "out/GenderOcclusionData/labels.csv"
    whole = pd.read_csv(table)
    whole.iloc[:-2].to_csv(table, index=False)  # as a kill between the rows of one portrait leaves it
    make_dataset(portraits, labels(portraits), tmp_path / "out", variants=3)
    assert sorted(map(tuple, pd.read_csv(table).to_numpy())) == sorted(map(tuple, whole.to_numpy()))


def test_two_zips_that_hold_one_name_are_refused(portraits, tmp_path):
    for name in ("margin025.zip", "margin125.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.write(portraits / "train/1.jpg", "train/1.jpg")
    with pytest.raises(PortraitsError, match=r"train/1\.jpg lies in .*margin025\.zip and in .*margin125\.zip"):
        make_dataset(tmp_path, labels(portraits), tmp_path / "out")


@pytest.fixture
def many(portraits: Path) -> Path:
    """Labels of 120 portraits, so that a run takes some seconds."""
    lines = (portraits / "train_labels.csv").read_text().splitlines()[1:]
    rows = [HEADER]
    for number in range(120):
        source = portraits / lines[number % 12].split(",")[0]
        (portraits / "train" / f"more{number}.jpg").write_bytes(source.read_bytes())
        rows.append(f"train/more{number}.jpg,20-29,{'female' if number % 2 else 'male'},White\n")
    (portraits / "many.csv").write_text("".join(rows))
    return portraits / "many.csv"


def under_way(portraits: Path, labels: Path, folder: Path) -> subprocess.Popen[str]:
    """A run in a process of its own that has made 20 images and goes on."""
    command = [sys.executable, "-c", KILLED_RUN, str(portraits), str(labels), str(folder)]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and len(list((folder / "GenderOcclusionData").rglob("*.jpg"))) < 20:
        time.sleep(0.02)
    assert process.poll() is None, "the run ended before it could be killed"
    return process


def test_a_killed_worker_ends_the_run_in_one_sentence_and_it_can_go_on(portraits: Path, many: Path, tmp_path: Path):
    process = under_way(portraits, many, tmp_path / "killed")
    workers = [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    workers[0].kill()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "PortraitsError: A process was ended from outside" in told.strip().splitlines()[-1]
    assert make_dataset(portraits, [many], tmp_path / "killed").portraits == 120


def test_the_progress_bar_goes_on_where_the_run_before_it_ended(
    portraits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    make_dataset(portraits, labels(portraits), tmp_path / "out", limit=5)
    capsys.readouterr()
    make_dataset(portraits, labels(portraits), tmp_path / "out")
    counted = re.findall(r"(\d+)/(\d+) ", capsys.readouterr().err)
    assert (counted[0], counted[-1]) == (("9", "16"), ("16", "16"))


def test_killed_and_run_again_it_ends_as_if_it_had_never_stopped(portraits: Path, many: Path, tmp_path: Path):
    out = tmp_path / "killed" / "GenderOcclusionData"
    process = under_way(portraits, many, tmp_path / "killed")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with (out / "labels.csv").open("a") as file:
        file.write("Training/male/half-a-li")  # as a kill in the middle of a write leaves it
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.jpg")}
    done = set(pd.read_csv(out / "labels.csv")["file"].iloc[:-1])
    assert 0 < len(done) < 120
    make_dataset(portraits, [many], tmp_path / "killed")
    make_dataset(portraits, [many], tmp_path / "whole")
    assert images_of(tmp_path / "killed") == images_of(tmp_path / "whole")
    assert all((out / file).stat().st_mtime_ns == before[out / file] for file in done), "work was done twice"
    tables = [pd.read_csv(tmp_path / name / "GenderOcclusionData/labels.csv") for name in ("killed", "whole")]
    assert sorted(map(tuple, tables[0].to_numpy())) == sorted(map(tuple, tables[1].to_numpy()))


KILLED_RUN = """
import sys
from pathlib import Path
from maskedgender.data.make_dataset import make_dataset
make_dataset(Path(sys.argv[1]), [Path(sys.argv[2])], Path(sys.argv[3]))
"""


def test_of_portraits_in_no_folder_a_fifth_is_for_validation(tmp_path):
    lines, folder = [], tmp_path / "in"
    folder.mkdir()
    for number in range(20):
        write_portrait(folder / f"{number}.jpg", hopper(), number)
        lines.append(f"{number}.jpg,{('female', 'male')[number % 4 == 3]}\n")
    (folder / "labels.csv").write_text("file,gender\n" + "".join(lines))
    summary = make_dataset(folder, [folder / "labels.csv"], tmp_path / "out")
    assert summary.warning() == "" and sum(summary.parts.values()) == 20 and 2 <= summary.parts["Validation"] <= 7
    assert re.search(r"images in Validation +\d\n", summary.table())
    training = list_images(tmp_path / "out" / "GenderOcclusionData", "Training")
    assert set(list_images(tmp_path / "out" / "GenderOcclusionData", "Validation")["label"]) == {0, 1}
    fit, choose = split_training(pd.DataFrame({"file": MANY, "source": MANY, "label": LABELS}), VALIDATION_SHARE, LOT)
    assert 0.17 < len(choose) / len(MANY) < 0.23
    assert 0.08 < len(split_training(fit)[1]) / len(fit) < 0.12, "training's own split is another one"
    assert set(training["source"]) <= {f"{number}.jpg" for number in range(20)}
    (folder / "labels.csv").write_text("file,gender\n0.jpg,female\na/1.jpg,male\n")
    with pytest.raises(PortraitsError, match="must begin with train/ or val/"):
        make_dataset(folder, [folder / "labels.csv"], tmp_path / "mixed")


@pytest.mark.parametrize(("part", "empty", "prefix"), [(0, "Validation", "val/"), (1, "Training", "train/")])
def test_an_empty_part_is_told_of(portraits, tmp_path, part, empty, prefix):
    made = make_dataset(portraits, labels(portraits)[part : part + 1], tmp_path / "out")
    assert f"No image is in {empty}" in made.warning() and f"begin with {prefix}." in made.warning()
    with pytest.raises(FileNotFoundError, match=f"must begin with {prefix}"):
        list_images(tmp_path / "out" / "GenderOcclusionData", empty)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file,sex\ntrain/1.jpg,male\n", "need the columns file and gender"),
        ("file,gender\ntrain/1.jpg,unknown\n", "use female or male"),
        ("file,gender\nelsewhere/1.jpg,male\n", "must begin with train/ or val/"),
        ("file,gender\ntrain/../../1.jpg,male\n", "must begin with train/ or val/"),
        ("file,gender\n", "have no rows"),
        ("", "cannot be read as CSV"),
    ],
)
def test_labels_that_cannot_be_used_are_named(portraits, tmp_path, content, message):
    csv = tmp_path / "labels.csv"
    csv.write_text(content)
    with pytest.raises(PortraitsError, match=message):
        make_dataset(portraits, [csv], tmp_path / "out")


def test_a_second_run_in_the_same_folder_is_refused_until_the_first_has_ended(portraits, tmp_path):
    out = tmp_path / "out"
    with alone_in(out / "GenderOcclusionData"), pytest.raises(PortraitsError, match=r"Another run is at work in .*out"):
        make_dataset(portraits, labels(portraits), out)
    assert not list(out.rglob("*.jpg"))
    assert make_dataset(portraits, labels(portraits), out).portraits == 16


def test_a_folder_made_with_other_settings_is_not_mixed(portraits, tmp_path):
    make_dataset(portraits, labels(portraits)[1:], tmp_path / "out")
    with pytest.raises(PortraitsError, match="other settings"):
        make_dataset(portraits, labels(portraits)[1:], tmp_path / "out", unmasked=0.5)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"styles": ["bandana"]}, "no mask style"),
        ({"unmasked": 1.5}, "between 0 and 1"),
        ({"variants": 0}, "at least one"),
    ],
)
def test_settings_that_make_no_sense_are_refused(portraits, tmp_path, wrong, message):
    with pytest.raises(PortraitsError, match=message):
        make_dataset(portraits, labels(portraits), tmp_path / "out", **wrong)


def test_portraits_that_are_not_there_or_no_zip_are_named(portraits, tmp_path):
    with pytest.raises(PortraitsError, match="does not exist"):
        make_dataset(tmp_path / "nowhere", labels(portraits), tmp_path / "out")
    (tmp_path / "broken.zip").write_bytes(b"PK not really")
    with pytest.raises(PortraitsError, match="not a whole zip"):
        make_dataset(tmp_path / "broken.zip", labels(portraits), tmp_path / "out")
