"""Two pictures of one portrait are answered alike: the loss, the stream of pairs, and what training makes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy.special import rel_entr

from maskedgender.data.layout import TRAINING
from maskedgender.data.listing import list_images
from maskedgender.data.split import split_training
from maskedgender.data.stream import PortraitStream
from maskedgender.training import fitting
from maskedgender.training.fitting import train
from maskedgender.training.recipes import RECIPES
from maskedgender.training.steadiness import AnswersAlike

from ..support.synthetic import synthetic_dataset
from .test_fitting import SIDE, tiny_cnn


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_dataset(tmp_path_factory.mktemp("dataset"), portraits=80)


def test_the_loss_is_the_mean_divergence_of_neighbours_times_its_weight() -> None:
    answers = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.2, 0.8]], np.float32)
    layer = AnswersAlike(3.0)
    np.testing.assert_array_equal(layer(answers, training=True), answers)
    apart = (rel_entr(answers[0], answers[1]) + rel_entr(answers[1], answers[0])).sum() / 2
    assert float(layer.losses[0]) == pytest.approx(3.0 * (apart + 0) / 2, rel=1e-5)


def test_a_sure_answer_and_its_opposite_have_a_loss_that_is_a_number() -> None:
    layer = AnswersAlike(1.0)
    layer(np.array([[1.0, 0.0], [0.0, 1.0]], np.float32), training=True)
    assert 10 < float(layer.losses[0]) < 20


def test_outside_training_there_is_no_loss_and_a_batch_may_be_odd() -> None:
    layer, answers = AnswersAlike(1.0), np.array([[0.9, 0.1], [0.6, 0.4], [0.5, 0.5]], np.float32)
    np.testing.assert_array_equal(layer(answers, training=False), answers)
    assert not layer.losses


def test_a_portrait_that_comes_twice_comes_in_two_pictures_with_one_label(dataset: Path) -> None:
    images = list_images(dataset, TRAINING)
    how = {"augment": True, "shuffle": True, "seed": 3}
    twice = PortraitStream(dataset, images, (SIDE, SIDE, 3), 8, twice=True, **how)
    once = PortraitStream(dataset, images, (SIDE, SIDE, 3), 4, **how)
    (x, labels), (first, of_first) = twice[1], once[1]
    assert (len(x), twice.pictures, len(twice)) == (8, 2 * len(images), len(once))
    np.testing.assert_array_equal(x[::2], first)  # what is shown once is the first of the two
    assert all((one != other).any() for one, other in zip(x[::2], x[1::2], strict=True))
    np.testing.assert_array_equal(labels, np.repeat(of_first, 2))
    assert len(np.concatenate([twice[index][1] for index in range(len(twice))])) == twice.pictures


def answers_apart(weight: float) -> float:
    """How far the answers to two pictures are apart after training, on the mean, where each is the label and noise."""
    keras.utils.set_random_seed(0)
    labels = np.repeat(np.arange(200) % 2, 2)
    pictures = (labels + np.random.default_rng(0).normal(0, 0.5, 400))[:, None].astype(np.float32)
    inputs = keras.Input((1,))
    outputs = keras.layers.Softmax()(keras.layers.Dense(2, name="logits")(inputs))
    learner = fitting._learner(keras.Model(inputs, outputs), {}, weight)
    learner.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy")
    learner.fit(pictures, labels, batch_size=40, epochs=20, shuffle=False, verbose=0)
    male = learner.predict(pictures, verbose=0)[:, 1]
    assert ((male > 0.5) == labels).mean() > 0.8  # not by answering all alike
    return float(np.abs(male[::2] - male[1::2]).mean())


def test_training_for_it_brings_the_answers_together() -> None:
    assert answers_apart(3.0) < answers_apart(0.0) / 2


@pytest.mark.parametrize("helpers", [False, True])
def test_training_with_it_gives_back_a_cnn_without_its_layer(helpers: bool, dataset: Path, tmp_path: Path) -> None:
    fit, choose = split_training(list_images(dataset, TRAINING), 0.25)
    if helpers:
        fit, choose = (one.assign(age=np.take(["20-29", "30-39"], np.arange(len(one)) % 2)) for one in (fit, choose))
    model, recipe = tiny_cnn(), replace(RECIPES["small"], alike=1.0)
    history = train(model, recipe, dataset, fit, choose, tmp_path, epochs=2, batch_size=16)
    assert len(model.outputs) == 1
    assert not any(isinstance(layer, AnswersAlike) for layer in model.layers)
    assert history["val_accuracy"].max() > 0.9


@pytest.mark.parametrize(("given", "taken"), [(64, 64), (7, 6), (1, 2)])
def test_a_batch_holds_whole_pairs(given: int, taken: int, dataset: Path) -> None:
    fit, choose = split_training(list_images(dataset, TRAINING), 0.25)
    recipe = replace(RECIPES["small"], alike=1.0)
    stream, choosing = fitting._Lesson(tiny_cnn(), recipe, dataset, fit, choose, {}, 0, "float32").streams(given)
    assert (stream.batch_size, stream.times, choosing.times) == (taken, 2, 1)
