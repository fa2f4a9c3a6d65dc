"""How soon, how fast and in how much memory training reads its images, beside the original's way of reading.

    python -m benchmarks.training [--dataset masked] [--images 20000]

The original reads every image by OpenCV, makes it grey, scales it to 100x100 and puts all of them into one array
before the first step; ours streams batches, decoded at a reduced scale, to the same CNN, the original's. Three things
are measured on folders of so many masked images, each in a process of its own:

- first step: seconds from looking into the folder (the CNN stands compiled) to the first step's beginning, with the
  files in the system's cache; and to its end, which is later by the time in which TensorFlow traces the CNN;
- pipeline: images a second of one core's time, by one thread, network apart, for the same size and channels on both
  sides, with the files in the system's cache; with RGB as our own CNN takes it besides;
- memory: the most that the process held (ru_maxrss) until 50 steps were done, for 5,000, 20,000 and 90,000 images
  (rows are repeated where the folder has fewer).

Copies and damaged files, which `maskedgender train` searches for beforehand, are not part of it. Prints the table, and
keeps it in benchmarks/results/training.csv. Some minutes on two cores.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import cv2
import keras
import numpy as np
import pandas as pd
import typer

from maskedgender.data.layout import CLASSES, LABELS_FILE, TRAINING
from maskedgender.data.listing import list_images
from maskedgender.data.locate import find_dataset
from maskedgender.data.split import split_training
from maskedgender.data.stream import PortraitStream
from maskedgender.networks.records import commit_of
from maskedgender.networks.seed import seed_cnn

RESULTS = Path(__file__).parent / "results" / "training.csv"
CALL = """
import json, sys
from benchmarks import training
print(json.dumps(getattr(training, sys.argv[1])(*sys.argv[2:])))
"""
SEED_SHAPE, OUR_SHAPE = (100, 100, 1), (128, 128, 3)
BATCH, STEPS = 32, 50
COUNTS = [5_000, 20_000, 90_000]
READ = 4_000  # images, by the pipeline alone


def main(
    dataset: Annotated[Path, typer.Option(help="a dataset folder, or one above it")] = Path("masked"),
    images: Annotated[int, typer.Option(help="for the time to the first step")] = 20_000,
    counts: Annotated[list[int], typer.Option(help="of images, for the memory; repeatable")] = COUNTS,
    results: Annotated[Path, typer.Option(help="the table that is written")] = RESULTS,
) -> None:
    """Measures both ways, prints the table, and keeps it."""
    found = find_dataset(dataset)
    listed = list_images(found, TRAINING)
    masked = listed[listed["style"] != "none"].sample(frac=1, random_state=0).reset_index(drop=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for count in sorted({images, *counts}):
            root = linked(masked, count, found, Path(folder) / str(count))
            cached(root)
            original, ours = _measured("start_original", root), _measured("start_ours", root)
            if count == images:
                rows += pipeline_rows(root)
                for moment in ("begins", "ends"):
                    rows.append(_row(f"first step {moment}, {count:,} images, s", original[moment], ours[moment]))
            rows.append(_row(f"memory, {count:,} images, MB", original["peak_mb"], ours["peak_mb"]))
    table = pd.DataFrame(rows).assign(commit=commit_of(Path()))
    print(table.to_string(index=False))
    table.to_csv(results, index=False)


def pipeline_rows(root: Path) -> list[dict[str, Any]]:
    """Images a second of one core's time, of both ways, for the original's input and for ours."""
    rows = []
    for shape in (SEED_SHAPE, OUR_SHAPE):
        original, ours = (_measured(way, root, shape[0], shape[2])["rate"] for way in ("read_original", "read_ours"))
        rows.append(_row(f"pipeline, {shape[0]}x{shape[1]}x{shape[2]}, images/s", original, ours))
    return rows


def _row(measure: str, original: float, ours: float) -> dict[str, Any]:
    """A line of the table; `times better` is more than 1 where ours is."""
    better = ours / original if measure.endswith("images/s") else original / ours
    figures = {"the original's way": round(original, 2), "ours": round(ours, 2), "times better": round(better, 2)}
    return {"measure": measure, **figures}


def _measured(way: str, *arguments: object) -> dict[str, float]:
    """What one of the functions below returns in a process of its own."""
    command = [sys.executable, "-c", CALL, way, *map(str, arguments)]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}  # TensorFlow's notes on its own start tell us nothing
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=quiet)
    return json.loads(ended.stdout.splitlines()[-1])


def linked(images: pd.DataFrame, count: int, dataset: Path, root: Path) -> Path:
    """A dataset folder of so many links to images, repeated where there are fewer."""
    rows = images.iloc[np.arange(count) % len(images)].reset_index(drop=True)
    rows = rows.assign(old=rows["file"], gender=np.take(CLASSES, rows["label"]))
    rows["file"] = [f"{TRAINING}/{gender}/{number}-0.jpg" for number, gender in enumerate(rows["gender"])]
    for name in CLASSES:
        (root / TRAINING / name).mkdir(parents=True)
    for file, old in zip(rows["file"], rows["old"], strict=True):
        (root / file).symlink_to((dataset / old).resolve())
    rows[["file", "source", "gender", "age", "race", "style"]].to_csv(root / LABELS_FILE, index=False)
    return root


def start_original(root: str) -> dict[str, float]:
    """Read everything, then train; seconds until the first step begins and ends, and the most memory held."""
    model, timer = _compiled(), _Steps()
    files = [(file, label) for label, name in enumerate(CLASSES) for file in (Path(root) / TRAINING / name).iterdir()]
    x = np.array([as_the_original_reads(file, *SEED_SHAPE[1:]) for file, _ in files])
    y = np.array([label for _, label in files])
    model.fit(x, y, batch_size=BATCH, callbacks=[timer], verbose=0)
    return {**timer.seconds, "peak_mb": _peak_mb()}


def start_ours(root: str) -> dict[str, float]:
    """Train on a stream; seconds until the first step begins and ends, and the most memory held."""
    model, timer = _compiled(), _Steps()
    fit, _ = split_training(list_images(Path(root), TRAINING))
    stream = PortraitStream(Path(root), fit, SEED_SHAPE, BATCH, shuffle=True)
    model.fit(stream, callbacks=[timer], shuffle=False, verbose=0)
    return {**timer.seconds, "peak_mb": _peak_mb()}


def read_original(root: str, size: str, channels: str) -> dict[str, float]:
    """Images a second of one core's time into one array."""
    files = _one_threads_work(Path(root))
    begun = time.process_time()
    np.array([as_the_original_reads(Path(root) / file, int(size), int(channels)) for file in files["file"]])
    return {"rate": len(files) / (time.process_time() - begun)}


