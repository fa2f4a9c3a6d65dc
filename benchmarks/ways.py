"""Ways of training that were tried: short runs that differ in one thing, each a row of benchmarks/results/ways.csv.

    python -m benchmarks.ways --dataset masked [WAY ...]

Decided on the choosing split only; what earned its place is in the rooms networks, training and data. A row takes
about six minutes on one core, that of the wider teacher half an hour more. The dataset folder must have been made with
two variants a portrait.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any
from unittest.mock import patch

import keras
import numpy as np
import pandas as pd
import typer

from maskedgender.data import augment
from maskedgender.data.augment import ERASE_CHANCE
from maskedgender.data.layout import TRAINING
from maskedgender.data.listing import list_images
from maskedgender.data.locate import find_dataset
from maskedgender.data.split import split_training
from maskedgender.data.stream import PortraitStream
from maskedgender.measure.metrics import accuracy_with_interval
from maskedgender.networks.records import commit_of
from maskedgender.networks.small import small_cnn
from maskedgender.training.fitting import default_precision, with_precision

RESULTS = Path(__file__).parent / "results" / "ways.csv"


@dataclass(frozen=True)
class Way:
    """One way of training.

    Attributes:
        image_size: pixels a side of the canonical crop; the network sees 70 % of it.
        variants: images a portrait to learn from, each with its own mask or bare.
        helper_weight: of the losses of two heads more, age and race, that are dropped afterwards.
        smoothing: of the labels (Szegedy et al., 2016).
        mixup: alpha of MixUp (Zhang et al., 2018), 0 for none.
        cutmix: a rectangle of another image, of a share of the area drawn evenly (Yun et al., 2019).
        ema: momentum of an average of the weights, 0 for none.
        cosine: warm up over an epoch and fall along a cosine; otherwise the rate is constant.
        augment: show another picture of each portrait in each epoch; `erase`: how often a part of it is noise.
        teacher: times as wide a CNN, trained in the same way, whose probabilities are half of what is to be learnt
            (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015); 0 for none.
    """

    image_size: int = 128
    variants: int = 1
    batch_size: int = 64
    learning_rate: float = 0.002
    helper_weight: float = 0.0
    smoothing: float = 0.0
    mixup: float = 0.0
    cutmix: bool = False
    ema: float = 0.0
    cosine: bool = True
    augment: bool = True
    erase: float = ERASE_CHANCE
    teacher: int = 0


WAYS = {
    "as it was": Way(),
    "age and race heads": Way(helper_weight=0.3),
    "two masks a face": Way(variants=2),
    "80 pixels": Way(image_size=80),
    "112 pixels": Way(image_size=112),
    "144 pixels": Way(image_size=144),
    "batch 128": Way(batch_size=128, learning_rate=0.003),
    "label smoothing": Way(smoothing=0.1),
    "MixUp": Way(mixup=0.2),
    "CutMix": Way(cutmix=True),
    "average of weights": Way(ema=0.999),
    "constant learning rate": Way(cosine=False),
    "no erasing": Way(erase=0.0),
    "no augmentation": Way(augment=False),
    "taught by a CNN twice as wide": Way(teacher=2),
}


class _Lessons(PortraitStream):
    """A stream whose labels are those of every head: one-hot gender, and age and race where they are asked for."""

    def __init__(
        self, way: Way, dataset: Path, fit: pd.DataFrame, shape: tuple[int, int, int], teacher: keras.Model | None
    ) -> None:
        super().__init__(dataset, fit, shape, way.batch_size, augment=way.augment, shuffle=True)
        self.way, self.teacher = way, teacher
        helpers = ("age", "race") if way.helper_weight else ()
        self.heads = [keras.utils.to_categorical(pd.factorize(fit[name], sort=True)[0]) for name in helpers]
        self.gender = keras.utils.to_categorical(fit["label"])

    def __getitem__(self, index: int) -> tuple[np.ndarray, Any]:
        x, _ = super().__getitem__(index)
        rows = self._order()[index * self.batch_size : (index + 1) * self.batch_size]
        labels = [head[rows] for head in (self.gender, *self.heads)]
        rng = np.random.default_rng((self.seed, self.epoch, index))
        if self.way.mixup or self.way.cutmix:
            x, labels = (_mixed_up if self.way.mixup else _cut_and_mixed)(x, labels, self.way, rng)
        if self.teacher:
            known = keras.ops.convert_to_numpy(self.teacher(x.astype(np.float32), training=False))
            labels[0] = (labels[0] + known) / 2
        return x, tuple(labels) if self.heads else labels[0]


def _mixed_up(
    x: np.ndarray, labels: list[np.ndarray], way: Way, rng: np.random.Generator
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Each image with another one shining through, and as much of its label."""
    share, other = rng.beta(way.mixup, way.mixup), rng.permutation(len(x))
    x = (share * x + (1 - share) * x[other]).astype(np.float32)
    return x, [share * label + (1 - share) * label[other] for label in labels]


