"""How fast `maskedgender predict` is over many photos, and in how much memory: one process, all cores, and Ray.

    python -m benchmarks.scale [--photos 20000] [--fairface DIR]

2,000 files under as many names as are asked for: FairFace's training portraits and, one in twenty, a photo of a phone's
size with one in its middle. Keeps benchmarks/results/scale.json. Some 20 minutes a core and run.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import cv2
import psutil
import typer

from maskedgender.data.portraits import PortraitStore
from maskedgender.files import written_whole

from .photos import FAIRFACE
from .speed import RESULTS, all_cores, circumstances

FILES = 2000  # that differ; the rest are other names of them
EVERY = 20  # photos, of which one is large
LARGE = (4000, 3000)  # pixels: 12 megapixels, as phones make them


def main(
    photos: Annotated[int, typer.Option(min=40, help="how many")] = 20_000,
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE,
) -> None:
    """Measures, prints, keeps."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_photos(fairface, folder / "photos", photos)
        runs = []
        for cores in dict.fromkeys((1, all_cores())):
            for engine, options in (("processes", ["--csv"]), ("ray", ["--engine", "ray", "--out"])):
                words = [*options, str(folder / f"{engine}-{cores}"), "--processes", str(cores)]
                runs.append({"by": engine, "workers": cores, **measured(folder / "photos", words, photos)})
                print(runs[-1])
    with written_whole(RESULTS / "scale.json") as partial:
        results = circumstances() | {"photos": photos, "runs": runs}
        partial.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def make_photos(fairface: Path, folder: Path, count: int) -> None:
    """So many names of at most FILES files."""
    store = PortraitStore(fairface)
    folder.mkdir()
    for number in range(count):
        file = folder / f"{number:07}.jpg"
        if number >= FILES:
            file.hardlink_to(folder / f"{number % FILES:07}.jpg")
            continue
        portrait = store.read(f"train/{number + 1}.jpg")
        if portrait is None:
            raise SystemExit(f"train/{number + 1}.jpg cannot be read: fetch FairFace again.")
        if number % EVERY == 0:
            side = min(LARGE) * 2 // 3
            x, y = ((edge - side) // 2 for edge in LARGE)
            portrait = cv2.resize(portrait, (side, side), interpolation=cv2.INTER_CUBIC)
            portrait = cv2.copyMakeBorder(portrait, y, y, x, x, cv2.BORDER_REFLECT)
        cv2.imwrite(str(file), portrait[..., ::-1])


def measured(folder: Path, options: list[str], photos: int) -> dict[str, float]:
    """One run of the command over a folder: its time, its rate, and the most that its processes held together.

    Pages that they share are counted for each.
    """
    words = [sys.executable, "-m", "maskedgender", "predict", str(folder), *options]
    begun, most = time.monotonic(), 0
    with psutil.Popen(words, env={**os.environ, "RAY_ADDRESS": ""}) as run:
        while run.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):  # one has ended while it was asked
                most = max(most, sum(one.memory_info().rss for one in [run, *run.children(recursive=True)]))
            time.sleep(0.1)
    if run.returncode:
        raise SystemExit(f"The command ended with status {run.returncode}.")
    seconds = time.monotonic() - begun
    return {"seconds": seconds, "photos a second": photos / seconds, "MB at most": most / 1024**2}


if __name__ == "__main__":
    typer.run(main)
