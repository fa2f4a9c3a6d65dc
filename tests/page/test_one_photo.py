"""What the page says and draws, without a browser: answers, masks, the picture, the panel about the model."""

from __future__ import annotations

import base64
import io
import re
import shutil
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from maskedgender.faces.crops import canonical_crop, crop_window
from maskedgender.faces.detector import Face
from maskedgender.faces.finding import find_faces
from maskedgender.images.photos import read_photo
from maskedgender.masks.drawing import STYLES
from maskedgender.networks.classifier import Classifier
from maskedgender.page.about_model import RESULTS, about_model
from maskedgender.page.annotation import FRAME, LABEL, LEAST_SIDE, SHOWN_SIDE, annotate
from maskedgender.page.answer_html import NUMBERED, cards_html, data_url, picture_html, summary, verdict_html
from maskedgender.page.answering import answer
from maskedgender.page.one_photo import Answer, PhotoAnswers, answer_photo, picture_of, with_masks
from maskedgender.page.style import COLOURS, COLOURS_ON_DARK
from maskedgender.prediction.answers import Prediction, per_cent, predict_photo
from shots.faces_sheet import words

from ..support.people import GROUP, collins


@pytest.fixture(scope="module")
def group() -> np.ndarray:
    return read_photo(GROUP)


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
    worn = [bool(bare.prediction.p_mask and bare.prediction.p_mask > 0.5) for bare in answers.as_it_is]
    assert [again is None for again in answers.with_mask] == worn and sum(worn) == 1, "who wears one gets no other"
    for face, bare, again in zip(find_faces(group), answers.as_it_is, answers.with_mask, strict=True):
        if again is None:
            continue
        assert again.crop is not None
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
    answers = PhotoAnswers(photo, "n95", [bare], [None])
    words = verdict_html(answers) + cards_html("photo.jpg", answers)
    assert words.count("No mask") == 2 and "versions two" not in words


def with_and_without(*pairs: tuple[float, float]) -> PhotoAnswers:
    """Faces of which p_female is the first number bare, the second with a mask."""
    photo = np.zeros((100, 300, 3), np.uint8)
    bare, again = (
        [
            Answer(Prediction((90 * n, 0, 50, 50), 0.9, p, 1 - p, not_sure_below=0.83), photo)
            for n, p in enumerate(of_kind)
        ]
        for of_kind in zip(*pairs, strict=True)
    )
    return PhotoAnswers(photo, "kn95", bare, list(again))


def test_what_masks_change_is_told_with_the_faces_that_lean_the_other_way() -> None:
    told = verdict_html(with_and_without((0.24, 0.79)))
    assert "drawn on 1 of 1, no answer changes; 1 face leans the other way." in told
    told = verdict_html(with_and_without((0.24, 0.79), (0.7, 0.2), (0.99, 0.8), (0.24, 0.55), (0.7, 0.8)))
    assert "drawn on 5 of 5, 1 answer changes; 2 faces lean the other way." in told
    assert "lean" not in verdict_html(with_and_without((0.99, 0.98), (0.99, 0.01))).partition("drawn on")[2]


def test_the_button_says_that_the_saved_answers_are_those_without_drawn_masks() -> None:
    answers = with_and_without((0.24, 0.99))
    assert "Save the answers without drawn masks (CSV)</a>" in cards_html("photo.jpg", answers)
    bare = PhotoAnswers(answers.photo, None, answers.as_it_is, [])
    assert "Save the answers (CSV)</a>" in cards_html("photo.jpg", bare)


def test_the_order_of_the_numbers_is_told_where_there_are_several() -> None:
    answers = with_and_without((0.99, 0.99), (0.99, 0.99))
    assert NUMBERED in picture_html(answers) and NUMBERED in cards_html("photo.jpg", answers)
    assert NUMBERED not in picture_html(with_and_without((0.99, 0.99)))


def test_the_name_of_a_button_begins_with_the_words_that_are_seen() -> None:
    """Who speaks to the browser says what they see (WCAG 2.5.3)."""
    name, seen = re.findall(r'class="look".*?aria-label="(.*?)">(.*?)</button>', words_about(0.99))[0]
    assert name == f"{seen} Face 1"


def test_a_face_that_wears_a_mask_gets_no_other(group: np.ndarray) -> None:
    faces = find_faces(group)
    masked, fits = with_masks(group, faces, "cloth", [False, True, False])
    assert fits == [True, False, True]
    window = crop_window(faces[1])
    inside = np.s_[max(0, window.top) : window.top + window.side, max(0, window.left) : window.left + window.side]
    assert (masked[inside] == group[inside]).all()


