"""The page, driven in a real headless Chromium, and its parts: what a person sees is what the model says."""

from __future__ import annotations

import base64
import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from maskedgender.images.photos import read_photo
from maskedgender.networks.classifier import Classifier
from maskedgender.page import app
from maskedgender.page.one_photo import answer_photo
from maskedgender.prediction.answers import NO_FACE, Prediction, csv_rows, predict_file
from maskedgender.prediction.attribution import heat_map, overlay
from shots.make_shots import DESK, PHONE, Scene, draw_masks, show_heat, take, upload, upload_many

CHECKS = Path(__file__).with_name("page_checks.js").read_text(encoding="utf-8")
SLOW = 60_000  # milliseconds that a busy machine may take for an answer


@contextmanager
def window(browser: Browser, size: tuple[int, int] = DESK, colours: str = "light") -> Iterator[BrowserContext]:
    """A browser's window, with a cache and cookies of its own."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if colours == "dark" else "light",
        permissions=["camera", "clipboard-read", "clipboard-write"],
    )
    yield context
    context.close()


@contextmanager
def opened(browser: Browser, address: str, size: tuple[int, int] = DESK, colours: str = "light") -> Iterator[Page]:
    """The page, opened freshly in a window of its own."""
    with window(browser, size, colours) as context:
        page = context.new_page()
        page.goto(address)
        yield page


@pytest.fixture(scope="module")
def desk(browser: Browser) -> Iterator[BrowserContext]:
    """A window on a desk; the next page opens in half the time, as Gradio's scripts lie in its cache."""
    with window(browser) as context:
        yield context


@pytest.fixture
def page(desk: BrowserContext, address: str) -> Iterator[Page]:
    """The page on a desk, opened freshly."""
    page = desk.new_page()
    page.goto(address)
    yield page
    page.close()


def data_of(address: str | None) -> bytes:
    """The content of a data URL."""
    assert address and address.startswith("data:")
    return base64.b64decode(address.partition(",")[2])


def picture_of(image: Locator) -> np.ndarray:
    """The picture of an <img> whose source is a data URL."""
    return np.asarray(Image.open(io.BytesIO(data_of(image.get_attribute("src")))).convert("RGB"))


def table_of(page: Page, table: str) -> list[list[str]]:
    """The texts of a table's body."""
    return [row.locator("th, td").all_inner_texts() for row in page.locator(f"{table} tbody tr").all()]


def shown_per_cent(page: Page) -> list[float]:
    """The probabilities of the page's bars, in per cent: female and male of the first face, of the second, ..."""
    return [float(bar.get_attribute("aria-valuenow") or "nan") for bar in page.locator("[role=meter]").all()]


def per_cent(predictions: list[Prediction]) -> list[float]:
    return [100 * p for prediction in predictions for p in (prediction.p_female, prediction.p_male)]


def click_example(page: Page, number: int) -> None:
    page.locator(".gallery-item, button.gallery-item, .gallery button").nth(number).click()
    page.locator("#words .summary").wait_for(timeout=30_000)


def test_an_uploaded_photo_gets_the_numbers_of_the_model(
    page: Page, photos: dict[str, Path], model: Classifier, tmp_path: Path
) -> None:
    upload(page, photos["hopper"])
    expected = predict_file(model, photos["hopper"])
    assert shown_per_cent(page) == pytest.approx(per_cent(expected), abs=1e-3)
    assert page.locator("#words .summary").inner_text() == f"1 face: {expected[0].answer}."
    assert page.locator("#words h3").inner_text() == f"Face 1: {expected[0].answer}"
    assert page.locator("#picture img").is_visible()
    page.screenshot(path=tmp_path / "page.png")
    assert len(np.unique(np.asarray(Image.open(tmp_path / "page.png").convert("L")))) > 100


def test_a_group_gets_a_card_for_every_face(page: Page, model: Classifier) -> None:
    group = app.EXAMPLES / "group.jpg"
    upload(page, group)
    expected = predict_file(model, group)
    assert len(expected) == 3 and page.locator(".face").count() == 3
    assert shown_per_cent(page) == pytest.approx(per_cent(expected), abs=1e-3)
    answers = [card.get_attribute("data-answer") for card in page.locator(".face").all()]
    assert answers == [prediction.answer for prediction in expected]


def test_the_table_has_the_faces_in_reading_order(page: Page, model: Classifier) -> None:
    upload(page, app.EXAMPLES / "group.jpg")
    faces = predict_file(model, app.EXAMPLES / "group.jpg")
    rows = table_of(page, "#words")
    assert [row[0] for row in rows] == ["2", "1", "3"], "the largest face is in the middle"
    assert [row[1] for row in rows] == [faces[int(row[0]) - 1].answer for row in rows]