def _cut_and_mixed(
    x: np.ndarray, labels: list[np.ndarray], way: Way, rng: np.random.Generator
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Each image with a rectangle of another one, at the same place, and as much of its label as there is of it."""
    side, other = x.shape[1], rng.permutation(len(x))
    half = np.sqrt(rng.random()) * side / 2
    centre = rng.uniform(0, side, 2)
    (top, left), (bottom, right) = np.clip([centre - half, centre + half], 0, side).round().astype(int)
    x = x.copy()
    x[:, top:bottom, left:right] = x[other, top:bottom, left:right]
    share = 1 - (bottom - top) * (right - left) / side**2
    return x, [share * label + (1 - share) * label[other] for label in labels]


class _Epochs(keras.callbacks.Callback):
    def __init__(self, lessons: _Lessons) -> None:
        super().__init__()
        self.lessons = lessons

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.lessons.epoch = epoch


def wider(model: keras.Model, times: int) -> keras.Model:
    """The same layers with so many times the filters, and new weights."""
    config = model.get_config()
    for layer in config["layers"]:
        if "filters" in layer["config"]:
            layer["config"]["filters"] *= times
        layer.pop("build_config", None)  # the shapes of the narrow one
    return type(model).from_config(config)


def fitted(way: Way, dataset: Path, fit: pd.DataFrame, epochs: int, times_as_wide: int = 1) -> keras.Model:
    """The network after so many epochs of this way, float32."""
    teacher = fitted(replace(way, teacher=0), dataset, fit, epochs, way.teacher) if way.teacher else None
    keras.utils.set_random_seed(0)
    plain = wider(small_cnn(way.image_size), times_as_wide)
    model = with_precision(plain, default_precision(plain))
    lessons = _Lessons(way, dataset, fit, model.input_shape[1:], teacher)
    features = model.get_layer("logits").input
    heads = [keras.layers.Dense(head.shape[1], "softmax", dtype="float32")(features) for head in lessons.heads]
    learner = keras.Model(model.input, [model.output, *heads] if heads else model.output)
    rates = _rates(way, len(lessons), epochs)
    average: dict[str, Any] = {"use_ema": True, "ema_momentum": way.ema, "ema_overwrite_frequency": None}
    optimizer = keras.optimizers.AdamW(rates, weight_decay=0.05, **(average if way.ema else {}))
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=way.smoothing)
    weights = [1.0] + [way.helper_weight] * len(heads) if heads else None
    learner.compile(optimizer, [loss] * (1 + len(heads)) if heads else loss, loss_weights=weights, jit_compile=False)
    with patch.object(augment, "ERASE_CHANCE", way.erase):
        learner.fit(lessons, epochs=epochs, shuffle=False, verbose=0, callbacks=[_Epochs(lessons)])
    if way.ema:
        optimizer.finalize_variable_values(learner.trainable_variables)
    return with_precision(model, "float32")


def _rates(way: Way, steps: int, epochs: int) -> Any:
    """The learning rate, or its schedule over the epochs of so many steps."""
    if not way.cosine:
        return way.learning_rate
    rest = (epochs - 1) * steps
    return keras.optimizers.schedules.CosineDecay(0.0, rest, warmup_target=way.learning_rate, warmup_steps=steps)


def margins(model: keras.Model, dataset: Path, choose: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """The logit of male for each image as it is, and the mean with its mirror image's."""
    logits = keras.Model(model.input, model.get_layer("logits").output)
    stream = PortraitStream(dataset, choose, model.input_shape[1:], 64)
    parts = [stream[index][0] for index in range(len(stream))]
    straight, mirrored = (
        np.concatenate([logits.predict_on_batch(part[:, :, ::step].astype(np.float32)) for part in parts])
        for step in (1, -1)
    )
    straight, mirrored = (pair[:, 1] - pair[:, 0] for pair in (straight, mirrored))
    return straight, (straight + mirrored) / 2


def lesson(way: Way, fit: pd.DataFrame, epochs: int) -> tuple[pd.DataFrame, int]:
    """The images that a way learns from, and the rounds in which it sees as many images as the others."""
    if way.variants > 1:
        return fit, max(2, round(epochs / way.variants))
    return fit[fit["file"].str.endswith("-0.jpg")].reset_index(drop=True), epochs


def row(name: str, dataset: Path, fit: pd.DataFrame, choose: pd.DataFrame, epochs: int) -> dict[str, object]:
    """Train in one way; what it gives on the choosing split's images, and what it costs."""
    images, rounds = lesson(WAYS[name], fit, epochs)
    started = time.process_time()  # of all cores together: other work beside it does not count
    model = fitted(WAYS[name], dataset, images, rounds)
    seconds = time.process_time() - started
    cost = {"images": len(images), "epochs": rounds, "minutes": round(seconds / 60, 1)}
    labels, masked = choose["label"].to_numpy(), (choose["style"] != "none").to_numpy()
    figures: dict[str, object] = {}
    for title, margin in zip(("", ", with its mirror image"), margins(model, dataset, choose), strict=True):
        right = ((margin > 0) == labels)[masked]
        figures[f"masked accuracy{title}"] = accuracy_with_interval(int(right.sum()), len(right))
        figures[f"log loss{title}"] = round(float(np.logaddexp(0, np.where(labels == 1, -margin, margin)).mean()), 4)
    return {"way": name, **cost, **figures, "commit": commit_of(Path())}


def main(
    dataset: Annotated[Path, typer.Option(help="a dataset folder with two variants a portrait")],
    ways: Annotated[list[str] | None, typer.Argument(help="all without")] = None,
    portraits: Annotated[int, typer.Option(help="learn and choose with so many of the training portraits")] = 40_000,
    epochs: int = 4,
) -> None:
    """Trains in each way, prints its row, and adds it to the table."""
    found = find_dataset(dataset)
    images = list_images(found, TRAINING)
    sources = np.random.default_rng(0).permutation(np.sort(images["source"].unique()))
    fit, choose = split_training(images[images["source"].isin(sources[:portraits])])
    choose = choose[choose["file"].str.endswith("-0.jpg")].reset_index(drop=True)
    for name in ways or WAYS:
        tried = pd.DataFrame([row(name, found, fit, choose, epochs)])
        tried.to_csv(RESULTS, mode="a", header=not RESULTS.exists(), index=False)
        print(tried.T.to_string())


if __name__ == "__main__":
    typer.run(main)
