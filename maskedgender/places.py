"""Where things lie: in a checkout beside the package, in an installed package inside it (setup.py puts them there)."""

from __future__ import annotations

import sys
from pathlib import Path

_BESIDE, _INSIDE = Path(__file__).resolve().parents[1], Path(__file__).resolve().parent / "shipped"
IS_INSTALLED = _INSIDE.is_dir()
SHIPPED = _INSIDE if IS_INSTALLED else _BESIDE
SHIPPED_MODEL = SHIPPED / "models" / "masked_gender.keras"
EXAMPLES = SHIPPED / "examples"
NOTEBOOKS = SHIPPED / "notebooks"
# What commands leave: in the checkout, or in the folder in which an installed package is run.
RUNS = Path("runs") if IS_INSTALLED else SHIPPED / "runs"


def how_to_get(extra: str) -> str:
    """The command that installs what an extra of the package brings, and which Python that needs, if another."""
    here = "." if Path.cwd() == SHIPPED else SHIPPED
    command = f'pip install "maskedgender[{extra}]"' if IS_INSTALLED else f'pip install -e "{here}[{extra}]"'
    too_new = extra in ("train", "export") and sys.version_info >= (3, 14)  # they bring TensorFlow
    return f"{command}, with Python 3.11 to 3.13," if too_new else command


def exports_of(model: Path) -> Path:
    """The folder for what is made from a model file: beside it, but nothing is left in an installed package."""
    return Path() if IS_INSTALLED and model.resolve() == SHIPPED_MODEL.resolve() else model.parent
