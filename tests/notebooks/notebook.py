"""Runs notebooks for tests, alone in a folder, as Kaggle would."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import nbclient
import nbformat

ROOT = Path(__file__).resolve().parents[2]
TRAINING, APP = (ROOT / "notebooks" / f"{name}.ipynb" for name in ("pclubtask3", "PClubTask3Gradio"))
QUICK = {"EPOCHS": 1, "BATCH": 16, "SIZE": 64, "LIMIT": 60}


def run_notebook(
    notebook: Path,
    folder: Path,
    given: Mapping[str, object],
    change: Callable[[str], str] = lambda source: source,
    until: str = "",
) -> str:
    """Run a copy of a notebook in a folder, parameters given and its code changed; what it printed and showed as text.

    Args:
        until: the last cell to run is the one that holds this.
    """
    copy = nbformat.read(notebook, as_version=4)
    for number, cell in enumerate(copy.cells):
        if "parameters" in cell.metadata.get("tags", []):
            cell.source += "\n" + "\n".join(f"{name} = {value!r}" for name, value in given.items())
        if cell.cell_type == "code":
            cell.source, cell.outputs = change(cell.source), []
        if until and cell.cell_type == "code" and until in cell.source:
            del copy.cells[number + 1 :]
            break
    nbclient.NotebookClient(copy, timeout=None, kernel_name="python3").execute(cwd=str(folder))
    return "\n".join(texts(copy))


def texts(notebook: nbformat.NotebookNode) -> list[str]:
    """What cells printed, and what they showed as text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
