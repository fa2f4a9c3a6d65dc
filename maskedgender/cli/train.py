"""What `maskedgender train` and `maskedgender evaluate` do: the steps of the training notebook, in its order."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import typer
from tqdm import tqdm

from ..data.batches import Batches
from ..data.copies import without_leaks
from ..data.pictures import find_dataset, list_pictures
from ..data.split import split
from ..measure import metrics
from ..measure.test_log import log_test
from ..networks.answering import answering
from ..networks.classifier import Classifier
from ..networks.exporting import save_with_record
from ..networks.imagenet import start_from_imagenet
from ..networks.masked import masked_cnn
from ..networks.model_files import load_model
from ..networks.records import commit_of
from ..networks.seed import seed_cnn
from ..places import SHIPPED, exports_of
from ..prediction.answers import predict_file
from ..training.calibration import calibrate, threshold_of
from ..training.devices import on_all_devices
from ..training.fitting import compile_for, fitted
from ..training.intervals import share_of
from ..training.mask_output import mask_output

NETWORKS = {"masked": (masked_cnn, 160), "seed": (seed_cnn, 143)}  # each with a size, in pixels, where none is given
LOG = "looks.csv"  # of the openings of the test set, beside the model file


def train(
    dataset: Path | None,
    architecture: str,
    view: str | None,
    size: int | None,
    epochs: int,
    batch: int,
    output: Path,
    seed: int,
    limit: int | None,
    start: str | None,
    frozen: int,
    log: Path | None,
) -> None:
    """Train a network, export it as one .keras file, and test it once; the options are those of the command."""
    pictures = list_pictures(find_dataset(dataset))
    if limit:
        pictures = limited(pictures, limit, seed)
    typer.echo(f"{len(pictures):,} pictures: looking for copies and damaged files")
    kept, left_out = without_leaks(pictures)
    typer.echo(left_out)
    train, validation, test = split(kept)

    network, usual = NETWORKS[architecture]
    size, view = size or usual, view or ("face" if "style" in pictures else "portrait")
    train_batches = batches_for(architecture, train, size, batch, seed)
    keras.utils.set_random_seed(seed)
    with on_all_devices():
        model = network(size, view)
    typer.echo(_started(model, start, frozen))
    compile_for(model, epochs * len(train_batches))
    history = fitted(model, train_batches, Batches(validation, size), epochs, output)

    trained = keras.models.model_from_json(model.to_json().replace("mixed_float16", "float32"))
    trained.set_weights(model.get_weights())
    asked, validation_batches = answering(trained), Batches(validation, size)
    calibrate(trained, asked.predict(validation_batches, verbose=0), validation.label)
    after = asked.predict(validation_batches, verbose=0)
    threshold = threshold_of(after, validation.label.to_numpy(), validation.source)
    answers = asked.predict(Batches(test, size), verbose=0)
    accuracy = share_of(answers.argmax(axis=1) == test.label, test.source)

    file = output / f"{architecture}_gender.keras"
    best = int(history.epoch[history.val_accuracy.idxmax()])
    facts = {
        "not sure below": threshold,
        "view": view,
        "trained on": f"{len(train):,} pictures of {train.source.nunique():,} portraits, {epochs} epochs, best {best}",
        "training time": f"{history.seconds.sum() / 60:.0f} minutes on {', '.join(keras.distribution.list_devices())}",
        "test accuracy": accuracy,
        "command": " ".join(["maskedgender", *sys.argv[1:]]),
        "commit": commit_of(SHIPPED),
    }
    digest = save_with_record(answering(trained, mask_output(trained, train, validation)), file, facts)
    typer.echo(f"{file}, SHA-256 {digest[:8]}: best epoch {best} of {epochs}, test accuracy {accuracy}")
    log_test(log or output / LOG, f"{file}, {facts['trained on']}: {accuracy}")
    if threshold is None:
        typer.echo('The validation portraits are too few, or too often wrong, for a "not sure": it will always answer.')
    typer.echo(f"Open the page with it: maskedgender app --model {file}")


def limited(pictures: pd.DataFrame, limit: int, seed: int = 0) -> pd.DataFrame:
    """At most `limit` pictures of each part, drawn by lot, the shares of its classes kept as nearly as can be."""
    shuffled = pictures.sample(frac=1, random_state=seed)
    alike = shuffled.groupby(["part", "label"])
    evenly = (alike.cumcount() / alike.label.transform("size")).sort_values(kind="stable").index
    return shuffled.loc[evenly].groupby("part").head(limit)


def batches_for(architecture: str, train: pd.DataFrame, size: int, batch: int, seed: int) -> Batches:
    """What a network learns from: augmented, or, as the original did, the pictures as they are, in a mixed order."""
    if architecture == "seed":
        return Batches(train.sample(frac=1, random_state=seed), size, batch)
    return Batches(train, size, batch, augment=True, seed=seed)


def _started(model: keras.Model, start: str | None, frozen: int) -> str:
    """Give a new network its first weights, and say which."""
    if start == "nothing":
        return "Every layer begins from nothing."
    if start in (None, "imagenet"):
        return start_from_imagenet(model, frozen)
    inside: list[keras.Layer] = getattr(load_model(start).model, "layers", [])
    cnn = next((layer for layer in inside if layer.name == "cnn"), None)
    weights = cnn.get_weights() if cnn else []
    if [array.shape for array in weights] != [array.shape for array in model.get_weights()]:
        raise ValueError(f"{start} holds another network than {model.name}: start from a file that was trained here.")
    model.set_weights(weights)
    return f"The network begins with the weights of {start}."


def evaluate(
    models: list[Path],
    dataset: Path | None,
    served: bool,
    log: Path | None,
    scale: str | None,
    order: str | None,
) -> None:
    """Measure each model on the test set, print the tables, log that it was opened; the options are the command's."""
    loaded = {path: load_model(path, scale, order) for path in models}
    kept, left_out = without_leaks(list_pictures(find_dataset(dataset)))
    typer.echo(left_out)
    test = kept[kept.part == "test"].reset_index(drop=True)
    table, groups = {}, pd.DataFrame()
    for path, model in loaded.items():
        answered, pairs = _answers(model, test, served)
        labels, sources, threshold = answered.label.to_numpy(), answered.source.to_numpy(), model.not_sure_below
        scores = metrics.score(labels, pairs, sources)
        coverage, right = metrics.answered(labels, pairs, threshold or 0.0, sources)
        table[str(path)] = {
            **scores.row(),
            '"not sure"': "never" if threshold is None else f"below {metrics.percent(threshold)}",
            "answered": str(coverage),
            "of these right": str(right),
        }
        groups = groups if len(groups) else metrics.accuracy_by_group(answered, pairs)
        route = "photo, detector, crop, file" if served else "crop, file"
        log_test(log or exports_of(path) / LOG, f"{path} on Validation, by {route}: {scores.accuracy}")
        typer.echo(f"{path}: {len(test) - len(answered):,} of {len(test):,} pictures without a face left out")
    typer.echo(f"{pd.DataFrame(table).to_string()}\n\n{models[0]}, by group:\n{groups.round(4).to_string(index=False)}")


def _answers(model: Classifier, test: pd.DataFrame, served: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """The pictures that were answered, and their probabilities, float32 (N, 2)."""
    if not served:
        batches = Batches(test, model.size)
        return test, np.concatenate([model.predict(batches[number][0]) for number in range(len(batches))])
    largest = [predict_file(model, path)[:1] for path in tqdm(test.path, unit="photo", disable=None)]
    pairs = [(face.p_female, face.p_male) for faces in largest for face in faces]
    return test[[bool(faces) for faces in largest]], np.array(pairs, np.float32).reshape(-1, 2)
