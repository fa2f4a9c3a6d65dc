"""How long a step of training takes, with Keras's batch normalization and with ours, by turns in one process.

    python -m benchmarks.training_step [--pixels 280]

The masked CNN with five frozen blocks, on noise, as only the time counts; the median of some steps after the first two.
Keeps benchmarks/results/training-step.csv. About a minute on two cores that do nothing else.
"""

from __future__ import annotations

import datetime
import time
from unittest import mock

import keras
import numpy as np
import pandas as pd
import typer

from maskedgender.networks.imagenet import start_from_imagenet
from maskedgender.networks.masked import masked_cnn
from maskedgender.networks.normalization import BatchNormalization
from maskedgender.training.fitting import compile_for

from .answers import keep_table

STEPS = 8


def main(pixels: int = 280, batch: int = 64) -> None:
    """Measures, prints, keeps."""
    rng = np.random.default_rng(0)
    pictures, labels = rng.integers(0, 256, (batch, pixels, pixels, 3), np.uint8), rng.integers(0, 2, batch)
    ways = {"Keras's": keras.layers.BatchNormalization, "ours": BatchNormalization}
    models = {name: _model(normalization, pixels) for name, normalization in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(2 + STEPS):
        for name, model in models.items():
            begun = time.monotonic()
            model.train_on_batch(pictures, labels)
            seconds[name].append(time.monotonic() - begun)
    took = {name: float(np.median(all_of[2:])) for name, all_of in seconds.items()}
    columns = {"date": datetime.date.today().isoformat(), "pixels": pixels, "batch": batch}
    columns |= {f"{name}, ms a picture": round(1000 * took[name] / batch, 1) for name in took}
    table = pd.DataFrame([columns | {"ours, as a part of Keras's": round(took["ours"] / took["Keras's"], 2)}])
    print(table.T.to_string(header=False))
    keep_table(table, "training-step")


def _model(normalization: type[keras.layers.Layer], pixels: int) -> keras.Model:
    with mock.patch("maskedgender.networks.masked.BatchNormalization", normalization):
        model = masked_cnn(pixels, "face")
    start_from_imagenet(model, frozen=5)
    compile_for(model, 1000)
    return model


if __name__ == "__main__":
    typer.run(main)
