"""The ways to an answer that `benchmarks.speed` compares; each is measured in a process of its own, by its cores.

    python -m benchmarks.speed_ways openvino 1 results.json [--exported FOLDER] [--seconds 2]

Writes the medians of milliseconds for each case, in parts, and the largest resident memory. Photos and crops are made
in memory of pictures that may be shown.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

WAYS = ("original", "tensorflow", "openvino", "onnx", "litert")
SUFFIX = {"onnx": ".onnx", "litert": ".tflite"}
LEAST_RUNS = 3
QUALITY = 90  # of JPEG

Part = Callable[[str, Callable[[], Any]], Any]
"""Takes a part's name and its work; gives what the work gives, and adds up its time."""


def photos() -> dict[str, bytes]:
    """JPEG files by name."""
    import cv2
    from sklearn.datasets import load_sample_image

    from maskedgender.images.photos import read_photo
    from maskedgender.places import EXAMPLES

    collins, hopper = (read_photo(EXAMPLES / f"{name}.jpg") for name in ("eileen_collins", "grace_hopper"))
    large = cv2.resize(collins, (2000, 2000 * len(collins) // collins.shape[1]), interpolation=cv2.INTER_CUBIC)
    down, across = 3000 - len(large), 4000 - large.shape[1]
    edges = (down // 2, down - down // 2, across // 2, across - across // 2)
    one, other = (
        cv2.resize(face[: face.shape[1]], (300, 300), interpolation=cv2.INTER_AREA) for face in (collins, hopper)
    )
    tiles = [one, other, one[:, ::-1], other[:, ::-1]]
    pictures = {
        "portrait of 600 pixels": cv2.resize(collins, None, fx=600 / max(collins.shape), fy=600 / max(collins.shape)),
        "12 megapixels, one face": cv2.copyMakeBorder(large, *edges, cv2.BORDER_REPLICATE),
        "group of twelve": np.vstack([np.hstack(tiles[row:] + tiles[:row]) for row in range(3)]),
        "no face": load_sample_image("china.jpg"),
    }
    how = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    return {name: cv2.imencode(".jpg", picture[..., ::-1], how)[1].tobytes() for name, picture in pictures.items()}


def medians(work: Callable[[Part], object], seconds: float) -> dict[str, float]:
    """Milliseconds of each part, medians of as many runs as fit, after one that is not counted."""
    runs: list[dict[str, float]] = []
    until = time.perf_counter() + seconds
    while len(runs) < 1 + LEAST_RUNS or time.perf_counter() < until:
        taken: dict[str, float] = {}

        def part(name: str, do: Callable[[], Any], taken: dict[str, float] = taken) -> Any:
            begun = time.perf_counter()
            result = do()
            taken[name] = taken.get(name, 0.0) + time.perf_counter() - begun
            return result

        work(part)
        runs.append(taken)
    return {name: round(1000 * float(np.median([run[name] for run in runs[1:]])), 3) for name in runs[0]}


def cases(photo: Callable[[bytes, Part], object], crop: Callable[[], object], seconds: float) -> dict[str, Any]:
    """What a way takes for a face that is cut out already, by `crop`, and for each photo, by `photo`."""
    found = {"one crop": medians(lambda part: part("classify", crop), seconds)}
    for name, content in photos().items():
        found[name] = medians(lambda part, content=content: photo(content, part), seconds)  # type: ignore[misc]
    return found


def original(seconds: float) -> dict[str, Any]:
    """As the original notebook asks its CNN: the whole photo, grey, by `predict`, one picture at a time."""
    import cv2
    import keras

    from .answers import SEED_MODEL

    model = keras.saving.load_model(SEED_MODEL, compile=False)
    shape = model.input_shape[1:]
    colour = cv2.COLOR_BGR2GRAY if shape[2] == 1 else cv2.COLOR_BGR2RGB

    def answer(picture: np.ndarray) -> np.ndarray:
        small = cv2.resize(cv2.cvtColor(picture, colour), shape[:2])
        return model.predict(small.reshape(1, *shape).astype(np.float32), verbose=0)

    def photo(content: bytes, part: Part) -> None:
        picture = part("decode", lambda: cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR))
        part("classify", lambda: answer(picture))

    return cases(photo, lambda: answer(np.full((*shape[:2], 3), 128, np.uint8)), seconds)


def ours(file: Path, seconds: float) -> dict[str, Any]:
    """Our path, by whichever runtime the file and KERAS_BACKEND mean."""
    from maskedgender.faces.crops import canonical_crop
    from maskedgender.faces.finding import find_faces
    from maskedgender.images.photos import read_photo_bytes
    from maskedgender.networks.model_files import load_model

    model = load_model(file)

    def photo(content: bytes, part: Part) -> None:
        pixels = part("decode", lambda: read_photo_bytes(content, "photo"))
        faces = part("find", lambda: find_faces(pixels))
        cut = part("crop", lambda: [canonical_crop(pixels, face, model.size) for face in faces])
        part("classify", lambda: model.predict_with_masks(np.stack(cut)) if cut else None)

    some = np.random.default_rng(0).integers(0, 256, (1, model.size, model.size, 3), np.uint8)
    return cases(photo, lambda: model.predict(some), seconds)


def only_cores(count: int) -> None:
    """Have this process use so many cores; before anything that starts threads is imported."""
    os.environ["OMP_NUM_THREADS"] = str(count)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    import cv2

    cv2.setNumThreads(count)


def main(
    way: str,
    cores: int,
    result: Path,
    exported: Annotated[Path, typer.Option(help="folder with the shipped model's .onnx and .tflite")] = Path(),
    seconds: Annotated[float, typer.Option(help="for each case")] = 2.0,
) -> None:
    """Measures one way, and writes what it has measured."""
    only_cores(cores)
    os.environ["KERAS_BACKEND"] = "openvino" if way == "openvino" else "tensorflow"
    if way == "original":
        measured = original(seconds)
    else:
        from maskedgender.places import SHIPPED_MODEL

        measured = ours(exported / f"{SHIPPED_MODEL.stem}{SUFFIX[way]}" if way in SUFFIX else SHIPPED_MODEL, seconds)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    result.write_text(json.dumps({"cases": measured, "MB at most": round(most)}))


if __name__ == "__main__":
    typer.run(main)