def test_the_heat_map_of_a_crop_is_shown_on_demand(page: Page, photos: dict[str, Path], model: Classifier) -> None:
    upload(page, photos["collins"])
    button, heat = page.locator(".look"), page.locator(".heat")
    assert not heat.is_visible() and button.get_attribute("aria-expanded") == "false"
    show_heat(page)
    crop = picture_of(page.locator(".version > img"))
    assert (picture_of(heat.locator("img")) == overlay(crop, heat_map(model, crop))).all()
    assert button.get_attribute("aria-expanded") == "true" and "was hidden in turn" in heat.inner_text()
    button.click()
    expect(heat).to_be_hidden()


def test_a_mask_is_drawn_and_both_answers_stand_beside_each_other(page: Page, model: Classifier) -> None:
    group = app.EXAMPLES / "group.jpg"
    upload(page, group)
    bare = page.locator("#picture img").get_attribute("src")
    draw_masks(page, "cloth")
    answers = answer_photo(model, read_photo(group), "cloth")
    pairs = zip(answers.as_it_is, answers.with_mask, strict=True)
    expected = [version.prediction for pair in pairs for version in pair if version]
    assert len(expected) == 6
    assert shown_per_cent(page) == pytest.approx(per_cent(expected), abs=1e-3)
    assert "drawn on 3 of 3" in page.locator("#words .live").inner_text()
    assert page.locator("#picture img").get_attribute("src") != bare
    page.locator("#masks label").first.click()
    expect(page.locator(".versions.two")).to_have_count(0, timeout=SLOW)
    assert page.locator("#picture img").get_attribute("src") == bare


def test_answers_and_picture_can_be_saved(page: Page, model: Classifier, tmp_path: Path) -> None:
    group = app.EXAMPLES / "group.jpg"
    upload(page, group)
    link = page.locator(".save-csv")
    rows = list(csv.DictReader(io.StringIO(data_of(link.get_attribute("href")).decode())))
    of_the_shell = csv_rows(model, group)
    assert rows == [{name: str(value) for name, value in {**row, "file": "group.jpg"}.items()} for row in of_the_shell]
    with page.expect_download() as saved:
        page.locator(".save-picture").click()
    assert saved.value.suggested_filename == "group-answers.png"
    saved.value.save_as(tmp_path / "saved.png")
    with Image.open(tmp_path / "saved.png") as picture:
        assert picture.format == "PNG"
        difference = np.abs(np.asarray(picture.convert("RGB")).astype(int) - picture_of(page.locator("#picture img")))
    assert difference.mean() < 1


def test_many_photos_become_a_table_in_which_bad_files_say_why(
    page: Page, photos: dict[str, Path], model: Classifier
) -> None:
    upload_many(page, [photos["hopper"], photos["text"], app.EXAMPLES / "group.jpg", photos["empty"]])
    rows = table_of(page, "#table")
    assert [row[0] for row in rows] == ["hopper.png", "text.jpg", *["group.jpg"] * 3, "empty.png"]
    assert rows[1][1].startswith("text.jpg is not a photo") and rows[5][1] == NO_FACE
    (hopper,) = predict_file(model, photos["hopper"])
    assert rows[0][1:3] == ["1", hopper.answer]
    assert page.locator("#table .summary").inner_text() == "4 photos: 4 faces, 2 without an answer."
    saved = csv.DictReader(io.StringIO(data_of(page.locator("#table .save-csv").get_attribute("href")).decode()))
    assert [row["file"] for row in saved] == [row[0] for row in rows]


