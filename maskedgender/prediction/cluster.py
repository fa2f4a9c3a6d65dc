"""Answers for an archive of photos by Ray, on one machine or on many: rows as Parquet files, each whole or absent.

Photos are divided into parts. An actor, which loads the model once, answers a part and writes its file, whose name
follows from the photos in it: a part that is done again, because a machine died, is the same file again. So every
photo is there exactly once, whatever ends, and a run goes on with what no file holds.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from ..files import written_whole
from ..images.buckets import is_address
from ..networks.model_files import load_model
from ..places import how_to_get
from .answers import COLUMNS, is_unread
from .many_photos import Row, find, place, rows_of_found

if TYPE_CHECKING:
    import pyarrow

PHOTOS_A_PART = 100
# Of a part, when what answers it dies. A machine's end alone takes several; more are the fault of a photo.
RETRIES = 10
TEXTS, COUNTS = ("file", "answer", "error"), ("face",)
MODEL = b"model"  # in a part's metadata: which one answered


@dataclass(frozen=True)
class GivenModel:
    """A model file as it travels to other machines.

    Attributes:
        name: of the file.
        files: the contents, by name, of it and of the record beside it.
        scale, classes: as `load_model` takes them.
    """

    name: str
    files: Mapping[str, bytes]
    scale: str | None = None
    classes: str | None = None

    @property
    def mark(self) -> str:
        """What tells its answers from another's."""
        return hashlib.sha256(repr((sorted(self.files.items()), self.scale, self.classes)).encode()).hexdigest()


def given_model(path: Path, scale: str | None = None, classes: str | None = None) -> GivenModel:
    """What `load_model` would read, to be sent; it is not checked here."""
    beside = [path, path.with_suffix(".json")]
    return GivenModel(path.name, {one.name: one.read_bytes() for one in beside if one.is_file()}, scale, classes)


class Answerer:
    """One worker: it loads the model once, and answers parts as they come."""

    def __init__(self, model: GivenModel, out: str, folder: str) -> None:
        """`out` is where parts are written, `folder` from where relative paths of photos count."""
        cv2.setNumThreads(0)  # none besides: the workers share the cores (of 1, macOS would make all)
        if Path(folder).is_dir():
            os.chdir(folder)
        self.out, self.mark = out, model.mark
        with tempfile.TemporaryDirectory() as here:
            for name, content in model.files.items():
                (Path(here) / name).write_bytes(content)
            self.model = load_model(Path(here) / model.name, model.scale, model.classes)

    def __call__(self, parts: dict[str, np.ndarray]) -> dict[str, list[int]]:
        """Of each part, given as its photos' names in JSON: how many there are, and how many could not be read."""
        rows = [self._written(json.loads(text)) for text in parts["photos"]]
        return {
            "photos": [len(of_part) for of_part in rows],
            "unread": [sum(is_unread(of_photo[0]) for of_photo in of_part) for of_part in rows],
        }

    def _written(self, photos: list[str]) -> list[list[Row]]:
        of_photos = list(rows_of_found(self.model, (find(photo, self.model.size) for photo in photos)))
        write_part([row for rows in of_photos for row in rows], self.out, part_name(photos), self.mark)
        return of_photos


def in_parts(photos: Sequence[str]) -> list[Sequence[str]]:
    """The photos, PHOTOS_A_PART by PHOTOS_A_PART."""
    return [photos[start : start + PHOTOS_A_PART] for start in range(0, len(photos), PHOTOS_A_PART)]


def answer_on_cluster(
    photos: Sequence[str], model: GivenModel, out: str, workers: int | None = None
) -> Iterator[tuple[int, int]]:
    """Have Ray answer for photos; of each part, as it is done, how many photos it holds, and how many were not read.

    A cluster that the process is connected to, or that RAY_ADDRESS names, is used; else this machine is one.

    Args:
        out: the folder for the parts, a path or an address that fsspec knows.
        workers: at most so many at once, each on a core; one a core of the cluster without.

    Raises:
        ValueError: ray is not installed.
        ChildProcessError: what answers a part cannot, or dies again and again.
    """
    ray = _ray()
    items = [{"photos": json.dumps(part)} for part in in_parts(photos)]
    cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
    most = min(len(items), workers or cores, cores)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # Ray has no other name for retries yet
        answered = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
            Answerer,
            fn_constructor_args=(model, out, str(Path.cwd())),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(min_size=1, initial_size=most, max_size=most),
            num_cpus=1,
            max_task_retries=RETRIES,
        )
    try:
        for done in answered.iter_rows():
            yield done["photos"], done["unread"]
    except ray.exceptions.RayError as error:
        raise ChildProcessError(f"{_what_happened(error)}; what is answered is kept: go on by --resume.") from error


