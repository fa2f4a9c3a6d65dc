"""What a recipe promises is what Keras does: decay, augmentation, the optimizer's state, and time kept in reserve."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from maskedgender.data.layout import TRAINING
from maskedgender.data.listing import list_images
from maskedgender.data.split import split_training
from maskedgender.data.stream import PortraitStream
from maskedgender.training import fitting
from maskedgender.training.callbacks import MILD, RESERVE, Clock
from maskedgender.training.fitting import train
from maskedgender.training.recipes import RECIPES
from maskedgender.training.run_folder import RunFolder

from ..support.synthetic import synthetic_dataset
from .test_fitting import SIDE, tiny_cnn


def compiled() -> keras.Model:
    model = tiny_cnn()
    fitting._compile(model, RECIPES["small"], 2)
    model.optimizer.build(model.trainable_variables)
    return model


def test_weights_decay_but_no_bias_and_no_normalisation() -> None:
    model = compiled()
    decays = {one.path: model.optimizer._use_weight_decay(one) for one in model.trainable_variables}
    assert {path.split("/")[-1]: decay for path, decay in decays.items()} == {
        "kernel": True,
        "bias": False,
        "gamma": False,
        "beta": False,
    }


@pytest.mark.parametrize(("name", "augment"), [("seed", False), ("small", True), ("masked", True)])
def test_what_is_fitted_is_augmented_as_the_recipe_says_and_what_chooses_never(
    name: str, augment: bool, tmp_path: Path
) -> None:
    dataset = synthetic_dataset(tmp_path, 8)
    fit, choose = split_training(list_images(dataset, TRAINING), 0.25)
    lesson = fitting._Lesson(tiny_cnn(), RECIPES[name], dataset, fit, choose, {}, 0, "float32")
    fitted, choosing = lesson.streams(4)
    assert (fitted.augment, fitted.shuffle) == (augment, True)
    assert not choosing.augment and not choosing.shuffle


def test_the_last_epochs_are_augmented_mildly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = synthetic_dataset(tmp_path, 8)
    fit, choose = split_training(list_images(dataset, TRAINING), 0.25)
    seen, portrait = set(), PortraitStream._portrait

    def noted(stream: PortraitStream, row: int) -> np.ndarray:
        if stream.augment:
            seen.add((stream.epoch, stream.strength))
        return portrait(stream, row)

    monkeypatch.setattr(PortraitStream, "_portrait", noted)
    recipe = replace(RECIPES["masked"], mild_epochs=2)
    train(tiny_cnn(), recipe, dataset, fit, choose, tmp_path / "run", epochs=3)
    assert seen == {(0, 1.0), (1, MILD), (2, MILD)}


def test_the_optimizers_state_comes_back(tmp_path: Path) -> None:
    model, rng = compiled(), np.random.default_rng(0)
    model.fit(rng.integers(0, 256, (8, SIDE, SIDE, 3)), np.arange(8) % 2, batch_size=4, verbose=0)
    figures = {"epoch": 1, "val_accuracy": 0.5, "val_loss": 1.0, "seconds": 1.0}
    RunFolder(tmp_path).keep(model, figures)
    again = compiled()
    assert RunFolder(tmp_path).restore(again, 2) == 1
    kept, restored = ([np.asarray(one) for one in each.optimizer.variables] for each in (model, again))
    assert sum(np.abs(one).sum() > 0 for one in kept) > 4, "momenta have grown"
    for one, other in zip(kept, restored, strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_epoch_begins_only_with_time_in_reserve_for_what_comes_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    run, clock = RunFolder(tmp_path), Clock(hours=1)
    now += 3600 - 140  # of which an epoch takes 100, and what comes after it half as much
    assert not clock.too_short(run), "the first epoch always begins"
    run.history = pd.DataFrame({"seconds": [100.0, 60.0]})
    assert RESERVE == 0.5 and clock.too_short(run)
    now -= 20
    assert not clock.too_short(run)
