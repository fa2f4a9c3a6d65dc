"""What the page says and draws, without a browser: answers, masks, the picture, the panel about the model."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskedgender.faces.crops import canonical_crop, crop_window
from maskedgender.faces.detector import Face
from maskedgender.faces.finding import find_faces
from maskedgender.images.photos import read_photo
from maskedgender.masks.drawing import STYLES
from maskedgender.networks.classifier import Classifier
from maskedgender.page import app
from maskedgender.page.about_model import about_model
from maskedgender.page.annotation import SHOWN_SIDE, annotate
from maskedgender.page.answer_html import DELETED, answer_html, data_url, per_cent
from maskedgender.page.many_photos import MOST_PHOTOS, answer_many
from maskedgender.page.one_photo import Answer, PhotoAnswers, answer_photo, picture_of, with_masks
from maskedgender.page.style import COLOURS, COLOURS_ON_DARK
from maskedgender.page.uploads import KEEP_SECONDS, upload_folder
from maskedgender.prediction.answers import Prediction, predict_photo

from ..support.people import collins


@pytest.fixture(scope="module")
def group() -> np.ndarray:
    return read_photo(app.EXAMPLES / "group.jpg")


def test_the_page_answers_as_the_shell_does(model: Classifier, group: np.ndarray) -> None:
    answers = answer_photo(model, group)
    assert [answer.prediction for answer in answers.as_it_is] == predict_photo(model, group)
    assert answers.photo is group and answers.with_mask == []


def test_a_mask_changes_the_faces_and_nothing_else(group: np.ndarray) -> None:
    faces = find_faces(group)
    masked, fits = with_masks(group, faces, "surgical")
    changed = (masked != group).any(axis=2)
    assert fits == [True] * 3
    for face in faces:
        window = crop_window(face)
        inside = np.s_[max(0, window.top) : window.top + window.side, max(0, window.left) : window.left + window.side]
        assert changed[inside].mean() > 0.1
        changed[inside] = False
    assert not changed.any()


def test_the_same_photo_gets_the_same_masks_and_every_style_differs(group: np.ndarray) -> None:
    faces = find_faces(group)
    drawn = {style: with_masks(group, faces, style)[0] for style in STYLES}
    assert (drawn["cloth"] == with_masks(group, faces, "cloth")[0]).all()
    assert len({picture.tobytes() for picture in drawn.values()}) == len(STYLES)


def test_with_a_mask_the_model_is_asked_again_in_the_same_frame(model: Classifier, group: np.ndarray) -> None:
    answers = answer_photo(model, group, "surgical")
    for face, bare, again in zip(find_faces(group), answers.as_it_is, answers.with_mask, strict=True):
        assert again and again.crop is not None
        assert again.prediction.box == bare.prediction.box == face.box
        assert (again.crop == canonical_crop(answers.photo, face, model.size)).all()
        (p_female, _) = model.predict(again.crop[None])[0]
        assert again.prediction.p_female == pytest.approx(p_female, abs=1e-5)
        assert again.prediction.p_female != bare.prediction.p_female


def test_a_face_that_no_mask_fits_is_left_as_it_is_and_told(model: Classifier) -> None:
    photo = collins()
    (face,) = find_faces(photo)
    outside = Face(face.box, face.score, face.landmarks - (3000, 0))
    masked, fits = with_masks(photo, [outside], "n95")
    assert fits == [False] and (masked == photo).all()
    (bare,) = answer_photo(model, photo).as_it_is
    words = answer_html("photo.jpg", PhotoAnswers(photo, "n95", [bare], [None]))
    assert words.count("No mask") == 2 and "versions two" not in words


def test_a_large_face_gets_a_mask_of_its_size(group: np.ndarray) -> None:
    large = np.asarray(Image.fromarray(group).resize((group.shape[1] * 4, group.shape[0] * 4)))
    (face, *_) = find_faces(group)
    large_face = Face(tuple(4 * side for side in face.box), face.score, face.landmarks * 4 + 1.5)
    small, _ = with_masks(group, [face], "surgical")
    masked, fits = with_masks(large, [large_face], "surgical")
    shrunk = np.asarray(Image.fromarray(masked).resize(group.shape[1::-1], Image.Resampling.BOX))
    covered = (np.abs(small.astype(int) - group).max(axis=2) > 40).mean()
    assert fits == [True]
    assert (np.abs(shrunk.astype(int) - group).max(axis=2) > 40).mean() == pytest.approx(covered, rel=0.25)


def test_not_sure_is_explained_and_a_sure_answer_is_not() -> None:
    photo = np.zeros((100, 100, 3), np.uint8)

    def words(p_female: float) -> str:
        answer = Answer(Prediction((10, 10, 50, 50), 0.9, p_female, 1 - p_female, not_sure_below=0.83), photo)
        return answer_html("photo.jpg", PhotoAnswers(photo, None, [answer], []))

    assert "it leans to “male”, but 60% is under" in words(0.4)
    assert "leans" not in words(0.99)
    assert "but 82.9% is under the 83%" in words(0.83 - 0.0001)


def test_a_crop_comes_back_to_the_bit_and_nothing_else_is_decoded() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert (picture_of(data_url(crop, "PNG"), 32) == crop).all()
    larger = data_url(crop, "PNG")
    for refused, size in ((larger, 31), (data_url(crop, "JPEG"), 32), ("https://example.org/a.png", 32), ("", 32)):
        with pytest.raises((ValueError, OSError)):
            picture_of(refused, size)


def test_more_photos_than_a_table_takes_are_refused_in_a_sentence(model: Classifier) -> None:
    uploads = [{"path": "none.jpg", "orig_name": "none.jpg"}] * (MOST_PHOTOS + 1)
    ((said, _),) = answer_many(model, uploads)
    assert "201 files are too many at once; choose 200 or fewer." in said and 'role="alert"' in said


def test_a_table_counts_its_photos_as_they_are_done(model: Classifier, photos: dict[str, Path]) -> None:
    uploads = [{"path": str(photos[name]), "orig_name": "<b>.jpg"} for name in ("collins", "text")]
    *progress, (table, _) = answer_many(model, uploads)
    assert [re.findall(r'value="(\d+)" max="(\d+)"', said) for said, _ in progress] == [[("0", "2")], [("1", "2")]]
    assert "<b>" not in table and "&lt;b&gt;.jpg" in table


def test_uploads_that_wait_for_their_turn_are_kept(model: Classifier, photos: dict[str, Path]) -> None:
    place = Path(tempfile.mkdtemp(dir=upload_folder()))
    waiting = Path(shutil.copy(photos["text"], place))
    long_ago = time.time() - KEEP_SECONDS / 2
    os.utime(waiting, (long_ago, long_ago))
    said = answer_many(model, [{"path": str(path), "orig_name": path.name} for path in (photos["text"], waiting)])
    next(said), next(said)
    assert waiting.stat().st_mtime > long_ago + 1


def test_photos_that_stay_in_the_list_are_not_answered_again(model: Classifier, photos: dict[str, Path]) -> None:
    """The first was deleted by the time that the second joined it; a third was deleted before its answer."""
    gone, joined, too_late = (str(photos["hopper"].with_name(name)) for name in ("gone.png", "hopper.png", "late.png"))
    shutil.copy(photos["hopper"], gone)
    *_, (_, before) = answer_many(model, [{"path": gone, "orig_name": "gone.png"}])
    Path(gone).unlink()
    uploads = [{"path": path, "orig_name": None} for path in (gone, joined, too_late)]
    (first, _), *_, (table, after) = answer_many(model, uploads, before)
    assert 'value="1" max="3"' in first and list(after) == [gone, joined, too_late]
    assert after[gone] == before[gone] and after[gone][0]["answer"] and after[joined][0]["answer"]
    assert table.count("late.png") >= 1 and DELETED in table
    *_, (table, after) = answer_many(model, uploads[1:], after)
    assert "gone.png" not in table and list(after) == [joined, too_late]


def test_the_panel_shows_the_card_of_this_very_model(model_path: Path, original_model: Path, tmp_path: Path) -> None:
    shipped = about_model(model_path)
    card = model_path.with_name("README.md").read_text(encoding="utf-8")
    for group in ("gender | female", "race | White", "age | 20-29"):
        row = re.search(rf"^\| {re.escape(group)} \|.*$", card, re.MULTILINE)
        assert row and row[0] in shipped
    assert "seed_gender" not in shipped
    assert about_model(original_model).count("not known") == 5
    other = tmp_path / model_path.name
    shutil.copy(original_model, other)
    shutil.copy(model_path.with_name("README.md"), tmp_path)
    assert "race | White" not in about_model(other), "a card of another file"


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, #rrggbb, by WCAG 2.2."""

    def luminance(colour: str) -> float:
        values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722)) + 0.05

    dark, light = sorted((luminance(one), luminance(other)))
    return light / dark


