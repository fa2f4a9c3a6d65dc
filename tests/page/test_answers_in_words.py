"""What the page says and draws, without a browser: answers, masks, the picture, the panel about the model."""

from __future__ import annotations

import shutil
from dataclasses import replace
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
from maskedgender.page.about_model import about_model, meaning
from maskedgender.page.annotation import FRAME, LABEL, LEAST_SIDE, SHOWN_SIDE, annotate
from maskedgender.page.answer_html import CANNOT_TELL, NUMBERED, answer_words, cards_html, headline, verdict_html
from maskedgender.page.live_tab import followed
from maskedgender.page.many_photos_tab import summary, told_apart
from maskedgender.page.one_photo import Answer, PhotoAnswers, answer_photo, wears_mask, with_masks
from maskedgender.page.style import COLOURS
from maskedgender.places import SHIPPED
from maskedgender.prediction.answers import Prediction, error_row, face_rows, per_cent, predict_photo

from ..support.people import GROUP, collins


@pytest.fixture(scope="module")
def group() -> np.ndarray:
    return read_photo(GROUP)


def test_the_page_answers_as_the_shell_does_and_again_with_a_mask_in_the_same_frame(
    model: Classifier, group: np.ndarray
) -> None:
    answers = answer_photo(model, group, "surgical")
    assert answers.bare == [Answer(**vars(face)) for face in predict_photo(model, group)]
    worn = [wears_mask(face) for face in answers.bare]
    assert [masked is None for masked in answers.masked] == worn and sum(worn) == 1, "who wears one gets no other"
    for face, bare, masked in zip(find_faces(group), answers.bare, answers.masked, strict=True):
        if masked is None:
            continue
        assert masked.crop is not None and masked.box == bare.box == face.box
        assert (masked.crop == canonical_crop(answers.photo, face, model.size)).all()
        assert masked.p_female == pytest.approx(model.predict(masked.crop[None])[0][0], abs=1e-5)
        assert masked.p_female != bare.p_female


def test_masks_change_the_faces_and_nothing_else_each_time_alike_and_each_style_differently(group: np.ndarray) -> None:
    faces, bare = find_faces(group), [False] * 3
    drawn = {style: with_masks(group, faces, style, bare)[0] for style in STYLES}
    assert len({picture.tobytes() for picture in drawn.values()}) == len(STYLES)
    masked, fits = with_masks(group, faces, "surgical", bare)
    assert fits == [True] * 3 and (masked == drawn["surgical"]).all()
    changed = (masked != group).any(axis=2)
    for face in faces:
        window = crop_window(face)
        inside = np.s_[max(0, window.top) : window.top + window.side, max(0, window.left) : window.left + window.side]
        assert changed[inside].mean() > 0.1
        changed[inside] = False
    assert not changed.any()


def test_a_face_that_no_mask_fits_is_left_as_it_is_and_told(model: Classifier) -> None:
    photo = collins()
    (face,) = find_faces(photo)
    outside = Face(face.box, face.score, face.landmarks - (3000, 0))
    masked, fits = with_masks(photo, [outside], "n95", [False])
    assert fits == [False] and (masked == photo).all()
    answers = PhotoAnswers(photo, answer_photo(model, photo).bare, [None], "n95")
    words = verdict_html(answers) + cards_html(answers)
    assert words.count("No mask") == 2 and "versions two" not in words


def test_a_large_face_gets_a_mask_of_its_size(group: np.ndarray) -> None:
    large = np.asarray(Image.fromarray(group).resize((group.shape[1] * 4, group.shape[0] * 4)))
    (face, *_) = find_faces(group)
    large_face = Face(tuple(4 * side for side in face.box), face.score, face.landmarks * 4 + 1.5)
    small, _ = with_masks(group, [face], "surgical", [False])
    masked, fits = with_masks(large, [large_face], "surgical", [False])
    shrunk = np.asarray(Image.fromarray(masked).resize(group.shape[1::-1], Image.Resampling.BOX))
    covered = (np.abs(small.astype(int) - group).max(axis=2) > 40).mean()
    assert fits == [True]
    assert (np.abs(shrunk.astype(int) - group).max(axis=2) > 40).mean() == pytest.approx(covered, rel=0.25)


