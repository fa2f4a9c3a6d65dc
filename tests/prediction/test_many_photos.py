"""Thousands of photos: the same rows by processes as one by one; killed or stopped, a run ends and can go on."""

from __future__ import annotations

import csv
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import psutil
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from maskedgender.cli import commands as cli
from maskedgender.cli.one_sentence import TO_PUT_RIGHT
from maskedgender.networks.classifier import Classifier
from maskedgender.networks.exporting import save_with_record
from maskedgender.networks.model_files import load_model
from maskedgender.prediction.answers import COLUMNS, write_csv
from maskedgender.prediction.many_photos import WORTH_PROCESSES, rows_of_photos, rows_to_keep

from ..support.networks import quick_model
from .conftest import make_photos

ROOT = Path(__file__).resolve().parents[2]
COUNT = WORTH_PROCESSES + 1
MINUTE = 60.0
Rows = list[dict[str, object]]


@pytest.fixture(scope="module")
def model(model_file: Path) -> Classifier:
    return load_model(model_file)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_photos(tmp_path_factory.mktemp("photos"), COUNT)


@pytest.fixture(scope="module")
def unbroken(model: Classifier, photos: list[Path]) -> Rows:
    """The rows of all photos, one by one."""
    return [row for rows in rows_of_photos(model, photos, 1) for row in rows]


def predict(*words: object) -> Result:
    return CliRunner().invoke(cli.app, ["predict", *map(str, words)])


def in_table(path: Path) -> Rows:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def assert_same(rows: Rows, expected: Rows) -> None:
    """The same rows in the same order; probabilities within 1e-5."""
    numbers = ("score", "p_female", "p_male")
    as_text = [{name: "" if cell is None else str(cell) for name, cell in row.items()} for row in (*rows, *expected)]
    given, wanted = as_text[: len(rows)], as_text[len(rows) :]
    assert [{**row, **dict.fromkeys(numbers)} for row in given] == [{**row, **dict.fromkeys(numbers)} for row in wanted]
    for row, other in zip(given, wanted, strict=True):
        for name in numbers:
            assert float(row[name] or 0) == pytest.approx(float(other[name] or 0), abs=1e-5)


def assert_one_sentence(result: Result, said: str) -> None:
    assert result.exit_code == TO_PUT_RIGHT, result.output
    assert said in result.output.strip().splitlines()[-1] and "Errno" not in result.output


def finders(process: psutil.Process) -> list[psutil.Process]:
    """The processes that find faces for one; none when it, or one of them, is gone by now."""
    try:
        return [child for child in process.children() if "spawn_main" in " ".join(child.cmdline())]
    except psutil.Error:
        return []


def test_processes_give_the_rows_that_one_gives_and_a_few_photos_start_none(
    model: Classifier, photos: list[Path], unbroken: Rows
) -> None:
    of_photos = rows_of_photos(model, photos, 2)
    rows = next(of_photos)
    assert len(finders(psutil.Process())) == 2
    assert_same(rows + [row for rows in of_photos for row in rows], unbroken)
    assert {row["face"] for row in unbroken} == {None, 1, 2, 3}, "the photos must not be all of one kind"
    of_photos = rows_of_photos(model, photos[: WORTH_PROCESSES - 1], 2)
    assert next(of_photos) and not finders(psutil.Process())


