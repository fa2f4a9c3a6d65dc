"""Ways of training: short runs of the masked CNN that differ in one option, each a row of benchmarks/results/ways.csv.

    nohup python -m benchmarks.ways --dataset masked --mixup 0.2 > ways.log &

Nothing is tested: a row tells the accuracy, AUC and log loss of the last epoch's weights on the validation split, each
picture and its mirror image averaged. With --ema there is a second row, for the average of the weights in the same run.
A run as it stands, six epochs of 10,000 portraits at 160 pixels, takes ten minutes on two cores; it is short, but long
enough for the network to begin to learn portraits by heart, which is what most of the options are against.
"""

from __future__ import annotations

import datetime
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import cv2
import keras
import numpy as np
import pandas as pd
import typer

from maskedgender.data.batches import Batches
from maskedgender.data.pictures import list_pictures, read_portrait
from maskedgender.data.split import split
from maskedgender.measure.metrics import score
from maskedgender.networks.answering import answering
from maskedgender.networks.imagenet import start_from_imagenet
from maskedgender.networks.masked import masked_cnn
from maskedgender.networks.records import commit_of
from maskedgender.training.fitting import compile_for

from .answers import RESULTS
from .changes import NOISE
from .photos import BARE

TABLE = RESULTS / "ways.csv"


class Lessons(Batches):
    """Augmented batches with labels that are one-hot, an array for each output, and weights."""

    def __init__(self, train: pd.DataFrame, size: int, outputs: tuple[str, ...], mixup: float, balance: str) -> None:
        """`outputs` name columns; groups of the columns `balance`, with commas between, weigh as their roots."""
        super().__init__(train, size, augment=True)
        self.mixup = mixup
        self.known = [keras.utils.to_categorical(pd.factorize(train[name], sort=True)[0]) for name in outputs]
        if balance:
            weights = train.groupby(balance.split(",")).label.transform("size").to_numpy() ** -0.5
            self.weights = weights / weights.mean()

    def __getitem__(self, index: int) -> tuple[np.ndarray, Any]:
        """A batch, uint8 or, mixed, float32."""
        rows = self.rows[index * self.batch : (index + 1) * self.batch]
        x, labels = super().__getitem__(index)[0], [known[rows] for known in self.known]
        if self.mixup:  # each picture with another one shining through (Zhang et al., 2018)
            rng = np.random.default_rng((self.seed, self.epoch, index))
            share, other = rng.beta(self.mixup, self.mixup), rng.permutation(len(rows))
            x, *labels = (share * part + (1 - share) * part[other] for part in (x.astype(np.float32), *labels))
        return x, tuple(labels) if len(labels) > 1 else labels[0], self.weights[rows]


class Noisy(Batches):
    """Pictures with noise like that of `benchmarks.robustness`."""

    def picture(self, row: int) -> np.ndarray:
        """Noise at the size that pictures have on the disk, then resized."""
        picture, rng = read_portrait(self.paths[row], 256), np.random.default_rng(row)
        noisy = np.clip(picture + rng.normal(0, NOISE, picture.shape), 0, 255).astype(np.uint8)
        return cv2.resize(noisy, (self.size, self.size), interpolation=cv2.INTER_LINEAR)


def fit(
    model: keras.Model, lessons: Lessons, epochs: int, smoothing: float, helpers: float, ema: float
) -> list[np.ndarray]:
    """Train with the product's optimizer and schedule; the last weights, where the model is left with their average.

    Args:
        helpers: the weight of the losses of the outputs after the first.
    """
    compile_for(model, epochs * len(lessons))
    optimizer, features, last = model.optimizer, model.layers[-1].input, []
    optimizer.use_ema, optimizer.ema_momentum = bool(ema), ema  # Keras puts the average into the model at the end
    outputs = [model.output, *(keras.layers.Dense(known.shape[1])(features) for known in lessons.known[1:])]
    learner = keras.Model(model.input, outputs if helpers else model.output)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    of_outputs = {"loss": [loss] * len(outputs), "loss_weights": [1.0] + [helpers] * (len(outputs) - 1)}
    learner.compile(optimizer, **(of_outputs if helpers else {"loss": loss}), jit_compile=False)
    calls = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: lessons.begin(epoch, epochs),
        on_epoch_end=lambda epoch, logs: last.extend(model.get_weights()) if epoch == epochs - 1 else None,
    )
    learner.fit(lessons, epochs=epochs, shuffle=False, verbose=2, callbacks=[calls])
    return last


