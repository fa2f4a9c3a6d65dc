"""How much accuracy falls when photos are worse than the test's, or faces framed otherwise, by the served path.

    python -m benchmarks.robustness [MODEL.keras ...] [--every 4] [--fairface DIR]

Every fourth of FairFace's 5,000 validation portraits with a mask drawn on it; changes.py has the changes. One of the
photo is made before the detector looks, so it also costs faces that are not found; the drop is that of the accuracy on
the photos on which a face was found with and without it. A framing changes the crop after detection. Prints a row a
model and change, keeps them in benchmarks/results/robustness.csv, and logs the test. About a quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from maskedgender.measure.gaps import mean_drop, mean_of_means
from maskedgender.measure.test_log import log_test

from .answers import CLEAN, CLEAN_ONLY, TEST_LOG, Answers, answers, keep_table, load_models
from .changes import FRAMINGS, PHOTO_CHANGES
from .photos import FAIRFACE, photos

EVERY = 4
CHANGES = CLEAN_ONLY | PHOTO_CHANGES
DIRECTIONS = {name: framing for directions in FRAMINGS.values() for name, framing in directions.items()}
MEAN_OF_PHOTOS = "mean of the changes of the photo"


def table(given: Mapping[str, Answers]) -> pd.DataFrame:
    """One row a change, of one model's answers by change: shares and drops 0..1, each with its 95 % interval."""
    framings = [_row(given, kind, "framing", list(directions)) for kind, directions in FRAMINGS.items()]
    changes = [_row(given, name, "photo", [name]) for name in PHOTO_CHANGES]
    together = _row(given, MEAN_OF_PHOTOS, "mean", list(PHOTO_CHANGES))
    return pd.DataFrame([_row(given, CLEAN, CLEAN, [CLEAN]), *framings, *changes, together])


def _row(given: Mapping[str, Answers], name: str, kind: str, changes: Sequence[str]) -> dict[str, object]:
    """The mean over some changes, against the clean photos."""
    rights = [given[change].right for change in changes]
    accuracy, drop = mean_of_means(rights), mean_drop(given[CLEAN].right, rights)
    found = float(np.mean([given[change].found for change in changes]))
    return {
        **{"change": name, "kind": kind, "photos": len(rights[0]), "found": found},
        **{"accuracy": accuracy.value, "low": accuracy.low, "high": accuracy.high},
        **{"drop": drop.value, "drop low": drop.low, "drop high": drop.high},
    }


def main(
    models: Annotated[list[Path] | None, typer.Argument(help="without, our two and the seed's")] = None,
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE,
    every: Annotated[int, typer.Option(help="take every n-th portrait; more than 4 is not kept")] = EVERY,
) -> None:
    """Measures, prints, keeps."""
    given = answers(load_models(models), photos(fairface, "val", True, every), True, CHANGES, DIRECTIONS)
    result = pd.concat([table(of_model).assign(model=name) for name, of_model in given.items()])
    print(result.to_string(index=False, float_format="{:.4f}".format))
    for name, drop in result[result["change"] == MEAN_OF_PHOTOS].set_index("model")["drop"].items():
        log_test(TEST_LOG, f"benchmarks.robustness, FairFace-val 1/{every}, {name}: mean drop {100 * drop:.2f} points")
    if every <= EVERY and not models:
        keep_table(result, "robustness")


if __name__ == "__main__":
    typer.run(main)
