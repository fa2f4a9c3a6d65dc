"""The page, driven in a real headless Chromium: what a person sees is what the model says."""

from __future__ import annotations

import base64
import csv
import re
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from maskedgender.images.photos import read_photo
from maskedgender.networks.classifier import Classifier
from maskedgender.page.annotation import annotate
from maskedgender.page.answer_html import answer_words, headline
from maskedgender.page.one_photo import answer_photo
from maskedgender.places import EXAMPLES
from maskedgender.prediction.answers import COLUMNS, NO_FACE, Prediction, predict_file
from maskedgender.prediction.many_photos import rows_of_photos
from shots.make_shots import DESK, PHONE, draw_masks, start_camera, upload
from shots.make_shots import upload_many as give_many

from ..support.people import GROUP

CHECKS = Path(__file__).with_name("page_checks.js").read_text(encoding="utf-8")
SLOW = 120_000  # milliseconds that a busy machine may take for an answer


@contextmanager
def opened(browser: Browser, address: str, size: tuple[int, int] = DESK, colours: str = "light") -> Iterator[Page]:
    """The page, opened freshly in a window of its own."""
    with browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if colours == "dark" else "light",
        permissions=["camera", "clipboard-read", "clipboard-write"],
    ) as context:
        page = context.new_page()
        page.set_default_timeout(SLOW)
        page.goto(address)
        page.locator("#verdict .hint").wait_for()
        yield page


@pytest.fixture(scope="module")
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page on a desk, which the tests use one after the other, as a person does."""
    with opened(browser, address) as page:
        yield page


def shown_per_cent(page: Page) -> list[float]:
    """The probabilities of the page's bars, in per cent: female and male of the first face, of the second, ..."""
    return [float(bar.get_attribute("aria-valuenow") or "nan") for bar in page.locator("[role=meter]").all()]


def per_cent(predictions: Sequence[Prediction]) -> list[float]:
    return [100 * p for prediction in predictions for p in (prediction.p_female, prediction.p_male)]


def saved(page: Page, button: str, folder: Path) -> Path:
    """The file that a button saves."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button).or_(page.get_by_role("link", name=button)).first.click()
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return file


def things_to_read(page: Page) -> int:
    """How many texts the page shows; all have contrast, all pictures and controls a name, and nothing is too wide."""
    seen = page.evaluate(CHECKS)
    assert (seen["pale"], seen["nameless"], seen["wide"]) == ([], [], False)
    return seen["count"]


def table_of(page: Page, count: int) -> list[list[str]]:
    """The texts of the table's rows, once there are so many."""
    rows = page.locator("#table .virtual-row")
    expect(rows).to_have_count(count, timeout=SLOW)
    return [[cell.strip() for cell in row.locator("[role=gridcell]").all_inner_texts()] for row in rows.all()]


def test_a_group_gets_the_same_answers_in_headline_cards_picture_and_saved_files(
    page: Page, model: Classifier, tmp_path: Path
) -> None:
    upload(page, GROUP)
    answers = answer_photo(model, read_photo(GROUP), "cloth")
    assert page.locator("#verdict .summary").inner_text() == headline(answers.bare)
    assert shown_per_cent(page) == pytest.approx(per_cent(answers.bare), abs=1e-3)
    draw_masks(page, "cloth")
    told = headline(answers.bare, answers.shown, "cloth")
    versions = [version for pair in zip(answers.bare, answers.masked, strict=True) for version in pair if version]
    assert shown_per_cent(page) == pytest.approx(per_cent(versions), abs=1e-3)
    assert page.locator("#verdict .summary").inner_text() == told
    titles = page.locator(".face h3").all_inner_texts()
    assert titles == [f"Face {number}: {answer_words(face)}" for number, face in enumerate(answers.bare, 1)]
    rows = list(csv.DictReader(saved(page, "Save these answers", tmp_path).open(newline="", encoding="utf-8-sig")))
    assert [(row["file"], row["answer"]) for row in rows] == [(GROUP.name, face.answer) for face in answers.shown]
    picture = np.asarray(Image.open(saved(page, "Save the picture", tmp_path)).convert("RGB"))
    assert (picture == annotate(answers.photo, answers.shown)).all()
    assert page.locator("#picture img").get_attribute("alt").endswith(told)
    page.locator("#masks").get_by_label("as it is").check()
    expect(page.locator(".versions.two")).to_have_count(0, timeout=SLOW)


