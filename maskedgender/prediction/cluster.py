"""Answers for an archive of photos by Ray, on one machine or on many: rows as Parquet files, each whole or absent.

Photos are divided into parts. An actor, which loads the model once, answers a part and writes its file, whose name
follows from the photos in it: a part that is done again, because a machine died, is the same file again. So every
photo is there exactly once, whatever ends, and a run goes on with what no file holds.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import socket
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import fsspec.core
import pyarrow
import pyarrow.parquet
import ray.data

from ..files import written_whole
from ..images.buckets import is_address, shown
from ..networks.model_files import load_model
from .answers import COLUMNS, Row, is_unread
from .many_photos import place, rows_of_photos

PHOTOS_A_PART = 100
# Of a part, when what answers it dies. A machine's end alone takes several; more are the fault of a photo.
RETRIES = 10
MODEL = b"model"  # in a part's metadata: which one answered
ANSWERS_WITHIN = 10.0  # seconds, in which a cluster's machine answers a connection
# HTTP/2's first bytes, with no settings: Ray speaks gRPC, and answers with settings of its own.
PREFACE, SETTINGS = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)), b"\x04"


class GivenModel:
    """A model file as it travels to other machines; `scale` and `classes` as `load_model` takes them."""

    def __init__(self, path: Path, scale: str | None = None, classes: str | None = None) -> None:
        beside = [path, path.with_suffix(".json")]
        self.files = {one.name: one.read_bytes() for one in beside if one.is_file()}
        self.name, self.scale, self.classes = path.name, scale, classes
        content = repr((sorted(self.files.items()), scale, classes))
        self.mark = hashlib.sha256(content.encode()).hexdigest().encode()  # which tells its answers from another's


class Answerer:
    """One worker: it loads the model once, and answers parts; relative paths of photos count from `folder`."""

    def __init__(self, model: GivenModel, out: str, folder: str) -> None:
        cv2.setNumThreads(0)  # none besides: the workers share the cores (of 1, macOS would make all)
        if Path(folder).is_dir():
            os.chdir(folder)
        self.out, self.mark = out, model.mark
        with tempfile.TemporaryDirectory() as here:
            for name, content in model.files.items():
                (Path(here) / name).write_bytes(content)
            self.model = load_model(Path(here) / model.name, model.scale, model.classes)

    def __call__(self, part: dict[str, str]) -> dict[str, int]:
        """Of a part, given as its photos' names in JSON: how many there are, and how many could not be read."""
        photos = json.loads(part["photos"])
        rows = list(rows_of_photos(self.model, photos, processes=1))
        write_part([row for of_photo in rows for row in of_photo], self.out, part_name(photos), self.mark)
        return {"photos": len(photos), "unread": sum(is_unread(of_photo[0]) for of_photo in rows)}


def answer_on_cluster(
    photos: Sequence[str], model: GivenModel, out: str, workers: int | None = None
) -> Iterator[tuple[int, int]]:
    """Have Ray answer for photos; of each part, as it is done, how many photos it holds, and how many were not read.

    A cluster that the process is connected to, or that RAY_ADDRESS names, is used; else this machine is one.

    Args:
        out: the folder for the parts, a path or an address that fsspec knows.
        workers: at most so many at once, each on a core; one a core of the cluster without.

    Raises:
        ValueError: none answers at RAY_ADDRESS.
        ChildProcessError: what answers a part cannot, or dies again and again.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it is kept from telling its maker of each start
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # one sentence is made of what goes wrong
    if not ray.is_initialized():
        _require_answer(os.environ.get("RAY_ADDRESS", ""))
        ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
    ray.data.DataContext.get_current().enable_progress_bars = False
    starts = range(0, len(photos), PHOTOS_A_PART)
    items = [{"photos": json.dumps(photos[start : start + PHOTOS_A_PART])} for start in starts]
    cores = max(1, int(ray.cluster_resources().get("CPU", 1)))
    most = min(len(items), workers or cores, cores)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # Ray has no other name for retries yet
        answered = ray.data.from_items(items, override_num_blocks=len(items)).map(
            Answerer,  # type: ignore[arg-type]  # Ray's types know functions alone here, its documents classes, too
            fn_constructor_args=(model, out, str(Path.cwd())),
            compute=ray.data.ActorPoolStrategy(min_size=1, initial_size=most, max_size=most),
            num_cpus=1,
            max_task_retries=RETRIES,
        )
    try:
        for done in answered.iter_rows():
            yield done["photos"], done["unread"]
    except ray.exceptions.RayError as error:
        # By Ray's account: ours are in the order in which they were raised, the last being what we say.
        raised = re.findall(r"^(?!ray\.)(?:\w+\.)*(\w*(?:Error|Exception): .*)", str(error), re.MULTILINE)
        what = f"failed ({raised[-1]})" if raised else f"ended again and again ({type(error).__name__})"
        raise ChildProcessError(f"A worker {what}; what is answered is kept: go on by --resume.") from error


def part_name(photos: Sequence[str]) -> str:
    """The name of the file of these photos' rows."""
    names = "\n".join(photos).encode("utf-8", "surrogateescape")
    return f"part-{hashlib.sha256(names).hexdigest()[:16]}.parquet"


