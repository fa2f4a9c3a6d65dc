"""The CNNs against oracles: the original's layer table, published counts, and what two answers by hand give."""

from __future__ import annotations

from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from maskedgender.networks.answering import answering
from maskedgender.networks.masked import masked_cnn, viewed
from maskedgender.networks.seed import seed_cnn

from .crops import real_crops, with_a_past

# The original's notebook printed this summary: layer, output shape, parameters.
SEED_TABLE = [
    ("Conv2D", (100, 100, 32), 320),
    ("Dropout", (100, 100, 32), 0),
    ("ReLU", (100, 100, 32), 0),
    ("MaxPooling2D", (50, 50, 32), 0),
    ("Conv2D", (50, 50, 64), 18_496),
    ("Dropout", (50, 50, 64), 0),
    ("ReLU", (50, 50, 64), 0),
    ("MaxPooling2D", (25, 25, 64), 0),
    ("Conv2D", (25, 25, 128), 73_856),
    ("Dropout", (25, 25, 128), 0),
    ("ReLU", (25, 25, 128), 0),
    ("MaxPooling2D", (12, 12, 128), 0),
    ("Conv2D", (12, 12, 256), 295_168),
    ("Dropout", (12, 12, 256), 0),
    ("ReLU", (12, 12, 256), 0),
    ("MaxPooling2D", (6, 6, 256), 0),
    ("Flatten", (9216,), 0),
    ("Dense", (128,), 1_179_776),
    ("Dropout", (128,), 0),
    ("Dense", (2,), 258),
]


def test_seed_is_the_originals_layer_table_behind_a_fixed_grey() -> None:
    layers = seed_cnn().layers
    grey = [layer.name for layer in layers].index("grey")
    rows = [(type(layer).__name__, tuple(layer.output.shape[1:]), layer.count_params()) for layer in layers[grey + 1 :]]
    assert rows == SEED_TABLE and sum(count for *_, count in rows) == 1_567_874
    assert not layers[grey].trainable and layers[grey].count_params() == 3
    assert not any(isinstance(layer, keras.layers.Rescaling) for layer in layers), "it takes 0..255 as it is"
    rates = [layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.1, 0.1, 0.1, 0.1, 0.2]
    convolutions = [layer for layer in layers[grey + 1 :] if isinstance(layer, keras.layers.Conv2D)]
    np.testing.assert_allclose([float(layer.kernel_regularizer.l2) for layer in convolutions], 0.001)


def test_seed_sees_the_luma_of_a_picture() -> None:
    model, crops = seed_cnn(), real_crops(100)
    grey = np.asarray(keras.Model(model.input, model.get_layer("grey").output)(crops))[..., 0]
    luma = np.stack([cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) for crop in crops])
    np.testing.assert_allclose(grey, luma, atol=0.6)


def test_masked_is_efficientnet_lite0_with_two_logits() -> None:
    model = masked_cnn(160, "face")
    assert model.get_layer("face").output.shape == (None, 112, 112, 3)
    assert model.count_params() == 3_415_586 == 3_413_024 + 2 * 1281, "as published, without its thousand classes"


def test_the_face_view_is_the_middle_of_a_crop() -> None:
    inputs, crops = keras.Input((160, 160, 3)), real_crops(160)
    given = {view: np.asarray(keras.Model(inputs, viewed(inputs, view))(crops)) for view in ("face", "portrait")}
    np.testing.assert_array_equal(given["face"], crops[:, 38:150, 24:136])
    np.testing.assert_array_equal(given["portrait"], crops)


@pytest.fixture(
    scope="module", params=[lambda: masked_cnn(64, "face"), lambda: seed_cnn(143, "face")], ids=["masked", "seed"]
)
def trained(request: pytest.FixtureRequest) -> keras.Model:
    keras.utils.set_random_seed(0)
    return with_a_past(request.param())


def test_a_picture_and_its_mirror_image_are_seen_and_averaged(trained: keras.Model, tmp_path: Path) -> None:
    """By hand: the CNN twice, the mean of its logits and of its features, a softmax and a sigmoid."""
    crops = real_crops(trained.input_shape[1]).astype(np.float32)
    seeing = keras.Model(trained.input, [trained.output, trained.layers[-1].input])
    seen = [seeing(pictures, training=False) for pictures in (crops, crops[:, :, ::-1])]
    logits, features = (np.mean(of_both, axis=0) for of_both in zip(*seen, strict=True))
    kernel = np.random.default_rng(1).normal(size=(features.shape[1], 1)) / np.linalg.norm(features.std(axis=0))
    weights = kernel, -(features @ kernel).mean(axis=0)
    pairs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    worn = 1 / (1 + np.exp(-(features @ weights[0] + weights[1])))
    assert min(np.ptp(pairs[:, 0]), np.ptp(worn)) > 0.05, "a difference could show"

    model = answering(trained, list(weights))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    given = [(8, loaded.predict(crops, verbose=0)), (8, loaded(crops)), (1, loaded(crops[:1], training=False))]
    for batch, outputs in given:
        for output, expected in zip(outputs, (pairs, worn), strict=True):
            np.testing.assert_allclose(output, expected[:batch], atol=1e-4)
    np.testing.assert_allclose(answering(trained)(crops), pairs, atol=1e-4)
    kinds = {type(layer) for layer in [*loaded.layers, *loaded.get_layer("cnn").layers]}
    assert all(kind.__module__.startswith("keras.src.") for kind in kinds)
    assert not any(kind.__name__.startswith(("Resizing", "Random")) for kind in kinds)
