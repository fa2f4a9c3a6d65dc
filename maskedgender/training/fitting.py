"""Fit a CNN on a dataset folder, go on after a kill, and export it as one .keras file.

keras.utils.set_random_seed(0)  # before the model gets its first weights
model = masked_cnn(128, "face")
fit, choose = split_training(list_images(dataset, TRAINING))
history = train(model, RECIPES["masked"], dataset, fit, choose, folder)  # model: the best epoch's weights
calibrate(model, PortraitStream(dataset, choose, model.input_shape[1:], 64))  # the masked CNN only
export(model, "models/masked_gender.keras")
"""

from __future__ import annotations

import gc
import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from ..data.layout import BARE, NOT_DESCRIBED, OWN_SOURCE
from ..data.stream import PortraitStream
from ..networks.older_keras import open_to_older_keras
from .calibration import calibrate  # noqa: F401
from .callbacks import Clock, KeepRun, StopWhenNotANumber
from .devices import default_precision, every_device, on_gpu, out_of_memory, shared, training_devices
from .progress import Progress
from .recipes import Recipe
from .run_folder import RunFolder, TrainingError, best_epoch, whole_file

HELPERS = ("age", "race", "worn")  # what labels.csv tells of a portrait besides


def train(
    model: keras.Model,
    recipe: Recipe,
    dataset: Path,
    fit: pd.DataFrame,
    choose: pd.DataFrame,
    folder: str | Path,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    precision: str | None = None,
    hours: float | None = None,
    started_from: str | None = None,
) -> pd.DataFrame:
    """Fit `model`; afterwards it holds the weights, in float32, of the epoch that was best on the choosing split.

    The folder keeps the state after each epoch, in files that are complete or absent. A run that was killed goes on
    after its last whole epoch when the same call is made again; a finished one returns at once. Several devices share
    each batch. When their memory is too small for it, it is halved.

    Args:
        model: an uncompiled CNN of the room networks, float32.
        dataset: the dataset folder; `fit` and `choose` list its images, as `split_training` gives them.
        folder: where this run keeps history.csv, settings.json and the weights of its last and best epoch.
        epochs, batch_size: other ones than the recipe's.
        seed: of the order of the images and of their augmentation.
        precision: a dtype policy of Keras; None takes what `default_precision` says.
        hours: begin no epoch (but the run's first) that might not leave time, of so many hours, to test and export.
        started_from: where the model's weights come from, in words: from other weights it is another run.

    Returns:
        One row an epoch: epoch (from 1), loss, accuracy, val_loss, val_accuracy (on the choosing split),
        learning_rate, seconds, images_per_second.

    Raises:
        ValueError: the folder holds a run with other settings.
        TrainingError: the folder cannot be written, the loss is no longer a number, or one image is too much for the
            memory.
    """
    recipe = replace(recipe, epochs=epochs or recipe.epochs, batch_size=batch_size or recipe.batch_size)
    run, clock = RunFolder(Path(folder)), Clock(hours)
    run.claim(_settings(model, recipe, fit, choose, seed, started_from))
    fit, choose = _with_worn(fit), _with_worn(choose)
    heads = _helpers(fit, choose) if recipe.helper_weight else {}
    lesson = _Lesson(model, recipe, Path(dataset), fit, choose, heads, seed, precision or default_precision(model))
    if len(run.history) < recipe.epochs and not clock.too_short(run):
        _fit_in_memory(lesson, run, clock)
    if len(run.history) < recipe.epochs:
        print(f"The time is short: {len(run.history)} of {recipe.epochs} epochs are done, and the best is taken.")
    best = with_precision(model, "float32")
    run.load(best_epoch(run.history), _with_heads(best, heads).variables)
    model.set_weights(best.get_weights())
    return run.history


