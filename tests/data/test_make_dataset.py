"""Portraits in, Kaggle's layout out: nothing lost, nothing passed on that is not what it says, nothing done twice."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import psutil
import pytest
from filelock import FileLock
from PIL import Image

from maskedgender.data import dataset_folder, make_dataset
from maskedgender.data.make_dataset import MASKED_SCORE, enlarged
from maskedgender.data.pictures import read_portrait
from maskedgender.data.portraits import Portrait, PortraitsError, PortraitStore, read_labels
from maskedgender.faces.crops import BOX_CENTRE_IN_CROP, CROP_OVER_BOX, canonical_crop
from maskedgender.faces.detector import detect
from maskedgender.faces.finding import find_close_up, find_faces
from maskedgender.images.photos import read_photo

from ..support.people import collins, hopper

make = make_dataset.make_dataset
processes = make_dataset.pool_of_processes
FOLDER = "GenderOcclusionData"
SENTENCE = "A process was ended from outside, perhaps for want of memory: start again, what was finished is kept."


@pytest.fixture(scope="module", autouse=True)
def in_this_process() -> Iterator[None]:
    """Images are made here but for one test, and for kills: to start processes takes longer than all the rest."""

    def thread(count: None, start: Callable, arguments: tuple) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, initializer=start, initargs=arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make_dataset, "pool_of_processes", thread)
        yield


def write_portrait(path: Path, number: int) -> None:
    """A portrait that differs with its number: another person, framing and light."""
    top, left = 7 * (number % 5), 9 * (number % 4)
    photo = (hopper() if number % 2 else collins())[top : top + 420, left : left + 420]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((photo * (0.7 + 0.05 * (number % 6))).astype(np.uint8)).resize((144, 144)).save(path, quality=95)


@pytest.fixture(scope="module")
def portraits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve portraits for training and four for validation, with labels in FairFace's form."""
    folder = tmp_path_factory.mktemp("portraits")
    for part, count in (("train", 12), ("val", 4)):
        lines = ["file,age,gender,race,service_test\n"]
        for number in range(1, count + 1):
            write_portrait(folder / part / f"{number}.jpg", number)
            lines.append(f"{part}/{number}.jpg,more than 70,{'Female' if number % 2 else 'Male'},White,True\n")
        (folder / f"{part}_labels.csv").write_text("".join(lines))
    return folder


def labels(portraits: Path) -> list[Path]:
    return [portraits / "train_labels.csv", portraits / "val_labels.csv"]


@pytest.fixture(scope="module")
def bare(portraits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a dataset of them lies, without masks."""
    out = tmp_path_factory.mktemp("bare")
    make(portraits, labels(portraits), out, unmasked=1)
    return out


@pytest.fixture(scope="module")
def masked(portraits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with masks only."""
    out = tmp_path_factory.mktemp("masked")
    make(portraits, labels(portraits), out, unmasked=0, styles=["n95"])
    return out


def images_of(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out / FOLDER).as_posix(): path.read_bytes() for path in sorted(out.rglob("*.jpg"))}


def tables_of(out: Path) -> dict[str, list[str]]:
    return {path.name: sorted(path.read_text(encoding="utf-8").splitlines()) for path in (out / FOLDER).glob("*.csv")}


