"""Show how training goes: a line for each finished epoch, and a bar for the one that runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import keras


class Progress(keras.callbacks.Callback):
    """A line for each finished epoch and a bar for the running one, with the time left and images a second."""

    WIDTH = 24
    EVERY = 0.5  # seconds between two pictures of the bar

    def __init__(self, images: int, epochs: int, batch_size: int) -> None:
        """Show `epochs` epochs of so many images each, in batches of `batch_size`."""
        super().__init__()
        self.async_safe = True  # Keras need not wait for each batch's loss: it is read when it is shown, in a thread
        self.images, self.epochs, self.batch_size = images, epochs, batch_size
        self.first, self.begun, self.epoch, self.shown = 0.0, 0, 0, 0.0
        self.screen = Screen()

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Begin a bar; Keras calls it."""
        self.epoch, self.started, self.shown = epoch, time.monotonic(), 0.0
        if not self.first:
            self.first, self.begun = self.started, epoch
        self.screen.update(f"{self._title()} ...")

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Draw the bar anew, not too often; Keras calls it."""
        now = time.monotonic()
        seen = min((batch + 1) * self.batch_size, self.images)
        if now - self.shown < self.EVERY and seen < self.images:
            return
        self.shown = now
        share = seen / self.images
        filled = round(share * self.WIDTH)
        bar = "█" * filled + "░" * (self.WIDTH - filled)
        left = (now - self.first) * (self.epochs - self.epoch - share) / (self.epoch - self.begun + share)
        self.screen.update(
            f"{self._title()} {bar} {share:4.0%}  {self._measured(logs, '')}  "
            f"{seen / (now - self.started):.0f} images/s  {_clock(left)} left"
        )

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Put the epoch's figures in the place of the bar; Keras calls it."""
        seconds = time.monotonic() - self.started
        self.screen.finish(
            f"{self._title()} {self._measured(logs, '')}  held-out {self._measured(logs, 'val_')}  "
            f"{self.images / seconds:.0f} images/s  {_clock(seconds)}"
        )

    def _title(self) -> str:
        return f"epoch {self.epoch + 1:>{len(str(self.epochs))}}/{self.epochs}"

    @staticmethod
    def _measured(logs: Mapping[str, float] | None, prefix: str) -> str:
        return f"loss {measured(logs, prefix + 'loss'):.3f} accuracy {measured(logs, prefix + 'accuracy'):.3f}"


def measured(logs: Mapping[str, Any] | None, name: str) -> float:
    """One of Keras' figures for female or male: of several heads it calls it, say, val_female_male_loss."""
    logs, plain = logs or {}, name.removeprefix("val_")
    of_head = f"{name.removesuffix(plain)}female_male_{plain}"
    return float(logs[of_head] if of_head in logs else logs[name])


class Screen:
    """Text of which the last line changes: in a notebook one output that is replaced, in a terminal by returning."""

    def __init__(self) -> None:
        """Find out where the text goes."""
        self.lines: list[str] = []
        self.display: Any = None
        self.notebook = _in_notebook()
        self.live = self.notebook or sys.stdout.isatty()  # a log file gets whole lines only

    def update(self, line: str) -> None:
        """Replace the last line."""
        if self.notebook:
            self._replace("\n".join([*self.lines, line]))
        elif self.live:
            print(f"\r\x1b[K{line}", end="", flush=True)

    def finish(self, line: str) -> None:
        """Replace the last line for good, and go on below it."""
        self.lines.append(line)
        if self.notebook:
            self._replace("\n".join(self.lines))
        else:
            print(f"\r\x1b[K{line}" if self.live else line, flush=True)

    def _replace(self, text: str) -> None:
        from IPython.display import display  # late: there is one in every notebook, and in few terminals

        data = {"text/plain": text}
        if self.display is None:
            self.display = display(data, raw=True, display_id=True)
        else:
            self.display.update(data, raw=True)


def _in_notebook() -> bool:
    """Whether this code runs in a notebook's kernel; in a terminal IPython has none."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