def test_a_file_that_is_too_large_is_named_and_the_others_are_answered(page: Page, tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.truncate(26 * 1024**2 + 1)
    upload_many(page, [large, app.EXAMPLES / "grace_hopper.jpg"])
    said = "large.jpg has 26 MB; save it smaller, with 25 MB or less."
    assert page.locator(".too-large").inner_text() == said
    assert [row[0] for row in table_of(page, "#table")] == ["grace_hopper.jpg"]
    page.get_by_role("tab", name="One photo").click()
    page.locator("#photo input[type=file]").first.set_input_files(large)
    expect(page.locator(".too-large:visible")).to_have_text(said)
    upload(page, app.EXAMPLES / "eileen_collins.jpg")
    assert page.locator(".too-large:visible").count() == 0


def test_a_photo_can_be_dropped_pasted_and_taken_by_the_camera(page: Page, photos: dict[str, Path]) -> None:
    encoded = base64.b64encode(photos["collins"].read_bytes()).decode()
    file = f"""const bytes = Uint8Array.from(atob('{encoded}'), (letter) => letter.charCodeAt(0));
        const file = new File([bytes], 'collins.png', {{ type: 'image/png' }});"""
    page.locator("#photo input[type=file]").first.wait_for(state="attached")
    page.evaluate(f"""() => {{ {file}
        const dataTransfer = new DataTransfer(); dataTransfer.items.add(file);
        document.querySelector('#photo input[type=file]').parentElement.dispatchEvent(
            new DragEvent('drop', {{ dataTransfer, bubbles: true, cancelable: true }})); }}""")
    page.locator("#words .summary").wait_for(timeout=SLOW)
    clear(page)
    page.evaluate(f"() => {{ {file} return navigator.clipboard.write([new ClipboardItem({{ 'image/png': file }})]); }}")
    page.get_by_label("Paste from clipboard").click()
    page.locator("#words .summary").wait_for(timeout=SLOW)
    clear(page)
    page.get_by_label("Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    page.get_by_label("capture photo").click(timeout=SLOW)
    page.locator("#words :is(.summary, .notice)").first.wait_for(timeout=SLOW)  # the camera of the test shows no face


def test_a_press_before_the_cameras_first_picture_is_not_lost(page: Page) -> None:
    page.locator("#photo input[type=file]").first.wait_for(state="attached")
    page.evaluate("""async () => {
        const camera = await navigator.mediaDevices.getUserMedia({ video: true }), late = new MediaStream();
        window.openShutter = () => late.addTrack(camera.getVideoTracks()[0]);
        navigator.mediaDevices.getUserMedia = async () => late; }""")
    page.get_by_label("Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    for _ in range(2):
        page.get_by_label("capture photo").click(timeout=SLOW)
    assert page.evaluate("document.querySelector('#photo video').videoWidth") == 0
    page.evaluate("window.openShutter()")
    page.locator("#words :is(.summary, .notice)").first.wait_for(timeout=SLOW)
    assert page.locator("#photo img").is_visible()


def clear(page: Page) -> None:
    page.locator("#photo button[aria-label='Remove Image']").click()
    page.locator("#words .hint").wait_for(timeout=SLOW)


def test_answers_are_announced(page: Page, photos: dict[str, Path]) -> None:
    """A screen reader hears of a change only in a node that was there before."""
    live = page.locator("#words .live").element_handle()
    upload(page, photos["hopper"])
    still = page.locator("#words .live").element_handle()
    assert page.evaluate("([before, after]) => before === after", [live, still])
    assert live.get_attribute("role") == "status" and live.inner_text().startswith("1 face: ")
    clear(page)
    upload(page, photos["text"])
    assert live.get_attribute("role") == "alert" and live.inner_text().startswith("text.jpg is not a photo")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_all_text_has_contrast_and_all_pictures_and_controls_have_names(
    browser: Browser, address: str, colours: str, photos: dict[str, Path]
) -> None:
    with opened(browser, address, colours=colours) as page:
        page.locator("#words .hint").wait_for()
        found = [page.evaluate(CHECKS)]
        upload(page, app.EXAMPLES / "group.jpg")
        draw_masks(page, "surgical")
        show_heat(page)
        page.get_by_text("About this model").click()
        page.locator("#model table").wait_for()
        found.append(page.evaluate(CHECKS))
        upload_many(page, [photos["hopper"], photos["text"]])
        found.append(page.evaluate(CHECKS))
    assert [(page["pale"], page["nameless"]) for page in found] == [([], [])] * 3
    assert found[0]["count"] >= 10 and found[1]["count"] >= 100


def test_the_keyboard_reaches_everything_and_its_place_is_seen(page: Page, photos: dict[str, Path]) -> None:
    upload(page, photos["hopper"])
    page.locator("#masks input").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.locator(".versions.two").wait_for(timeout=SLOW)
    page.locator("#masks input").last.focus()
    reached = []
    for _ in range(4):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.className"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outline")
        assert "solid 3px" in outline, f"{reached[-1]} has {outline}"
    assert reached == ["save-csv", "save-picture", "look", "look"]
    page.keyboard.press("Enter")
    page.locator(".heat:not([hidden])").wait_for(timeout=SLOW)
    assert page.locator(".heat").nth(1).is_visible() and not page.locator(".heat").nth(0).is_visible()


def test_the_keyboard_alone_gives_a_photo_from_anywhere(page: Page, photos: dict[str, Path]) -> None:
    page.locator("button[aria-label='Paste from clipboard']").wait_for()
    reached: list[str] = []
    while not reached or reached[-1] != "Paste from clipboard":
        assert len(reached) < 20, reached
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.ariaLabel || document.activeElement.innerText"))
    wanted = ["One photo", "Many photos", "Drop an image file here to upload", "Upload file", "Capture from camera"]
    assert reached == [*wanted, "Paste from clipboard"]
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the first example
    page.locator(".face").first.wait_for(timeout=SLOW)
    page.locator("#photo button[aria-label='Remove Image']").press("Enter")
    page.locator("#words .hint").wait_for()
    with page.expect_file_chooser() as chooser:
        page.locator("#photo button[aria-label='Drop an image file here to upload']").press("Enter")
    chooser.value.set_files(photos["collins"])
    page.locator(".face").first.wait_for(timeout=SLOW)


def test_an_example_is_answered_when_clicked(page: Page, model: Classifier) -> None:
    click_example(page, 0)
    first = sorted(app.EXAMPLES.glob("*.jpg"))[0]
    assert shown_per_cent(page) == pytest.approx(per_cent(predict_file(model, first)), abs=1e-3)


def test_without_a_face_the_page_says_so_and_judges_the_whole_picture_only_if_asked(
    page: Page, photos: dict[str, Path]
) -> None:
    upload(page, photos["empty"])
    assert "No face found" in page.locator("#words .notice").inner_text()
    assert page.locator(".face").count() == 0 and not page.locator("#picture").is_visible()
    page.locator("#anyway").click()
    page.locator(".face").wait_for(timeout=30_000)
    assert "No face found; the whole picture" in page.locator("#words .summary").inner_text()
    assert page.locator("#words h3").inner_text().startswith("Whole picture: ")


def test_after_a_bad_file_comes_one_sentence_and_the_next_photo_works(page: Page, photos: dict[str, Path]) -> None:
    upload(page, photos["text"])
    assert re.fullmatch(r"text\.jpg is not a photo in a format known here; .*\.", page.locator(".notice").inner_text())
    page.locator("#photo button[aria-label='Remove Image']").click()
    page.locator("#words .hint").wait_for()
    upload(page, photos["collins"])
    assert page.locator(".face").count() == 1


def test_no_request_leaves_the_machine(browser: Browser, address: str, photos: dict[str, Path]) -> None:
    context = browser.new_context()
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = context.new_page()
    page.goto(address)
    upload(page, photos["hopper"])
    page.wait_for_timeout(500)
    context.close()
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def test_the_page_fits_a_phone_in_one_column(browser: Browser, address: str, tmp_path: Path) -> None:
    with opened(browser, address, PHONE) as page:
        upload(page, app.EXAMPLES / "group.jpg")
        page.wait_for_function("document.querySelector('#answer').getBoundingClientRect().top < 100", timeout=SLOW)
        draw_masks(page, "surgical")
        assert left_edge(page, "#answer") == pytest.approx(left_edge(page, "#photo"), abs=5)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        long_name = tmp_path / f"{'name' * 30}.txt"
        long_name.write_text("no photo")
        upload_many(page, [app.EXAMPLES / "grace_hopper.jpg", long_name])
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_a_desk_has_two_columns(page: Page) -> None:
    page.locator("#photo input").first.wait_for(state="attached")
    assert left_edge(page, "#answer") > left_edge(page, "#photo") + 300


def left_edge(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    assert box
    return box["x"]


def test_a_picture_of_the_page_is_small_enough_to_ship(browser: Browser, address: str, tmp_path: Path) -> None:
    shot = take(browser, address, Scene("group", app.EXAMPLES / "group.jpg"), tmp_path)
    assert shot.stat().st_size < 300_000 and Image.open(shot).width == 1200


def test_the_named_endpoint_gives_the_same_numbers(address: str, photos: dict[str, Path], model: Classifier) -> None:
    client = Client(address, verbose=False, analytics_enabled=False)
    numbers = client.predict(handle_file(photos["collins"]), api_name="/predict")[2]
    (expected,) = predict_file(model, photos["collins"])
    assert numbers[0]["p_female"] == pytest.approx(expected.p_female, abs=1e-6)
    assert numbers[0]["answer"] == expected.answer and numbers[0]["box"] == pytest.approx(expected.box)


def test_the_page_warns_of_a_model_that_is_not_the_shipped_one(original_model: Path) -> None:
    texts = [block.value for block in app.build_page(original_model).blocks.values() if hasattr(block, "value")]
    about = next(text for text in texts if isinstance(text, str) and "What the answer means" in text)
    assert original_model.name in about and "not calibrated" in about