def test_the_colours_of_the_answers_can_be_read_and_seen() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert min(contrast(colour, "#ffffff") for colour in COLOURS.values()) >= 4.5, "white labels in the picture"
    assert min(contrast(colour, "#e2e8f0") for colour in COLOURS.values()) >= 3, "bars, on their track"
    assert min(contrast(colour, "#334155") for colour in COLOURS_ON_DARK.values()) >= 3


def test_boxes_lie_on_the_faces_in_the_colour_of_the_answer() -> None:
    white = np.full((300, 400, 3), 255, np.uint8)
    faces = [Prediction((50, 100, 80, 90), 0.9, p, 1 - p, not_sure_below=0.83) for p in (0.99, 0.01, 0.5)]
    for face, colour in zip(faces, COLOURS.values(), strict=True):
        picture = annotate(white, [face])
        expected = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        assert picture.shape == white.shape and (white == 255).all()
        for y, x in ((189, 60), (150, 50), (150, 129)):  # bottom, left and right edge, on the box's own pixels
            assert picture[y, x].tolist() == expected
        assert (picture[130:170, 70:110] == 255).all(), "the face itself stays free"


def test_a_large_photo_is_shown_smaller_with_its_boxes_in_place() -> None:
    large = np.full((2000, 4000, 3), 255, np.uint8)
    picture = annotate(large, [Prediction((1000, 500, 1000, 1000), 0.9, 0.99, 0.01)])
    assert picture.shape[1] == SHOWN_SIDE
    scale = SHOWN_SIDE / 4000
    drawn = np.flatnonzero((picture[round(1000 * scale)] != 255).any(axis=1))
    assert drawn.min() == pytest.approx(1000 * scale, abs=5) and drawn.max() == pytest.approx(2000 * scale, abs=5)


def test_a_file_name_cannot_write_into_the_page(model: Classifier, tmp_path: Path) -> None:
    path = tmp_path / "<img src=x onerror=alert(1)>.jpg"
    path.write_text("no photo")
    _, words, _, _ = app._answer(model, False, {"path": str(path)})
    assert "<img" not in words and "&lt;img" in words
    Image.fromarray(collins()).save(path)
    _, words, _, _ = app._answer(model, False, {"path": str(path)})
    assert "onerror=alert(1)>" not in words


def test_nothing_is_certain() -> None:
    assert [per_cent(p) for p in (1.0, 0.995, 0.994, 0.5, 0.006, 0.005)] == [
        "&gt;99%", "&gt;99%", "99%", "50%", "1%", "&lt;1%",
    ]  # fmt: skip
