"""The CNNs against oracles: the original's layer table, another backend, a hand-made crop."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from maskedgender.networks.small import small_cnn
from maskedgender.networks.view import FACE_CENTRE_ROW
from scipy.ndimage import map_coordinates

from maskedgender.networks.answering import MIRRORED, PLAIN, Look, answering_cnn, trained_cnn
from maskedgender.networks.masked import masked_cnn
from maskedgender.networks.seed import seed_cnn

from ..support.synthetic import synthetic_portrait

# The original's notebook printed this summary: layer, output shape, parameters.
SEED_TABLE = [
    ("InputLayer", (100, 100, 1), 0),
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


def test_seed_is_the_originals_layer_table() -> None:
    model = seed_cnn()
    rows = [(type(layer).__name__, tuple(layer.output.shape[1:]), layer.count_params()) for layer in model.layers]
    assert rows == SEED_TABLE
    assert model.count_params() == 1_567_874


def test_seed_has_the_originals_regularisation_and_head() -> None:
    layers = seed_cnn().layers
    convolutions = [layer for layer in layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.kernel_size for layer in convolutions] == [(3, 3)] * 4
    np.testing.assert_allclose([float(layer.kernel_regularizer.l2) for layer in convolutions], 0.001)
    dropouts = [layer.rate for layer in layers if isinstance(layer, keras.layers.Dropout)]
    assert dropouts == [0.1, 0.1, 0.1, 0.1, 0.2]
    assert layers[-1].activation is keras.activations.sigmoid


def test_seed_does_not_rescale() -> None:
    assert not any(isinstance(layer, keras.layers.Rescaling) for layer in seed_cnn(143, "face").layers)
    assert seed_cnn(143, "face").count_params() == 1_567_874


def multiply_adds(model: keras.Model) -> int:
    """Of one crop: each weight of a convolution or Dense once a place that it is applied to."""
    crop = keras.KerasTensor((1, *model.input_shape[1:]))
    outputs = keras.Model(model.input, [layer.output for layer in model.layers]).compute_output_spec(crop)
    count = 0
    for layer, output in zip(model.layers, outputs, strict=True):
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Dense)):
            count += int(np.prod(layer.kernel.shape[:-1]) * np.prod(output.shape))
    return count


def test_multiply_adds_of_the_seed_are_those_counted_by_hand() -> None:
    convolutions = 9 * (100**2 * 32 + 50**2 * 32 * 64 + 25**2 * 64 * 128 + 12**2 * 128 * 256)
    assert multiply_adds(seed_cnn()) == convolutions + 9216 * 128 + 128 * 2


def test_the_small_one_takes_less_than_70_million() -> None:
    assert round(multiply_adds(small_cnn()) / 1e6) == 67


@pytest.mark.parametrize(
    "look", [MIRRORED, Look(scale=1.06), Look(scale=0.9, right=0.04), Look(mirrored=True, scale=1.1, down=-0.05)]
)
def test_a_look_is_the_crop_mirrored_scaled_and_moved(look: Look, trained_file: Path) -> None:
    plain = keras.saving.load_model(trained_file)
    crops = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)  # nothing alike anywhere
    seen = np.stack([_looked(crop, look) for crop in crops])
    assert np.abs(plain.predict(seen, verbose=0) - plain.predict(crops, verbose=0)).max() > 1e-3
    answers = answering_cnn(plain, [look]).predict(crops, verbose=0)
    np.testing.assert_allclose(answers, plain.predict(seen, verbose=0), atol=1e-5)


def _looked(crop: np.ndarray, look: Look) -> np.ndarray:
    """What a look sees of a crop, (S, S, 3), by SciPy's interpolation."""
    side = len(crop)
    row, column = FACE_CENTRE_ROW * side - 0.5, side / 2 - 0.5
    rows, columns = np.mgrid[:side, :side].astype(float)
    columns = side - 1 - columns if look.mirrored else columns
    places = (
        (rows - look.down * side - row) / look.scale + row,
        (columns - look.right * side - column) / look.scale + column,
    )
    channels = [map_coordinates(crop[..., c].astype(float), places, order=1, mode="nearest") for c in range(3)]
    return np.stack(channels, axis=-1).astype(np.float32)


def test_the_logits_of_all_looks_are_averaged(trained_file: Path) -> None:
    plain = keras.saving.load_model(trained_file)
    looks = [PLAIN, MIRRORED, Look(scale=0.94)]
    x = np.stack([synthetic_portrait(number % 2, 200 + number) for number in range(5)])
    logs = [np.log(answering_cnn(plain, [look]).predict(x, verbose=0)) for look in looks]
    expected = keras.ops.convert_to_numpy(keras.ops.softmax(np.mean(logs, axis=0)))
    answering = answering_cnn(plain, looks)
    np.testing.assert_allclose(answering.predict(x, verbose=0), expected, atol=1e-6)
    np.testing.assert_allclose(answering.predict(x[:1], verbose=0), expected[:1], atol=1e-6)


@pytest.mark.parametrize("network", [small_cnn, masked_cnn])
def test_the_trained_cnn_lies_in_the_answering_form(network: Callable[[int], keras.Model]) -> None:
    trained = network(64)
    inside = trained_cnn(answering_cnn(trained))
    assert inside is not trained and trained_cnn(trained) is trained
    assert all((a == b).all() for a, b in zip(inside.get_weights(), trained.get_weights(), strict=True))