def read_ours(root: str, size: str, channels: str) -> dict[str, float]:
    """Images a second of one core's time as batches."""
    files = _one_threads_work(Path(root))
    stream = PortraitStream(Path(root), files, (int(size), int(size), int(channels)), BATCH, shuffle=True)
    begun = time.process_time()
    for batch in range(len(stream)):
        stream[batch]
    return {"rate": len(files) / (time.process_time() - begun)}


def as_the_original_reads(file: Path, size: int, channels: int) -> np.ndarray:
    """All of a picture by OpenCV, grey (or RGB, for our CNN's sake), then scaled."""
    picture = cv2.imread(str(file))
    colour = cv2.COLOR_BGR2GRAY if channels == 1 else cv2.COLOR_BGR2RGB
    return cv2.resize(cv2.cvtColor(picture, colour), (size, size))


def cached(root: Path) -> None:
    """Reads all files once, so that neither way waits for the disk, whichever comes first."""
    for file in (root / TRAINING).rglob("*.jpg"):
        file.read_bytes()


def _one_threads_work(root: Path) -> pd.DataFrame:
    """Some images; OpenCV keeps to one thread from here on."""
    cv2.setNumThreads(1)
    images = list_images(root, TRAINING)
    return images.sample(min(READ, len(images)), random_state=0)


def _compiled() -> keras.Model:
    model = seed_cnn(*SEED_SHAPE[:1])
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    return model


class _Steps(keras.callbacks.Callback):
    """Notes the seconds after which the first step begins and ends, and ends training after STEPS."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.seconds = time.perf_counter(), dict[str, float]()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.seconds.setdefault("begins", time.perf_counter() - self.begun)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seconds.setdefault("ends", time.perf_counter() - self.begun)
        self.model.stop_training = batch + 1 >= STEPS


def _peak_mb() -> float:
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held / 1e6 if sys.platform == "darwin" else held * 1024 / 1e6


if __name__ == "__main__":
    typer.run(main)
