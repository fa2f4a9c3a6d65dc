"""A photo gets answers for its hundred largest faces, and every answer says how many more there were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskedgender.cli.predict import predict
from maskedgender.faces.detector import Face
from maskedgender.networks.classifier import Classifier
from maskedgender.page.answer_html import verdict_html
from maskedgender.page.answering import answer
from maskedgender.page.one_photo import answer_photo
from maskedgender.places import SHIPPED_MODEL
from maskedgender.prediction import answers
from maskedgender.prediction.many_photos import rows_of_photos

SAID = "3 smaller faces left out: a photo gets answers for 100"


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A photo in which 103 faces are found, the largest first."""
    faces = [Face((number, 0, 150 - number, 150 - number), 0.9, np.zeros((5, 2))) for number in range(103)]
    monkeypatch.setattr(answers, "find_faces", lambda photo, quick=False: faces)
    Image.new("RGB", (300, 200)).save(tmp_path / "crowd.png")
    return tmp_path / "crowd.png"


def test_rows_are_the_hundred_largest_and_say_how_many_more(crowd: Path, model: Classifier):
    for rows in (answers.csv_rows(model, crowd), *rows_of_photos(model, [crowd])):
        assert [row["face"] for row in rows] == [*range(1, 101), ""]
        assert [row["width"] for row in rows[:100]] == [150 - number for number in range(100)]
        assert rows[100]["error"] == SAID and not rows[99]["error"]


def test_the_shell_says_it_and_counts_the_photo_as_read(
    crowd: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert predict([crowd], SHIPPED_MODEL, None, False, None) == 0
    assert capsys.readouterr().out.endswith(f"{crowd}: {SAID}\n")
    for resume in (False, True):
        assert predict([crowd], SHIPPED_MODEL, tmp_path / "out.csv", resume, None) == 0
    assert (tmp_path / "out.csv").read_text(encoding="utf-8").count(SAID) == 1


def test_the_page_says_it(crowd: Path, model: Classifier):
    found = answer_photo(model, np.zeros((200, 300, 3), np.uint8))
    assert len(found.as_it_is) == 100 and found.left_out == 3
    assert f"{SAID}." in verdict_html(found)
    told = answer(model, "crowd.png", crowd.read_bytes(), "many", None, whole=False)
    assert told["rows"][-1]["error"] == SAID
