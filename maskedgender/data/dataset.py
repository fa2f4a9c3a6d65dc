"""Find, list, split and stream a dataset folder: GenderOcclusionData/{Training,Validation}/{female,male}/*.jpg."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pandas as pd

from ..images.reduced_decoding import read_portrait
from .kaggle_download import download

CLASSES = ("female", "male")  # alphabetical, as Keras and the original number them: female 0, male 1
TRAINING = "Training"
VALIDATION = "Validation"
FOLDER = "GenderOcclusionData"
KAGGLE_DATASET = "itsshuvra/gender-classified-dataset-with-masked-face"
LABELS_FILE = "labels.csv"
BARE = "none"  # the style of an image without a mask
NOT_DESCRIBED = "not known"
SUFFIXES = (".jpg", ".jpeg", ".png")

# Augmentation, as "at most": the detector's box wanders by about a tenth, and people tilt their heads.
SHIFT = 0.12  # of the side
SCALE = 0.15
ROTATION = 30.0  # degrees
GAIN, CHANNEL_GAIN, OFFSET = 0.35, 0.10, 25.0  # contrast, each colour's own part of it, brightness in grey levels
GREY_CHANCE = 0.10  # colour of mask or clothes must not decide
DEGRADE_CHANCE = 0.30  # poor cameras and small pictures: one of the three below
COARSEST, NOISIEST, LEAST_QUALITY = 3.0, 20.0, 15  # times fewer pixels a side; noise in grey levels; JPEG
ERASE_CHANCE, ERASE_SIDE = 0.25, 0.30  # hands, hair, glass: a rectangle of noise


def find_dataset(given: str | Path | None = None) -> Path:
    """The folder that holds Training/ and Validation/.

    A given folder wins; then what Kaggle has attached (under /kaggle/input, or the folder named by the environment
    variable KAGGLE_INPUT_ROOT); then Kaggle's public dataset is downloaded by kagglehub, without credentials.

    Args:
        given: the dataset folder itself, or a folder with a dataset folder somewhere under it.

    Raises:
        FileNotFoundError: the given folder holds no dataset, or none was given and the download failed.
    """
    if given is not None:
        return _searched(Path(given).expanduser())
    attached = Path(os.environ.get("KAGGLE_INPUT_ROOT", "/kaggle/input"))
    # kagglehub waits for the mount of an attached dataset without a time limit, so look for the mount first.
    return _search(attached) or _searched(_download())


def list_images(dataset: Path, part: str) -> pd.DataFrame:
    """One row an image of a part (TRAINING or VALIDATION), sorted by file.

    Returns:
        Columns file ("Training/female/1-0.jpg", relative to the dataset folder), label (0 female, 1 male; the folder
        decides), source (the portrait that it was made from), age, race, style. The last four come from labels.csv, and
        images that it does not list are left out, with a warning; without a labels.csv, source is the file itself, and
        the others are "not known".

    Raises:
        FileNotFoundError: a class folder is missing, or has no images.
    """
    rows = [(file, label) for label, name in enumerate(CLASSES) for file in _image_files(dataset, f"{part}/{name}")]
    images = pd.DataFrame(rows, columns=["file", "label"])
    if (dataset / LABELS_FILE).is_file():
        described = pd.read_csv(dataset / LABELS_FILE, dtype=str, keep_default_na=False).drop_duplicates("file")
        described = described.reindex(columns=["file", "source", "age", "race", "style"])
        _warn_of_the_unlisted(images, described, dataset)
        images = images.merge(described, on="file")
    else:
        images = images.assign(source=images["file"], age=None, race=None, style=None)
    return images.fillna(dict.fromkeys(("age", "race", "style"), NOT_DESCRIBED))


def _warn_of_the_unlisted(images: pd.DataFrame, described: pd.DataFrame, dataset: Path) -> None:
    """An image without a row may be a variant of one with a row, and straddle the split: it must not be used."""
    unlisted = int((~images["file"].isin(described["file"])).sum())
    if unlisted:
        advice = "run make-dataset again to finish the folder, or delete the file to use all images"
        warnings.warn(f"{dataset / LABELS_FILE} does not list {unlisted} images: left out; {advice}.", stacklevel=3)


def split_training(images: pd.DataFrame, choose_share: float = 0.1, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split training images into those to fit and those to choose by: (fit, choose).

    Variants of one portrait (rows of the same `source`) stay on one side, and each class gives the same share of its
    portraits. The same seed gives the same split, whatever the order of the rows.

    Args:
        images: as from `list_images`.
        choose_share: the share of the portraits of each class that goes to `choose`, at least one of each.

    Raises:
        ValueError: a class has fewer than two portraits, so that one side would miss it.
    """
    sources = images.sort_values("file").drop_duplicates("source")
    chosen: set[str] = set()
    for label, name in enumerate(CLASSES):
        of_class = sources.loc[sources["label"] == label, "source"]
        if len(of_class) < 2:
            raise ValueError(f"A split needs two portraits of each class or more; {name} has {len(of_class)}.")
        count = min(max(1, round(choose_share * len(of_class))), len(of_class) - 1)
        shuffled = np.random.default_rng((seed, label)).permutation(of_class.to_numpy())
        chosen.update(shuffled[:count])
    is_chosen = images["source"].isin(chosen)
    return images[~is_chosen].reset_index(drop=True), images[is_chosen].reset_index(drop=True)


