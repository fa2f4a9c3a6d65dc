"""Bad and odd inputs, by every route: one clear sentence or an answer, and the next good photo still works."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from typer.testing import CliRunner

from maskedgender.cli import commands as cli
from maskedgender.cli.named_photos import photos_of
from maskedgender.cli.one_sentence import TO_PUT_RIGHT
from maskedgender.images.photos import MAX_MEGABYTES, PhotoError, read_photo
from maskedgender.networks.classifier import Classifier
from maskedgender.networks.model_files import ModelError, load_model
from maskedgender.page import app
from maskedgender.page.answering import answer
from maskedgender.prediction.answers import NO_FACE, Prediction, csv_rows, predict_file
from shots.make_shots import upload

from ..support.bad_inputs import ANSWER, PHOTOS, READ, Case, content, portrait, red_means_blue, saved
from ..support.bad_models import MODELS

ROOT = Path(__file__).resolve().parents[2]
GOOD = "zz good.png"  # the last in a folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All photos of the table as files, and a good one."""
    folder = tmp_path_factory.mktemp("photos")
    for case in PHOTOS:
        case.make(folder / case.name)
    portrait().save(folder / GOOD)
    return folder


@pytest.fixture(scope="module")
def good(model: Classifier, folder: Path) -> list[Prediction]:
    """What the good photo is answered."""
    return predict_file(model, folder / GOOD)


def sentence(path: Path) -> str:
    """What is said of a photo that is refused."""
    with pytest.raises(PhotoError) as raised:
        read_photo(path)
    return str(raised.value)


def assert_clear(said: str, part: str, name: str) -> None:
    """One sentence of plain words that begins with the file, gives the reason, and says what to do."""
    assert part in said
    assert said.startswith("".join(character if character.isprintable() else "?" for character in name[:30]))
    assert said.endswith(".") and "\n" not in said and len(said) < 200 and said.isprintable()
    assert ";" in said, "what to do comes after a semicolon"
    assert not any(word in said for word in ("Error", "Errno", "Traceback", "0x", "None", "PIL"))


def assert_on_the_face(box: tuple[float, ...], good: list[Prediction]) -> None:
    """The box lies where the upright portrait has its face."""
    assert np.abs(np.subtract(box, good[0].box)).max() < 0.1 * max(good[0].box[2:])


def test_the_table_is_long_and_its_names_are_unique() -> None:
    assert len(PHOTOS) + len(MODELS) >= 40
    assert len({case.name for case in PHOTOS}) == len(PHOTOS)


@pytest.mark.parametrize("case", PHOTOS, ids=lambda case: repr(case.name[:40]))
def test_a_photo_gets_a_sentence_or_an_answer(
    case: Case, folder: Path, model: Classifier, good: list[Prediction]
) -> None:
    path = folder / case.name
    if case.is_refused:
        assert_clear(sentence(path), case.outcome, path.name)
    else:
        predictions = predict_file(model, path)
        assert case.outcome == READ or len(predictions) == 1
        if case.outcome == ANSWER:
            assert_on_the_face(predictions[0].box, good)
    assert predict_file(model, folder / GOOD) == good


