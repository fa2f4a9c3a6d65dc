"""The page, driven in a real headless Chromium, and its parts: what a person sees is what the model says."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from playwright.sync_api import Browser, Page

from maskedgender import app
from maskedgender.prediction import Prediction, load_model, predict_file
from shots.make_shots import PHONE, Scene, take, upload


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page, opened freshly."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    opened = context.new_page()
    opened.goto(address)
    yield opened
    context.close()


def shown_per_cent(page: Page) -> list[float]:
    """The probabilities of the page's bars, in per cent: female and male of the first face, of the second, ..."""
    return [float(bar.get_attribute("aria-valuenow") or "nan") for bar in page.locator("[role=meter]").all()]


def per_cent(predictions: list[Prediction]) -> list[float]:
    return [100 * p for prediction in predictions for p in (prediction.p_female, prediction.p_male)]


def click_example(page: Page, number: int) -> None:
    page.locator(".gallery-item, button.gallery-item, .gallery button").nth(number).click()
    page.locator("#words .summary").wait_for(timeout=30_000)


def test_an_uploaded_photo_gets_the_numbers_of_the_model(
    page: Page, photos: dict[str, Path], model_path: Path, tmp_path: Path
) -> None:
    upload(page, photos["hopper"])
    expected = predict_file(load_model(model_path), photos["hopper"])
    assert shown_per_cent(page) == pytest.approx(per_cent(expected), abs=1e-3)
    assert page.locator("#words .summary").inner_text() == f"1 face: {expected[0].answer}."
    assert page.locator("#words h3").inner_text() == f"Face 1: {expected[0].answer}"
    assert page.locator("#picture img").is_visible()
    page.screenshot(path=tmp_path / "page.png")
    assert len(np.unique(np.asarray(Image.open(tmp_path / "page.png").convert("L")))) > 100


def test_a_group_gets_a_card_for_every_face(page: Page, model_path: Path) -> None:
    group = app.EXAMPLES / "group.jpg"
    upload(page, group)
    expected = predict_file(load_model(model_path), group)
    assert len(expected) == 3 and page.locator(".face").count() == 3
    assert shown_per_cent(page) == pytest.approx(per_cent(expected), abs=1e-3)
    answers = [card.get_attribute("data-answer") for card in page.locator(".face").all()]
    assert answers == [prediction.answer for prediction in expected]


def test_an_example_is_answered_when_clicked(page: Page, model_path: Path) -> None:
    click_example(page, 0)
    first = sorted(app.EXAMPLES.glob("*.jpg"))[0]
    assert shown_per_cent(page) == pytest.approx(per_cent(predict_file(load_model(model_path), first)), abs=1e-3)


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
    opened = context.new_page()
    opened.goto(address)
    upload(opened, photos["hopper"])
    opened.wait_for_timeout(500)
    context.close()
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def test_the_page_fits_a_phone(browser: Browser, address: str, photos: dict[str, Path]) -> None:
    context = browser.new_context(viewport={"width": PHONE[0], "height": PHONE[1]})
    opened = context.new_page()
    opened.goto(address)
    upload(opened, photos["hopper"])
    assert opened.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    opened.wait_for_function("document.querySelector('#answer').getBoundingClientRect().top < 100")
    context.close()


def test_a_picture_of_the_page_is_small_enough_to_ship(browser: Browser, address: str, tmp_path: Path) -> None:
    shot = take(browser, address, Scene("group", app.EXAMPLES / "group.jpg"), tmp_path)
    assert shot.stat().st_size < 400_000 and Image.open(shot).width == 1200


def test_the_named_endpoint_gives_the_same_numbers(address: str, photos: dict[str, Path], model_path: Path) -> None:
    client = Client(address, verbose=False, analytics_enabled=False)
    numbers = client.predict(handle_file(photos["collins"]), api_name="/predict")[2]
    (expected,) = predict_file(load_model(model_path), photos["collins"])
    assert numbers[0]["p_female"] == pytest.approx(expected.p_female, abs=1e-6)
    assert numbers[0]["answer"] == expected.answer and numbers[0]["box"] == pytest.approx(expected.box)


def test_when_the_port_is_taken_the_next_one_is_used_and_named(
    model_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind((app.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        served = app.launch(model_path, port=port, prevent_thread_lock=True)
        served.close(verbose=False)
    assert served.server_port > port
    assert f"Port {port} is taken; the page is at http://127.0.0.1:{served.server_port}" in capsys.readouterr().out


def test_the_page_is_private_by_default(model_path: Path) -> None:
    served = app.launch(model_path, port=7900, prevent_thread_lock=True)
    served.close(verbose=False)
    config = served.get_config_file()
    assert served.server_name == "127.0.0.1" and not served.share and not config["analytics_enabled"]
    assert served.max_file_size <= 25 * 1024**2
    assert served.delete_cache and max(served.delete_cache) <= 60
    assert not config["run_history"]


def test_the_page_warns_of_a_model_that_is_not_the_shipped_one(original_model: Path) -> None:
    texts = [block.value for block in app.build_page(original_model).blocks.values() if hasattr(block, "value")]
    about = next(text for text in texts if isinstance(text, str) and "What the answer means" in text)
    assert original_model.name in about and "not calibrated" in about


def test_boxes_lie_on_the_faces_in_the_colour_of_the_answer() -> None:
    white = np.full((300, 400, 3), 255, np.uint8)
    faces = [Prediction((50, 100, 80, 90), 0.9, p, 1 - p) for p in (0.99, 0.01, 0.5)]
    for face, colour in zip(faces, app.COLOURS.values(), strict=True):
        picture = app.annotate(white, [face])
        expected = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        assert picture.shape == white.shape and (white == 255).all()
        for y, x in ((189, 60), (150, 50), (150, 129)):  # bottom, left and right edge, on the box's own pixels
            assert picture[y, x].tolist() == expected
        assert (picture[130:170, 70:110] == 255).all(), "the face itself stays free"


def test_a_large_photo_is_shown_smaller_with_its_boxes_in_place() -> None:
    large = np.full((2000, 4000, 3), 255, np.uint8)
    picture = app.annotate(large, [Prediction((1000, 500, 1000, 1000), 0.9, 0.99, 0.01)])
    assert picture.shape[1] == app.SHOWN_SIDE
    scale = app.SHOWN_SIDE / 4000
    drawn = np.flatnonzero((picture[round(1000 * scale)] != 255).any(axis=1))
    assert drawn.min() == pytest.approx(1000 * scale, abs=5) and drawn.max() == pytest.approx(2000 * scale, abs=5)


def test_a_file_name_cannot_write_into_the_page(model_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "<img src=x onerror=alert(1)>.jpg"
    path.write_text("no photo")
    _, words, _, _ = app._answer(load_model(model_path), False, {"path": str(path)})
    assert "<img" not in words and "&lt;img" in words


def test_nothing_is_certain() -> None:
    assert [app._per_cent(p) for p in (1.0, 0.995, 0.994, 0.5, 0.006, 0.005)] == [
        "&gt;99%", "&gt;99%", "99%", "50%", "1%", "&lt;1%",
    ]  # fmt: skip