def test_of_a_csv_cut_anywhere_whole_photos_are_kept(tmp_path: Path) -> None:
    """Cut after each byte: what is kept is the beginning, and of no photo some rows only."""
    names = ["a.jpg", 'b, "quoted".jpg', "two\r\nlines.jpg", "three\nlines\n.jpg", "smile 🙂.jpg", "z.jpg"]
    empty = dict.fromkeys(COLUMNS, "")
    rows = [
        {**empty, "file": name, "face": face, "p_female": 0.25}
        for number, name in enumerate(names)
        for face in range(1, number + 2)
    ]
    path, photos = tmp_path / "out.csv", [Path(name) for name in names]
    write_csv(rows, path)
    content = path.read_bytes()
    header = content.index(b"\r\n") + 2
    for cut in range(header, len(content) + 1):
        path.write_bytes(content[:cut])
        kept = rows_to_keep(path, photos)
        assert [(row["file"], row["face"]) for row in kept] == [(r["file"], str(r["face"])) for r in rows[: len(kept)]]
        files = {row["file"] for row in kept}
        assert len(kept) == sum(row["file"] in files for row in rows), "some rows only"
        assert len(kept) >= content[header:cut].count(b"\r\n") - 2 * len(names), "too much thrown away"
    assert {row["file"] for row in kept} == set(names[:-1]), "only the last is done again"
    for cut in range(4, header - 2):
        path.write_bytes(content[:cut])
        with pytest.raises(ValueError, match="not a table of answers"):
            rows_to_keep(path, photos)


