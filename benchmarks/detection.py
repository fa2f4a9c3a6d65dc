"""What each score threshold finds, masked, bare and small, and how often it puts a box on what is no face.

    python -m benchmarks.detection --dataset masked    # to choose: the portraits of the validation split
    python -m benchmarks.detection --test              # to report: FairFace's validation part; the test is logged

The dataset is the one that the model was trained on. A face is found when a box overlaps the bare face's (intersection
over union above 0.3), well framed above 0.5 (a box may end where the mask begins); "false" is the share of pictures
with a box that no face is near. Scenes with small faces are put together here; of "behind a close-up" the small ones
count. The pictures without faces are scikit-image's, in four turns, and mosaics of the portraits' corners (hair,
clothes, walls). Prints a row a figure, one column a threshold, and keeps them in benchmarks/results/. Ten minutes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import pandas as pd
import skimage.data
import typer
from tqdm import tqdm

from maskedgender.data.pictures import list_pictures
from maskedgender.data.split import split
from maskedgender.faces.detector import SCORE_THRESHOLD, Box
from maskedgender.faces.finding import find_faces
from maskedgender.images.photos import read_photo
from maskedgender.measure.metrics import percent
from maskedgender.measure.test_log import log_test

from .answers import TEST_LOG, keep_table
from .photos import BARE, FAIRFACE, Photo, photos

EVERY = 8  # of about 4,000 portraits of the validation split, or 5,000 of FairFace's validation part
THRESHOLDS = sorted({0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, SCORE_THRESHOLD})
FOUND_OVERLAP, FRAMED_OVERLAP, NEAR_OVERLAP = 0.3, 0.5, 0.2
HEIGHT, WIDTH = 480, 640  # of the scenes that are put together
ROWS, COLUMNS = 2, 4  # small faces in one
SMALL = (32, 64)  # pixels of a small face's box
PHONE = (3000, 4000)  # height and width of a phone's photo
CLOSE_UP, BEHIND = 1250, (64, 192)  # pixels of the box of a face that fills it, and of those of four others
CORNER_SHARE = 0.18  # of a portrait's side: its upper corners of this size show no face
CORNER = 52  # pixels of one in a mosaic
WITHOUT_FACES = (
    *("brick", "cell", "chelsea", "chessboard_RGB", "clock_motion", "coffee", "coins", "grass", "gravel", "horse"),
    *("hubble_deep_field", "ihc", "microaneurysms", "moon", "motorcycle_left", "page", "phantom", "retina", "rocket"),
)


@dataclass(frozen=True)
class Scene:
    """A picture, uint8 RGB, its faces' boxes in pixels, and the box of a face that is there and does not count."""

    pixels: np.ndarray
    boxes: list[Box]
    beside: Box | None = None


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes (x, y, width, height)."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def with_small_faces(portraits: list[Scene], backgrounds: list[np.ndarray]) -> Iterator[Scene]:
    """Scenes of eight portraits each, on the backgrounds in turn, every second of them blurred to one colour."""
    rng = np.random.default_rng(0)
    high, wide, count = HEIGHT // ROWS, WIDTH // COLUMNS, ROWS * COLUMNS
    for number, start in enumerate(range(0, len(portraits) - count + 1, count)):
        background = backgrounds[number % len(backgrounds)]
        pixels, boxes = cv2.resize(background if number % 2 else background[:1, :1], (WIDTH, HEIGHT)), []
        for place, portrait in enumerate(portraits[start : start + count]):
            small = _with_a_face_of(portrait, rng.uniform(*SMALL), (high, wide))
            top = place // COLUMNS * high + int(rng.integers(high - small.pixels.shape[0] + 1))
            left = place % COLUMNS * wide + int(rng.integers(wide - small.pixels.shape[1] + 1))
            boxes.append(_put(pixels, small, left, top))
        yield Scene(pixels, boxes)


def _with_a_face_of(portrait: Scene, side: float, most: tuple[int, int]) -> Scene:
    """A portrait, scaled so that its face's box has `side` pixels, and cut off below and right of so many at most."""
    scale = side / max(portrait.boxes[0][2:])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    pixels = cv2.resize(portrait.pixels, None, fx=scale, fy=scale, interpolation=how)[: most[0], : most[1]]
    x, y, width, height = (scale * length for length in portrait.boxes[0])
    return Scene(pixels, [(x, y, width, height)])


def _put(pixels: np.ndarray, small: Scene, left: int, top: int) -> Box:
    """Puts a picture of one face there; its face's box there."""
    height, width = small.pixels.shape[:2]
    pixels[top : top + height, left : left + width] = small.pixels
    x, y, *size = small.boxes[0]
    return left + x, top + y, size[0], size[1]


