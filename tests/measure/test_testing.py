"""The test that ends a training: figures of the answers to the images as they lie there, and a look written down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from maskedgender.data.layout import VALIDATION
from maskedgender.data.listing import list_images
from maskedgender.images.reduced_decoding import read_portrait
from maskedgender.measure import testing

from ..support.synthetic import synthetic_dataset
from ..training.test_fitting import SIDE, tiny_cnn


def test_the_figures_are_those_of_the_answers_in_the_order_of_the_images(tmp_path: Path) -> None:
    dataset = synthetic_dataset(tmp_path, 20)
    images = list_images(dataset, VALIDATION).sample(frac=1, random_state=0).reset_index(drop=True)
    images["source"] = [str(number // 2) for number in range(len(images))]
    model = tiny_cnn()
    found = testing.tested(model, dataset, images)
    pixels = np.stack([read_portrait(dataset / file, SIDE) for file in images["file"]])
    np.testing.assert_allclose(found.probabilities, model.predict(pixels, verbose=0), atol=1e-5)
    accuracy = found.scores.accuracy
    assert accuracy.value == np.mean(found.probabilities.argmax(axis=1) == images["label"]) and accuracy.count == 10


def test_a_log_that_cannot_be_written_costs_a_warning_that_tells_the_figure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.warns(UserWarning, match=r"could not be written to .*looks\.csv .*: 96\.10 %$"):
        testing.log_look(tmp_path / "file" / "looks.csv", "96.10 %")
