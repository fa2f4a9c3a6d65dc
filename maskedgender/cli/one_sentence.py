"""Exit statuses, and errors in one sentence: the one place where commands' errors are told."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperGroup

from ..places import how_to_get

SOME_NOT_READ, TO_PUT_RIGHT = 1, 2
# Errors that are a sentence for the caller, by name: to import their classes would be to import what they are about.
SENTENCES = ("BackendError", "ModelError", "PhotoError")


class Commands(TyperGroup):
    """What the caller can put right ends in one sentence and a status; a fault of ours keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        is_named = "KERAS_BACKEND" in os.environ  # by the caller, who is obeyed
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("\nStopped. What was finished is kept.", err=True)
            raise typer.Exit(SOME_NOT_READ) from None
        except BrokenPipeError:  # such as of `| head`: typer ends without a word
            raise
        except ModuleNotFoundError as error:
            package = (error.name or str(error)).partition(".")[0]
            extra = {"export": "export", "predict": "ray"}.get(ctx.invoked_subcommand, "train")
            typer.echo(f"The package {package} is not installed; {how_to_get(extra)} brings it.", err=True)
            raise typer.Exit(TO_PUT_RIGHT) from error
        except Exception as error:
            name = type(error).__name__
            if not isinstance(error, (OSError, ValueError)) and name not in SENTENCES:
                raise
            if name == "BackendError" and not is_named and find_spec("tensorflow"):
                typer.echo(f"{str(error).partition(';')[0]}: TensorFlow answers.", err=True)
                again = [sys.executable, "-m", "maskedgender", *sys.argv[1:]]  # a process has one backend
                run = subprocess.run(again, env=os.environ | {"KERAS_BACKEND": "tensorflow"})
                raise typer.Exit(run.returncode) from error
            told = str(error)
            if isinstance(error, OSError) and error.filename and error.strerror:
                told = f"{error.filename}: {error.strerror}"
            typer.echo(told, err=True)
            raise typer.Exit(TO_PUT_RIGHT) from error
