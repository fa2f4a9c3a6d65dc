"""How fast masks are drawn: portraits a second from zip to masked crop on disk, detection included, all cores.

python -m benchmarks.masking [--fairface DIR] [--portraits 2000]
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from maskedgender.data.make_dataset import make_dataset

from .photos import FAIRFACE


def main(
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE,
    portraits: Annotated[int, typer.Option(help="how many")] = 2000,
) -> None:
    """Makes a dataset in a temporary folder, and prints the summary and the speed."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        summary = make_dataset(fairface, [fairface / "val_labels.csv"], Path(folder), unmasked=0, limit=portraits)
        seconds = time.monotonic() - started
    print(summary.table())
    print(f"{summary.portraits / seconds:.0f} portraits a second on {os.cpu_count()} cores, {seconds:.0f} s in all")


if __name__ == "__main__":
    typer.run(main)