def test_each_face_shows_what_was_looked_at_on_demand_with_a_sign_that_it_works(page: Page) -> None:
    upload(page, GROUP)
    draw_masks(page, "surgical")
    bare, worn = page.locator(".face:has(.two)").first, page.locator(".face:not(:has(.two))")
    assert page.locator(".look").count() == 3 and page.locator(".heat").count() == 0
    bare.locator(".look").focus()
    page.keyboard.press("Enter")
    expect(bare.locator(".look")).to_have_attribute("aria-busy", "true")
    worn.locator(".look").click()
    expect(bare.locator(".heat img")).to_have_count(2, timeout=SLOW)
    expect(worn.locator(".heat img")).to_have_count(1, timeout=SLOW)
    assert things_to_read(page) > 50
    bare.locator(".look").click()
    expect(page.locator(".heat")).to_have_count(1, timeout=SLOW)
    assert page.evaluate("document.activeElement.className") == "look", "the keyboard stays where it was"


def test_of_a_masked_face_there_is_no_switch(page: Page) -> None:
    page.get_by_role("button", name="Grace Hopper with a cloth mask drawn on").click()
    page.locator("#verdict .summary").get_by_text("wearing a mask").wait_for()
    assert page.locator("#masks input").first.is_disabled()
    assert "No face here is bare" in page.locator("#masks").inner_text()


def test_a_photo_that_browsers_cannot_show_is_shown_and_keeps_its_pixels(
    page: Page, model: Classifier, tmp_path: Path
) -> None:
    photo = tmp_path / "IMG_0001.HEIC"
    Image.open(EXAMPLES / "barack_obama.jpg").save(photo, "HEIF")
    upload(page, photo)
    (face,) = predict_file(model, photo)
    assert shown_per_cent(page) == pytest.approx(per_cent([face]), abs=1e-3)
    page.wait_for_function("document.querySelector('#photo img')?.naturalWidth > 0")
    draw_masks(page, "surgical")
    assert shown_per_cent(page)[:2] == pytest.approx(per_cent([face]), abs=1e-3), "not those of the preview"
    page.get_by_label("Remove Image").click()
    page.locator("#verdict .hint:not(.busy)").wait_for()
    make = "(data) => { const dropped = new DataTransfer();"
    make += " dropped.items.add(new File([Uint8Array.from(data)], 'IMG_0001.HEIC')); return dropped; }"
    dropped = page.evaluate_handle(make, list(photo.read_bytes()))
    page.locator("#photo button").first.dispatch_event("drop", {"dataTransfer": dropped})
    page.locator("#verdict .summary").wait_for()


def test_a_bad_file_is_one_sentence_and_the_next_photo_is_answered(
    page: Page, photos: dict[str, Path], tmp_path: Path
) -> None:
    script = tmp_path / "<img src=x onerror=alert(1)>.jpg"
    script.write_text("no photo")
    upload(page, script)
    assert "is not a photo" in page.locator(".notice").inner_text() and page.locator("#verdict img").count() == 0
    upload(page, photos["text"])
    assert re.fullmatch(r"text\.jpg is not a photo in a supported format; .*\.", page.locator(".notice").inner_text())
    broken = "[...document.images].filter((one) => one.checkVisibility() && !one.naturalWidth).length"
    assert page.evaluate(broken) == 0 and page.locator(".face").count() == 0
    upload(page, photos["collins"])
    assert page.locator(".face").count() == 1
    page.get_by_label("Remove Image").click()
    page.locator("#verdict .hint:not(.busy)").wait_for()
    assert page.locator(".face").count() == 0


def test_without_a_face_the_whole_picture_is_judged_only_if_asked(page: Page, photos: dict[str, Path]) -> None:
    upload(page, photos["empty"])
    assert "No face found" in page.locator("#verdict .notice").inner_text() and page.locator(".face").count() == 0
    page.get_by_role("button", name="Answer for the whole picture anyway").click()
    page.locator(".face").wait_for()
    assert "this is a guess" in page.locator("#verdict .summary").inner_text()
    assert not page.locator("#masks").is_visible() and page.locator(".look").count() == 0