def test_the_second_output_says_whether_a_mask_is_worn(trained_file: Path, tmp_path: Path) -> None:
    plain = keras.saving.load_model(trained_file)
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(192, 1)).astype(np.float32), np.array([-1.0], np.float32)
    answering = answering_cnn(plain, [PLAIN], mask=(kernel, bias))
    answering.save(tmp_path / "two.keras")
    crops = np.stack([synthetic_portrait(number % 2, number) for number in range(4)])
    pairs, worn = keras.saving.load_model(tmp_path / "two.keras").predict(crops, verbose=0)
    features = keras.Model(plain.input, plain.get_layer("logits").input).predict(crops, verbose=0)
    np.testing.assert_allclose(worn, 1 / (1 + np.exp(-(features @ kernel + bias))), atol=1e-5)
    np.testing.assert_allclose(pairs, plain.predict(crops, verbose=0), atol=1e-6)


def test_the_originals_answers_as_it_is() -> None:
    seed = seed_cnn()
    assert answering_cnn(seed) is seed


def test_masked_is_efficientnet_lite0() -> None:
    model = masked_cnn()
    assert model.get_layer("face").output.shape == (None, 112, 112, 3)
    assert model.count_params() - 2 * 1281 == 3_413_024, "as published, without its thousand classes"


def test_frozen_stages_do_not_learn_and_the_rest_does() -> None:
    def learns(frozen: int) -> set[str]:
        return {layer.name.split("_")[0] for layer in masked_cnn(64, frozen=frozen).layers if layer.trainable_weights}

    assert learns(3) == {"stage4", "stage5", "stage6", "stage7", "features", "logits"}
    assert learns(0) == learns(3) | {"stem", "stage1", "stage2", "stage3"}


@pytest.mark.parametrize("view", ["face", "portrait"])
@pytest.mark.parametrize("network", [small_cnn, masked_cnn])
def test_ours_are_keras_own_and_serve_alone(view: str, network: Callable[[int, str], keras.Model]) -> None:
    model = answering_cnn(network(128, view))
    assert model.input_shape == (None, 128, 128, 3)
    assert model.count_params() <= 5_000_000
    kinds = {type(layer) for layer in [*model.layers, *trained_cnn(model).layers]} - {keras.Model, type(model)}
    assert all(kind.__module__.startswith("keras.src.") for kind in kinds), "layers and operations, none of our own"
    assert not {kind.__name__ for kind in kinds if kind.__name__.startswith(("Resizing", "Random"))}


def test_face_view_looks_at_the_face_only() -> None:
    model = small_cnn(128, "face")
    assert model.get_layer("face").output.shape[1:3] == (90, 90)
    crop = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3)).astype(np.float32)
    rows, columns = np.mgrid[:128, :128]
    outside = (rows < 30) | (rows >= 120) | (columns < 19) | (columns >= 109)  # about 24-93 % and 15-85 %
    other = np.where(outside[None, ..., None], 255 - crop, crop)
    np.testing.assert_array_equal(*(np.asarray(model(picture, training=False)) for picture in (crop, other)))
    sees_all = small_cnn(128, "portrait")
    assert np.abs(np.asarray(sees_all(crop)) - np.asarray(sees_all(other))).max() > 0


def test_unknown_view_is_an_error() -> None:
    with pytest.raises(ValueError, match="nose"):
        small_cnn(128, "nose")


@pytest.fixture(scope="module")
def trained_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small_cnn after a few steps: batch normalisation has statistics that differ from those of a batch."""
    keras.utils.set_random_seed(0)
    model = small_cnn(64, "face")
    x = np.stack([synthetic_portrait(number % 2, number) for number in range(32)])
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    model.fit(x, np.arange(32) % 2, batch_size=16, epochs=6, verbose=0)
    path = tmp_path_factory.mktemp("model") / "trained.keras"
    model.save(path)
    return path


@pytest.fixture(scope="module")
def mirrored_file(trained_file: Path) -> Path:
    """The same weights as the file that answers has them."""
    model = answering_cnn(keras.saving.load_model(trained_file))
    model.save(trained_file.with_name("mirrored.keras"))
    return trained_file.with_name("mirrored.keras")


JAX_ANSWERS = """
import sys
import keras, numpy as np
assert keras.backend.backend() == "jax"
x = np.load(sys.argv[2])
model = keras.saving.load_model(sys.argv[1])
np.save(sys.argv[3], np.concatenate([model.predict(x[:1], verbose=0), model.predict(x, verbose=0)]))
"""


def test_predict_bare_call_and_jax_agree_for_batches_of_1_and_8(mirrored_file: Path, tmp_path: Path) -> None:
    model = keras.saving.load_model(mirrored_file)
    x = np.stack([synthetic_portrait(number % 2, 100 + number) for number in range(8)])
    expected = model.predict(x, verbose=0)
    assert np.ptp(expected[:, 0]) > 0.05  # it has learnt something, so that a difference could show
    np.testing.assert_allclose(expected.sum(axis=1), 1, atol=1e-6)
    for batch, rows in ((x[:1], expected[:1]), (x, expected)):
        np.testing.assert_allclose(model.predict(batch, verbose=0), rows, atol=1e-4)
        np.testing.assert_allclose(np.asarray(model(batch)), rows, atol=1e-4)
        np.testing.assert_allclose(np.asarray(model(batch.astype(np.float32), training=False)), rows, atol=1e-4)
    np.save(tmp_path / "x.npy", x)
    subprocess.run(
        [sys.executable, "-c", JAX_ANSWERS, mirrored_file, tmp_path / "x.npy", tmp_path / "answers.npy"],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        check=True,
    )
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), np.concatenate([expected[:1], expected]), atol=1e-4)
