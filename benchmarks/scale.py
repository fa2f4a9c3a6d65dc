"""How `maskedgender predict --engine ray` scales: photos a second and memory with one worker and with two.

    python -m benchmarks.scale [--photos 20000] [--workers 1 --workers 2] [--fairface DIR]

The photos are those of benchmarks.predict, 2,000 files under as many names as are asked for. The rate is that of the
whole run, Ray's start included, and of its second half, which is what more photos would see. On paper, from that: how
long a million photos take on ten machines like this one. Keeps benchmarks/results/scale.json. Some 20 minutes for each
number of workers on two cores that do nothing else.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Annotated

import psutil
import typer
from tqdm import tqdm

from maskedgender.files import written_whole
from maskedgender.networks.records import commit_of
from maskedgender.places import SHIPPED_MODEL
from maskedgender.prediction.cluster import answer_on_cluster, given_model, require_ray

from .page_process import CHECKOUT
from .photos import FAIRFACE
from .predict import make_photos
from .speed import RESULTS, cpu_name

FILES = 2000  # that differ; the rest are other names of them
MILLION, MACHINES = 1_000_000, 10


def main(
    photos: Annotated[int, typer.Option(min=40, help="how many")] = 20_000,
    workers: Annotated[list[int] | None, typer.Option(help="1 and 2 without; repeatable")] = None,
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE,
) -> None:
    """Measures, prints, keeps."""
    require_ray()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = _names(folder, photos, fairface)
        rows = [measured(names, folder / f"rows-{count}", count) for count in workers or (1, 2)]
    best = max(float(row["photos a second, second half"]) for row in rows)
    result = {
        "date": date.today().isoformat(),
        "commit": commit_of(CHECKOUT),
        "machine": {"CPU": cpu_name(), "cores": os.cpu_count()},
        "photos": photos,
        "runs": rows,
        f"hours for {MILLION:,} photos on {MACHINES} machines, on paper": round(MILLION / best / MACHINES / 3600, 2),
    }
    print(json.dumps(result, indent=1))
    with written_whole(RESULTS / "scale.json") as partial:
        partial.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _names(folder: Path, count: int, fairface: Path) -> list[str]:
    """So many names of at most FILES files."""
    make_photos(fairface, folder / "files", min(count, FILES))
    files = sorted((folder / "files").iterdir())
    (folder / "photos").mkdir()
    for number in range(count):
        (folder / "photos" / f"{number:07}.jpg").hardlink_to(files[number % len(files)])
    return sorted(map(str, (folder / "photos").iterdir()))


def measured(photos: list[str], out: Path, workers: int) -> dict[str, float]:
    """One run: rates, and the largest resident memory of a worker."""
    import ray

    begun, half, most, done = time.monotonic(), 0.0, 0, 0
    at_half = 0
    model = given_model(SHIPPED_MODEL)
    with tqdm(total=len(photos), unit="photo", desc=f"{workers} workers") as progress:
        for answered, _ in answer_on_cluster(photos, model, str(out), workers):
            done += answered
            progress.update(answered)
            most = max([most, *map(_resident, _workers())])
            if not half and done >= len(photos) / 2:
                half, at_half = time.monotonic(), done
    ended = time.monotonic()
    ray.shutdown()
    if done != len(photos):
        raise SystemExit(f"{done} of {len(photos)} photos were answered.")
    return {
        "workers": workers,
        "seconds": round(ended - begun, 1),
        "photos a second": round(done / (ended - begun), 1),
        "photos a second, second half": round((done - at_half) / max(ended - half, 1e-3), 1),
        "MB of a worker at most": round(most / 1024**2),
    }


def _workers() -> list[psutil.Process]:
    """The processes in which Ray's actors answer."""
    everyone = psutil.process_iter(["cmdline"])
    return [one for one in everyone if any(word.startswith("ray::Map") for word in one.info["cmdline"] or ())]


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it has ended
        return 0


if __name__ == "__main__":
    typer.run(main)
