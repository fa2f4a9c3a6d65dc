"""Fit a CNN on a dataset folder, go on after a kill, calibrate it, and export it as one .keras file.

keras.utils.set_random_seed(0)  # before the model gets its first weights
model = masked_cnn(128, "face")
fit, choose = split_training(list_images(dataset, TRAINING))
history = train(model, RECIPES["masked"], dataset, fit, choose, folder)  # model: the best epoch's weights
calibrate(model, PortraitStream(dataset, choose, model.input_shape[1:], 64))  # the masked CNN only
export(model, "models/masked_gender.keras")
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from .dataset import PortraitStream
from .progress import Progress, measured

HELPERS = ("age", "race")  # columns of a dataset's labels.csv
LEAST_SLOPE = 0.01  # of the calibration: a model that knows less than this answers with the classes' frequencies


@dataclass(frozen=True)
class Recipe:
    """How a CNN is trained.

    Attributes:
        epochs, batch_size: as everywhere.
        learning_rate: the highest one.
        cosine: warm up over the first epoch, then fall to zero along a cosine (Loshchilov and Hutter, "SGDR", 2016);
            otherwise the learning rate is constant.
        weight_decay: of AdamW, times the learning rate a step; None for plain Adam.
        augment: show another picture of each portrait in each epoch.
        helper_weight: of the losses of two further heads, age and race, where the dataset describes them; 0 for none.
            They make the features better, and are not part of the model.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    cosine: bool
    weight_decay: float | None
    augment: bool
    helper_weight: float = 0.0


RECIPES = {
    # The original's: Adam with its defaults, batch 32, 30 epochs, the images as they are.
    "seed": Recipe(30, 32, 0.001, cosine=False, weight_decay=None, augment=False),
    "masked": Recipe(30, 64, 0.002, cosine=True, weight_decay=0.05, augment=True, helper_weight=0.3),
}


@dataclass(frozen=True)
class Calibration:
    """What `calibrate` found on the choosing split: new logits = logits / temperature, plus `shift` towards male.

    Attributes:
        images: how many it was found on.
        loss_before, loss_after: log loss on them, in nats.
        recall_before, recall_after: the share of women, and of men, whose likelier answer is the label, 0..1.
    """

    temperature: float
    shift: float
    images: int
    loss_before: float
    loss_after: float
    recall_before: tuple[float, float]
    recall_after: tuple[float, float]


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
) -> pd.DataFrame:
    """Fit `model`; afterwards it holds the weights, in float32, of the epoch that was best on the choosing split.

    The folder keeps the state after each epoch, in files that are complete or absent. A run that was killed goes on
    after its last whole epoch when the same call is made again; a finished one returns at once.

    Args:
        model: an uncompiled model of models.py, float32.
        dataset: the dataset folder; `fit` and `choose` list its images, as `split_training` gives them.
        folder: where this run keeps history.csv, settings.json and the weights of its last and best epoch.
        epochs, batch_size: other ones than the recipe's.
        seed: of the order of the images and of their augmentation.
        precision: a dtype policy of Keras; None takes what `default_precision` says.

    Returns:
        One row an epoch: epoch (from 1), loss, accuracy, val_loss, val_accuracy (on the choosing split),
        learning_rate, seconds, images_per_second.

    Raises:
        ValueError: the folder holds a run with other settings.
    """
    recipe = replace(recipe, epochs=epochs or recipe.epochs, batch_size=batch_size or recipe.batch_size)
    run = _RunFolder(Path(folder))
    run.claim(_settings(model, recipe, fit, choose, seed))
    fitted = with_precision(model, precision or default_precision())
    shape, heads = model.input_shape[1:], _helpers(fit, choose) if recipe.helper_weight else {}
    stream = PortraitStream(
        dataset, fit, shape, recipe.batch_size, seed=seed, augment=recipe.augment, shuffle=True, heads=heads
    )
    learner = _with_heads(fitted, heads)
    _compile(learner, recipe, len(stream))
    done = run.restore(learner)
    if done < recipe.epochs:
        learner.fit(
            stream,
            validation_data=PortraitStream(dataset, choose, shape, recipe.batch_size, heads=heads),
            epochs=recipe.epochs,
            initial_epoch=done,
            shuffle=False,  # the stream shuffles, so that its order goes on after a kill
            callbacks=[_KeepRun(run, stream), Progress(len(fit), recipe.epochs, recipe.batch_size)],
            verbose=0,
        )
    learner.load_weights(run.weights(best_epoch(run.history)))
    model.set_weights(fitted.get_weights())
    return run.history


