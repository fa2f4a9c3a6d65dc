"""All of a training, as the notebook and the shell run it: doubt the images, split, fit, calibrate, export.

portraits = prepared("masked")
view = view_of(portraits.dataset)
model, _ = new_cnn("masked", view)
learnt = learn(model, RECIPES["masked"], portraits, Path("models"), view)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from ..data.audit import audit
from ..data.layout import BARE, LABELS_FILE, NOT_DESCRIBED, TRAINING, VALIDATION, folder_names
from ..data.listing import list_images
from ..data.locate import find_dataset
from ..data.split import CHOOSE_SHARE, limited, masked_ones, split_training
from ..data.split_record import split_as_recorded, write_split
from ..data.stream import PortraitStream
from ..networks.answering import answering_cnn
from ..networks.checksums import relisted, sha256
from ..networks.imagenet import WeightsError, start_from_imagenet
from ..networks.masked import masked_cnn
from ..networks.records import (
    NOT_SURE_BELOW,
    NOT_SURE_BY,
    SHA_256,
    exported_facts,
    facts_of_answers,
    record_of,
    training_facts,
    write_record,
)
from ..networks.seed import seed_cnn
from ..networks.small import small_cnn
from ..words import counted
from .calibration import LEAST_PORTRAITS, LEAST_RIGHT, Calibration, border_of_not_sure, calibrate
from .fitting import export, run_name, train
from .mask_head import mask_head
from .recipes import Recipe
from .run_folder import best_epoch

FROZEN_STAGES = 3  # of the masked CNN, when it starts from ImageNet: they know edges and textures already
NAMES = {"masked_cnn": "masked", "small_cnn": "small", "seed_cnn": "seed"}  # of the architectures, by the models'


@dataclass(frozen=True)
class Portraits:
    """The images of a dataset folder, each on the one side where it is used.

    Attributes:
        dataset: the folder that holds Training/ and Validation/.
        fit, choose, test: tables as from `list_images`.
        report: what the audit found, as text.
    """

    dataset: Path
    fit: pd.DataFrame
    choose: pd.DataFrame
    test: pd.DataFrame
    report: str


@dataclass(frozen=True)
class Learnt:
    """What a training has made.

    Attributes:
        model: as it was exported.
        history: one row an epoch, as from `train`.
        best: the epoch (from 1) that was chosen.
        calibration: what was folded into the model; None where it stays as it is: the original's CNN, and one with
            fewer portraits than LEAST_PORTRAITS to choose by.
        file: the .keras file.
        note: a sentence where it will never answer "not sure", for want of portraits; else empty.
    """

    model: keras.Model
    history: pd.DataFrame
    best: int
    calibration: Calibration | None
    file: Path
    note: str


def prepared(
    given: str | Path | None = None,
    limit: int | None = None,
    seed: int = 0,
    start: Path | None = None,
    classes: str | None = None,
) -> Portraits:
    """Find a dataset folder, read all its images once, leave out what the audit doubts, and split.

    Args:
        given: as for `find_dataset`.
        limit: take only so many of the training images.
        seed: of the split, and of what the limit leaves.
        start: a model that the training will go on from: what it has learnt is not chosen by, nor the other way round.
        classes: what the folders of the dataset are called, as for `folder_names`.

    Raises:
        FileNotFoundError: there is no dataset, or a class has no images.
        ValueError: `classes` is not understood.
    """
    names = folder_names(classes)
    dataset = find_dataset(given, names)
    images, test = (list_images(dataset, part, names) for part in (TRAINING, VALIDATION))
    if limit:
        images = limited(images, limit, seed)
    doubted = audit(dataset, images, test)
    kept = doubted.kept(images)
    fit, choose = split_as_recorded(start, kept, seed) if start else split_training(kept, seed=seed)
    return Portraits(dataset, fit, choose, doubted.kept(test), str(doubted))


def view_of(dataset: Path) -> str:
    """What a CNN should look at: the "face" of portraits cut here, hair and ears too of Kaggle's ("portrait")."""
    return "face" if (dataset / LABELS_FILE).is_file() else "portrait"


def new_cnn(
    architecture: str,
    view: str,
    image_size: int | None = None,
    start: str | None = None,
    frozen: int | None = None,
) -> tuple[keras.Model, str]:
    """A CNN to be trained, and what it starts from in words: "ImageNet" or "nothing".

    Args:
        architecture: "masked", "small" or "seed".
        image_size: pixels a side of its input; without, as many as show it 112x112 (small: 90x90, seed: 100x100) of a
            face.
        start: "imagenet" or "nothing"; None for ImageNet's weights where they are at hand, which the masked CNN alone
            can take.
        frozen: stages of the masked CNN that do not learn; without, FROZEN_STAGES from ImageNet, none from nothing.

    Raises:
        WeightsError: ImageNet's weights were asked for and are not at hand.
        ValueError: `start` is another word, or the network cannot take ImageNet's weights.
    """
    if start not in (None, "imagenet", "nothing"):
        raise ValueError(f"A CNN here starts from imagenet or nothing, not from {start}; a file: maskedgender train.")
    if start == "imagenet" and architecture != "masked":
        raise ValueError(f"The network {architecture} cannot start from ImageNet's weights; masked can.")
    if architecture == "seed":
        return seed_cnn(image_size or (143 if view == "face" else 100), view), "nothing"
    if architecture == "small":
        return small_cnn(image_size or 128, view), "nothing"
    if start != "nothing":
        model = masked_cnn(image_size or 160, view, FROZEN_STAGES if frozen is None else frozen)
        try:
            start_from_imagenet(model)
            return model, "ImageNet"
        except WeightsError:
            if start == "imagenet":
                raise
    return masked_cnn(image_size or 160, view, frozen or 0), "nothing"


