"""What a model goes by: against models of which it is known, and on real faces; its pictures."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from maskedgender.faces.crops import canonical_crop
from maskedgender.faces.finding import find_faces
from maskedgender.prediction.attribution import AGAINST, FOR, STRONGEST, overlay
from maskedgender.prediction.occlusion import occlusion_map

from ..support.people import collins

SIZE = 60


def known_model(top_left: float, bottom_right: float) -> Callable[[np.ndarray], np.ndarray]:
    """A model that sees the brightness of two quarters alone: each speaks for male by so much, at full brightness."""

    def predict(crops: np.ndarray) -> np.ndarray:
        half = SIZE // 2
        means = [crops[:, part, part].mean(axis=(1, 2, 3)) / 255 for part in (slice(half), slice(half, None))]
        p_male = 1 / (1 + np.exp(-top_left * means[0] - bottom_right * means[1]))
        return np.stack([1 - p_male, p_male], axis=1)

    return predict


def bright_quarters() -> np.ndarray:
    crop = np.zeros((SIZE, SIZE, 3), np.uint8)
    crop[: SIZE // 2, : SIZE // 2] = crop[SIZE // 2 :, SIZE // 2 :] = 255
    return crop


def test_a_place_that_speaks_for_the_answer_is_above_0_one_against_it_below_and_one_not_seen_is_0():
    heat = occlusion_map(known_model(3.0, -1.0), bright_quarters())
    quarter, eighth = SIZE // 4, SIZE // 8
    near = slice(quarter - eighth, quarter + eighth), slice(3 * quarter - eighth, 3 * quarter + eighth)
    assert heat[near[0], near[0]].min() > 0.02 and heat[near[1], near[1]].max() < -0.01
    assert np.abs(heat[near[0], near[1]]).max() < 0.1 * heat.max()
    of_female = occlusion_map(known_model(-3.0, 1.0), bright_quarters())
    np.testing.assert_allclose(heat, of_female, atol=1e-5, err_msg="it is that of the likelier label, whichever it is")


def test_its_unit_is_the_log_odds_that_one_spot_takes():
    """A spot of a standard deviation s hides 2 pi s^2 pixels of a quarter, and leaves them half as bright."""
    taken = 4.0 * (2 * np.pi * (0.07 * SIZE) ** 2) / (SIZE / 2) ** 2 / 2
    heat = occlusion_map(known_model(4.0, 0.0), bright_quarters())
    assert heat[SIZE // 4, SIZE // 4] == pytest.approx(taken, rel=0.1)


def test_in_a_real_face_hiding_the_hot_places_costs_more_than_hiding_the_cold_ones(model):
    crop = canonical_crop(collins(), find_faces(collins())[0], model.size)
    heat = occlusion_map(model.predict, crop)
    likelier = model.predict(crop[None])[0].argmax()
    blurred = cv2.GaussianBlur(crop, (0, 0), crop.shape[0] / 20)  # hidden otherwise than the heat map hides
    hot, cold = heat >= np.quantile(heat, 0.9), heat <= np.quantile(heat, 0.1)
    hidden = np.stack([np.where(places[..., None], blurred, crop) for places in (hot, cold)])
    pairs = model.predict(hidden)
    without_hot, without_cold = np.log(pairs[:, likelier] / pairs[:, 1 - likelier])
    assert without_hot < without_cold - 0.1


def test_the_overlay_is_orange_for_blue_against_and_grey_where_nothing_speaks_and_may_be_sharper_than_the_map():
    crop = np.full((90, 90, 3), (200, 100, 60), np.uint8)
    heat = np.zeros((9, 9), np.float32)
    heat[0], heat[8] = 2.0, -2.0
    shown = overlay(crop, heat)
    grey = round(0.299 * 200 + 0.587 * 100 + 0.114 * 60)
    assert shown.dtype == np.uint8 and np.unique(shown[20:70]) == grey
    for row, colour in ((0, FOR), (89, AGAINST)):
        wanted = grey + STRONGEST * (np.array(list(bytes.fromhex(colour[1:]))) - grey)
        np.testing.assert_allclose(shown[row, 4], wanted, atol=1)
    assert np.abs(overlay(crop, heat / 40).astype(int) - grey).max() < 15, "nothing matters in this face"