SURE, LEANING, EVEN = 0.99, 0.75, 0.45  # probabilities of female, of which 0.8 is asked


def face(p_female: float, p_mask: float | None = 0.0, whole_picture: bool = False) -> Prediction:
    score = None if whole_picture else 0.9
    return Prediction((10, 10, 50, 50), score, p_female, 1 - p_female, True, whole_picture, 0.8, p_mask)


def answers_for(bare: list[Prediction], again: list[Prediction | None] | None = None) -> PhotoAnswers:
    """The answers for a photo of these faces, and for the same with masks, where one was drawn."""
    photo, crop = np.zeros((100, 100, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)
    masked = [one and Answer(**vars(one), crop=crop) for one in again or [None] * len(bare)]
    as_it_is = [Answer(**vars(one), crop=None if one.whole_picture else crop) for one in bare]
    return PhotoAnswers(photo, as_it_is, masked, "n95" if again else "")


def test_every_answer_is_told_in_the_same_words_everywhere() -> None:
    told = [answer_words(face(p)) for p in (SURE, LEANING, EVEN, 1 - LEANING, 1 - SURE)]
    assert told == ["female", "not sure, leans to female", "not sure", "not sure, leans to male", "male"]
    for p, words in zip((SURE, LEANING, EVEN), told, strict=False):
        assert f"Face 1: {words}<" in cards_html(answers_for([face(p)]))
        assert headline([face(p)]) == f"1 face: {words}."


def test_the_headline_tells_masks_and_both_answers_where_one_was_drawn() -> None:
    masked = face(LEANING, 0.98)
    assert headline([masked]) == "1 face: not sure, leans to female, wearing a mask."
    assert headline([face(SURE)], [masked], "n95") == "1 face: female, and not sure, leans to female with an N95 mask."
    assert headline([face(SURE)], [face(SURE, 0.98)], "cloth") == "1 face: female, with or without a cloth mask."
    three = [face(SURE), face(1 - SURE), masked]
    assert headline(three) == "3 faces: 1 female, 1 male, 1 not sure; 1 wears a mask."
    again = [face(EVEN, 0.99), face(1 - SURE, 0.99), masked]
    assert headline(three, again, "kn95").endswith("1 wears a mask. With KN95 masks: 1 male, 2 not sure.")


def test_who_gets_no_mask_is_told_and_where_the_model_cannot_tell_who_wears_one() -> None:
    unknown = answers_for([face(SURE, None), face(SURE, None)], [face(EVEN, None), face(SURE, None)])
    assert CANNOT_TELL in verdict_html(unknown) and NUMBERED in verdict_html(unknown)
    assert NUMBERED not in verdict_html(answers_for([face(SURE)]))
    cards = cards_html(answers_for([face(SURE), face(SURE, 0.9)], [face(EVEN), None]))
    assert cards.count("versions two") == 1 and cards.count("No mask is drawn here") == 1
    assert "With a mask (N95): not sure<" in cards


def test_a_card_says_whether_a_mask_is_worn_where_the_model_knows() -> None:
    told = [cards_html(answers_for([face(SURE, p_mask)])) for p_mask in (0.98, 0.02, None)]
    assert "Wears a mask: yes" in told[0] and "Wears a mask: no" in told[1] and "ears a mask" not in told[2]


def test_of_a_whole_picture_nothing_is_told_but_the_guess() -> None:
    guessed = answers_for([face(LEANING, 0.9, whole_picture=True)])
    words = verdict_html(guessed) + cards_html(guessed)
    assert "No face was seen; this is a guess: not sure." in words and "Whole picture: not sure<" in words
    assert "leans" not in words and "mask" not in words and "look" not in words


def test_below_the_threshold_no_probability_looks_like_it() -> None:
    close = Prediction((0, 0, 9, 9), 0.9, 0.1801, 0.8199, not_sure_below=0.82)
    assert "81.9 % is below the 82 % that an answer needs" in cards_html(answers_for([close]))


def test_many_photos_are_summed_up_and_names_that_come_twice_are_told_apart() -> None:
    rows = [*face_rows("a.jpg", [face(SURE), face(EVEN)]), *face_rows("b.jpg", []), error_row("c.jpg", "is no photo")]
    assert summary(rows, 3) == "3 photos: 2 faces (1 female, 1 not sure); 2 without an answer."
    given = [Path(name) for name in ("x/1.jpg", "y/1.jpg", "z/1 (2).jpg")]
    assert told_apart(given) == ["1.jpg", "1 (2).jpg", "1 (2) (2).jpg"]


def test_an_answer_is_the_average_over_the_last_second_and_stays_with_its_face() -> None:
    def seen(x: float, p_female: float) -> Prediction:
        return Prediction((x, 100, 80, 90), 0.9, p_female, 1 - p_female, not_sure_below=0.8)

    tracks, told = followed([], [seen(100, 0.99), seen(400, 0.01)], 0.0)
    tracks, told = followed(tracks, [seen(402, 0.03), seen(104, 0.5)], 0.3)
    assert [round(one.p_female, 3) for one in told] == [0.02, 0.745], "whatever order they are found in"
    assert told[1].answer == "not sure" and 100 < told[1].box[0] < 104
    tracks, _ = followed(tracks, [], 0.6)
    tracks, told = followed(tracks, [seen(108, 0.7)], 0.9)
    assert round(told[0].p_female, 3) == 0.73, "lost for one picture, it is the same face"
    tracks, told = followed(tracks, [seen(108, 0.1)], 2.5)
    assert told[0].p_female == pytest.approx(0.1) and len(tracks) == 1, "what is older counts no more"


def test_the_panel_tells_what_was_measured_of_this_very_file(
    model: Classifier, model_path: Path, original_model: Path, tmp_path: Path
) -> None:
    told, results = about_model(model, model_path), SHIPPED / "benchmarks" / "results"
    measured = pd.read_csv(results / "accuracy-by-group.csv")
    for row in measured[measured.masked & (measured.model == model_path.stem)].itertuples():
        if row.group in ("gender", "race", "gender and age", "gender and race"):
            assert f"| {row.value.replace('_', ' or ')} | {per_cent(row.accuracy)} (" in told
    overall = pd.read_csv(results / "accuracy.csv", index_col="figure").loc["accuracy (95 % interval)"]
    for kind, words in (("masked", "with a mask"), ("bare", "bare")):
        assert f"{words} {overall[f'{model_path.stem}, {kind}'].split(' (')[0]} (" in told
    other = tmp_path / model_path.name
    shutil.copy(original_model, other)
    shutil.copy(model_path.with_name("README.md"), tmp_path)
    assert "| female |" in told and "| female |" not in about_model(model, other), "a card of another file"
    assert about_model(replace(model, record={}), original_model).count("not known") == 2


def test_the_page_tells_where_photos_lie_and_warns_of_a_model_that_is_not_the_shipped_one(
    model: Classifier, model_path: Path, tmp_path: Path
) -> None:
    shipped = meaning(model, model_path, in_memory=True, shared=False)
    assert "in memory" in shipped and f"neither label reaches {per_cent(model.not_sure_below)}" in shipped
    unsure_of_nothing = replace(model, notes=("A note.",), not_sure_below=None)
    other = meaning(unsure_of_nothing, tmp_path / "other.keras", in_memory=False, shared=True)
    assert "sends it nowhere." in " ".join(shipped.split()) and "pass Gradio's servers" in other
    assert "`other.keras`, not the shipped model" in other and "- A note." in other and "people you trust" in other
    assert "on its disk" in other and 'never "not sure"' in other and "people you trust" not in shipped


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


@pytest.mark.parametrize("shape", [(192, 256), (3000, 4000), (1000, 400)])
def test_labels_can_be_read_on_photos_of_any_size(shape: tuple[int, int]) -> None:
    """In the frame that a page shows it in, a label is as high as a line of text."""
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
