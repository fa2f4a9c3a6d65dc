"""Thousands of photos: the same rows by processes as one by one, whatever dies, is cut off, killed or stopped."""

from __future__ import annotations

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from maskedgender.cli import commands as cli
from maskedgender.cli import predict as cli_predict
from maskedgender.cli.one_sentence import TO_PUT_RIGHT
from maskedgender.networks.classifier import Classifier
from maskedgender.networks.model_files import load_model
from maskedgender.networks.small import small_cnn
from maskedgender.prediction import many_photos
from maskedgender.prediction.answers import COLUMNS, csv_rows, write_csv
from maskedgender.prediction.many_photos import TOGETHER, WORTH_PROCESSES, Row, rows_of_photos, whole_rows
from maskedgender.processes import pool_of_processes
from maskedgender.training.fitting import export

from ..support.people import collins, hopper

ROOT = Path(__file__).resolve().parents[2]
COUNT = 2 * WORTH_PROCESSES
SHORT = 6  # photos: few enough for one process
MINUTE = 60.0


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(3)
    return export(small_cnn(64), tmp_path_factory.mktemp("model") / "untrained.keras")


@pytest.fixture(scope="module")
def model(model_file: Path) -> Classifier:
    return load_model(model_file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """COUNT files: one face, three faces, none, and no photo, over and over."""
    folder = tmp_path_factory.mktemp("photos")
    make_photos(folder, COUNT)
    return folder


@pytest.fixture(scope="module")
def slow_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Large photos, so that a run that comes to them is still in the middle of its work on a busy machine."""
    folder = tmp_path_factory.mktemp("slow photos")
    Image.effect_noise((5000, 4000), 90).convert("RGB").save(folder / "0.jpg")
    for number in range(1, 24):
        (folder / f"{number}.jpg").hardlink_to(folder / "0.jpg")
    return folder


def make_photos(folder: Path, count: int) -> None:
    one, other = hopper()[:512:2, ::2], collins()[::2, ::2]
    three, meadow = np.hstack([other, one, other[:, ::-1]]), np.full((200, 300, 3), (60, 140, 60), np.uint8)
    for number in range(count):
        path = folder / f"{number:04}.jpg"
        if number % 12 == 7:
            path.write_text("no photo")
            continue
        picture = {0: three, 5: meadow}.get(number % 12, (one, other)[number % 2])
        brightness = 0.7 + 0.3 * number / count  # no two alike, so that rows cannot be mistaken for one another
        Image.fromarray((picture * brightness).astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def unbroken(model: Classifier, folder: Path) -> list[dict[str, object]]:
    """The rows of all photos, one by one."""
    return [row for path in sorted(folder.iterdir()) for row in csv_rows(model, path)]


@pytest.fixture(scope="module")
def unbroken_csv(unbroken: list[dict[str, object]], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("unbroken") / "out.csv"
    write_csv(unbroken, path)
    return path.read_bytes()


def predict(*words: object) -> Result:
    return CliRunner().invoke(cli.app, ["predict", *map(str, words)])


def assert_same(rows: list[dict[str, object]], expected: list[dict[str, object]]) -> None:
    """The same rows in the same order; probabilities within 1e-5."""
    numbers = ("score", "p_female", "p_male")
    assert [{**row, **dict.fromkeys(numbers)} for row in rows] == [
        {**row, **dict.fromkeys(numbers)} for row in expected
    ]
    for row, other in zip(rows, expected, strict=True):
        for name in numbers:
            assert float(row[name] or 0) == pytest.approx(float(other[name] or 0), abs=1e-5)


def assert_same_csv(path: Path, expected: bytes) -> None:
    tables = [list(csv.DictReader(text.decode().splitlines())) for text in (path.read_bytes(), expected)]
    assert_same(*tables)


def assert_one_sentence(result: Result, said: str) -> None:
    assert result.exit_code == TO_PUT_RIGHT, result.output
    assert said in result.output and len(result.output.strip().splitlines()) == 1 and "Errno" not in result.output


# Processes


def test_processes_give_the_rows_that_one_gives(model: Classifier, folder: Path, unbroken: list[dict[str, object]]):
    photos = sorted(folder.iterdir())
    of_photos = list(rows_of_photos(model, photos, 2))
    assert [rows[0]["file"] for rows in of_photos] == list(map(str, photos))
    assert_same([row for rows in of_photos for row in rows], unbroken)
    assert {row["face"] for row in unbroken} == {"", 1, 2, 3}, "the photos must not be all of one kind"


def test_a_few_photos_start_no_process(model: Classifier, folder: Path, unbroken: list[dict[str, object]]):
    before = set(psutil.Process().children(recursive=True))
    rows = []
    for of_photo in rows_of_photos(model, sorted(folder.iterdir())[: WORTH_PROCESSES - 1], 2):
        rows += of_photo
        assert set(psutil.Process().children(recursive=True)) <= before
    assert_same(rows, unbroken[: len(rows)])


def finders() -> list[psutil.Process]:
    """The processes that find faces, of this process."""
    return [child for child in psutil.Process().children() if "spawn_main" in " ".join(_asked(child.cmdline, []))]


def _asked(question, otherwise):
    """What psutil answers of a process; it may be gone by now."""
    try:
        return question()
    except psutil.Error:
        return otherwise


@contextmanager
def killer(of: str) -> Iterator[None]:
    """Meanwhile each process that has a file of this name open is killed, as a system short of memory does."""
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.002):
            for process in finders():
                if any(of in file.path for file in _asked(process.open_files, [])):
                    _asked(process.kill, None)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_process_that_is_killed_costs_no_row(model: Classifier, folder: Path, unbroken: list[dict[str, object]]):
    rows: list[dict[str, object]] = []
    for number, of_photo in enumerate(rows_of_photos(model, sorted(folder.iterdir()), 2)):
        rows += of_photo
        if number == TOGETHER:
            assert finders(), "there must be one to kill"
            finders()[0].kill()
    assert_same(rows, unbroken)


@pytest.mark.skipif(os.name == "nt", reason="what a process has open is slow to ask there")
def test_the_photo_that_a_process_dies_of_is_named_and_the_run_goes_on(model: Classifier, folder: Path, tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 256, (2400, 3200, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "deadly.png")  # takes long enough to read that it can be caught open
    photos = sorted(folder.iterdir())[:WORTH_PROCESSES]
    photos.insert(10, tmp_path / "deadly.png")
    with killer("deadly.png"):
        of_photos = list(rows_of_photos(model, photos, 2))
    assert len(of_photos) == len(photos)
    said = {Path(str(rows[0]["file"])).name: str(rows[0]["error"]) for rows in of_photos}
    assert "deadly.png was not read to its end" in said.pop("deadly.png")
    assert not any("was not read" in error for error in said.values())


@pytest.mark.skipif(os.name == "nt", reason="what a process has open is slow to ask there")
def test_when_every_process_is_killed_the_run_ends_with_a_sentence(model: Classifier, folder: Path):
    with killer(""), pytest.raises(ChildProcessError, match="--processes 1"):
        list(rows_of_photos(model, sorted(folder.iterdir()), 2))


# Going on


def test_of_a_csv_cut_anywhere_whole_photos_are_kept(tmp_path: Path):
    """Cut after each byte: what is kept is the beginning, and of no photo some rows only."""
    names = ["a.jpg", 'b, "quoted".jpg', "two\r\nlines.jpg", "three\nlines\n.jpg", "smile 🙂.jpg", "z.jpg"]
    rows = [
        {
            **dict.fromkeys(COLUMNS, ""),
            "file": name,
            "face": face,
            "p_female": 0.25,
            "error": "" if face else "a, b;\nc",
        }
        for number, name in enumerate(names)
        for face in (range(1, number + 1) if number else ("",))
    ]
    path, photos = tmp_path / "out.csv", [Path(name) for name in names]
    write_csv(rows, path)
    content = path.read_bytes()
    header = len(",".join(COLUMNS)) + 2
    begun_by = [len(content[:cut].decode("utf-8", "ignore").split("jpg")) - 1 for cut in range(len(content) + 1)]
    for cut in range(header, len(content) + 1):
        path.write_bytes(content[:cut])
        kept = whole_rows(path, photos)
        assert [(row["file"], row["face"]) for row in kept] == [(r["file"], str(r["face"])) for r in rows[: len(kept)]]
        files = list(dict.fromkeys(row["file"] for row in kept))
        assert len(kept) == sum(row["file"] in files for row in rows), "some rows only"
        assert begun_by[cut] == 0 or len(kept) >= begun_by[cut] - 2 * len(names), "too much thrown away"
    assert {row["file"] for row in kept} == set(names[:-1]), "only the last is done again"
    for cut in range(1, header - 2):
        path.write_bytes(content[:cut])
        with pytest.raises(ValueError, match="not a table of answers"):
            whole_rows(path, photos)


@pytest.mark.parametrize("share", [0.0, 0.6])
def test_resumed_the_csv_is_that_of_an_unbroken_run(
    share: float, folder: Path, model_file: Path, unbroken_csv: bytes, tmp_path: Path
):
    photos, table = sorted(folder.iterdir())[:SHORT], tmp_path / "out.csv"
    whole = unbroken_csv[: unbroken_csv.index(str(sorted(folder.iterdir())[SHORT]).encode())]
    table.write_bytes(whole[: int(share * len(whole))])
    result = predict(*photos, "--model", model_file, "--csv", table, "--resume")
    assert result.exit_code == 0, result.output
    assert f"{SHORT} photos, 0 of them" in result.stdout
    assert_same_csv(table, whole)


def test_resumed_nothing_is_done_twice_and_the_status_tells_of_the_whole(
    folder: Path, model_file: Path, unbroken_csv: bytes, tmp_path: Path
):
    """Rows that only the earlier run can have written stay, but for photos that it could not read."""
    table = tmp_path / "out.csv"
    marked = unbroken_csv.replace(b"0005.jpg,1,", b"0005.jpg,1.0,").replace(b"0000.jpg,1,", b"0000.jpg,01,")
    assert marked != unbroken_csv
    table.write_bytes(marked.replace(b"in a supported format", b"in a format of old"))
    result = predict(folder, "--model", model_file, "--csv", table, "--resume", "--processes", 1)
    unread = sum(number % 12 == 7 for number in range(COUNT))
    assert result.exit_code == cli.SOME_NOT_READ and f"{COUNT} photos, {unread} of them" in result.stdout
    assert table.read_bytes() == marked


def test_photos_that_could_not_be_read_are_tried_again(folder: Path, model_file: Path, tmp_path: Path):
    """One is whole now, one is not, a third is not named again; of the fourth a process died, so it is left alone."""
    whole, broken, other, deadly, last = (tmp_path / f"{number}.jpg" for number in range(5))
    for path in (whole, broken, other, deadly):
        path.write_text("no photo")
    shutil.copy(folder / "0001.jpg", last)
    table, words = tmp_path / "out.csv", ["--model", model_file, "--csv", tmp_path / "out.csv"]
    assert predict(whole, broken, other, deadly, last, *words).exit_code == cli.SOME_NOT_READ
    before = table.read_text().splitlines()
    died = f"{deadly},,,,,,,,,,,3.jpg was not read to its end"
    before[2:5] = [f"{broken},,,,,,,,,,,of old", f"{other},,,,,,,,,,,of old", died]
    table.write_text("\n".join(before) + "\n")
    for path in (whole, deadly):
        shutil.copy(folder / "0001.jpg", path)
    again = predict(whole, broken, deadly, last, *words, "--resume")
    assert again.exit_code == cli.SOME_NOT_READ and "4 photos, 2 of them" in again.stdout
    after = table.read_text().splitlines()
    assert [line.partition(",")[0] for line in after] == [line.partition(",")[0] for line in before], "in their places"
    assert "male" in after[1] and "supported format" in after[2]
    assert after[3:5] == before[3:5]


def test_stopped_while_photos_are_tried_again_the_new_answers_are_kept(
    folder: Path, model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    photos = [tmp_path / f"{number}.jpg" for number in range(5)]
    for path in photos:
        path.write_text("no photo")
    table, words = tmp_path / "out.csv", ["--model", model_file, "--csv", tmp_path / "out.csv", "--processes", 1]
    assert predict(*photos, *words).exit_code == cli.SOME_NOT_READ
    for path in photos:
        shutil.copy(folder / "0001.jpg", path)
    kept: list[int] = []

    def stopped_after_three(*given: object) -> Iterator[list[Row]]:
        for number, rows in enumerate(rows_of_photos(*given)):  # type: ignore[arg-type]
            if number == 3:
                kept.append(table.read_text().count(".jpg,1,"))
                raise KeyboardInterrupt
            yield rows

    monkeypatch.setattr(cli_predict, "KEPT_TOGETHER", 2)
    monkeypatch.setattr(cli_predict, "rows_of_photos", stopped_after_three)
    predict(*photos, *words, "--resume")
    assert kept == [2], "two at once"
    assert table.read_text().count(".jpg,1,") == 3
    assert len(table.read_text().splitlines()) == 5, "the header, and all but the last photo, which is always done anew"


def test_gone_on_with_other_photos_no_answer_is_lost_or_doubled(
    folder: Path, model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Of three photos that were answered one is not named again, the last; a new one is; all are spelled otherwise."""
    table, photos = tmp_path / "out.csv", sorted(folder.iterdir())
    unread = tmp_path / "unread.jpg"
    unread.write_text("no photo")
    assert predict(photos[0], unread, photos[1], "--model", model_file, "--csv", table).exit_code == cli.SOME_NOT_READ
    before = table.read_bytes()
    monkeypatch.chdir(folder)
    names = [photos[0].name, unread, photos[2].name]
    again = predict(*names, "--model", model_file, "--csv", table, "--resume")
    assert again.exit_code == cli.SOME_NOT_READ and "3 photos, 1 of them" in again.stdout
    added = table.read_bytes().removeprefix(before).decode().splitlines()
    assert added and all(line.startswith(f"{names[2]},") for line in added)
    without = predict(photos[0], photos[2], "--model", model_file, "--csv", table, "--resume")
    assert without.exit_code == 0 and "2 photos, 0 of them" in without.stdout


def test_a_table_of_none_of_the_photos_is_left_alone(folder: Path, model_file: Path, tmp_path: Path):
    table, (first, second, *_) = tmp_path / "out.csv", sorted(folder.iterdir())
    predict(first, "--model", model_file, "--csv", table)
    before = table.read_bytes()
    assert_one_sentence(predict(second, "--model", model_file, "--csv", table, "--resume"), "none of these photos")
    assert table.read_bytes() == before


def test_a_photo_named_twice_is_answered_once(folder: Path, model_file: Path, tmp_path: Path):
    photo = folder / "0001.jpg"
    assert (
        predict(photo, photo, folder / "." / "0001.jpg", "--model", model_file, "--csv", tmp_path / "a.csv").exit_code
        == 0
    )
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 2


def test_a_probability_that_is_no_number_is_named_with_its_file(
    folder: Path, model_file: Path, unbroken_csv: bytes, tmp_path: Path
) -> None:
    table = tmp_path / "out.csv"
    table.write_text(re.sub(r"(?m)^((?:[^,]*,){7})0[.][0-9]+", r"\1abc", unbroken_csv.decode()), newline="")
    result = predict(folder, "--model", model_file, "--csv", table, "--resume")
    assert result.exit_code == TO_PUT_RIGHT and "out.csv has 'abc'" in " ".join(result.output.split())


def test_another_models_answers_are_not_gone_on_with(
    folder: Path, model_file: Path, unbroken_csv: bytes, tmp_path: Path
):
    keras.utils.set_random_seed(4)
    other, table = export(small_cnn(64), tmp_path / "other.keras"), tmp_path / "out.csv"
    table.write_bytes(unbroken_csv)
    result = predict(folder, "--model", other, "--csv", table, "--resume")
    assert result.exit_code == TO_PUT_RIGHT and "comes from another model" in result.output
    assert table.read_bytes() == unbroken_csv


@pytest.mark.parametrize(
    ("content", "words", "said"),
    [
        (b"file,price\na.jpg,3\n", ["--resume"], "not a table of answers"),
        (b"\x89PNG\r\n\x1a\n\0\0\xff", ["--resume"], "not a table of answers"),
        (",".join(COLUMNS).encode() + b"\r\na.jpg,1\r\nb.jpg,1\r\n", ["--resume"], "not a table of answers"),
        (b"anything", [], "is there already"),
    ],
)
def test_a_file_that_is_something_else_is_left_alone(
    content: bytes, words: list[str], said: str, folder: Path, model_file: Path, tmp_path: Path
):
    table = tmp_path / "out.csv"
    table.write_bytes(content)
    assert_one_sentence(predict(folder, "--model", model_file, "--csv", table, *words), said)
    assert table.read_bytes() == content


def test_resume_needs_a_csv(folder: Path, model_file: Path):
    assert_one_sentence(predict(folder, "--model", model_file, "--resume"), "--csv")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here that is always full")
def test_a_full_disk_is_one_sentence(folder: Path, model_file: Path):
    result = predict(folder / "0001.jpg", "--model", model_file, "--csv", "/dev/full")
    assert result.exit_code == TO_PUT_RIGHT and "make room" in result.output and "Traceback" not in result.output


# Killed and stopped, for real


@contextmanager
def running(folder: Path, model_file: Path, table: Path, *more: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process group of its own, from when its first rows are written; what it says is beside them."""
    words = [sys.executable, "-m", "maskedgender", "predict", folder, *more, "--model", model_file, "--csv", table]
    options = ["--processes", "2", "--resume"]
    with table.with_suffix(".txt").open("wb") as said:  # no pipe: a process left over would hold it open
        process = subprocess.Popen(
            [*map(str, words), *options], cwd=ROOT, stderr=said, start_new_session=True, preexec_fn=_heeding_ctrl_c
        )
    before = table.stat().st_size if table.exists() else 0
    try:
        wait_until(lambda: process.poll() is not None or (table.exists() and table.stat().st_size > before + 200))
        yield process
    finally:
        process.kill()
        process.wait()


def _heeding_ctrl_c() -> None:
    """A shell that puts the tests into the background has them, and what they start, ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_until(true, seconds: float = 3 * MINUTE) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def kill_once(folder: Path, model_file: Path, table: Path, *more: Path) -> None:
    """Start, and kill without mercy; the processes that it started must end too."""
    with running(folder, model_file, table, *more) as process:
        children = psutil.Process(process.pid).children(recursive=True)
        assert process.poll() is None and children, "it must be in the middle of its work"
        process.kill()
    _, alive = psutil.wait_procs(children, MINUTE)
    for child in alive:
        child.kill()
    assert not alive


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_killed_and_resumed_the_csv_is_that_of_an_unbroken_run(
    folder: Path, slow_photos: Path, model_file: Path, unbroken_csv: bytes, tmp_path: Path
):
    table = tmp_path / "out.csv"
    kill_once(folder, model_file, table, slow_photos)
    assert 200 < table.stat().st_size < len(unbroken_csv)
    predict(folder, "--model", model_file, "--csv", table, "--resume")
    assert_same_csv(table, unbroken_csv)


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_ctrl_c_ends_it_with_a_sentence_and_whole_rows(
    folder: Path, slow_photos: Path, model_file: Path, unbroken_csv: bytes, tmp_path: Path
):
    table = tmp_path / "out.csv"
    with running(folder, model_file, table, slow_photos) as process:
        assert process.poll() is None, "it must be in the middle of its work"
        os.killpg(process.pid, signal.SIGINT)  # what a terminal sends
        process.wait(3 * MINUTE)
    said = table.with_suffix(".txt").read_text()
    assert process.returncode == cli.SOME_NOT_READ
    assert "Stopped." in said and "Traceback" not in said and "KeyboardInterrupt" not in said
    assert table.read_bytes().endswith(b"\r\n")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    expected = list(csv.DictReader(unbroken_csv.decode().splitlines()))
    assert 0 < len(rows) < len(expected)
    assert_same(rows, expected[: len(rows)])  # not so many bytes: another backend's last digits may take one more


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_ctrl_c_does_not_reach_a_process_while_it_starts():
    """It would say so with a traceback: from its first moment the signal is blocked in it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with pool_of_processes(1) as pool:
        assert signal.SIGINT in pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, []).result(MINUTE)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


@pytest.mark.soak
def test_killed_again_and_again_the_csv_is_that_of_an_unbroken_run(model_file: Path, model: Classifier, tmp_path: Path):
    (tmp_path / "photos").mkdir()
    make_photos(tmp_path / "photos", 400)
    rows = [row for path in sorted((tmp_path / "photos").iterdir()) for row in csv_rows(model, path)]
    write_csv(rows, tmp_path / "unbroken.csv")
    table = tmp_path / "out.csv"
    for _ in range(6):
        kill_once(tmp_path / "photos", model_file, table)
    predict(tmp_path / "photos", "--model", model_file, "--csv", table, "--resume")
    assert_same_csv(table, (tmp_path / "unbroken.csv").read_bytes())


@pytest.mark.soak
def test_memory_does_not_grow_with_the_number_of_photos(model: Classifier, folder: Path, tmp_path: Path):
    """Resident memory of all processes, after 600 and after 3,000 photos of mixed sizes."""
    real = sorted(folder.iterdir())
    photos = [tmp_path / f"{number:05}.jpg" for number in range(3000)]
    for number, photo in enumerate(photos):
        photo.symlink_to(real[number * 7 % len(real)])
    seen = {}
    for number, _ in enumerate(rows_of_photos(model, photos, 2), 1):
        if number in (600, 3000):
            everyone = [psutil.Process(), *finders()]
            seen[number] = sum(process.memory_info().rss for process in everyone)
    assert seen[3000] < seen[600] + 60 * 1024**2, seen


def test_no_more_processes_are_used_than_windows_can_wait_for(monkeypatch: pytest.MonkeyPatch):
    used: list[int] = []

    def find_in_processes(photos: tuple[str, ...], size: int, processes: int) -> Iterator[many_photos.Found]:
        used.append(processes)
        return (many_photos.Found(photo, [], np.empty((0, size, size, 3), np.uint8)) for photo in photos)

    monkeypatch.setattr(many_photos, "_find_in_processes", find_in_processes)
    photos = [f"{number}.jpg" for number in range(WORTH_PROCESSES)]
    for processes in (2, 61, 200):
        assert [found.photo for found in many_photos.find_all(photos, 64, processes)] == photos
    assert used == [2, 61, 61]


def test_two_deaths_in_a_row_are_the_photos_fault_and_three_are_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(many_photos, "_find_in_processes", lambda *_: iter(()))
    told = [found.error for found in many_photos._find_one_by_one(["a.jpg", "b.jpg"], 64)]
    assert ["was not read to its end" in error for error in told] == [True, True]
    with pytest.raises(ChildProcessError, match="again and again"):
        list(many_photos._find_one_by_one(["a.jpg", "b.jpg", "c.jpg"], 64))