def decoded(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


# What is made


def test_the_layout_is_kaggles_and_every_image_is_a_crop_with_its_labels(
    portraits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(make_dataset, "pool_of_processes", processes)
    summary = make(portraits, labels(portraits), tmp_path, variants=2)
    table = pd.read_csv(tmp_path / FOLDER / "labels.csv")
    assert sorted(table["file"]) == sorted(images_of(tmp_path)) and len(table) == 32
    assert list(table.columns) == ["file", "source", "gender", "age", "race", "style"]
    assert (table["file"].str.split("/").str[1] == table["gender"]).all() and set(table["age"]) == {"70+"}
    assert (table["file"].str.startswith("Training/") == table["source"].str.startswith("train/")).all()
    assert {decoded(jpeg).shape for jpeg in images_of(tmp_path).values()} == {(256, 256, 3)}
    assert 0 < (table["style"] == "none").sum() < 20
    assert f"images with a mask          {(table['style'] != 'none').sum():>8}\n" in summary.table()
    assert f"portraits read              {16:>8}\n" in summary.table() and summary.warning() == ""


def test_bare_images_show_the_portrait_and_masked_ones_do_not(bare: Path, masked: Path):
    uncovered, covered = images_of(bare), images_of(masked)
    assert uncovered.keys() == covered.keys()
    for name, jpeg in uncovered.items():
        difference = np.abs(decoded(jpeg).astype(int) - decoded(covered[name]))
        assert difference[150:190, 100:150].mean() > 15
        assert difference[50:100, 60:190].mean() < difference[150:190, 60:190].mean()  # the eyes stay free


def test_training_reads_what_serving_sees(bare: Path, portraits: Path):
    """Framing, colour order and scale: the same portrait by make-dataset and the stream, and by the app's own steps."""
    for row in pd.read_csv(bare / FOLDER / "labels.csv").itertuples():
        photo = read_photo(portraits / row.source)
        photo, face = enlarged(photo, detect(photo, 224)[0])
        found, framed = find_faces(photo)[0], find_close_up(photo, MASKED_SCORE) or face
        np.testing.assert_allclose(found.box, framed.box, atol=0.12 * max(found.box[2:]))
        served = canonical_crop(photo, framed, 128).astype(int)
        read = read_portrait(bare / FOLDER / row.file, 128)
        assert np.abs(served - read).mean() < 6
        assert np.abs(served[..., ::-1] - read).mean() > 2 * np.abs(served - read).mean()


def test_a_masked_face_is_framed_as_the_detector_finds_it_in_its_mask(masked: Path):
    """The bare face's box is larger, and its middle lower: a mask hides the chin from the detector."""
    boxes = [find_close_up(decoded(jpeg)[..., ::-1], MASKED_SCORE).box for jpeg in images_of(masked).values()]
    middles = np.array([(x + width / 2, y + height / 2) for x, y, width, height in boxes]) / 256
    sides = np.array([max(box[2:]) for box in boxes]) / 256
    np.testing.assert_allclose(middles.mean(axis=0), BOX_CENTRE_IN_CROP, atol=0.02)
    assert sides.mean() == pytest.approx(1 / CROP_OVER_BOX, rel=0.05)


def test_of_two_faces_the_larger_is_masked_on_whichever_side_it_is(tmp_path: Path):
    photo = np.full((480, 720, 3), 128, np.uint8)
    photo[:420, :420] = hopper()[:420, :420]
    photo[240:440, 480:680] = cv2.resize(collins()[:420, :420], (200, 200))
    larger, _ = (canonical_crop(photo, face, 256).astype(int) for face in find_faces(photo))
    (tmp_path / "train").mkdir()
    Image.fromarray(photo).save(tmp_path / "train/left.png")
    Image.fromarray(photo[:, ::-1]).save(tmp_path / "train/right.png")
    (tmp_path / "labels.csv").write_text("file,gender\ntrain/left.png,female\ntrain/right.png,female\n")
    make(tmp_path, [tmp_path / "labels.csv"], tmp_path / "out", unmasked=0, styles=["surgical"])
    left, right = (decoded(jpeg)[..., ::-1] for jpeg in images_of(tmp_path / "out").values())
    for crop in (left, right[:, ::-1]):
        assert np.abs(crop - larger)[150:190, 100:150].mean() > 30, "the larger one's mouth is covered"


def test_zips_give_what_folders_give_and_the_seed_decides(masked: Path, portraits: Path, tmp_path: Path):
    (tmp_path / "zipped").mkdir()
    with zipfile.ZipFile(tmp_path / "zipped" / "val.zip", "w") as archive:
        for path in (portraits / "val").iterdir():
            archive.write(path, f"val/{path.name}")
    for seed in (0, 1):
        make(tmp_path / "zipped", labels(portraits)[1:], tmp_path / str(seed), unmasked=0, seed=seed, styles=["n95"])
    same, other, whole = images_of(tmp_path / "0"), images_of(tmp_path / "1"), images_of(masked)
    assert same == {name: jpeg for name, jpeg in whole.items() if name.startswith("Validation/")} != other
    assert same.keys() == other.keys()


def test_what_shows_no_face_or_cannot_be_read_is_left_out_and_named(tmp_path: Path):
    """Also a damaged member of a zip, however it is packed, and a name that is nearly too long for the disk."""
    good = [f"train/{'x' * 246}.jpg", f"train/{'y' * 100}/{'z' * 200}.jpg"]
    listed = [*good, "train/grey.jpg", "train/cut.jpg", "train/empty.jpg"]
    for number, name in enumerate(listed):
        write_portrait(tmp_path / name, number)
    Image.new("RGB", (144, 144), "grey").save(tmp_path / "train/grey.jpg")
    (tmp_path / "train/cut.jpg").write_bytes((tmp_path / "train/cut.jpg").read_bytes()[:200])
    (tmp_path / "train/empty.jpg").write_bytes(b"")
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        name = f"train/packed-{method}.jpg"
        with zipfile.ZipFile(tmp_path / f"{method}.zip", "w", method) as archive:
            archive.write(tmp_path / good[0], name)
            start = archive.getinfo(name).header_offset + 30 + len(name)
        packed = bytearray((tmp_path / f"{method}.zip").read_bytes())
        packed[start : start + 400] = bytes(byte ^ 0x5A for byte in packed[start : start + 400])
        (tmp_path / f"{method}.zip").write_bytes(packed)
        listed.append(name)
    (tmp_path / "labels.csv").write_text("file,gender\n" + "".join(f"{name},female\n" for name in listed))
    summary = make(tmp_path, [tmp_path / "labels.csv"], tmp_path / "out", unmasked=0)
    left_out = dict(summary.left_out.itertuples(index=False, name=None))
    assert left_out == {name: "no face" if "grey" in name else "unreadable" for name in listed[2:]}
    assert set(summary.images["source"]) == set(good) and len(images_of(tmp_path / "out")) == 2
    assert "No image is in Validation" in summary.warning()


# What the labels say


ROWS = ["file, gender, race", 'train/1.jpg, Female, "Black, African"', "", "val/é.jpg, male, "]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_labels_are_read_as_other_programs_write_them(encoding: str, tmp_path: Path):
    (tmp_path / "labels.csv").write_bytes("\r\n".join(ROWS).encode(encoding))
    assert read_labels(tmp_path / "labels.csv") == [
        Portrait("train/1.jpg", "female", "not known", "Black, African", "train"),
        Portrait("val/é.jpg", "male", "not known", "not known", "val"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("file,sex\ntrain/1.jpg,male\n", "need the columns file and gender"),
        ("file,gender\n\ntrain/1.jpg,unknown\n", "labels.csv, line 3: .* use female or male"),
        ("file,gender\ntrain/1.jpg,male\nelsewhere/1.jpg,male\n", "line 3: .* must begin with train/ or val/"),
        ("file,gender\ntrain/1.jpg,male\na.jpg,male\n", "line 3: .* must begin with train/ or val/"),
        ("file,gender\ntrain/1.jpg,male\ntrain/2.jpg\n", "line 3: .* use female or male"),
        ("file,gender\ntrain/1.jpg,male\ntrain/2.jpg,male,x,y\n", "labels.csv cannot be read as CSV: .* line 3"),
        ('file,gender\n"train/1.jpg,male\n', "labels.csv cannot be read as CSV: .*"),
        ("file,gender\n", "0 rows"),
        ("", "labels.csv cannot be read as CSV"),
        ("file,gender\na.jpg,male\nb.jpg,male\nc.jpg,female", "two portraits of each gender; female has 1"),
    ],
)
def test_labels_that_cannot_be_used_are_named(content: str, message: str, tmp_path: Path):
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(PortraitsError, match=message) as told:
        read_labels(tmp_path / "labels.csv")
    assert "\n" not in str(told.value)


def test_of_portraits_in_no_folder_a_fifth_is_drawn_for_validation_by_their_names(tmp_path: Path):
    def drawn(count: int, of_women: int) -> set[str]:
        rows = [f"{number}.jpg,{'female' if number % of_women == 0 else 'male'}\n" for number in range(count)]
        (tmp_path / "labels.csv").write_text("file,gender\n" + "".join(rows))
        return {one.file for one in read_labels(tmp_path / "labels.csv") if one.part == "val"}

    few, many = {"1.jpg", "6.jpg", "14.jpg", "16.jpg"}, drawn(2000, 2)
    assert drawn(20, 4) == few, "always the same: a folder that was begun is gone on with"
    assert 0.17 < len(many) / 2000 < 0.23 and many & {f"{number}.jpg" for number in range(20)} <= few


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ("train/1.jpg,female\ntrain/1.jpg,male", {}, r"different things of train/1\.jpg"),
        ("train/a/1.jpg,female\ntrain/a-1.jpg,female", {}, "would get one name"),
        ("train/1.jpg,female\ntrain/no.jpg,male", {}, r"1 of the 2 portraits .* not in .*train/no\.jpg"),
        ("train/1.jpg,female", {"styles": ["bandana"]}, "no mask style is called bandana"),
    ],
)
def test_what_cannot_be_meant_is_refused(rows: str, options: dict, message: str, portraits: Path, tmp_path: Path):
    (tmp_path / "labels.csv").write_text("file,gender\n" + rows)
    with pytest.raises(PortraitsError, match=message):
        make(portraits, [tmp_path / "labels.csv"], tmp_path / "out", **options)