def figures(model: keras.Model, validation: pd.DataFrame) -> dict[str, object]:
    """What a model is worth on the validation split."""
    asked, size = answering(model), model.input_shape[1]
    pairs = asked.predict(Batches(validation, size), verbose=0)
    noisy = asked.predict(Noisy(validation[::4], size), verbose=0)
    labels, sources, style = (validation[name].to_numpy() for name in ("label", "source", "style"))
    scores, masked = score(labels, pairs, sources), style != BARE
    return {
        "n": len(labels),
        "accuracy": scores.accuracy,
        "AUC": round(scores.auc, 4),
        "log loss": round(scores.log_loss, 4),
        "masked accuracy": score(labels[masked], pairs[masked], sources[masked]).accuracy,
        "noisy accuracy": score(labels[::4], noisy, sources[::4]).accuracy,
    }


def main(
    dataset: Annotated[Path, typer.Option(help="a dataset folder with a labels.csv")],
    pixels: Annotated[int, typer.Option(help="a side of the crop; the network sees the central 70 %")] = 160,
    epochs: int = 6,
    portraits: Annotated[int, typer.Option(help="learn from so many at most")] = 10_000,
    frozen: Annotated[int, typer.Option(help="blocks that keep what ImageNet has taught them")] = 5,
    smoothing: Annotated[float, typer.Option(help="of the labels (Szegedy et al., 2016)")] = 0.0,
    mixup: Annotated[float, typer.Option(help="alpha of MixUp")] = 0.0,
    ema: Annotated[float, typer.Option(help="momentum of an average of the weights, such as 0.999")] = 0.0,
    helpers: Annotated[float, typer.Option(help="weight of the losses of two more outputs, age and race")] = 0.0,
    balance: Annotated[
        str, typer.Option(help="columns; a portrait weighs more, by the root, where its group is small")
    ] = "",
) -> None:
    """Trains once, prints its rows, and adds them to the table."""
    train, validation, _ = split(list_pictures(dataset))
    some = np.random.default_rng(0).permutation(np.unique(train["source"]))[:portraits]
    train = train[train["source"].isin(some)]
    keras.utils.set_random_seed(0)
    model = masked_cnn(pixels, "face")
    print(start_from_imagenet(model, frozen))
    outputs = ("label", "age", "race") if helpers else ("label",)  # all but the first are dropped after the fit
    lessons = Lessons(train, pixels, outputs, mixup, balance)
    begun = time.process_time()  # of all cores together: other work beside it does not count
    last = fit(model, lessons, epochs, smoothing, helpers, ema)
    options = {"smoothing": smoothing, "mixup": mixup, "ema": ema, "helpers": helpers, "balance": balance}
    way = ", ".join([f"{pixels} pixels", *(f"{name} {value}" for name, value in options.items() if value)])
    run = {
        "date": datetime.date.today().isoformat(),
        "commit": commit_of(Path(__file__).parent),
        "command": " ".join(["python -m benchmarks.ways", *sys.argv[1:]]),
        "images": len(train),
        "epochs": epochs,
        "minutes": round((time.process_time() - begun) / 60, 1),
    }
    rows = [{"way": f"{way}, the average", **run, **figures(model, validation)}] if ema else []
    model.set_weights(last)
    rows.append({"way": way, **run, **figures(model, validation)})
    print(pd.DataFrame(rows).T.to_string())
    pd.DataFrame(rows, columns=pd.read_csv(TABLE, nrows=0).columns).to_csv(TABLE, mode="a", header=False, index=False)


if __name__ == "__main__":
    typer.run(main)