def test_a_card_says_whether_a_mask_is_worn_where_the_model_knows() -> None:
    photo = np.zeros((100, 100, 3), np.uint8)
    answer = Answer(Prediction((10, 10, 50, 50), 0.9, 0.99, 0.01, p_mask=0.98), photo)
    assert "Wears a mask: 98 %" in cards_html("photo.jpg", PhotoAnswers(photo, None, [answer], []))
    assert "Wears a mask" not in words_about(0.99)


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


def words_about(p_female: float) -> str:
    """What a face's card says."""
    photo = np.zeros((100, 100, 3), np.uint8)
    answer = Answer(Prediction((10, 10, 50, 50), 0.9, p_female, 1 - p_female, not_sure_below=0.83), photo)
    return cards_html("photo.jpg", PhotoAnswers(photo, None, [answer], []))


def test_not_sure_is_explained_and_a_sure_answer_is_not() -> None:
    assert "Too close to call: 60 % is below the 83 %" in words_about(0.4)
    assert "Leans to “male”: 80 % is below the 83 %" in words_about(0.2)
    assert "not sure, leans to male" in words_about(0.35) and "leans" not in words_about(0.36)
    assert "eans" not in words_about(0.99) and "close" not in words_about(0.99)
    assert words_about(0.8299).count("82.9 %") == 2 and "82.9 % is below the 83 %" in words_about(0.8299), (
        "in the bar too"
    )


def test_one_face_is_summed_up_with_the_side_that_it_leans_to() -> None:
    faces = [Prediction((0, 0, 9, 9), 0.9, p, 1 - p, not_sure_below=0.83) for p in (0.8, 0.5, 0.99)]
    assert [summary([face]) for face in faces] == [
        "1 face: not sure, leans to female.", "1 face: not sure.", "1 face: female.",
    ]  # fmt: skip
    assert summary(faces) == "3 faces: 1 female, 2 not sure."


def test_a_crop_comes_back_to_the_bit_and_nothing_else_is_decoded() -> None:
    crop = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    png, jpeg = (base64.b64decode(data_url(crop, kind).partition(",")[2]) for kind in ("PNG", "JPEG"))
    assert (picture_of(png, 32) == crop).all()
    huge = png.replace(struct.pack(">II", 32, 32), struct.pack(">II", 20_000, 20_000))
    broken = png.replace(b"IDAT", b"I\0\0\0")
    for refused, size in (
        (png, 31),
        (jpeg, 32),
        (b"https://example.org/a.png", 32),
        (b"", 32),
        (huge, 32),
        (broken, 32),
    ):
        with pytest.raises(ValueError, match=f"A crop is a PNG of {size}"):
            picture_of(refused, size)


def test_the_panel_names_the_best_and_the_worst_group_as_they_were_measured(model_path: Path) -> None:
    told, measured = about_model(model_path), pd.read_csv(RESULTS / "accuracy-by-group.csv")
    masked = measured[measured.masked & (measured.model == model_path.stem)]
    for kind in ("gender", "race", "age", "gender and race"):
        of_kind = masked[masked.group == kind].sort_values("accuracy")
        lines = [line for line in told.splitlines() if line.startswith(f"- **By {kind}**")]
        best, worst = (of_kind.iloc[place] for place in (-1, 0))
        names = [f"“{row.value.replace('_', ' or ')}” ({per_cent(row.accuracy)} with a mask" for row in (best, worst)]
        assert len(lines) == (worst.high < best.low), kind
        for line in lines:
            assert line.index(f"most often on faces labelled {names[0]}") < line.index(f"least often on {names[1]}")
        for row in of_kind.itertuples():
            assert f"| {row.value.replace('_', ' or ')} | {per_cent(row.accuracy)} (" in told
    assert "seed_gender" not in told and "- with a mask: " in told and "- bare: " in told


def test_the_panel_tells_best_from_worst_only_where_their_intervals_do_and_counts_small_groups(
    model_path: Path, tmp_path: Path
) -> None:
    shutil.copy(RESULTS / "accuracy.csv", tmp_path)
    header = "group,value,count,accuracy,low,high,model,masked\n"
    rows = {
        "race": (("A", 500, 0.9, 0.87, 0.93), ("B", 500, 0.8, 0.76, 0.84)),
        "age": (("0-2", 16, 0.9, 0.64, 0.97), ("3-9", 500, 0.86, 0.8, 0.9)),
    }
    lines = [
        f"{kind},{','.join(map(str, row))},{model_path.stem},{masked}"
        for kind, of_kind in rows.items()
        for row in of_kind
        for masked in (True, False)
    ]
    (tmp_path / "accuracy-by-group.csv").write_text(header + "\n".join(lines))
    told = about_model(model_path, tmp_path)
    assert "**By race**, it is right most often on faces labelled “A” (90 %" in told and "By age" not in told
    assert "| 0-2 | 90 % (64 to 97, n = 16) | 90 % (64 to 97, n = 16) |" in told and "| 3-9 | 86 % (80 to 90) |" in told