@dataclass(frozen=True)
class _Lesson:
    """What stays the same when a batch turns out to be too large; the names are those of `train`."""

    model: keras.Model
    recipe: Recipe
    dataset: Path
    fit: pd.DataFrame
    choose: pd.DataFrame
    heads: Mapping[str, list[str]]
    seed: int
    precision: str

    def streams(self, batch_size: int) -> tuple[PortraitStream, PortraitStream]:
        """Those of `fit` and of `choose`, without what devices cannot share evenly: JAX has no smaller last part."""
        devices = len(training_devices())
        fit, choose = (images[: len(images) // devices * devices] for images in (self.fit, self.choose))
        size, shape = max(devices, batch_size // devices * devices), self.model.input_shape[1:]
        how: dict[str, Any] = {"seed": self.seed, "augment": self.recipe.augment, "shuffle": True}
        return (
            PortraitStream(self.dataset, fit, shape, size, heads=self.heads, **how),
            PortraitStream(self.dataset, choose, shape, size, heads=self.heads),
        )


def _fit_in_memory(lesson: _Lesson, run: RunFolder, clock: Clock) -> None:
    """Fit with the recipe's batch, or half of it, or half of that, until it finds place in the devices' memory."""
    size = lesson.recipe.batch_size
    while True:
        try:
            return _fit(lesson, size, run, clock)
        except Exception as error:
            if not out_of_memory(error):
                raise
            if size < 2 * len(training_devices()):
                raise TrainingError(
                    "The memory is too small for one image: train at a smaller size, or on another device."
                ) from error
        gc.collect()  # the copy that was too large refers to itself
        size //= 2
        print(f"Out of memory with {2 * size} images a batch: going on with {size}.")


def _fit(lesson: _Lesson, batch_size: int, run: RunFolder, clock: Clock) -> None:
    """Fit a copy of the model, from the run's last epoch on; the folder keeps what comes of it."""
    recipe, (stream, choose) = lesson.recipe, lesson.streams(batch_size)
    with every_device():
        learner = _with_heads(with_precision(lesson.model, lesson.precision), lesson.heads)
        # A smaller batch takes smaller steps (Malladi et al., "On the SDEs and Scaling Rules for Adaptive Gradient
        # Algorithms", 2022): by the square root.
        rate = recipe.learning_rate * math.sqrt(batch_size / recipe.batch_size)
        _compile(learner, replace(recipe, learning_rate=rate), len(stream))
        learner.fit(
            shared(stream),
            validation_data=shared(choose),
            epochs=recipe.epochs,
            initial_epoch=run.restore(learner, len(stream)),
            shuffle=False,  # the stream shuffles, so that its order goes on after a kill
            callbacks=[
                StopWhenNotANumber(run),
                KeepRun(run, stream, clock, recipe.epochs - recipe.mild_epochs),
                Progress(len(stream.files), recipe.epochs, stream.batch_size),
            ],
            verbose=0,
        )


def export(model: keras.Model, path: str | Path) -> Path:
    """Write the model as one .keras file, float32 and uncompiled; the file is complete or absent.

    Returns:
        The path; its folder is made when missing.

    Raises:
        TrainingError: it cannot be written.
    """
    path = Path(path)
    with whole_file(path) as partial:
        with_precision(model, "float32").save(partial)
        open_to_older_keras(partial)
    return path


def with_precision(model: keras.Model, policy: str) -> keras.Model:
    """An uncompiled copy of a functional model, weights too, computing by a dtype policy such as "mixed_float16".

    The output layer stays float32: small probabilities need it.
    """
    config = model.get_config()
    for layer in config["layers"][:-1]:
        if layer["class_name"] != "InputLayer" and "dtype" in layer["config"]:  # operations have none
            layer["config"]["dtype"] = policy
    config["layers"][-1]["config"]["dtype"] = "float32"
    copy = type(model).from_config(config)  # clone_model() would also copy the optimizer, and so triple the file
    copy.set_weights(model.get_weights())
    return copy


def run_name(
    model: keras.Model,
    recipe: Recipe,
    fit: pd.DataFrame,
    choose: pd.DataFrame,
    seed: int,
    started_from: str | None = None,
    **changes: Any,
) -> str:
    """A name for a run's folder: eight letters that are others where a line of the CNN, an image or the recipe is."""
    given = {name: value for name, value in changes.items() if value and name in ("epochs", "batch_size")}
    settings = _settings(model, replace(recipe, **given), fit, choose, seed, started_from)
    return _fingerprint(json.dumps(settings, default=str))


def _settings(
    model: keras.Model,
    recipe: Recipe,
    fit: pd.DataFrame,
    choose: pd.DataFrame,
    seed: int,
    started_from: str | None = None,
) -> dict[str, Any]:
    """What makes a run the same run; where the dataset lies does not matter."""
    layers = [[type(layer).__name__, {**layer.get_config(), "name": None}] for layer in model.layers]
    network = f"{model.name}, {model.count_params()} parameters, {_fingerprint(json.dumps(layers, default=str))}"
    listed = pd.concat([fit, choose]).drop(columns=OWN_SOURCE, errors="ignore").to_csv(index=False)
    images = f"{len(fit)} and {len(choose)}, {_fingerprint(listed)}"
    return {**asdict(recipe), "network": network, "images": images, "seed": seed, "started_from": started_from}


def _fingerprint(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def _with_worn(images: pd.DataFrame) -> pd.DataFrame:
    """With a further column, worn: whether a mask is, "yes" or "no", as far as the style tells."""
    known = {BARE: "no", NOT_DESCRIBED: NOT_DESCRIBED}
    return images.assign(worn=[known.get(style, "yes") for style in images["style"]]) if "style" in images else images


def _helpers(fit: pd.DataFrame, choose: pd.DataFrame) -> dict[str, list[str]]:
    """What the portraits' description can teach besides, and its values; nothing where there is no description."""
    both = pd.concat([fit, choose])
    values = {name: sorted(both[name].unique()) for name in HELPERS if name in both}
    return {name: found for name, found in values.items() if len(found) > 1}


def _with_heads(model: keras.Model, heads: Mapping[str, list[str]]) -> keras.Model:
    """The same layers with a further softmax for each head, on the features that the logits are made from."""
    if not heads:
        return model
    features = model.get_layer("logits").input
    further = [
        keras.layers.Dense(len(values), activation="softmax", dtype="float32", name=f"helper_{name}")(features)
        for name, values in heads.items()
    ]
    return keras.Model(model.input, [model.output, *further], name=model.name)


def _compile(model: keras.Model, recipe: Recipe, steps: int) -> None:
    """Compile with the recipe's optimizer, for `steps` an epoch; the first output is the one that is measured."""
    rate: Any = recipe.learning_rate
    if recipe.cosine:
        warm_up = max(1, round(recipe.warm_up * min(steps, recipe.epochs * steps // 5)))
        rest = max(1, recipe.epochs * steps - warm_up)
        rate = keras.optimizers.schedules.CosineDecay(0.0, rest, warmup_target=rate, warmup_steps=warm_up)
    if recipe.weight_decay is None:
        optimizer = keras.optimizers.Adam(rate)
    else:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
    if any(layer.compute_dtype == "float16" for layer in model.layers):
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    # On a CPU TensorFlow's own convolutions are twice to four times as fast as those that XLA makes.
    jit = "auto" if on_gpu() or keras.backend.backend() != "tensorflow" else False
    further = len(model.outputs) - 1
    model.compile(
        optimizer,
        ["sparse_categorical_crossentropy"] * (1 + further),
        loss_weights=[1.0, *[recipe.helper_weight] * further],
        metrics=[["accuracy"], *[[]] * further] if further else ["accuracy"],  # Keras 3.8 takes no list in a list
        jit_compile=jit,
    )
