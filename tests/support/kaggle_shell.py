"""`maskedgender kaggle` in this process, and what it says."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from maskedgender.cli import commands as cli
from maskedgender.kaggle import remote_training as kaggle_run

from .kaggle_server import KERNEL, RUN_ID


def shell(*words: object) -> Result:
    return CliRunner().invoke(cli.app, ["kaggle", *map(str, words)])


def sentence(result: Result) -> str:
    """The one line that an error is."""
    assert result.exit_code == 2, result.output
    lines = result.output.strip().splitlines()
    assert "Traceback" not in result.output
    return lines[-1]


def remember_a_run() -> None:
    kaggle_run.Run(KERNEL, 7, str(kaggle_run.RUNS), "2026-01-01T00:00:00+00:00", RUN_ID).remember()
