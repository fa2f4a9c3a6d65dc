"""`maskedgender predict`: what it writes and says, its exit status, and what the caller can put right."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from maskedgender.cli.predict import in_words
from maskedgender.networks.model_files import load_model
from maskedgender.prediction.answers import COLUMNS, NO_FACE, predict_file

from .conftest import Shell


def test_a_row_a_face_and_the_run_goes_on_over_what_cannot_be_read(
    shell: Shell, folder: Path, untrained: Path, tmp_path: Path
) -> None:
    (folder / "broken.jpg").write_bytes(b"not a picture")
    (tmp_path / "list.txt").write_text(str(tmp_path / "missing.jpg"))
    names = [folder, folder / "." / "hopper.png", "--list", tmp_path / "list.txt"]  # one of them twice
    result = shell("predict", *names, "--model", untrained, "--csv", tmp_path / "out.csv")
    assert result.exit_code == 1 and "5 photos, 2 of them could not be read" in result.output
    assert "Skipped: 1 file without the suffix of a photo." in result.stderr
    with (tmp_path / "out.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [(Path(row["file"]).name, row["face"], row["error"] in ("", NO_FACE)) for row in rows] == [
        ("broken.jpg", "", False),
        ("two.JPG", "1", True),
        ("two.JPG", "2", True),
        ("grey.png", "", True),
        ("hopper.png", "1", True),
        ("missing.jpg", "", False),
    ]
    (expected,) = predict_file(load_model(untrained), folder / "hopper.png")
    assert float(rows[4]["p_female"]) == pytest.approx(expected.p_female, abs=1e-5)
    assert rows[4]["answer"] == expected.answer and rows[3]["error"] == NO_FACE


def test_answers_in_words(folder: Path, untrained: Path, tmp_path: Path) -> None:
    """Names in letters that a terminal of another region does not know are told, too, and a name only once."""
    (folder / "hopper.png").rename(folder / "日本.png")
    (tmp_path / "text.jpg").write_text("no photo")
    (tmp_path / "list.txt").write_text("missing.jpg")
    words = [sys.executable, "-m", "maskedgender", "predict", folder / "日本.png", "=text.jpg", "--model", untrained]
    (tmp_path / "text.jpg").rename(tmp_path / "=text.jpg")
    few = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONPATH": str(Path(__file__).parents[2])}
    words = [*map(str, words), "--list", str(tmp_path / "list.txt")]
    done = subprocess.run(words, capture_output=True, env=few, cwd=tmp_path, check=False)
    assert done.returncode == 1, done.stderr.decode()
    face, text, missing = done.stdout.decode("cp1252").splitlines()
    assert re.fullmatch(r".*\\u65e5\\u672c\.png, face 1: (female|male) \(female \d+ %, male \d+ %\)", face)
    assert text.startswith("./=text.jpg is not a photo in a supported format;")
    assert missing == "missing.jpg is not there; check its name."


def test_a_line_shows_that_a_probability_lies_below_the_threshold() -> None:
    numbers = {"file": "a.jpg", "face": 1, "p_female": 0.1801, "p_male": 0.8199, "p_mask": 0.8199, "error": ""}
    row = {**dict.fromkeys(COLUMNS, ""), **numbers, "answer": "not sure"}
    assert in_words(row, 0.82) == "a.jpg, face 1: not sure (female 18 %, male 81.9 %, mask 82 %)"
    assert in_words(row, None) == "a.jpg, face 1: not sure (female 18 %, male 82 %, mask 82 %)"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Name a photo or a folder."),
        (["--list", "nosuch.txt"], "nosuch.txt: No such file or directory"),
        (["nosuch"], "There is no photo or folder at nosuch; check its name."),
        (["nosuch", "--csv", "out.csv"], "There is no photo or folder at nosuch; check its name."),
        (["empty"], "No photos in empty: looked for .avif "),
        (["photos", "--model", "nosuch.keras"], "There is no model file at nosuch.keras; check its name."),
        (["photos", "--csv", "nosuch/out.csv"], "There is no folder nosuch for out.csv; make it, or name another"),
    ],
)
def test_what_the_caller_can_put_right_is_one_sentence_and_nothing_is_written(
    words: list[str], said: str, shell: Shell, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    Path("empty").mkdir()
    result = shell("predict", *words)
    assert result.exit_code == 2 and result.output.startswith(said) and len(result.output.splitlines()) == 1
    assert sorted(path.name for path in Path().iterdir()) == ["empty", "photos"]
