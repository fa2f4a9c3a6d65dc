"""What Keras calls while it trains, so that a run outlives kills, the end of its time, and a loss that is no number."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import keras

from ..data.stream import PortraitStream
from .progress import measured
from .run_folder import RunFolder, TrainingError

FIGURES = ("loss", "accuracy", "val_loss", "val_accuracy")
RESERVE = 0.5  # of the longest epoch: calibration, test and export come after training
MILD = 0.5  # the strength of the last epochs' augmentation


class Clock:
    """The time that is left for training."""

    def __init__(self, hours: float | None) -> None:
        """Start now; None is for ever."""
        self.end = math.inf if hours is None else time.monotonic() + 3600 * hours

    def too_short(self, run: RunFolder) -> bool:
        """Whether another epoch might not end in time; the first one is always begun, or there were no model at all."""
        if run.history.empty:
            return False
        return time.monotonic() + (1 + RESERVE) * run.history["seconds"].max() > self.end


class KeepRun(keras.callbacks.Callback):
    """Tells the stream which epoch it is, keeps each finished epoch in the run's folder, and stops in time."""

    def __init__(self, run: RunFolder, stream: PortraitStream, clock: Clock, mild_from: int) -> None:
        """Keep a run that fits on `stream`, augmented mildly from epoch `mild_from` on, counted from 0."""
        super().__init__()
        self.run, self.stream, self.clock, self.mild_from, self.started = run, stream, clock, mild_from, 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Begin another order of the images; Keras calls it."""
        self.stream.epoch, self.started = epoch, time.monotonic()
        self.stream.strength = MILD if epoch >= self.mild_from else 1.0

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Write the epoch down; Keras calls it."""
        seconds = time.monotonic() - self.started
        figures = {name: measured(logs, name) for name in FIGURES}
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        pace = {"learning_rate": rate, "seconds": seconds, "images_per_second": len(self.stream.files) / seconds}
        self.run.keep(self.model, {"epoch": epoch + 1, **figures, **pace})
        self.model.stop_training = self.clock.too_short(self.run)


class StopWhenNotANumber(keras.callbacks.Callback):
    """Ends the run, before anything of the epoch is kept, when the loss is no longer a number."""

    def __init__(self, run: RunFolder) -> None:
        """Watch over a run."""
        super().__init__()
        self.async_safe = True  # as Progress: the losses are read in a thread, and its error reaches `fit`
        self.run, self.epoch = run, 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Note which epoch it is; Keras calls it."""
        self.epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Look at the loss; Keras calls it."""
        if not math.isfinite(measured(logs, "loss")):
            self._stop(f"batch {batch + 1} of epoch {self.epoch + 1}")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Look at the choosing split's loss, which the epoch's last step may have spoilt; Keras calls it."""
        if not math.isfinite(measured(logs, "val_loss")):
            self._stop(f"the end of epoch {epoch + 1}")

    def _stop(self, where: str) -> None:
        done = len(self.run.history)
        kept = f"the weights up to epoch {done} are kept in {self.run.folder}" if done else "no epoch was finished"
        raise TrainingError(
            f"The loss is not a number at {where}; {kept}. Train with a lower learning rate, in another folder."
        )
