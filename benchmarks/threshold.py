"""From which probability on an answer is given: how many are answered, and how many of these rightly, at each.

    python -m benchmarks.threshold --dataset masked [--model models/masked_gender.keras]

NOT_SURE_BELOW of prediction.py was chosen from this table. It is made on the masked images of the choosing split, a
tenth of the training portraits, not on test images; half a minute.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from maskedgender.dataset import TRAINING, PortraitStream, find_dataset, list_images, split_training
from maskedgender.evaluation import answer_probabilities, answered
from maskedgender.prediction import SHIPPED_MODEL, load_model


def main(
    dataset: Annotated[Path, typer.Option(help="the dataset folder that the model was trained on")],
    model: Annotated[Path, typer.Option(help="a .keras file")] = SHIPPED_MODEL,
    seed: Annotated[int, typer.Option(help="of the split: the one that training was given")] = 0,
) -> None:
    """Prints one row a threshold."""
    found, loaded = find_dataset(dataset), load_model(model)
    _, choose = split_training(list_images(found, TRAINING), seed=seed)
    masked = choose[choose["style"] != "none"]
    labels = masked["label"].to_numpy()
    pairs = answer_probabilities(loaded, PortraitStream(found, masked, loaded.input_shape[1:], 64))
    rows = []
    for threshold in np.arange(0.5, 1, 0.025):
        coverage, right = answered(labels, pairs, threshold)
        rows.append({"threshold": f"{threshold:.3f}", "answered": coverage, "of these right": right})
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    typer.run(main)