def behind_close_ups(portraits: list[Scene]) -> Iterator[Scene]:
    """Photos of a phone: one portrait fills the left of each; beside it are four small ones, whose boxes count."""
    rng = np.random.default_rng(0)
    for start in range(0, len(portraits) - 4, 5):
        near, *others = portraits[start : start + 5]
        pixels = np.full((*PHONE, 3), 128, np.uint8)
        close_up = _put(pixels, _with_a_face_of(near, CLOSE_UP, (PHONE[0], PHONE[1] // 2)), 0, 0)
        places = [(2200 + 800 * column, 400 + 1200 * row) for row in range(2) for column in range(2)]
        small = [_with_a_face_of(other, rng.uniform(*BEHIND), (1000, 750)) for other in others]
        boxes = [_put(pixels, one, *place) for one, place in zip(small, places, strict=True)]
        yield Scene(pixels, boxes, beside=close_up)


def pictures_without_faces() -> list[np.ndarray]:
    """scikit-image's pictures that show none, at no more than 640 pixels."""
    folder = Path(skimage.data.__file__).parent
    pictures = []
    for name in WITHOUT_FACES:
        picture = read_photo(next(folder.glob(f"{name}.*")))
        scale = min(1.0, WIDTH / max(picture.shape))
        pictures.append(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return pictures


def mosaics(portraits: list[Scene]) -> list[np.ndarray]:
    """Pictures laid of the upper corners of portraits, in which there is no face."""
    rows, columns = HEIGHT // CORNER, WIDTH // CORNER
    corners: list[np.ndarray] = []
    for portrait in portraits:
        side = int(CORNER_SHARE * min(portrait.pixels.shape[:2]))
        for corner in (portrait.pixels[:side, :side], portrait.pixels[:side, -side:]):
            corners.append(cv2.resize(corner, (CORNER, CORNER)))
    whole = len(corners) // (rows * columns)
    grids = np.stack(corners)[: whole * rows * columns].reshape(whole, rows, columns, CORNER, CORNER, 3)
    return [np.concatenate(np.concatenate(grid, axis=1), axis=1) for grid in grids]


def measured(scenes: Iterable[Scene]) -> dict[str, list[float]]:
    """The score of the best box, 0 without: under "found" and the like of each face, under "false" of each scene."""
    scores: dict[str, list[float]] = {"found": [], "well framed": [], "false": []}
    for scene in tqdm(scenes, unit=" pictures", leave=False):
        faces = find_faces(scene.pixels, THRESHOLDS[0])
        for box in scene.boxes:
            on_it = [face for face in faces if overlap(face.box, box) > FOUND_OVERLAP]
            framed = [face for face in on_it if overlap(face.box, box) > FRAMED_OVERLAP]
            for kind, found in (("found", on_it), ("well framed", framed)):
                scores[kind].append(max((face.score for face in found), default=0.0))
        known = [*scene.boxes, *([scene.beside] if scene.beside else [])]
        off = [face.score for face in faces if all(overlap(face.box, box) < NEAR_OVERLAP for box in known)]
        scores["false"].append(max(off, default=0.0))
    return {name: of_kind for name, of_kind in scores.items() if of_kind}


def kinds(worn: list[Photo]) -> dict[str, Iterable[Scene]]:
    """The scenes of each kind, made of portraits with a mask whose bare faces are known."""
    masked = [Scene(photo.pixels, [photo.box]) for photo in worn if photo.box]
    bare = [Scene(photo.bare, [photo.box]) for photo in worn if photo.box]
    pictures = pictures_without_faces()
    turns = [np.ascontiguousarray(np.rot90(one, turn)) for one in [*pictures, *mosaics(bare)] for turn in range(4)]
    return {
        "masked": masked,
        "bare": bare,
        "small, masked": with_small_faces(masked, pictures),
        "small, bare": with_small_faces(bare, pictures),
        "behind a close-up, masked": behind_close_ups(masked),
        "behind a close-up, bare": behind_close_ups(bare),
        "without a face": [Scene(one, []) for one in turns],
    }


def rows(kind: str, scenes: Iterable[Scene]) -> pd.DataFrame:
    """The figures of one kind of scenes: a row each, with the count of faces or scenes and the share by threshold."""
    lines = []
    for name, scores in measured(scenes).items():
        shares = {f"{threshold:.2f}": float(np.mean(np.array(scores) >= threshold)) for threshold in THRESHOLDS}
        lines.append({"pictures": kind, "figure": name, "count": len(scores), **shares})
    return pd.DataFrame(lines)


def main(
    dataset: Annotated[Path | None, typer.Option(help="the dataset folder whose validation split is taken")] = None,
    test: Annotated[bool, typer.Option("--test", help="take FairFace's validation part")] = False,
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE,
    every: Annotated[int, typer.Option(help="take every n-th portrait; fewer than by default are not kept")] = EVERY,
) -> None:
    """Measures, prints, keeps."""
    if (dataset is None) != test:
        raise typer.BadParameter("Give either --dataset or --test.")
    only = None if dataset is None else set(split(list_pictures(dataset))[1]["source"])
    taken = photos(fairface, "val" if test else "train", True, every, only)
    scenes = kinds([photo for photo in taken if photo.style != BARE])
    table = pd.concat([rows(kind, of_kind) for kind, of_kind in scenes.items()], ignore_index=True)
    print(f"The threshold is {SCORE_THRESHOLD}.\n{table.to_string(index=False, float_format='{:.3f}'.format)}")
    if every <= EVERY:
        keep_table(table, f"detection-{'test' if test else 'validation'}")
    if test:
        rows_of_masked = table[table["pictures"] == "masked"].set_index("figure")
        found, false = (percent(rows_of_masked.loc[one, f"{SCORE_THRESHOLD:.2f}"]) for one in ("found", "false"))
        log_test(TEST_LOG, f"benchmarks.detection, FairFace-val 1/{every}, masked: found {found}, false box {false}")


if __name__ == "__main__":
    typer.run(main)