def test_resumed_only_what_is_missing_or_could_not_be_read_is_answered(
    photos: list[Path], model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is whole now, one still is not; one is not named again, and stays; two are new; all are spelled otherwise."""
    monkeypatch.chdir(tmp_path)
    good, broken, unnamed = Path("good.jpg"), Path("broken.jpg"), Path("unnamed.jpg")
    for path in (good, broken, unnamed):
        path.write_text("no photo")
    words = ["--model", model_file, "--csv", "out.csv"]
    assert predict(photos[0], good, broken, unnamed, photos[1], *words).exit_code == cli.SOME_NOT_READ
    marked = Path("out.csv").read_bytes().replace(b"0000.jpg,1,", b"0000.jpg,01,")
    Path("out.csv").write_bytes(marked.replace(b"in a supported format", b"in a format of old"))
    shutil.copy(photos[1], good)
    names = [os.path.relpath(photos[0]), good.resolve(), broken, photos[1], photos[2], "=formula.jpg"]
    shutil.copy(photos[3], "=formula.jpg")
    again = predict(*names, *words, "--resume")
    assert again.exit_code == cli.SOME_NOT_READ and "6 photos, 1 of them" in again.stdout, again.output
    rows = in_table(Path("out.csv"))
    assert [(Path(row["file"]).name, row["face"]) for row in rows] == [
        *[("0000.jpg", face) for face in ("01", "2", "3")],  # as it was left: nothing is answered twice
        ("unnamed.jpg", ""),
        ("good.jpg", "1"),
        ("broken.jpg", ""),
        *[(name, "1") for name in ("0001.jpg", "0002.jpg", "=formula.jpg")],
    ]
    assert "of old" in rows[3]["error"] and "supported format" in rows[5]["error"] and rows[4]["answer"]
    last = predict(*names, *words, "--resume")
    assert last.exit_code == cli.SOME_NOT_READ and len(in_table(Path("out.csv"))) == len(rows), last.output


def test_what_is_no_run_of_these_photos_by_this_model_is_left_alone(
    photos: list[Path], unbroken: Rows, model_file: Path, tmp_path: Path
) -> None:
    table = tmp_path / "out.csv"
    write_csv(unbroken[:6], table)
    keras.utils.set_random_seed(4)
    save_with_record(quick_model(64), tmp_path / "other.keras", {})
    folder = photos[0].parent
    cases = [
        (table.read_bytes(), [folder, "--model", tmp_path / "other.keras", "--resume"], "comes from another model"),
        (table.read_bytes(), [photos[-1], "--model", model_file, "--resume"], "none of these photos"),
        (b"file,price\na.jpg,3\n", [folder, "--model", model_file, "--resume"], "not a table of answers"),
        (b"\x89PNG\r\n\x1a\n\0\0\xff", [folder, "--model", model_file, "--resume"], "not a table of answers"),
        (b"anything", [folder, "--model", model_file], "is there already"),
    ]
    for content, words, said in cases:
        table.write_bytes(content)
        assert_one_sentence(predict(*words, "--csv", table), said)
        assert table.read_bytes() == content
    assert_one_sentence(predict(folder, "--model", model_file, "--resume"), "--csv")


# Killed and stopped, for real


@contextmanager
def running(photos: list[Path], model_file: Path, table: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command in a process group of its own, from when its first rows are written; what it says is beside them."""
    (table.parent / "list.txt").write_text("\n".join(map(str, photos)))
    words = ["predict", "--list", table.parent / "list.txt", "--model", model_file, "--csv", table]
    options = ["--processes", "2", "--resume"]
    with table.with_suffix(".txt").open("wb") as said:  # no pipe: a process left over would hold it open
        process = subprocess.Popen(
            [sys.executable, "-m", "maskedgender", *map(str, words), *options],
            cwd=ROOT,
            stderr=said,
            start_new_session=True,
            preexec_fn=_heeding_ctrl_c,
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


def wait_until(true: Callable[[], bool], seconds: float = 3 * MINUTE) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


@pytest.fixture
def many(photos: list[Path], tmp_path: Path) -> list[Path]:
    """So many photos that a run is still in the middle of its work when it is killed: copies of 24, and large ones."""
    Image.effect_noise((5000, 4000), 90).convert("RGB").save(tmp_path / "large.jpg")
    named = [*photos, *(tmp_path / f"{number}.jpg" for number in range(24))]
    for path in named[len(photos) :]:
        path.hardlink_to(tmp_path / "large.jpg")
    return named


@pytest.mark.soak
@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_killed_stopped_and_resumed_the_csv_is_that_of_an_unbroken_run(
    many: list[Path], photos: list[Path], model_file: Path, unbroken: Rows, tmp_path: Path
) -> None:
    table = tmp_path / "out.csv"
    with running(many, model_file, table) as process:
        children = psutil.Process(process.pid).children(recursive=True)
        assert process.poll() is None and children, "it must be in the middle of its work"
        process.kill()
    _, alive = psutil.wait_procs(children, MINUTE)
    assert not alive, "the processes that it started must end too"
    with running(many, model_file, table) as process:
        os.killpg(process.pid, signal.SIGINT)  # what a terminal sends
        process.wait(3 * MINUTE)
    said = table.with_suffix(".txt").read_text()
    assert process.returncode == cli.SOME_NOT_READ
    assert "Stopped." in said and "Traceback" not in said and "KeyboardInterrupt" not in said
    assert table.read_bytes().endswith(b"\r\n") and 0 < len(in_table(table)) < len(unbroken)
    result = predict(*photos, "--model", model_file, "--csv", table, "--resume")
    assert result.exit_code == cli.SOME_NOT_READ, result.output
    by_name = sorted(in_table(table), key=lambda row: (row["file"], row["face"]))  # unread ones were tried again
    assert_same(by_name, unbroken)


@pytest.mark.soak
@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_when_a_process_is_killed_at_any_moment_the_run_ends_with_a_sentence(
    many: list[Path], model_file: Path, tmp_path: Path
) -> None:
    """As a system does that runs short of memory; from the first moment of a process on."""
    rng, ended = random.Random(0), 0
    (tmp_path / "list.txt").write_text("\n".join(map(str, many)))
    words = ["predict", "--list", tmp_path / "list.txt", "--model", model_file, "--processes", "2"]
    for number in range(5):
        command = [sys.executable, "-m", "maskedgender", *map(str, words), "--csv", str(tmp_path / f"{number}.csv")]
        with (tmp_path / "said.txt").open("wb") as said:
            process = subprocess.Popen(command, cwd=ROOT, stderr=said, stdout=said)
        ours = psutil.Process(process.pid)
        wait_until(lambda process=process, ours=ours: process.poll() is not None or len(finders(ours)) == 2)
        time.sleep(rng.random() * 2)
        if workers := finders(ours):
            rng.choice(workers).kill()
        process.wait(2 * MINUTE)
        told = (tmp_path / "said.txt").read_text()
        if process.returncode == TO_PUT_RIGHT:
            ended += 1
            assert told.strip().splitlines()[-1].startswith("A process was ended from outside"), told
            assert "Traceback" not in told
    assert ended > 2
