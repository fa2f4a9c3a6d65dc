"""Go on from a model file: with its weights, and with more portraits of the people on whom it errs more often."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pandas as pd

from ..data.layout import NOT_DESCRIBED
from ..data.stream import PortraitStream
from ..networks.answering import trained_cnn
from ..networks.model_files import load_model
from ..networks.probabilities import answer_probabilities

GROUPS = ["label", "race"]
LEAST, MOST = 0.6, 2.0  # times as often as without: nobody's portraits are left aside, and none swamp the others
POWER = 0.5  # of a group's error: with more, those who are missed seldom would be forgotten
LEARNING_RATE = 0.5  # of the recipe's: a file that has learnt does not need steps that undo it


def image_size(path: Path) -> int:
    """The pixels a side that a file's CNN takes; ModelError when the file cannot be used."""
    return load_model(path).size


def start_from(model: keras.Model, *paths: Path) -> None:
    """Give a new CNN the weights of a file that was exported from one like it, whatever looks it takes.

    Of several files, the mean of their weights: where one was trained further from the other, it often errs less than
    either (Wortsman et al., "Robust fine-tuning of zero-shot models", 2022).

    Raises:
        ModelError: the file cannot be used.
        ValueError: it holds another CNN.
    """
    shapes, found = [array.shape for array in model.get_weights()], []
    for path in paths:
        found.append(trained_cnn(load_model(path).model).get_weights())
        if [array.shape for array in found[-1]] != shapes:
            raise ValueError(f"{path} holds another CNN than {model.name}: start from a file of the same architecture.")
    model.set_weights([np.mean(arrays, axis=0) for arrays in zip(*found, strict=True)])


def more_of_the_missed(
    model: keras.Model, dataset: Path, fit: pd.DataFrame, choose: pd.DataFrame, seed: int = 0
) -> pd.DataFrame:
    """The images to fit, each as often as its group of people is missed: by the model, on the choosing split.

    A group's images come in proportion to the root of its error over the error of all, within LEAST and MOST; a
    portrait that comes twice is augmented in two ways. (Liu et al., "Just Train Twice", 2021, do so image by image,
    which repeats wrong labels most.) Where the dataset does not describe its people, the images stay as they are.

    Args:
        fit, choose: as `split_training` gives them; groups are those of gender and race together.
    """
    if (fit["race"] == NOT_DESCRIBED).all():
        return fit
    pairs = answer_probabilities(model, PortraitStream(dataset, choose, model.input_shape[1:], 64))
    return repeated(fit, group_weights(choose, pairs.argmax(axis=1) == choose["label"].to_numpy()), seed)


def group_weights(choose: pd.DataFrame, right: np.ndarray) -> pd.Series:
    """How often a group's images are to come, by (label, race): the root of its error over the error of all."""
    wrong = choose[GROUPS].assign(wrong=~right).groupby(GROUPS)["wrong"].mean()
    return ((wrong / max(1 - right.mean(), 1e-9)) ** POWER).clip(LEAST, MOST)


def repeated(images: pd.DataFrame, weights: pd.Series, seed: int) -> pd.DataFrame:
    """Each image as often as its group's weight says; parts of a time by lot, the same for the same seed."""
    often = weights.reindex(pd.MultiIndex.from_frame(images[GROUPS])).fillna(1.0).to_numpy()
    times = np.floor(often + np.random.default_rng(seed).random(len(images))).astype(int)
    return images.loc[images.index.repeat(times)].reset_index(drop=True)
