"""Ways of training that were tried: short runs that differ in one thing, each a row of benchmarks/results/ways.csv.

    python -m benchmarks.ways --dataset masked [WAY ...]

Decided on the choosing split only; what earned its place is in models.py and training.py. A row takes about six
minutes on one core. The dataset folder must have been made with two variants a portrait.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import pandas as pd
import typer

from maskedgender.dataset import TRAINING, PortraitStream, find_dataset, list_images, split_training
from maskedgender.evaluation import accuracy_with_interval, commit_of
from maskedgender.models import masked_cnn
from maskedgender.training import default_precision, with_precision

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
        ema: momentum of an average of the weights, 0 for none.
    """

    image_size: int = 128
    variants: int = 1
    batch_size: int = 64
    learning_rate: float = 0.002
    helper_weight: float = 0.0
    smoothing: float = 0.0
    mixup: float = 0.0
    ema: float = 0.0


WAYS = {
    "as it was": Way(),
    "age and race heads": Way(helper_weight=0.3),
    "two masks a face": Way(variants=2),
    "112 pixels": Way(image_size=112),
    "144 pixels": Way(image_size=144),
    "batch 128": Way(batch_size=128, learning_rate=0.003),
    "label smoothing": Way(smoothing=0.1),
    "MixUp": Way(mixup=0.2),
    "average of weights": Way(ema=0.999),
}


class _Lessons(PortraitStream):
    """A stream whose labels are those of every head: one-hot gender, and age and race where they are asked for."""

    def __init__(self, way: Way, dataset: Path, fit: pd.DataFrame, shape: tuple[int, int, int]) -> None:
        super().__init__(dataset, fit, shape, way.batch_size, augment=True, shuffle=True)
        self.way = way
        helpers = ("age", "race") if way.helper_weight else ()
        self.heads = [keras.utils.to_categorical(pd.factorize(fit[name], sort=True)[0]) for name in helpers]
        self.gender = keras.utils.to_categorical(fit["label"])

    def __getitem__(self, index: int) -> tuple[np.ndarray, Any]:
        x, _ = super().__getitem__(index)
        rows = self._order()[index * self.batch_size : (index + 1) * self.batch_size]
        labels = [head[rows] for head in (self.gender, *self.heads)]
        if self.way.mixup:
            rng = np.random.default_rng((self.seed, self.epoch, index))
            share, other = rng.beta(self.way.mixup, self.way.mixup), rng.permutation(len(x))
            x = (share * x + (1 - share) * x[other]).astype(np.float32)
            labels = [share * label + (1 - share) * label[other] for label in labels]
        return x, tuple(labels) if self.heads else labels[0]


class _Epochs(keras.callbacks.Callback):
    def __init__(self, lessons: _Lessons) -> None:
        super().__init__()
        self.lessons = lessons

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.lessons.epoch = epoch


def fitted(way: Way, dataset: Path, fit: pd.DataFrame, epochs: int) -> keras.Model:
    """The network after so many epochs of this way, float32."""
    keras.utils.set_random_seed(0)
    model = with_precision(masked_cnn(way.image_size), default_precision())
    lessons = _Lessons(way, dataset, fit, model.input_shape[1:])
    features = model.get_layer("logits").input
    heads = [keras.layers.Dense(head.shape[1], "softmax", dtype="float32")(features) for head in lessons.heads]
    learner = keras.Model(model.input, [model.output, *heads] if heads else model.output)
    steps = len(lessons)
    cosine = keras.optimizers.schedules.CosineDecay(
        0.0, (epochs - 1) * steps, warmup_target=way.learning_rate, warmup_steps=steps
    )
    optimizer = keras.optimizers.AdamW(
        cosine, weight_decay=0.05, use_ema=bool(way.ema), ema_momentum=way.ema or 0.99, ema_overwrite_frequency=None
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=way.smoothing)
    weights = [1.0] + [way.helper_weight] * len(heads) if heads else None
    learner.compile(optimizer, [loss] * (1 + len(heads)) if heads else loss, loss_weights=weights, jit_compile=False)
    learner.fit(lessons, epochs=epochs, shuffle=False, verbose=0, callbacks=[_Epochs(lessons)])
    if way.ema:
        optimizer.finalize_variable_values(learner.trainable_variables)
    return with_precision(model, "float32")


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
    started = time.monotonic()
    model = fitted(WAYS[name], dataset, images, rounds)
    seconds = time.monotonic() - started
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
    portraits: Annotated[int, typer.Option(help="learn and choose with so many of the training portraits")] = 20_000,
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