def best_epoch(history: pd.DataFrame) -> int:
    """The epoch (from 1) with the highest accuracy on the choosing split; of equals, the one with the lowest loss."""
    ranked = history.sort_values(["val_accuracy", "val_loss", "epoch"], ascending=[False, True, True])
    return int(ranked["epoch"].iloc[0])


def calibrate(model: keras.Model, choose: PortraitStream) -> Calibration:
    """Fold a temperature and an operating point into the last Dense: honest probabilities, and women as often right.

    The temperature comes from the logistic regression of the label on the difference of the logits (Platt,
    "Probabilistic outputs for support vector machines", 1999; Guo et al., "On Calibration of Modern Neural Networks",
    2017). The shift is the one at which women and men are recognised equally often (Hardt, Price and Srebro, "Equality
    of Opportunity in Supervised Learning", 2016).

    Args:
        model: of `masked_cnn`: a Dense called "logits", then a Softmax; changed in place.
        choose: the choosing split, neither shuffled nor augmented.

    Raises:
        ValueError: the stream is shuffled or augmented, or lacks a class.
    """
    if choose.shuffle or choose.augment:
        raise ValueError("Calibration needs the choosing split as it is, neither shuffled nor augmented.")
    probabilities = np.maximum(model.predict(choose, verbose=0).astype(np.float64), np.finfo(np.float32).tiny)
    margin = np.log(probabilities[:, 1] / probabilities[:, 0])
    regression = LogisticRegression(C=1000.0).fit(margin[:, None], choose.labels)
    slope = float(regression.coef_[0, 0])
    if slope < LEAST_SLOPE:  # it has learnt nothing, so the honest answer is how frequent the classes are
        slope, shift = LEAST_SLOPE, float(np.log(np.mean(choose.labels == 1) / np.mean(choose.labels == 0)))
    else:
        shift = _shift_of_equal_recall(slope * margin, choose.labels)
    fold_calibration(model, 1 / slope, shift)
    both = (margin, slope * margin + shift)
    losses, recalls = [_log_loss(one, choose.labels) for one in both], [_recall(one, choose.labels) for one in both]
    return Calibration(1 / slope, shift, len(margin), *losses, *recalls)


def fold_calibration(model: keras.Model, temperature: float, shift: float) -> None:
    """Make the "logits" Dense give logits / temperature, and `shift` more of male minus female; in place."""
    dense = model.get_layer("logits")
    kernel, bias = dense.get_weights()
    dense.set_weights([kernel / temperature, bias / temperature + np.array([-shift / 2, shift / 2], bias.dtype)])


def export(model: keras.Model, path: str | Path) -> Path:
    """Write the model as one .keras file, float32 and uncompiled; the file is complete or absent.

    Returns:
        The path; its folder is made when missing.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.partial.keras")
    with_precision(model, "float32").save(partial)
    return partial.replace(path)


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


def _settings(model: keras.Model, recipe: Recipe, fit: pd.DataFrame, choose: pd.DataFrame, seed: int) -> dict[str, Any]:
    """What makes a run the same run; where the dataset lies does not matter."""
    layers = [[type(layer).__name__, {**layer.get_config(), "name": None}] for layer in model.layers]
    network = f"{model.name}, {model.count_params()} parameters, {_fingerprint(json.dumps(layers, default=str))}"
    listed = pd.concat([fit, choose]).to_csv(index=False)
    images = f"{len(fit)} and {len(choose)}, {_fingerprint(listed)}"
    return {**asdict(recipe), "network": network, "images": images, "seed": seed}


def _fingerprint(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def default_precision() -> str:
    """The dtype policy that trains fastest here: half precision where the hardware multiplies it, float32 elsewhere."""
    if _on_gpu():
        return "mixed_float16"
    # Twice the images a second of float32, with TensorFlow on a CPU that says so.
    return "mixed_bfloat16" if keras.backend.backend() == "tensorflow" and _has_bfloat16() else "float32"


def _has_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16; Linux tells, and where nobody tells the answer is no."""
    told = Path("/proc/cpuinfo")
    return told.is_file() and any(flag in told.read_text() for flag in ("avx512_bf16", "amx_bf16"))