def learn(
    model: keras.Model,
    recipe: Recipe,
    portraits: Portraits,
    output: Path,
    view: str,
    seed: int = 0,
    start: Path | None = None,
    **facts: Any,
) -> Learnt:
    """Fit, choose the best epoch, calibrate on the choosing split, export with a record; goes on where it stopped.

    Args:
        model: an uncompiled CNN of the package, or a changed one: each is a run of its own in `output`/runs.
        output: the folder for the .keras file and the state of the run.
        view: the one that the model was built with.
        start: the file whose weights the model holds: what that has learnt stays in the split's record.
        facts: further ones for the record; "epochs", "batch_size", "hours" and "started_from" also go to `train`. With
            no epochs, 0, the model is calibrated and exported as it is.
    """
    changes = {name: facts.pop(name) for name in ("epochs", "batch_size", "hours") if name in facts}
    begun: dict[str, Any] = {"seed": seed, "started_from": facts.get("started_from")}
    name = run_name(model, recipe, portraits.fit, portraits.choose, **begun, **changes)
    run = output / "runs" / f"{model.name}-{view}-{model.input_shape[1]}px-{name}"
    if changes.get("epochs") == 0:
        history, best = pd.DataFrame({"seconds": []}), 0
    else:
        history = train(model, recipe, portraits.dataset, portraits.fit, portraits.choose, run, **begun, **changes)
        best = best_epoch(history)
    architecture = NAMES.get(model.name, model.name)
    finished = _finished(model, portraits, seed) if architecture != "seed" else (model, None, {}, "")
    answering, calibration, border, note = finished
    path = output / f"{architecture}_gender.keras"
    trained = record_of(start) if start else {}  # before the export, which may be of the very file
    with relisted(path):
        export(answering, path)
    write_split(path, portraits.fit, portraits.choose, start)
    data = described(pd.concat([portraits.fit, portraits.choose]))
    answers = {SHA_256: sha256(path), **facts_of_answers(calibration is not None), **border}
    if start and changes.get("epochs") == 0:
        write_record(path, exported_facts(trained, **answers, data=data, **facts))
        return Learnt(answering, history, best, calibration, path, note)
    own = {"architecture": architecture, "view": view, "seed": seed, "training_images": len(portraits.fit)}
    own |= {"training_data": data}
    write_record(path, training_facts(answering, history, best, **own, **answers, **facts))
    return Learnt(answering, history, best, calibration, path, note)


def _finished(
    model: keras.Model, portraits: Portraits, seed: int
) -> tuple[keras.Model, Calibration | None, dict[str, str | None], str]:
    """A trained CNN in the form that answers, with the answer "mask" where the dataset can teach it; calibrated.

    The border of "not sure" goes with it, as facts for the record, and a note where there is none. Of too few
    portraits neither is found: both would be chance.
    """
    mask = mask_head(model, portraits.dataset, portraits.fit, portraits.choose, seed)
    answering = answering_cnn(model, mask=mask)
    choose = masked_ones(portraits.choose)
    count = choose["source"].nunique()
    if count < LEAST_PORTRAITS:
        return answering, None, {}, _too_few(count)
    stream = PortraitStream(portraits.dataset, choose, model.input_shape[1:], 64)
    calibration = calibrate(answering, stream)
    border = border_of_not_sure(answering, stream, choose["source"].tolist())
    if border is None:
        return answering, calibration, {}, _too_seldom_right(count)
    return answering, calibration, {NOT_SURE_BELOW: f"{border:.2f}", NOT_SURE_BY: f"{len(stream.files):,} crops"}, ""


def _too_few(count: int) -> str:
    about = round(LEAST_PORTRAITS / CHOOSE_SHARE, -1)
    return (
        f'The {count:,} held-out portraits are too few to calibrate the model and to choose a "not sure" threshold: it '
        f"will always answer. {LEAST_PORTRAITS} are needed, about {about:,.0f} for training in all, and with a mask."
    )


def _too_seldom_right(count: int) -> str:
    return (
        f'No "not sure" threshold surely makes {LEAST_RIGHT:.0%} of the answers right, by the {count:,} held-out '
        "portraits: the model will always answer. More portraits may help."
    )


def described(images: pd.DataFrame) -> str:
    """What a model was trained on, in a phrase; an image that came more than once counts once."""
    images = images.drop_duplicates("file")
    masked = 1 - images["style"].isin((BARE, NOT_DESCRIBED)).mean()
    known = "" if (images["style"] == NOT_DESCRIBED).all() else f", {masked:.0%} of them with a drawn mask"
    return f"{counted(len(images), 'image')} of {counted(images['source'].nunique(), 'portrait')}{known}"