def limited(images: pd.DataFrame, limit: int, seed: int = 0) -> pd.DataFrame:
    """At most `limit` of the images, of as many portraits as there can be, both classes in their proportion."""
    share = min(1.0, limit / len(images))
    drawn = images.sample(frac=1, random_state=seed)
    variant = drawn.groupby("source").cumcount()  # every portrait's first image comes before any one's second
    ranked = drawn.loc[variant.sort_values(kind="stable").index].groupby("label")
    chosen = [of_class.head(round(share * len(of_class))) for _, of_class in ranked]
    return pd.concat(chosen).sort_index()


def masked_ones(images: pd.DataFrame) -> pd.DataFrame:
    """The images with a mask, as far as the dataset tells; all, where that would leave none of a class."""
    masked = images[images["style"] != BARE]
    return masked if masked["label"].nunique() == len(CLASSES) else images


class PortraitStream(keras.utils.PyDataset):
    """Batches of portraits, read from disk as they are needed, by threads, under any Keras backend.

    Batch i is (x, y): x uint8 (N, *shape), 0..255; y int32 (N,), 0 female, 1 male; or, with further `heads`, a tuple of
    such arrays, the first of them gender. Memory does not grow with the dataset.
    Everything random follows from (seed, epoch, image): a run that goes on after a kill sees what it would have seen.

    Attributes:
        epoch: set it before each epoch, for another order and other augmentation. (Keras's own on_epoch_end is no help:
            it is also called before the first epoch.)
    """

    def __init__(
        self,
        dataset: Path,
        images: pd.DataFrame,
        shape: tuple[int, int, int],
        batch_size: int,
        *,
        seed: int = 0,
        augment: bool = False,
        shuffle: bool = False,
        workers: int | None = None,
        heads: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Stream `images` (columns file and label) of a dataset folder.

        Args:
            shape: (S, S, 3) for RGB or (S, S, 1) for grey: `model.input_shape[1:]`.
            augment: jitter framing, light and colour, and erase parts; for fitting only.
            shuffle: another order in each epoch.
            workers: threads that read; None for one a CPU core, 2 to 8.
            heads: further columns of `images` to give labels of, each with its values in the order of their numbers.
        """
        # With one worker Keras would read in the training thread itself.
        super().__init__(workers=workers or min(8, max(2, os.cpu_count() or 2)), max_queue_size=16)
        self.dataset, self.shape, self.batch_size = Path(dataset), tuple(shape), batch_size
        self.seed, self.augment, self.shuffle, self.epoch = seed, augment, shuffle, 0
        self.files = images["file"].tolist()
        self._shuffled: tuple[int, np.ndarray] = (-1, np.arange(len(self.files)))
        self.labels = images["label"].to_numpy(dtype=np.int32)
        self.further = [pd.Categorical(images[name], values).codes for name, values in (heads or {}).items()]

    def __len__(self) -> int:
        """Batches an epoch; the last one may be smaller."""
        return -(-len(self.files) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, Any]:
        """Batch `index` of the current epoch: x uint8 (N, *shape), y int32 (N,) or a tuple of them, one a head."""
        rows = self._order()[index * self.batch_size : (index + 1) * self.batch_size]
        x = np.stack([self._portrait(int(row)) for row in rows])
        labels = [self.labels[rows], *(codes[rows].astype(np.int32) for codes in self.further)]
        return x, tuple(labels) if self.further else labels[0]

    def _order(self) -> np.ndarray:
        epoch, order = self._shuffled  # one attribute: several threads read and set it
        if self.shuffle and epoch != self.epoch:
            epoch = self.epoch
            order = np.random.default_rng((self.seed, epoch)).permutation(len(self.files))
            self._shuffled = epoch, order
        return order

    def _portrait(self, row: int) -> np.ndarray:
        colour, path = self.shape[2] == 3, self.dataset / self.files[row]
        if not self.augment:
            return read_portrait(path, self.shape[0], colour=colour)
        portrait = read_portrait(path, self.shape[0])
        portrait = augmented(portrait, np.random.default_rng((self.seed, self.epoch, row)))
        return portrait if colour else cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY)[..., None]


def augmented(portrait: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another believable picture of the same portrait: uint8 (S, S, 3), RGB, in and out."""
    portrait = _reframed(portrait, rng)
    portrait = _relit(portrait, rng)
    if rng.random() < GREY_CHANCE:
        portrait = cv2.cvtColor(cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if rng.random() < DEGRADE_CHANCE:
        portrait = _degraded(portrait, rng)
    if rng.random() < ERASE_CHANCE:
        _erase(portrait, rng)
    return portrait


def _reframed(portrait: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Mirrored or not, turned, scaled and shifted in one warp; edges are repeated, as the canonical crop does."""
    side = portrait.shape[0]
    centre = (side - 1) / 2
    turn = cv2.getRotationMatrix2D((centre, centre), rng.uniform(-ROTATION, ROTATION), 1 + rng.uniform(-SCALE, SCALE))
    turn[:, 2] += rng.uniform(-SHIFT, SHIFT, 2) * side
    if rng.random() < 0.5:
        turn[0] = -turn[0] + (0, 0, side - 1)
    return cv2.warpAffine(portrait, turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _relit(portrait: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another contrast, brightness and tint, by one look-up table a channel."""
    gain = (1 + rng.uniform(-GAIN, GAIN)) * (1 + rng.uniform(-CHANNEL_GAIN, CHANNEL_GAIN, 3))
    levels = np.arange(256.0)[:, None]
    table = (levels - 128) * gain + 128 + rng.uniform(-OFFSET, OFFSET)
    return cv2.LUT(portrait, np.clip(table, 0, 255).astype(np.uint8)[None])


def _degraded(portrait: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As a worse camera gives it: of fewer pixels, noisy, or squeezed."""
    side, kind = portrait.shape[0], rng.integers(3)
    if kind == 0:
        fewer = max(1, round(side / rng.uniform(1, COARSEST)))
        small = cv2.resize(portrait, (fewer, fewer), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR)
    if kind == 1:
        noise = rng.standard_normal(portrait.shape, dtype=np.float32) * rng.uniform(0, NOISIEST)
        return np.clip(portrait + noise, 0, 255).astype(np.uint8)
    quality = int(rng.integers(LEAST_QUALITY, 90))
    squeezed = cv2.imencode(".jpg", portrait, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(squeezed, cv2.IMREAD_COLOR))


def _erase(portrait: np.ndarray, rng: np.random.Generator) -> None:
    """Noise over a rectangle, in place (Zhong et al., "Random Erasing Data Augmentation", 2017)."""
    side = portrait.shape[0]
    height, width = rng.integers(1, max(2, int(ERASE_SIDE * side)), 2)
    top, left = rng.integers(0, side - height + 1), rng.integers(0, side - width + 1)
    portrait[top : top + height, left : left + width] = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def _image_files(dataset: Path, folder: str) -> list[str]:
    """The pictures of one class folder, sorted, relative to the dataset folder."""
    if not (dataset / folder).is_dir():
        raise FileNotFoundError(f"{dataset} has no folder {folder}.")
    names = sorted(entry.name for entry in os.scandir(dataset / folder) if entry.name.lower().endswith(SUFFIXES))
    if not names:
        raise FileNotFoundError(f"{dataset / folder} holds no {', '.join(SUFFIXES)} files.")
    return [f"{folder}/{name}" for name in names]


def _searched(root: Path) -> Path:
    """The dataset folder at or under `root`; FileNotFoundError when there is none."""
    found = _search(root)
    if found is None:
        wanted = f"a folder with {TRAINING}/ and {VALIDATION}/, each with {' and '.join(f'{c}/' for c in CLASSES)}"
        raise FileNotFoundError(f"No dataset at {root}: expected {wanted}, there or in a {FOLDER} folder under it.")
    return found


def _search(root: Path) -> Path | None:
    """`root` itself, or the first GenderOcclusionData under it, that holds both parts."""
    if _is_dataset(root):
        return root
    for folder, subfolders, _ in os.walk(root):
        if Path(folder).name == FOLDER and _is_dataset(Path(folder)):
            return Path(folder)
        subfolders[:] = sorted(name for name in subfolders if name not in (TRAINING, VALIDATION, *CLASSES))
    return None


def _is_dataset(folder: Path) -> bool:
    return all((folder / part / name).is_dir() for part in (TRAINING, VALIDATION) for name in CLASSES)


def _download() -> Path:
    """Kaggle's dataset from kagglehub: about 1 GB the first time, from its cache afterwards."""
    where = f"https://www.kaggle.com/datasets/{KAGGLE_DATASET}"
    advice = f"on Kaggle attach it or switch the internet on, elsewhere give its folder or get it from {where}"
    try:
        return download(KAGGLE_DATASET)
    except ImportError as error:
        raise FileNotFoundError(f"No dataset found, and no kagglehub to download it: {advice}.") from error
    except Exception as error:  # kagglehub's errors have no base class of their own
        raise FileNotFoundError(f"No dataset found, and its download failed ({error}): {advice}.") from error
