"""Compile and fit a CNN; a run that was stopped goes on, and another network, optimizer or picture is another run."""

from __future__ import annotations

import time
import zlib
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import callbacks

from ..data.batches import Batches


def compile_for(model: keras.Model, steps: int, rate: float = 0.001) -> None:
    """Adam with decoupled weight decay; in `steps`, the learning rate warms up, then falls to zero along a cosine."""
    if model.output_shape[1:] != (2,) or getattr(model.layers[-1], "activation", 0) is not keras.activations.linear:
        raise ValueError(f"The network {model.name} must end in Dense(2) without an activation.")
    warm = steps // 40
    schedule = keras.optimizers.schedules.CosineDecay(0.0, steps - warm, warmup_target=rate, warmup_steps=warm)
    with model.distribute_strategy.scope() if keras.backend.backend() == "tensorflow" else nullcontext():
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.05, name="adamw")
    optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    on_gpu = keras.distribution.list_devices()[0].startswith("gpu")  # on a CPU, XLA's convolutions are slower
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile="auto" if on_gpu else False)


def run_of(model: keras.Model, batches: Batches, epochs: int) -> str:
    """A name that is another where the network, its first weights, the optimizer, the labels or a picture is."""
    first, model._initial_epoch = model.__dict__.setdefault("first_weights", model.get_weights()), None  # a new go
    model.set_weights(first)
    told = [model.to_json().encode(), str(epochs).encode(), *(weights.tobytes() for weights in first)]
    for epoch in (epochs - 1, 0):
        batches.begin(epoch, epochs)
        told += [batches.labels.tobytes(), batches[0][0].tobytes()]
    return f"{model.name}-{zlib.crc32(b''.join(told)):08x}"


def fitted(model: keras.Model, train: Batches, validation: Batches, epochs: int, output: str | Path) -> pd.DataFrame:
    """Fit a compiled model; it gets its weights of the best epoch on validation. The history, a row an epoch."""
    folder = Path(output, "runs", run_of(model, train, epochs))
    folder.mkdir(parents=True, exist_ok=True)
    log, weights = folder / "history.csv", str(folder / "best.weights.h5")
    before = pd.read_csv(log) if log.exists() and log.stat().st_size else None
    done, best = (0, None) if before is None else (before.epoch.nunique(), before.val_accuracy.max())
    state = "begins" if not done else f"goes on after epoch {done}" if done < epochs else "was finished before"
    print(f"The run {folder} {state}.")
    saving = [
        callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: train.begin(epoch, epochs),
            on_train_batch_end=lambda batch, logs: np.testing.assert_(np.isfinite(logs["loss"]), "no finite loss"),
            on_epoch_end=lambda epoch, logs: logs.update(seconds=time.monotonic() - train.begun),
        ),
        callbacks.ModelCheckpoint(weights, "val_accuracy", 0, True, True, initial_value_threshold=best),
        callbacks.CSVLogger(str(log), append=True),
        callbacks.BackupAndRestore(str(folder / "backup"), double_checkpoint=True, delete_checkpoint=False),
    ]
    model.fit(train, validation_data=validation, epochs=epochs, shuffle=False, callbacks=saving)
    model.load_weights(weights)
    return pd.read_csv(log).drop_duplicates("epoch", keep="last").assign(epoch=lambda rows: rows.epoch + 1)
