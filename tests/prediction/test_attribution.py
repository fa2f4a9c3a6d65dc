"""What a model goes by: against models of which it is known, and on real faces; its pictures."""

from __future__ import annotations

import cv2
import keras
import numpy as np
import pytest
from keras import layers

from benchmarks.answers import SEED_MODEL
from maskedgender.faces.crops import canonical_crop
from maskedgender.faces.finding import find_faces
from maskedgender.networks.model_files import load_model
from maskedgender.prediction.attribution import AGAINST, FOR, STRONGEST, heat_map, overlay

from ..support.people import collins, hopper

SIZE = 60


def known_model(top_left: float, bottom_right: float) -> keras.Model:
    """A model that sees the brightness of two quarters alone: each speaks for male by so much, at full brightness."""
    inputs = keras.Input((SIZE, SIZE, 3))
    half = SIZE // 2
    quarters = [((0, half), (0, half)), ((half, 0), (half, 0))]
    means = [layers.GlobalAveragePooling2D()(layers.Cropping2D(quarter)(inputs)) for quarter in quarters]
    dense = layers.Dense(2, activation="softmax")
    model = keras.Model(inputs, dense(layers.Concatenate()(means)))
    male = np.repeat([top_left, bottom_right], 3) / 3 / 255
    dense.set_weights([np.stack([np.zeros(6), male], axis=1), np.zeros(2)])
    return model


def bright_quarters() -> np.ndarray:
    crop = np.zeros((SIZE, SIZE, 3), np.uint8)
    crop[: SIZE // 2, : SIZE // 2] = crop[SIZE // 2 :, SIZE // 2 :] = 255
    return crop


def test_a_place_that_speaks_for_the_answer_is_above_0_one_against_it_below_and_one_not_seen_is_0():
    heat = heat_map(known_model(3.0, -1.0), bright_quarters())
    quarter, eighth = SIZE // 4, SIZE // 8
    near = slice(quarter - eighth, quarter + eighth), slice(3 * quarter - eighth, 3 * quarter + eighth)
    assert heat.shape == (SIZE, SIZE)
    assert heat.dtype == np.float32
    assert heat[near[0], near[0]].min() > 0.02
    assert heat[near[1], near[1]].max() < -0.01
    assert np.abs(heat[near[0], near[1]]).max() < 0.1 * heat.max()
    assert np.abs(heat[near[1], near[0]]).max() < 0.1 * heat.max()


def test_the_heat_is_that_of_the_likelier_label_whichever_it_is():
    male = heat_map(known_model(3.0, -1.0), bright_quarters())
    female = heat_map(known_model(-3.0, 1.0), bright_quarters())
    np.testing.assert_allclose(male, female, atol=1e-5)


def test_its_unit_is_the_log_odds_that_one_spot_takes():
    """A spot of a standard deviation s hides 2 pi s^2 pixels of a quarter, and leaves them half as bright."""
    taken = 4.0 * (2 * np.pi * (0.07 * SIZE) ** 2) / (SIZE / 2) ** 2 / 2
    heat = heat_map(known_model(4.0, 0.0), bright_quarters())
    assert heat[SIZE // 4, SIZE // 4] == pytest.approx(taken, rel=0.1)


@pytest.mark.parametrize("person", [hopper, collins])
def test_in_a_real_face_hiding_the_hot_places_costs_more_than_hiding_the_cold_ones(model, person):
    crop = canonical_crop(person(), find_faces(person())[0], model.size)
    heat = heat_map(model.model, crop)
    likelier = model.predict(crop[None])[0].argmax()
    blurred = cv2.GaussianBlur(crop, (0, 0), crop.shape[0] / 20)  # hidden otherwise than the heat map hides
    hot, cold = heat >= np.quantile(heat, 0.9), heat <= np.quantile(heat, 0.1)
    hidden = np.stack([np.where(places[..., None], blurred, crop) for places in (hot, cold)])
    pairs = model.predict(hidden)
    without_hot, without_cold = np.log(pairs[:, likelier] / pairs[:, 1 - likelier])
    assert without_hot < without_cold - 0.1


def test_it_takes_a_grey_file_with_two_sigmoids():
    model = load_model(SEED_MODEL)
    size = model.size
    heat = heat_map(model.model, canonical_crop(collins(), find_faces(collins())[0], size))
    assert heat.shape == (size, size)
    assert np.isfinite(heat).all()
    assert np.abs(heat).max() > 0.05


def test_the_overlay_is_orange_for_blue_against_and_the_grey_face_where_nothing_speaks():
    crop = np.full((9, 9, 3), (200, 100, 60), np.uint8)
    heat = np.zeros((9, 9), np.float32)
    heat[0], heat[8] = 2.0, -2.0
    shown = overlay(crop, heat)
    grey = round(0.299 * 200 + 0.587 * 100 + 0.114 * 60)
    assert shown.dtype == np.uint8
    assert np.unique(shown[2:7]) == grey
    for row, colour in ((0, FOR), (8, AGAINST)):
        wanted = grey + STRONGEST * (np.array(list(bytes.fromhex(colour[1:]))) - grey)
        np.testing.assert_allclose(shown[row, 4], wanted, atol=1)


def test_the_overlay_of_a_face_in_which_nothing_matters_is_pale_and_a_given_scale_is_kept():
    crop = np.full((9, 9, 3), 120, np.uint8)
    weak, strong = np.full((9, 9), 0.05, np.float32), np.full((9, 9), 5, np.float32)
    assert np.abs(overlay(crop, weak).astype(int) - 120).max() < 15
    assert (overlay(crop, weak, full_colour=0.05) == overlay(crop, strong)).all()
    assert (overlay(crop, strong, full_colour=1.0) == overlay(crop, strong)).all(), "beyond the scale is its end"


def test_the_overlay_may_be_sharper_than_the_map():
    heat = np.zeros((8, 8), np.float32)
    heat[:, 4:] = 1
    shown = overlay(np.full((80, 80, 3), 120, np.uint8), heat)
    assert shown.shape == (80, 80, 3)
    assert (shown[:, :30] == 120).all()
    assert (shown[:, 50:, 0] > shown[:, 50:, 2] + 60).all()