def _on_gpu() -> bool:
    return bool(keras.distribution.list_devices("gpu"))


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
        warm_up = max(1, min(steps, recipe.epochs * steps // 5))
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
    jit = "auto" if _on_gpu() or keras.backend.backend() != "tensorflow" else False
    further = len(model.outputs) - 1
    model.compile(
        optimizer,
        ["sparse_categorical_crossentropy"] * (1 + further),
        loss_weights=[1.0, *[recipe.helper_weight] * further],
        metrics=[["accuracy"], *[[]] * further],
        jit_compile=jit,
    )


def _log_loss(margin: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -log p(label), where p(male) is the logistic function of the margin."""
    return float(np.mean(np.logaddexp(0, np.where(labels == 1, -margin, margin))))


def _recall(margin: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """The shares of women, and of men, on the right side of a margin of 0."""
    return float(np.mean(margin[labels == 0] < 0)), float(np.mean(margin[labels == 1] > 0))


def _shift_of_equal_recall(margin: np.ndarray, labels: np.ndarray) -> float:
    """What to add to the margins so that both recalls are the same, as nearly as so many images allow."""
    female, male = np.sort(margin[labels == 0]), np.sort(margin[labels == 1])
    borders = np.unique(margin)
    women_right = np.searchsorted(female, borders) / len(female)
    men_right = 1 - np.searchsorted(male, borders, side="right") / len(male)
    return -float(borders[np.abs(women_right - men_right).argmin()])


class _RunFolder:
    """A run on disk: its settings, its history, and the weights and optimizer of its last and its best epoch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.history = pd.DataFrame()
        if (folder / "history.csv").is_file():
            self.history = pd.read_csv(folder / "history.csv")

    def claim(self, settings: Mapping[str, Any]) -> None:
        """Note the settings of a new run, or compare them with those of the run that is there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "settings.json"
        if self.history.empty:
            _write_whole(path, json.dumps(settings, indent=2))
            return
        there = json.loads(path.read_text())
        other = [
            f"{key} {there.get(key)} there, {value} now" for key, value in settings.items() if there.get(key) != value
        ]
        if other:
            raise ValueError(
                f"{self.folder} holds another run ({'; '.join(other)}): delete it or choose another folder."
            )

    def restore(self, model: keras.Model) -> int:
        """Load the state after the last whole epoch into the compiled model; returns how many epochs are done."""
        done = len(self.history)
        if done:
            model.optimizer.build(model.trainable_variables)  # its variables must exist to be loaded
            model.load_weights(self.weights(done))
        return done

    def keep(self, model: keras.Model, row: Mapping[str, float]) -> None:
        """Add an epoch. Weights first, history second, so that the history never tells of weights that are missing."""
        history = pd.concat([self.history, pd.DataFrame([row])], ignore_index=True)
        partial = self.folder / "partial.weights.h5"
        model.save_weights(partial)
        partial.replace(self.weights(len(history)))
        _write_whole(self.folder / "history.csv", history.to_csv(index=False))
        self.history = history
        needed = {self.weights(len(history)), self.weights(best_epoch(history))}
        for path in set(self.folder.glob("epoch-*.weights.h5")) - needed:
            path.unlink()

    def weights(self, epoch: int) -> Path:
        """The file of an epoch's weights."""
        return self.folder / f"epoch-{epoch:04d}.weights.h5"


class _KeepRun(keras.callbacks.Callback):
    """Tells the stream which epoch it is, and keeps each finished epoch in the run's folder."""

    def __init__(self, run: _RunFolder, stream: PortraitStream) -> None:
        super().__init__()
        self.run, self.stream, self.started = run, stream, 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.stream.epoch, self.started = epoch, time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        seconds = time.monotonic() - self.started
        figures = {name: measured(logs, name) for name in ("loss", "accuracy", "val_loss", "val_accuracy")}
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        pace = {"learning_rate": rate, "seconds": seconds, "images_per_second": len(self.stream.files) / seconds}
        self.run.keep(self.model, {"epoch": epoch + 1, **figures, **pace})


def _write_whole(path: Path, text: str) -> None:
    """Write a text file so that it is complete or unchanged, also when the process is killed."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
