"""What a person who waits for a training sees: a bar that moves, figures, and how long it will take."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from maskedgender.training import progress
from maskedgender.training.progress import Progress, Screen, measured

FIGURES = {"loss": 0.51234, "accuracy": 0.75, "val_loss": 0.6, "val_accuracy": 0.7}


class Recorded(Screen):
    """Keeps what is shown for a while, and what stays."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []

    def update(self, line: str) -> None:
        self.shown.append(line)

    def finish(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Seconds that pass only when the test says so."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def shown(clock: SimpleNamespace) -> tuple[Progress, Recorded]:
    bar = Progress(images=240, epochs=12, batch_size=10)
    bar.screen = Recorded()
    return bar, bar.screen


def test_a_bar_moves_with_figures_speed_and_the_time_that_is_left(
    shown: tuple[Progress, Recorded], clock: SimpleNamespace
) -> None:
    bar, screen = shown
    bar.on_epoch_begin(2)  # a run that goes on after two epochs
    clock.now += 4
    bar.on_train_batch_end(5, FIGURES)  # 60 of 240 images in 4 seconds: 16 an epoch, of which 9.75 are left
    assert screen.shown == [
        "epoch  3/12 ...",
        "epoch  3/12 ██████░░░░░░░░░░░░░░░░░░  25%  loss 0.512 accuracy 0.750  15 images/s  2:36 left",
    ]


def test_it_is_not_drawn_more_often_than_one_can_see_but_always_at_the_end(
    shown: tuple[Progress, Recorded], clock: SimpleNamespace
) -> None:
    bar, screen = shown
    bar.on_epoch_begin(0)
    for batch in range(24):
        clock.now += 0.1
        bar.on_train_batch_end(batch, FIGURES)
    shares = [line.split("%")[0].split()[-1] for line in screen.shown[1:]]
    assert shares[:3] == ["4", "25", "46"] and shares[-1] == "100" and len(shares) == 6


def test_an_epoch_ends_with_its_figures(shown: tuple[Progress, Recorded], clock: SimpleNamespace) -> None:
    bar, screen = shown
    for epoch in (0, 1):
        bar.on_epoch_begin(epoch)
        clock.now += 80
        bar.on_epoch_end(epoch, FIGURES)
    figures = "loss 0.512 accuracy 0.750  held-out loss 0.600 accuracy 0.700  3 images/s  1:20"
    assert screen.lines == [f"epoch  1/12 {figures}", f"epoch  2/12 {figures}"]


def test_of_several_heads_the_figures_are_those_of_female_or_male() -> None:
    logs = {"loss": 9.0, "female_male_loss": 0.5, "val_loss": 8.0, "val_female_male_loss": 0.25}
    assert (measured(logs, "loss"), measured(logs, "val_loss")) == (0.5, 0.25)
    assert measured({"loss": 9.0}, "loss") == 9.0


def test_a_log_file_gets_whole_lines_only(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    screen.update("half")
    screen.finish("done")
    assert capsys.readouterr().out == "done\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    terminal = Screen()
    terminal.update("half")
    terminal.finish("done")
    assert capsys.readouterr().out == "\r\x1b[Khalf\r\x1b[Kdone\n"


def test_in_a_notebook_one_output_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []
    output = SimpleNamespace(update=lambda data, raw: texts.append(data["text/plain"]))

    def display(data: dict[str, str], raw: bool, display_id: bool) -> SimpleNamespace:
        texts.append(data["text/plain"])
        return output

    monkeypatch.setattr(progress, "_in_notebook", lambda: True)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    screen = Screen()
    screen.update("half")
    screen.finish("first")
    screen.update("half again")
    assert texts == ["half", "first", "first\nhalf again"]
