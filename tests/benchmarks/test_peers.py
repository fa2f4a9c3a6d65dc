"""The peers' benchmark: its answers are those that each model gives by itself, its table counts them rightly."""

from __future__ import annotations

import numpy as np

from benchmarks.peers import OURS, answered, answerer, table
from benchmarks.photos import BARE, Photo
from maskedgender.networks.model_files import load_model
from maskedgender.prediction.answers import predict_photo

from ..support.people import collins, hopper

SEEDS = "seed_gender"


def photo_of(pixels: np.ndarray, gender: str, style: str = BARE) -> Photo:
    return Photo(pixels, "photo.jpg", gender, "20-29", "not known", style, None, pixels, None)


def given() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Ten faces: ours is right on nine, the seed's on five."""
    labels = np.arange(10) % 2
    right = np.stack([1 - labels, labels], axis=1).astype(np.float32)
    ours, seeds = right.copy(), right.copy()
    ours[:1], seeds[:5] = 1 - ours[:1], 1 - seeds[:5]
    return labels, {OURS: ours, SEEDS: seeds}


def test_the_table_has_a_row_a_model_with_its_lead_on_the_same_faces():
    ours, seeds = table(*given(), "masked").to_dict("records")
    assert ours["accuracy (95 % interval)"].startswith("90.00 %")
    assert ours["balanced accuracy"] == "90.00 %"
    assert ours["ours is ahead by"] == "0.00 points (0.00 to 0.00)"
    assert seeds["accuracy (95 % interval)"].startswith("50.00 %")
    assert seeds["ours is ahead by"].startswith("40.00 points (")
    assert seeds["photos"] == "masked"


def test_ours_answers_as_the_served_path_does_and_only_photos_of_the_kind_asked_for_count():
    pictures = [
        photo_of(hopper(), "female"),
        photo_of(np.zeros_like(hopper()), "male"),
        photo_of(hopper(), "female", "blue"),
        photo_of(collins(), "male"),
    ]
    model = load_model()
    ours = {OURS: answerer(model)}
    labels, bare = answered(ours, pictures, masked=False)
    served = [predict_photo(model, person())[0] for person in (hopper, collins)]
    np.testing.assert_allclose(bare[OURS], [(one.p_female, one.p_male) for one in served], atol=1e-5)
    assert list(labels) == [0, 1]
    assert list(answered(ours, pictures, masked=True)[0]) == [0]
