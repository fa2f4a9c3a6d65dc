"""The photos that may be shown: small, sourced, and answered as their list says."""

from __future__ import annotations

import csv

import pytest
from PIL import Image

from maskedgender.networks.classifier import Classifier
from maskedgender.places import EXAMPLES
from maskedgender.prediction.answers import predict_file

with (EXAMPLES / "examples.csv").open(encoding="utf-8", newline="") as file:
    LISTED = list(csv.DictReader(file))
PHOTOS = sorted(path.name for path in EXAMPLES.glob("*.jpg"))


@pytest.mark.parametrize("example", LISTED, ids=lambda example: example["file"])
def test_the_shipped_model_answers_as_the_list_says(model: Classifier, example: dict[str, str]):
    faces = predict_file(model, EXAMPLES / example["file"])
    assert sorted(face.answer for face in faces) == sorted(example["answers"].split("; "))


def test_every_photo_is_listed_sourced_and_small_and_tells_no_more_than_it_shows():
    """Cameras and agencies write notes into photos; what ships has none."""
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert sorted(example["file"] for example in LISTED) == PHOTOS and 6 <= len(PHOTOS) <= 8
    assert [name for name in PHOTOS if f"`{name}`" not in readme] == []
    assert sum((EXAMPLES / name).stat().st_size for name in PHOTOS) < 1_500_000
    for name in PHOTOS:
        with Image.open(EXAMPLES / name) as photo:
            assert max(photo.size) <= 640
            assert not photo.getexif() and "xmp" not in photo.info and "photoshop" not in photo.info