def write_part(rows: Sequence[Row], out: str, name: str, mark: bytes) -> None:
    """Write rows into a Parquet file, numbers as numbers, or null where there is none; it is complete or absent."""
    kinds = dict.fromkeys(COLUMNS, pyarrow.float64()) | dict.fromkeys(("file", "answer", "error"), pyarrow.string())
    schema = pyarrow.schema(list((kinds | {"face": pyarrow.int32()}).items()), {MODEL: mark})
    content = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows), schema), content)
    if is_address(out):
        system, root = fsspec.core.url_to_fs(out)
        system.pipe_file(f"{root.rstrip('/')}/{name}", content.getvalue().to_pybytes())  # whole, or not there
    else:
        with written_whole(Path(out) / name) as partial:
            partial.write_bytes(content.getvalue())


def answered_before(out: str, model: GivenModel) -> dict[str, bool]:
    """Of each photo in a folder's parts, by its `place`, whether it could not be read.

    ValueError where a part is damaged, or comes from another model.
    """
    system, root = fsspec.core.url_to_fs(out)
    paths = system.ls(root, detail=False) if system.isdir(root) else []  # not `glob`: the folder's name is no pattern
    unread: dict[str, bool] = {}
    for path in sorted(paths):
        name = path.rpartition("/")[2]
        if not (name.startswith("part-") and name.endswith(".parquet")):
            continue
        try:
            with system.open(path, "rb") as file:
                table = pyarrow.parquet.read_table(file)
            rows = table.select(["file", "error"]).to_pylist()
        except (OSError, ValueError, KeyError) as error:
            raise ValueError(
                f"{name} in {shown(out)} is cut off, or no part of ours; delete it, and go on by --resume."
            ) from error
        if (table.schema.metadata or {}).get(MODEL) != model.mark:
            raise ValueError(f"The rows in {shown(out)} come from another model; name that one, or another folder.")
        for row in rows:
            unread.setdefault(place(row["file"]), is_unread(row))
    return unread


def _require_answer(address: str) -> None:
    """Raise ValueError where no Ray answers at RAY_ADDRESS: Ray itself would try for a quarter of an hour."""
    if not (named := re.fullmatch(r"(?:ray://)?\[?([^/]+?)\]?:(\d+)", address)):
        return
    try:
        with socket.create_connection((named[1], int(named[2])), ANSWERS_WITHIN) as connection:
            connection.sendall(PREFACE)
            if connection.recv(9)[3:4] != SETTINGS and not os.environ.get("RAY_USE_TLS"):
                raise ConnectionError("something else listens there")
    except (OSError, OverflowError) as error:
        raise ValueError(
            f"No Ray answers at {address}, which RAY_ADDRESS names ({error}); start Ray there, or unset RAY_ADDRESS."
        ) from error
