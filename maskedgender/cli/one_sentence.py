"""Exit statuses, and errors in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from ..places import how_to_get

SOME_NOT_READ, TO_PUT_RIGHT = 1, 2
# Errors that are a sentence for the caller, by name: to import their classes would be to import what they are about.
SENTENCES = ("BackendError", "ModelError", "PhotoError", "TrainingError", "UnsafeArchiveError", "WeightsError")


@contextmanager
def one_sentence(extra: str = "train") -> Iterator[None]:
    """What the caller can put right ends in one sentence and a status; a fault of ours keeps its traceback.

    Args:
        extra: of the package, which brings what may be missing.
    """
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("\nStopped. What was finished is kept.", err=True)
        raise typer.Exit(SOME_NOT_READ) from None
    except ModuleNotFoundError as error:
        package = (error.name or str(error)).partition(".")[0]
        typer.echo(f"The package {package} is not installed; {how_to_get(extra)} brings it.", err=True)
        raise typer.Exit(TO_PUT_RIGHT) from error
    except Exception as error:
        if not isinstance(error, (OSError, ValueError)) and type(error).__name__ not in SENTENCES:
            raise
        typer.echo(str(error), err=True)
        raise typer.Exit(TO_PUT_RIGHT) from error
