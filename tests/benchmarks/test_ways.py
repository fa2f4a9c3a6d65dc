"""The benchmark of ways of training: each way trains, mixed images have mixed labels, and a wider CNN is wider."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import ways
from maskedgender.data import augment
from maskedgender.data.augment import ERASE_CHANCE
from maskedgender.data.layout import TRAINING
from maskedgender.data.listing import list_images
from maskedgender.data.split import split_training
from maskedgender.networks.small import small_cnn

from ..support.synthetic import synthetic_dataset


@pytest.mark.soak
@pytest.mark.parametrize(
    "way", [ways.Way(32, cutmix=True, teacher=2, erase=0), ways.Way(32, helper_weight=0.3, mixup=0.2, ema=0.9)]
)
def test_each_way_trains_and_gives_back_the_same_network(way: ways.Way, tmp_path: Path):
    dataset = synthetic_dataset(tmp_path, 10, labels_file=True)
    fit, choose = split_training(list_images(dataset, TRAINING))
    fit = fit.assign(age=["20-29", "30-39"] * (len(fit) // 2), race=["Indian", "Black"] * (len(fit) // 2))
    model = ways.fitted(way, dataset, fit, epochs=2)
    assert model.count_params() == small_cnn(32).count_params()
    straight, both = ways.margins(model, dataset, choose)
    assert straight.shape == both.shape == (len(choose),) and np.isfinite(both).all() and np.ptp(both) > 0
    assert augment.ERASE_CHANCE == ERASE_CHANCE


def test_a_cut_leaves_as_much_of_the_label_as_of_the_image():
    black_and_white = np.zeros((2, 20, 20, 3), np.uint8)
    black_and_white[1] = 255
    for seed in range(20):
        x, (labels,) = ways._cut_and_mixed(black_and_white, [np.eye(2)], ways.Way(), np.random.default_rng(seed))
        white = x.mean(axis=(1, 2, 3)) / 255
        assert np.allclose(labels[:, 1], white)
    assert black_and_white[0].max() == 0


def test_a_cnn_twice_as_wide_has_about_four_times_the_weights():
    narrow = small_cnn(32)
    assert 3.5 < ways.wider(narrow, 2).count_params() / narrow.count_params() < 4.1