def test_of_another_model_the_panel_tells_no_measurements(
    original_model: Path, tmp_path: Path, model_path: Path
) -> None:
    assert about_model(original_model).count("not known") == 5
    other = tmp_path / model_path.name
    shutil.copy(original_model, other)
    shutil.copy(model_path.with_name("README.md"), tmp_path)
    assert "Black" not in about_model(other), "a card of another file"
    shutil.copy(model_path.with_suffix(".json"), tmp_path)
    assert "3,415,586" in about_model(model_path) and "3,415,586" not in about_model(other), "a record of another file"
    other.with_suffix(".json").write_text("[1]")
    assert "not known" in about_model(other)


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
    white = np.full((600, 800, 3), 255, np.uint8)
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


@pytest.mark.parametrize("shape", [(256, 256), (192, 256), (6000, 8000), (8000, 6000), (1000, 400)])
def test_labels_can_be_read_on_photos_of_any_size_and_keep_their_space(shape: tuple[int, int]) -> None:
    """In the frame that a page shows it in, a label is as high as a line of text, and "not sure" are two words."""
    height, width = shape
    face = Prediction((width * 0.3, height * 0.4, width * 0.3, width * 0.3), 0.9, 0.5, 0.5, not_sure_below=0.83)
    picture = annotate(np.full((*shape, 3), 128, np.uint8), [face])
    assert LEAST_SIDE <= max(picture.shape) <= SHOWN_SIDE
    scale = max(picture.shape) / max(shape)
    ground = np.array([int(COLOURS["not sure"][at : at + 2], 16) for at in (1, 3, 5)])
    is_ground = np.abs(picture.astype(int) - ground).max(axis=2) < 8
    left, top = round(face.box[0] * scale), round(face.box[1] * scale)
    bottom = top - 3 - max(2, round(max(picture.shape) / 320))
    high = int(is_ground[bottom::-1, left + 2].argmin())
    shown = min(1.0, *(most / side for most, side in zip(FRAME, picture.shape[1::-1], strict=True)))
    assert high * shown >= LABEL
    written = np.flatnonzero((picture[bottom - high // 2 : bottom, left:].min(axis=2) > 180).any(axis=0))
    gaps = np.diff(written)
    assert (gaps > 0.3 * high).sum() == 2, "a space on either side of the word not"


def test_a_crowds_labels_are_numbers_where_words_would_cover_their_neighbours() -> None:
    grey = np.full((800, 1200, 3), 128, np.uint8)
    crowd = [Prediction((20 + 90 * n, 300, 50, 60), 0.9, 0.99, 0.01) for n in range(12)]
    few, many = (annotate(grey, faces) for faces in (crowd[:3], crowd))
    assert (few[300:360, 120:150] == many[300:360, 120:150]).mean() > 0.5
    covered = [(np.abs(picture[200:299].astype(int) - 128).max(axis=2) > 20).sum() for picture in (few, many)]
    assert covered[1] < covered[0] * 2, "four times as many labels"


def test_a_file_name_cannot_write_into_the_page(model: Classifier) -> None:
    name, photo = "<img src=x onerror=alert(1)>.jpg", io.BytesIO()
    Image.fromarray(collins()).save(photo, "JPEG")
    told = answer(model, name, photo.getvalue(), "one", None, False)
    words = told["verdict"] + told["picture"] + told["cards"]
    assert words.count("<img") == 3 and "onerror=alert(1)>" not in words
    assert answer(model, name, b"no photo", "one", None, False) == {
        "error": f"{name} is not a photo in a supported format; save it as JPEG or PNG."
    }


def test_below_the_border_no_probability_looks_like_it() -> None:
    assert [per_cent(p, 0.82) for p in (0.8199, 0.8151, 0.8149, 0.82, 0.8249, 0.9)] == [
        "81.9 %", "81.5 %", "81 %", "82 %", "82 %", "90 %",
    ]  # fmt: skip
    faces = [Prediction((100 * n, 0, 50, 50), 0.9, 0.1801, 0.8199, not_sure_below=0.82) for n in range(2)]
    answers = PhotoAnswers(np.zeros((100, 300, 3), np.uint8), None, [Answer(face, None) for face in faces], [])
    table = cards_html("photo.jpg", answers).partition("<table>")[2]
    assert table.count("<td>not sure</td><td>18 %</td><td>81.9 %</td>") == 2
    assert words(faces[0]) == "not sure, 81.9 % male"


def test_nothing_is_certain() -> None:
    assert [per_cent(p) for p in (1.0, 0.995, 0.994, 0.5, 0.006, 0.005, 0.0)] == [
        ">99 %", ">99 %", "99 %", "50 %", "1 %", "<1 %", "<1 %",
    ]  # fmt: skip
    assert "&lt;1 %" in words_about(0.001) and "&gt;99 %" in words_about(0.001)