def test_each_of_sixty_faces_is_answered(folder: Path, model: Classifier) -> None:
    boxes = np.array([face.box for face in predict_file(model, folder / "60 faces.jpg")])
    columns, rows = ((boxes[:, :2] + boxes[:, 2:] / 2) // (96, 102)).T  # of the picture's 10 x 6
    assert len({*zip(columns, rows, strict=True)}) == 60


def test_the_shell_writes_a_row_for_each(
    folder: Path, model_path: Path, tmp_path: Path, good: list[Prediction]
) -> None:
    """One run over the folder, and over what a folder's search does not find, as it is not named as a photo."""
    given = {folder / case.name: case for case in PHOTOS if "\0" not in case.name}  # which a shell cannot pass
    folders = {folder / "folder.jpg", folder / "link to a folder.jpg"}  # whose photos are taken instead; they have none
    searched = photos_of([str(folder)])[0]
    named = sorted({*given} - {*searched} - folders)
    table = tmp_path / "answers.csv"
    there = [path for path in named if os.path.exists(path)]  # the command takes no others, a list does  # noqa: PTH110
    missing = [path for path in named if path not in there]
    (tmp_path / "list.txt").write_text("\n".join(map(str, [*missing, folder])), encoding="utf-8")
    words = ["predict", *map(str, there), "--list", str(tmp_path / "list.txt")]
    words += ["--model", str(model_path), "--csv", str(table)]
    ran = CliRunner().invoke(cli.app, words)
    assert ran.exit_code == cli.SOME_NOT_READ, ran.output
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    first = {row["file"]: row for row in rows if row["face"] in ("", "1")}
    for path in {*named, *searched} - {folder / GOOD}:
        row, case = first[str(path).encode("utf-8", "backslashreplace").decode()], given[path]
        if case.is_refused:
            assert row["error"] == sentence(path) and row["answer"] == ""
        else:
            assert row["answer"] or (case.outcome == READ and row["error"] == NO_FACE), path.name
    assert folders.isdisjoint(searched)
    assert rows[-1]["file"] == str(folder / GOOD)
    assert float(rows[-1]["p_female"]) == pytest.approx(good[0].p_female, abs=1e-6)


def test_a_name_that_is_no_utf_8_can_be_printed(folder: Path, model_path: Path) -> None:
    paths = [str(path) for path in folder.iterdir() if not path.name.isprintable() and "\n" not in path.name]
    if not paths:
        pytest.skip("this file system takes names in UTF-8 only")
    ran = CliRunner().invoke(cli.app, ["predict", *paths, "--model", str(model_path)])
    assert ran.exit_code == cli.SOME_NOT_READ and "not in UTF-8.jpg is not a photo" in ran.output


def test_the_page_answers_each_and_the_next_good_one(folder: Path, model: Classifier, good: list[Prediction]) -> None:
    def told(name: str, photo: bytes, whole: bool = False) -> dict[str, Any]:
        return answer(model, name, photo, "one", None, whole)

    for case in PHOTOS:
        path = folder / case.name
        if not os.path.isfile(path) or not os.access(path, os.R_OK) or path.is_symlink():  # noqa: PTH113 (see below)
            continue  # of no such file a browser can send the bytes; pathlib raises at names that are too long
        photo = path.read_bytes()
        said = told(case.name, photo)
        if case.is_refused:
            assert said == {"error": sentence(path)}, case.name
        else:
            assert said["faces"] or (case.outcome == READ and said["notice"] == app.NO_FACE_NOTICE), case.name
            assert said["faces"] or told(case.name, photo, whole=True)["faces"][0]["whole_picture"], case.name
        again = told(GOOD, (folder / GOOD).read_bytes())["faces"]
        assert [entry["p_female"] for entry in again] == [face.p_female for face in good], case.name


def test_in_the_browser_a_sentence_appears_and_the_next_photo_is_answered(
    browser: Browser, address: str, folder: Path
) -> None:
    page = browser.new_page()
    page.goto(address)
    bad = ("text.jpg", "cut at 50 %.jpg", "60,000 x 60,000.png", "drawing with a script.jpg", "empty.jpg")
    cases = {case.name: case for case in PHOTOS}
    for name in bad:
        upload(page, folder / name)
        assert cases[name].outcome in page.locator("#words .notice").inner_text()
    for name in ("smile 🙂 שלום.jpg", "IMG_0001.HEIC"):
        upload(page, folder / name)
        assert page.locator(".face").count() == 1
        _remove(page)
    _drop(page, folder / "IMG_0001.HEIC")
    page.locator(".face").wait_for(timeout=30_000)
    page.close()


def _remove(page: Page) -> None:
    page.locator("#photo .remove").click()
    page.locator("#words .hint").wait_for()


def _drop(page: Page, photo: Path) -> None:
    """Let a file fall on the page, of a kind that the system does not know."""
    make = "([name, data]) => { const dropped = new DataTransfer();"
    make += " dropped.items.add(new File([Uint8Array.from(data)], name)); return dropped; }"
    dropped = page.evaluate_handle(make, [photo.name, list(photo.read_bytes())])
    page.locator("#photo .drop").dispatch_event("drop", {"dataTransfer": dropped})


@contextmanager
def without_rights() -> Iterator[Path]:
    """An open folder, and this process no longer the superuser, who may read everything."""
    superuser = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        if superuser:
            os.seteuid(65534)  # nobody
        try:
            yield Path(name)
        finally:
            if superuser:
                os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no permissions of this kind here")
def test_without_permission_one_is_told_so(model: Classifier, good: list[Prediction]) -> None:
    with without_rights() as open_folder:
        closed = open_folder / "closed"
        closed.mkdir()
        paths = open_folder / "forbidden.jpg", closed / "in a closed folder.jpg"
        for path in paths:
            saved()(path)
        paths[0].chmod(0)
        closed.chmod(0)
        try:
            for path in paths:
                assert_clear(sentence(path), "may not be read", path.name)
                assert [row["error"] for row in csv_rows(model, path)] == [sentence(path)]
        finally:
            closed.chmod(0o700)


def test_nobody_is_warned_in_the_words_of_programmers(folder: Path) -> None:
    """In a process of its own, as pytest has its own way with warnings."""
    code = "import sys, maskedgender.images.photos as photos\nfor path in sys.argv[1:]:\n"
    code += " try: photos.read_photo(path)\n except photos.PhotoError as error: print(error)"
    paths = [str(folder / name) for name in ("endless EXIF.jpg", "100 megapixels.png")]
    ran = subprocess.run([sys.executable, "-c", code, *paths], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "100 megapixels" in ran.stdout and ran.stderr == ""


def test_a_file_is_read_up_to_the_limit(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "full.png"
    path.write_bytes((folder / GOOD).read_bytes())
    os.truncate(path, MAX_MEGABYTES * 1024**2)
    assert (read_photo(path) == np.asarray(portrait())).all()
    os.truncate(path, MAX_MEGABYTES * 1024**2 + 1)
    with pytest.raises(PhotoError, match=f"{MAX_MEGABYTES} MB or less"):
        read_photo(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.avif", "a.heic"])
def test_colours_are_what_the_profile_says(name: str, tmp_path: Path) -> None:
    """The oracle: by the file's profile red is blue, so that the picture comes out with both exchanged."""
    packed = saved(icc_profile=red_means_blue(), quality=95)
    (saved(icc_profile=red_means_blue()) if name.endswith(".tif") else packed)(tmp_path / name)
    difference = read_photo(tmp_path / name).astype(int) - np.asarray(portrait())[..., ::-1]
    assert np.abs(difference).mean() < 4


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("turned.avif", 5),
        ("IMG_0001.HEIC", 5),
        ("ycck.jpg", 5),
        ("lab.tif", 2),
        ("16 bits.png", 0),
        ("16 bits and see-through.png", 0),
        ("16 bits.tif", 0),
        ("corrupt ICC.jpg", 5),
        ("cut ICC.png", 0),
    ],
)
def test_odd_files_hold_the_same_picture(name: str, tolerance: float, folder: Path) -> None:
    assert np.abs(read_photo(folder / name).astype(int) - np.asarray(portrait())).mean() <= tolerance


def test_what_is_no_number_does_not_darken_a_picture_in_floats(folder: Path) -> None:
    difference = (
        read_photo(folder / "floats, some endless.tif").astype(int)[1:, :, 0] - np.asarray(portrait().convert("L"))[1:]
    )
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("case", MODELS, ids=lambda case: repr(case.name[:40]))
def test_a_model_file_of_another_kind_is_refused(case: Case, tmp_path: Path) -> None:
    case.make(tmp_path / case.name)
    with pytest.raises(ModelError) as raised:
        load_model(tmp_path / case.name)
    said = str(raised.value)
    assert case.outcome in said and str(tmp_path / case.name) in said
    assert said.endswith(".") and "\n" not in said and "Error" not in said and ";" in said.replace(":", ";")


def test_the_shell_says_what_is_wrong_with_a_model(folder: Path, tmp_path: Path) -> None:
    content("no model")(tmp_path / "text.keras")
    for name in ("text.keras", "missing.keras", "e" * 300 + ".keras"):
        ran = CliRunner().invoke(cli.app, ["predict", str(folder / GOOD), "--model", str(tmp_path / name)])
        assert ran.exit_code == TO_PUT_RIGHT and name in ran.output.replace("\n", "")
        assert "Errno" not in ran.output and "Traceback" not in ran.output


@pytest.mark.parametrize("box", [(-50, 10, 40, 40), (10, -50, 40, 40), (130, 10, 40, 40), (10, 130, 40, 40)])
def test_a_box_outside_the_picture_can_be_drawn(box: tuple[float, float, float, float]) -> None:
    """The detector looks beyond the edges, so it may find a face there."""
    picture = app.annotate(np.zeros((100, 100, 3), np.uint8), [Prediction(box, 0.9, 0.9, 0.1)])
    assert picture.shape == (640, 640, 3) and picture.any()