def _what_happened(error: Exception) -> str:
    """Of a worker, by Ray's account: the error that was raised first, if any was, stands below its own traceback."""
    if raised := re.search(r"^(?:\w+\.)*(\w*(?:Error|Exception): .*)", str(error), re.MULTILINE):
        return f"A worker failed ({raised[1]})"
    return f"A worker ended again and again ({type(error).__name__})"


def part_name(photos: Sequence[str]) -> str:
    """The name of the file of these photos' rows."""
    names = "\n".join(photos).encode("utf-8", "surrogateescape")
    return f"part-{hashlib.sha256(names).hexdigest()[:16]}.parquet"


def write_part(rows: Sequence[Row], out: str, name: str, mark: str) -> None:
    """Write rows, under COLUMNS, into a Parquet file; it is complete or absent."""
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pylist([_typed(row) for row in rows], schema().with_metadata({MODEL: mark}))
    content = io.BytesIO()
    pyarrow.parquet.write_table(table, content)
    if is_address(out):
        import fsspec.core

        system, root = fsspec.core.url_to_fs(out)
        system.pipe_file(f"{root.rstrip('/')}/{name}", content.getvalue())  # an object is whole, or is not there
        return
    with written_whole(Path(out) / name) as partial:
        partial.write_bytes(content.getvalue())


def schema() -> pyarrow.Schema:
    """The columns of a part: those of the CSV, with numbers as numbers; a number that there is not is null."""
    import pyarrow

    kinds = dict.fromkeys(COLUMNS, pyarrow.float64()) | dict.fromkeys(TEXTS, pyarrow.string())
    return pyarrow.schema(list((kinds | dict.fromkeys(COUNTS, pyarrow.int32())).items()))


def answered_before(out: str, model: GivenModel) -> dict[str, bool]:
    """The photos that the parts in a folder hold, as the column file names them, and whether each could not be read.

    Raises:
        ValueError: parts come from another model.
    """
    import fsspec.core
    import pyarrow.parquet

    system, root = fsspec.core.url_to_fs(out)
    unread: dict[str, bool] = {}
    for path in _parts(system, root):
        with system.open(path, "rb") as file:
            table = pyarrow.parquet.read_table(file)
        if (table.schema.metadata or {}).get(MODEL) != model.mark.encode():
            raise ValueError(f"The rows in {out} come from another model; name that one, or another folder.")
        for row in table.select(["file", "error"]).to_pylist():
            unread.setdefault(row["file"], is_unread(row))
    return unread


def is_empty(out: str) -> bool:
    """Whether no part lies in a folder, which need not be there."""
    import fsspec.core

    system, root = fsspec.core.url_to_fs(out)
    return not _parts(system, root)


def _parts(system: Any, root: str) -> list[str]:
    """The paths of the parts in a folder, whose name may hold what would be a pattern to `glob`."""
    names = system.ls(root, detail=False) if system.isdir(root) else []
    return sorted(name for name in names if fnmatch(name.rpartition("/")[2], "part-*.parquet"))


def require_ray() -> None:
    """Raise ValueError where ray, or what it needs here, is not installed."""
    try:
        import fsspec.core  # noqa: F401
        import pyarrow.parquet  # noqa: F401
        import ray.data  # noqa: F401
    except ImportError as error:
        raise ValueError(
            f"--engine ray needs the package {error.name}: {how_to_get('ray')} brings what it needs."
        ) from error


def left(photos: Sequence[str], before: Mapping[str, bool]) -> list[str]:
    """The photos that no part holds yet, however they were named before.

    Raises:
        ValueError: the parts hold other photos only.
    """
    done = {place(name) for name in before}
    rest = [photo for photo in photos if place(photo) not in done]
    if before and len(rest) == len(photos):
        raise ValueError("The rows that are there are of other photos; go on where they were begun, or name others.")
    return rest


def _typed(row: Row) -> dict[str, Any]:
    return {name: value if name in TEXTS or value != "" else None for name, value in row.items()}


def _ray() -> Any:
    """Ray, connected and quiet; it is kept from telling its maker of each start."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    require_ray()
    import ray

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # one sentence is made of what goes wrong
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray
