"""Does it read the person or the mask? Two styles are left out of training; the test's faces then wear them.

    python -m benchmarks.held_out --dataset masked [--epochs 2] [--work runs/held-out]

Two short runs of the masked CNN from ImageNet's weights, on as many images each, one a portrait; in the second none
wears either of the two styles. Both go on where they stopped. Prints the accuracies on the Validation images in each
style, keeps them in benchmarks/results/held-out-styles.csv and logs the look. About half an hour on two cores.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import pandas as pd
import typer

from maskedgender.data.layout import TRAINING, VALIDATION
from maskedgender.data.listing import list_images
from maskedgender.data.locate import find_dataset
from maskedgender.data.split import split_training
from maskedgender.data.stream import PortraitStream
from maskedgender.measure.gaps import mean_drop
from maskedgender.measure.looks import append_look
from maskedgender.measure.metrics import share_of
from maskedgender.memory import keep_freed
from maskedgender.networks.probabilities import answer_probabilities
from maskedgender.training.fitting import train
from maskedgender.training.pipeline import new_cnn
from maskedgender.training.recipes import RECIPES

RESULTS = Path(__file__).parent / "results"
LEFT_OUT = ("kn95", "patterned")  # one of a shape of its own, one of a look of its own


def one_a_portrait(images: pd.DataFrame, without: tuple[str, ...]) -> pd.DataFrame:
    """One image of each portrait, in none of these styles; of all portraits' as many as in none of LEFT_OUT."""
    count = images.loc[~images["style"].isin(LEFT_OUT), "source"].nunique()
    of_each = images[~images["style"].isin(without)].drop_duplicates("source")
    return of_each.sample(count, random_state=0).reset_index(drop=True)


def trained(dataset: Path, without: tuple[str, ...], epochs: int, folder: Path) -> keras.Model:
    """The masked CNN after a short run that has not seen these styles, neither to fit nor to choose by."""
    fit, choose = (one_a_portrait(images, without) for images in split_training(list_images(dataset, TRAINING)))
    keras.utils.set_random_seed(0)
    model, began_from = new_cnn("masked", "face", start="imagenet")
    print(f"{len(fit):,} images to fit, without {', '.join(without) or 'nothing'}")
    train(model, RECIPES["masked"], dataset, fit, choose, folder, epochs=epochs, started_from=began_from)
    return model


def right_answers(model: keras.Model, dataset: Path, images: pd.DataFrame) -> np.ndarray:
    """Whether each image's likelier class is its label, bool (N,)."""
    pairs = answer_probabilities(model, PortraitStream(dataset, images, model.input_shape[1:], 64))
    return pairs.argmax(axis=1) == images["label"].to_numpy()


def row(style: str, seen: np.ndarray, unseen: np.ndarray, sources: np.ndarray) -> dict[str, object]:
    """One style's accuracies, as text, and how many points are lost, on the same images of these portraits."""
    shares = [share_of(right, sources) for right in (seen, unseen)]
    lost = mean_drop(seen.astype(float), [unseen.astype(float)], sources)
    return {"style": style, "trained on it": shares[0], "not trained on it": shares[1], "lost": lost.in_points()}


def main(
    dataset: Annotated[Path, typer.Option(help="a dataset folder")],
    epochs: int = 2,
    work: Annotated[Path, typer.Option(help="the two runs' states")] = Path("runs/held-out"),
) -> None:
    """Trains twice, prints, keeps."""
    keep_freed()
    found = find_dataset(dataset)
    models = [trained(found, without, epochs, work / "-".join(("run", *without))) for without in ((), LEFT_OUT)]
    tested = list_images(found, VALIDATION)
    tested = tested[tested["style"].isin(LEFT_OUT)].reset_index(drop=True)
    right = [right_answers(model, found, tested) for model in models]
    styles = [(style, (tested["style"] == style).to_numpy()) for style in LEFT_OUT]
    sources = tested["source"].to_numpy()
    everything = ("both", np.ones(len(tested), bool))
    rows = [row(style, right[0][of_it], right[1][of_it], sources[of_it]) for style, of_it in (*styles, everything)]
    result = pd.DataFrame(rows).astype(str)
    result.to_csv(RESULTS / "held-out-styles.csv", index=False)
    append_look(RESULTS / "looks.csv", f"benchmarks.held_out, {epochs} epochs: {rows[-1]['not trained on it']}")
    print(result.to_string(index=False))


if __name__ == "__main__":
    typer.run(main)
