"""A training run on disk: its settings, its history, its weights; each file is whole, or is not there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from ..files import written_whole


class TrainingError(RuntimeError):
    """Training cannot go on; the message, one sentence, tells the user what to do."""


class RunFolder:
    """What a run needs to go on after a kill: the weights and the optimizer of its last and its best epoch.

    Attributes:
        history: one row a finished epoch, as `train` returns it.
    """

    def __init__(self, folder: Path) -> None:
        """Read the history of the run that is there, if one is."""
        self.folder = folder
        self.history = pd.DataFrame()
        if (folder / "history.csv").is_file():
            self.history = pd.read_csv(folder / "history.csv")

    def claim(self, settings: Mapping[str, Any]) -> None:
        """Note the settings of a new run, or compare them with those of the run that is there.

        Raises:
            ValueError: it is another run.
            TrainingError: the folder cannot be written.
        """
        path = self.folder / "settings.json"
        for half_written in self.folder.glob("partial-*"):  # as a kill leaves them
            half_written.unlink()
        if self.history.empty:
            with whole_file(path) as partial:
                partial.write_text(json.dumps(settings, indent=2), encoding="utf-8")
            return
        there = json.loads(path.read_text(encoding="utf-8"))
        other = [
            f"{key} {there.get(key)} there, {value} now" for key, value in settings.items() if there.get(key) != value
        ]
        if other:
            raise ValueError(
                f"{self.folder} holds another run ({'; '.join(other)}): delete it or choose another folder."
            )

    def restore(self, model: keras.Model, steps: int) -> int:
        """Load the state after the last whole epoch into the compiled model; returns how many epochs are done.

        Args:
            steps: of the optimizer in an epoch, now: the schedule goes on at the same epoch with another batch too.
        """
        done = len(self.history)
        if done:
            model.optimizer.build(model.trainable_variables)  # its variables must exist to be loaded
            optimizer = _plain_optimizer(model)
            self.load(done, [*model.variables, *optimizer.variables])
            optimizer.iterations.assign(done * steps)
        return done

    def keep(self, model: keras.Model, row: Mapping[str, float]) -> None:
        """Add an epoch. Weights first, history second, so that the history never tells of weights that are missing.

        Raises:
            TrainingError: the folder cannot be written; it holds what it held before.
        """
        history = pd.concat([self.history, pd.DataFrame([row])], ignore_index=True)
        variables = (*model.variables, *_plain_optimizer(model).variables)
        state = [keras.ops.convert_to_numpy(one) for one in variables]
        # No HDF5: when the disk is full, its library leaves the process in a state that ends in a segmentation fault.
        with whole_file(self.weights(len(history))) as partial, partial.open("wb") as file:
            np.savez(file, *state)
        with whole_file(self.folder / "history.csv") as partial:
            history.to_csv(partial, index=False)
        self.history = history
        needed = {self.weights(len(history)), self.weights(best_epoch(history))}
        for path in set(self.folder.glob("epoch-*.npz")) - needed:
            path.unlink()

    def load(self, epoch: int, variables: Iterable[keras.Variable]) -> None:
        """Give variables what they held after an epoch: the model's first, then, if wanted, the optimizer's."""
        with np.load(self.weights(epoch)) as state:
            for variable, name in zip(variables, state.files, strict=False):
                variable.assign(state[name])

    def weights(self, epoch: int) -> Path:
        """The file of an epoch's weights."""
        return self.folder / f"epoch-{epoch:04d}.npz"


def _plain_optimizer(model: keras.Model) -> keras.optimizers.Optimizer:
    """Without the scaling of the loss that a GPU's half precision needs, so that a run goes on on a CPU and back."""
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)


def best_epoch(history: pd.DataFrame) -> int:
    """The epoch (from 1) with the highest accuracy on the choosing split; of equals, the one with the lowest loss."""
    ranked = history.sort_values(["val_accuracy", "val_loss", "epoch"], ascending=[False, True, True])
    return int(ranked["epoch"].iloc[0])


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """As `written_whole`, with an error that tells who trains what to do.

    Raises:
        TrainingError: the system does not let us write, say because the disk is full.
    """
    try:
        with written_whole(path) as partial:
            yield partial
    except OSError as error:
        reason = error.strerror or str(error)
        advice = "Make room there, or choose another folder, and start again: what was finished is kept."
        raise TrainingError(f"Cannot write {path}: {reason}. {advice}") from error
