"""What `maskedgender train` and `maskedgender evaluate` do: the steps of the training notebook, in its order."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import typer
from tqdm import tqdm

from ..data.audit import audit
from ..data.layout import TRAINING, VALIDATION, folder_names
from ..data.listing import list_images
from ..data.locate import find_dataset
from ..data.split_record import require_not_learnt
from ..data.stream import PortraitStream
from ..measure import metrics
from ..measure.metrics import answered, percent
from ..measure.testing import log_look, tested
from ..networks import checksums
from ..networks.classifier import Classifier
from ..networks.exported import is_exported
from ..networks.model_files import load_model, require_there
from ..networks.probabilities import answer_probabilities
from ..networks.records import commit_of, record_of
from ..places import SHIPPED, exports_of
from ..prediction.answers import predict_file
from ..training import fine_tuning
from ..training.pipeline import learn, new_cnn, prepared, view_of
from ..training.recipes import RECIPES
from ..words import counted

LOOKS = "looks.csv"  # the log, beside the model file


def train(
    given: Path | None,
    architecture: str,
    view: str | None,
    image_size: int | None,
    epochs: int | None,
    batch_size: int | None,
    output: Path,
    seed: int,
    limit: int | None,
    start: str | None,
    frozen: int | None,
    looks: Path | None,
    classes: str | None = None,
    mean_with: Path | None = None,
) -> None:
    """The steps of the training notebook, in its order; with a file to start from, on from its weights."""
    file = Path(start) if start not in (None, "imagenet", "nothing") else None
    for one in (file, mean_with):
        if one and is_exported(one):
            raise ValueError(f"{one} cannot be trained further; name the .keras file that it comes from.")
    if epochs == 0 and not file:
        raise ValueError("With --epochs 0 nothing is learnt: name the .keras file to export again at --start.")
    if mean_with and not file:
        raise ValueError("--mean-with goes with a .keras file at --start: the mean is that of both.")
    for one in (file, mean_with):
        if one:
            require_there(one)
    found = find_dataset(given, folder_names(classes))
    typer.echo(f"{found}: looking for copies and damaged files")
    portraits = prepared(found, limit, seed, file, classes)
    if mean_with:
        require_not_learnt(mean_with, portraits.choose)
    typer.echo(portraits.report)
    keras.utils.set_random_seed(seed)
    view, recipe = view or _view_of_start(file) or view_of(portraits.dataset), RECIPES[architecture]
    facts: dict[str, object] = {"epochs": epochs, "batch_size": batch_size}
    if file:
        model, _ = new_cnn(architecture, view, image_size or fine_tuning.image_size(file), "nothing", frozen)
        fine_tuning.start_from(model, file, *([mean_with] if mean_with else []))
        if epochs != 0:
            fit = fine_tuning.more_of_the_missed(model, portraits.dataset, portraits.fit, portraits.choose, seed)
            portraits = replace(portraits, fit=fit)
        recipe = replace(recipe, learning_rate=fine_tuning.LEARNING_RATE * recipe.learning_rate)
        facts["started_from"] = " and ".join(_start_in_words(one) for one in (file, mean_with) if one)
    else:
        model, facts["started_from"] = new_cnn(architecture, view, image_size, start, frozen)
    typer.echo(
        f"{portraits.dataset}: {counted(len(portraits.fit), 'image')} to fit, {len(portraits.choose):,} held out"
    )
    size, started = model.input_shape[1], facts["started_from"]
    typer.echo(f"{model.name}, {model.count_params():,} parameters, {view}, {size} pixels, from {started}")
    facts |= {"command": " ".join(["maskedgender", *sys.argv[1:]]), "commit": commit_of(SHIPPED)}
    learnt = learn(model, recipe, portraits, output, view, seed, file, **facts)
    scores = tested(learnt.model, portraits.dataset, portraits.test).scores
    told = f"best epoch {learnt.best} of {len(learnt.history)}"
    typer.echo(f"{learnt.file}: {told}, Validation accuracy {scores.accuracy}")
    figure = f"{model.name}, {len(portraits.fit)} images, {told}, {portraits.dataset}: {scores.accuracy}"
    log_look(looks or output / LOOKS, figure)
    if learnt.note:
        typer.echo(learnt.note)
    typer.echo(f"Open the page with it: maskedgender app --model {learnt.file}")


def _view_of_start(start: Path | None) -> str | None:
    """What the file that training goes on from looks at: its weights know that view and no other."""
    return record_of(start).get("view") if start else None


def _start_in_words(start: Path) -> str:
    """The file that training went on from, and what its record says of it."""
    facts = record_of(start)
    known = [f"{name} {facts[name]}" for name in ("epochs", "training time", "commit") if name in facts]
    return ", ".join([f"{start.name}, SHA-256 {checksums.sha256(start)[:8]}", *known])


def evaluate(
    models: list[Path],
    given: Path | None,
    served: bool,
    looks: Path | None,
    classes: str | None = None,
    scale: str | None = None,
    order: str | None = None,
) -> None:
    """Measure each model on what the audit leaves of Validation, print the tables, log the looks.

    Args:
        classes: what the folders of the dataset are called, as for `folder_names`.
        scale, order: of the models' input and output, as `load_model` takes them.
    """
    names = folder_names(classes)
    found = find_dataset(given, names)
    loaded = {path: load_model(path, scale, order) for path in models}
    images = _not_learnt(found, names)
    answers = {path: _answers(model, found, images, served) for path, model in loaded.items()}
    scores = {
        path: metrics.score(of_images.label.to_numpy(), pairs, of_images.source.to_numpy())
        for path, (of_images, pairs) in answers.items()
    }
    table = pd.DataFrame(
        {str(path): {**scores[path].row(), **_not_sure(loaded[path], *answers[path])} for path in models}
    )
    groups = metrics.accuracy_by_group(*answers[models[0]])
    typer.echo(f"{table.to_string()}\n\n{models[0]}, by group:\n{groups.round(4).to_string(index=False)}")
    if served:
        without = len(images) - len(answers[models[0]][0])
        typer.echo(f"\nno face found in {without:,} of {len(images):,} images: left out")
    route = "photo, detector, crop, file" if served else "crop, file"
    for path, one in scores.items():
        log_look(looks or exports_of(path) / LOOKS, f"{path} on {VALIDATION}, by {route}: {one.accuracy}")


def _not_learnt(dataset: Path, names: Mapping[str, str]) -> pd.DataFrame:
    """The images of Validation that can be read and show no portrait of Training; the audit's report is printed."""
    training, validation = (list_images(dataset, part, names) for part in (TRAINING, VALIDATION))
    typer.echo(
        f"{dataset}: looking for copies and damaged files in {counted(len(training) + len(validation), 'image')}"
    )
    doubted = audit(dataset, training, validation)
    typer.echo(doubted)
    kept = doubted.kept(validation)
    learnt = kept["source"].isin(doubted.sources.reindex(training["file"]))
    if learnt.any():
        typer.echo(f"{learnt.sum():,} of {len(kept):,} images show a portrait that is in {TRAINING}, too: left out")
    return kept[~learnt].reset_index(drop=True)


def _answers(
    model: Classifier, found: Path, images: pd.DataFrame, served: bool = False
) -> tuple[pd.DataFrame, np.ndarray]:
    """The images of a dataset folder that were answered, and their probabilities, float32 (N, 2).

    With `served` the largest face of each image is found and cropped first; images without one are left out.
    """
    if not served:
        stream = PortraitStream(found, images, (model.size, model.size, model.channels), 64)
        return images, answer_probabilities(model.model, stream)
    shown = tqdm(images.file, unit="photo", disable=None)
    largest = [predict_file(model, found / file)[:1] for file in shown]
    pairs = [(face.p_female, face.p_male) for faces in largest for face in faces]
    return images[[bool(faces) for faces in largest]], np.array(pairs, np.float32).reshape(-1, 2)


def _not_sure(model: Classifier, tested: pd.DataFrame, pairs: np.ndarray) -> dict[str, str]:
    """How often the app would answer at all, and how often rightly, as rows for a table."""
    border = model.not_sure_below
    coverage, accuracy = answered(tested.label.to_numpy(), pairs, border or 0.0, tested.source.to_numpy())
    told = "never" if border is None else f"below {percent(border)}"
    return {'"not sure"': told, "answered": str(coverage), "of these right": str(accuracy)}