def test_places_that_hold_no_portraits_are_named(portraits: Path, tmp_path: Path):
    with pytest.raises(PortraitsError, match="does not exist"):
        PortraitStore(tmp_path / "nowhere")
    (tmp_path / "broken.zip").write_bytes(b"PK not really")
    with pytest.raises(PortraitsError, match="not a whole zip"):
        PortraitStore(tmp_path / "broken.zip")
    for name in ("broken.zip", "margin125.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.write(portraits / "train/1.jpg", "train/1.jpg")
    with pytest.raises(PortraitsError, match=r"train/1\.jpg lies in .*broken\.zip and in .*margin125\.zip"):
        PortraitStore(tmp_path)


# A folder that was begun


FIRST = {"train/1.jpg": "female,30", "train/2.jpg": "male,30", "train/3.jpg": "female,20", "train/4.jpg": "male,20"}
# The second is a woman after all, the third older, the fourth is gone, and another one is new.
THEN = {"train/1.jpg": "female,30", "train/2.jpg": "female,30", "train/3.jpg": "female,40", "train/5.jpg": "male,20"}
SETTINGS = '{\n "variants": 2,\n "unmasked": 0.3,\n "seed": 0,\n "styles": [\n  "cloth",\n  "kn95"\n ]\n}'


def made(portraits: Path, rows: dict[str, str], out: Path, **options: object) -> tuple[dict, dict]:
    """The folder's images and tables after a run."""
    csv = out.with_suffix(".csv")
    csv.write_text("file,gender,age\n" + "".join(f"{file},{row}\n" for file, row in rows.items()))
    make(portraits, [csv], out, variants=2, styles=["cloth", "kn95"], **{"unmasked": 0.3, **options})
    return images_of(out), tables_of(out)


@pytest.fixture(scope="module")
def first(portraits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("begun") / "out"
    made(portraits, FIRST, out)
    return out


@pytest.fixture
def out(first: Path, tmp_path: Path) -> Path:
    """A copy of a folder that was made by the first labels."""
    return shutil.copytree(first, tmp_path / "out")


def test_what_lies_there_is_skipped_and_what_is_missing_is_made(
    portraits: Path, first: Path, out: Path, capsys: pytest.CaptureFixture[str]
):
    """Rows of the third are missing and others half written, as a kill leaves it, and an image of the fourth."""
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("[12]-*.jpg")}
    (out / FOLDER / "Training/male/4-1.jpg").unlink()
    table = (out / FOLDER / "labels.csv").read_text().splitlines(keepends=True)
    rows = [row for row in table if not row.startswith("Training/female/3-1")]
    (out / FOLDER / "labels.csv").write_text("".join([*rows, "Train"]))
    (out / FOLDER / "Training/male/partial-1-1.jpg").write_bytes(b"half")
    capsys.readouterr()
    assert made(portraits, FIRST, out) == (images_of(first), tables_of(first))
    assert {path: path.stat().st_mtime_ns for path in kept} == kept and len(kept) == 4
    assert " 2/4 " in capsys.readouterr().err
    assert made(portraits, FIRST, out, limit=1) == (images_of(first), tables_of(first))
    assert (out / FOLDER / "settings.json").read_text() == SETTINGS


def test_a_folder_made_with_other_settings_or_from_other_labels_is_refused(portraits: Path, first: Path, out: Path):
    with pytest.raises(PortraitsError, match="other settings"):
        made(portraits, FIRST, out, unmasked=0.5)
    for row in ("female,30", "male,40", None):
        changed = {file: what for file, what in (FIRST | {"train/2.jpg": row}).items() if what}
        with pytest.raises(PortraitsError, match=r"made from other labels: 1 of .*train/2\.jpg.*--update"):
            made(portraits, changed, out)
    assert (images_of(out), tables_of(out)) == (images_of(first), tables_of(first)), "nothing was touched"


def test_an_update_leaves_what_a_new_folder_would_have_also_after_a_kill(
    portraits: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("[13]-*.jpg")}
    table = (out / FOLDER / "labels.csv").read_text()  # a stop may leave an image of the second without its row
    (out / FOLDER / "labels.csv").write_text(re.sub("Training/male/2-1.*\n", "", table))

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(dataset_folder, "written_whole", killed)
        made(portraits, THEN, out, update=True)
    assert images_of(out).keys() < set(pd.read_csv(out / FOLDER / "labels.csv")["file"]), "no image without a row"
    with pytest.raises(PortraitsError, match="made from other labels"):
        made(portraits, THEN, out)
    assert made(portraits, THEN, out, update=True) == made(portraits, THEN, tmp_path / "new")
    assert {path: path.stat().st_mtime_ns for path in kept} == kept and len(kept) == 4


def test_a_second_run_in_the_same_folder_is_refused(portraits: Path, tmp_path: Path):
    (tmp_path / FOLDER).mkdir()
    with FileLock(tmp_path / FOLDER / "in-use.lock"), pytest.raises(PortraitsError, match="Another run is at work in"):
        make(portraits, labels(portraits), tmp_path)
    assert images_of(tmp_path) == {}


# Kills


@pytest.fixture(scope="module")
def many(portraits: Path) -> Path:
    """Labels of 60 portraits, so that a run takes some seconds."""
    rows = []
    for number in range(60):
        shutil.copy(portraits / f"train/{number % 12 + 1}.jpg", portraits / f"train/more{number}.jpg")
        rows.append(f"train/more{number}.jpg,{'male' if number % 2 else 'female'}\n")
    (portraits / "many.csv").write_text("file,gender\n" + "".join(rows))
    return portraits / "many.csv"


@pytest.fixture(scope="module")
def unbroken(portraits: Path, many: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken")
    make(portraits, [many], out)
    return out


def started(portraits: Path, many: Path, out: Path) -> subprocess.Popen[str]:
    words = ["make-dataset", "--portraits", portraits, "--labels", many, "--out", out]
    command = [sys.executable, "-m", "maskedgender", *map(str, words)]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    children = psutil.Process(process.pid).children()
    return [child for child in children if child.is_running() and "spawn_main" in " ".join(child.cmdline())]


def assert_goes_on(portraits: Path, many: Path, out: Path, unbroken: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in out.rglob("[!p]*.jpg")}
    done = set(pd.read_csv(out / FOLDER / "labels.csv")["file"]) if (out / FOLDER / "labels.csv").exists() else set()
    make(portraits, [many], out)
    assert images_of(out) == images_of(unbroken) and tables_of(out) == tables_of(unbroken)
    assert all((out / FOLDER / file).stat().st_mtime_ns == before[out / FOLDER / file] for file in done)


@pytest.mark.soak
def test_a_killed_run_goes_on(portraits: Path, many: Path, unbroken: Path, tmp_path: Path):
    process = started(portraits, many, tmp_path)
    while process.poll() is None and len(list(tmp_path.rglob("[!p]*.jpg"))) < 10:
        time.sleep(0.01)
    assert process.poll() is None, "the run ended before it could be killed"
    workers = workers_of(process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    psutil.wait_procs(workers, timeout=60)
    assert not any(worker.is_running() for worker in workers), "they end with the one that started them"
    assert_goes_on(portraits, many, tmp_path, unbroken)


@pytest.mark.soak
@pytest.mark.parametrize("wait", [0, 0.003, 0.03, 0.1, 0.3, 0.6, 1.0, 1.5])
def test_whenever_a_worker_is_killed_the_run_ends_in_one_sentence_and_goes_on(
    wait: float, portraits: Path, many: Path, unbroken: Path, tmp_path: Path
):
    """Seconds after the first worker is there: while it starts, while another one starts, and at work."""
    process = started(portraits, many, tmp_path)
    while process.poll() is None and not workers_of(process):
        time.sleep(0.001)
    time.sleep(wait)
    workers = workers_of(process)
    workers[0].kill()
    _, told = process.communicate(timeout=100)
    assert process.returncode == 2 and told.strip().splitlines()[-1] == SENTENCE
    psutil.wait_procs(workers, timeout=60)
    assert not any(worker.is_running() for worker in workers)
    assert_goes_on(portraits, many, tmp_path, unbroken)