def test_a_photo_is_taken_from_camera_and_clipboard(page: Page, photos: dict[str, Path]) -> None:
    page.get_by_label("Remove Image").or_(page.locator("#photo")).first.click(position={"x": 5, "y": 5})
    encoded = base64.b64encode(photos["collins"].read_bytes()).decode()
    page.evaluate(
        """async (encoded) => {
            const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
            const file = new File([bytes], 'collins.png', { type: 'image/png' });
            await navigator.clipboard.write([new ClipboardItem({ 'image/png': file })]); }""",
        encoded,
    )
    page.locator("#photo").get_by_label("Paste from clipboard").click()
    page.locator("#verdict .summary").get_by_text("1 face").wait_for()
    page.get_by_label("Remove Image").click()
    page.locator("#verdict .hint:not(.busy)").wait_for()
    page.locator("#photo").get_by_label("Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    page.wait_for_function("document.querySelector('#photo video')?.videoWidth > 0")
    page.get_by_label("capture photo").click()
    page.locator("#verdict .summary").get_by_text("1 face: female.").wait_for()


def test_many_photos_become_a_gallery_and_a_table_in_which_bad_files_say_why(
    page: Page, photos: dict[str, Path], model: Classifier, tmp_path: Path
) -> None:
    give_many(page, [photos["hopper"], photos["text"], GROUP, photos["empty"]])
    told = page.locator("#progress .summary").inner_text()
    assert told.startswith("4 photos: 4 faces (") and told.endswith("; 2 without an answer.")
    expect(page.locator("#gallery .thumbnail-lg")).to_have_count(3)
    rows = table_of(page, 6)
    assert [row[0] for row in rows] == ["hopper.png", "text.jpg", *["group.jpg"] * 3, "empty.png"]
    assert "is not a photo" in rows[1][2] and rows[5][2] == NO_FACE
    (hopper,) = predict_file(model, photos["hopper"])
    assert rows[0][1:3] == ["1", answer_words(hopper)]
    answers = list(csv.DictReader(saved(page, "Save the answers", tmp_path).open(newline="", encoding="utf-8-sig")))
    assert tuple(answers[0]) == COLUMNS and len(answers) == 6
    shell = [row for rows in rows_of_photos(model, [photos["hopper"], photos["text"]]) for row in rows]
    assert [(row["p_female"], row["answer"]) for row in answers[:2]] == [
        (str(row["p_female"] or ""), row["answer"]) for row in shell
    ]
    with zipfile.ZipFile(saved(page, "Save the pictures", tmp_path)) as archive:
        assert archive.testzip() is None and len(archive.namelist()) == 1 + 3


def test_a_folder_is_taken_whole_but_for_what_systems_put_there(page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "b").mkdir(parents=True)
    for name in ("a.jpg", "b/a.jpg", "._b.jpg"):
        shutil.copy(EXAMPLES / "grace_hopper.jpg", folder / name)
    (folder / "notes.txt").write_text("no photo")
    page.get_by_role("tab", name="Many photos").click()
    page.locator("#folder input[type=file]").set_input_files(folder)
    page.locator("#progress .why").get_by_text("2 other files passed over.").wait_for()
    assert sorted(row[0] for row in table_of(page, 2)) == ["a (2).jpg", "a.jpg"]


def test_the_camera_is_answered_as_it_runs_and_off_where_nobody_sees_it(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        page.evaluate("""() => { const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            navigator.mediaDevices.getUserMedia = async (...how) => (window.stream = await ask(...how)); }""")
        start_camera(page)
        assert page.locator("#now .summary").inner_text() == "1 face: female."
        assert page.locator("#camera img").get_attribute("src").startswith("data:image/jpeg"), "no file"
        page.get_by_role("tab", name="One photo").dispatch_event("click")  # a busy machine draws too seldom for a mouse
        page.wait_for_function("window.stream.getTracks().every((track) => track.readyState == 'ended')")


@pytest.mark.parametrize(("colours", "size"), [("light", DESK), ("dark", PHONE)])
def test_all_text_has_contrast_all_things_have_names_and_nothing_is_too_wide(
    browser: Browser, address: str, colours: str, size: tuple[int, int], photos: dict[str, Path], tmp_path: Path
) -> None:
    with opened(browser, address, size, colours) as page:
        things_to_read(page)
        upload(page, GROUP)
        if size == PHONE:
            page.wait_for_function("document.querySelector('#verdict').getBoundingClientRect().top < 100")
        draw_masks(page, "surgical")
        page.get_by_text("About this model").click()
        page.locator("#model td").first.wait_for()
        assert things_to_read(page) >= 100
        upload(page, photos["text"])
        things_to_read(page)
        long_name = tmp_path / f"{'name' * 30}.jpg"
        shutil.copy(EXAMPLES / "grace_hopper.jpg", long_name)
        give_many(page, [long_name, photos["text"]])
        things_to_read(page)


def test_the_keyboard_alone_gives_a_photo_and_draws_a_mask(browser: Browser, address: str) -> None:
    with opened(browser, address) as page:
        tab_to(page, "One photo")
        tab_to(page, "Eileen Collins, astronaut")
        page.keyboard.press("Enter")
        page.locator("#verdict .summary").wait_for()
        tab_to(page, "surgical")
        assert "3px" in page.evaluate("getComputedStyle(document.activeElement).outline")
        page.keyboard.press("Space")
        page.locator(".versions.two").wait_for()
        for name in ("What did it look at? Face 1", "Save these answers (CSV)", "Save the picture (PNG)"):
            tab_to(page, name)


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the thing of this name has the focus."""
    reached: Locator = page.locator(":focus")
    named = page.get_by_role("button", name=name).or_(page.get_by_role("radio", name=name, exact=True))
    wanted = named.or_(page.get_by_role("tab", name=name)).or_(page.get_by_role("link", name=name))
    for _ in range(40):
        page.keyboard.press("Tab")
        if reached.count() and reached.and_(wanted).count():
            return
    raise AssertionError(f"Tab does not reach {name}")
