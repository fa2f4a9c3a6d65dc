"""How fast `maskedgender predict` is over many photos, by one process and by all cores, and how much memory it takes.

    python -m benchmarks.predict [--photos 2000] [--fairface DIR]

FairFace's training portraits, and between them, one in twenty, a photo of a phone's size made of them. Runs the command
itself, prints its photos a second, its start included, and the largest resident memory of all its processes together,
and compares the answers. About five minutes on two cores.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import pandas as pd
import psutil
import typer

from maskedgender.data.portraits import PortraitStore
from maskedgender.places import SHIPPED_MODEL

from .photos import FAIRFACE

EVERY = 20  # photos, of which one is large
LARGE = (4000, 3000)  # pixels: 12 megapixels, as phones make them


def main(
    photos: Annotated[int, typer.Option(min=EVERY, help="how many")] = 2000,
    model: Annotated[Path, typer.Option(help="a .keras file")] = SHIPPED_MODEL,
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE,
) -> None:
    """Prints one row a number of processes; status 1 when their answers differ."""
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_photos(fairface, folder / "photos", photos)
        runs = {processes: folder / f"{processes}.csv" for processes in (1, cores)}
        lines = [measured(folder / "photos", model, path, processes) for processes, path in runs.items()]
        tables = [path.read_bytes() for path in runs.values()]
    print(pd.DataFrame(lines).assign(photos=photos, rate=lambda table: photos / table.seconds).round(1).to_string())
    same = all(table == tables[0] for table in tables)
    print(f"by one process and by {cores}: {'the same answers' if same else 'OTHER ANSWERS'}")
    raise typer.Exit(0 if same else 1)


def make_photos(fairface: Path, folder: Path, count: int) -> None:
    """Portraits as files, and each EVERY-th as large as a phone's photo, with the portrait in its middle."""
    store = PortraitStore(fairface)
    folder.mkdir()
    for number in range(1, count + 1):
        portrait = store.read(f"train/{number}.jpg")
        if portrait is None:
            raise SystemExit(f"train/{number}.jpg cannot be read: fetch FairFace again.")
        picture = np.ascontiguousarray(portrait[..., ::-1])
        cv2.imwrite(str(folder / f"{number:05}.jpg"), picture if number % EVERY else _enlarged(picture))


def _enlarged(picture: np.ndarray) -> np.ndarray:
    """A picture in the middle of one of LARGE pixels, mirrored at its edges."""
    side = min(LARGE) * 2 // 3
    x, y = ((edge - side) // 2 for edge in LARGE)
    picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC)
    return cv2.copyMakeBorder(picture, y, y, x, x, cv2.BORDER_REFLECT)


def measured(folder: Path, model: Path, table: Path, processes: int) -> dict[str, float]:
    """A line of the table: one run of the command over a folder."""
    words = ["predict", folder, "--model", model, "--csv", table, "--processes", processes]
    started, peak = time.monotonic(), 0
    with subprocess.Popen([sys.executable, "-m", "maskedgender", *map(str, words)]) as run:
        while run.poll() is None:
            peak = max(peak, _resident(run.pid))
            time.sleep(0.1)
    if run.returncode:
        raise SystemExit(f"The command ended with status {run.returncode}.")
    return {"processes": processes, "seconds": time.monotonic() - started, "MB at most": peak / 1024**2}


def _resident(pid: int) -> int:
    """Bytes in memory of a process and those it started; pages that they share are counted for each."""
    try:
        this = psutil.Process(pid)
        return sum(process.memory_info().rss for process in [this, *this.children(recursive=True)])
    except psutil.NoSuchProcess:  # one has ended while it was asked
        return 0


if __name__ == "__main__":
    typer.run(main)
