"""The two kinds of files that Keras keeps a model in: which one lies there, and which Keras has made it."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUFFIXES = (".keras", ".h5", ".hdf5")
_HDF5 = b"\x89HDF\r\n\x1a\n"


def is_keras_file(path: Path) -> bool:
    """Whether a file is called and begins like one that Keras has written: a zip, or, of Keras 1 and 2, HDF5."""
    return path.suffix in SUFFIXES and path.is_file() and (zipfile.is_zipfile(path) or is_hdf5(path))


def is_hdf5(path: Path) -> bool:
    """Whether a file is HDF5, whatever it is called: up to TensorFlow 2.12, files named .keras were that, too."""
    with path.open("rb") as file:
        return file.read(len(_HDF5)) == _HDF5


@contextmanager
def named_for_keras(path: Path) -> Iterator[Path]:
    """The file under a name from which Keras sees its kind."""
    wanted = (".h5", ".hdf5") if is_hdf5(path) else (".keras",)
    if path.suffix in wanted:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(shutil.copy(path, Path(folder) / f"model{wanted[0]}"))


def made_by(path: Path) -> str:
    """The version of Keras that has made a zip, such as "2.15.0"; empty where the file does not tell."""
    try:
        with zipfile.ZipFile(path) as content:
            version = json.loads(content.read("metadata.json"))["keras_version"]
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile):
        return ""
    return str(version)


def is_older(path: Path) -> bool:
    """Whether Keras 1 or 2 has made a file."""
    return is_hdf5(path) or made_by(path).startswith("2.")


def why_not_read(path: Path, ours: str) -> str:
    """Why Keras, of the version `ours`, may not read a file: the rest of a sentence that begins with its path."""
    version = made_by(path)
    if is_older(path):
        maker = f"Keras {version}" if version else "Keras 1 or 2"
        return (
            f"was made by {maker}, and this Keras cannot read it; convert it with `pip install tf-keras` and "
            f"`import tf_keras; tf_keras.models.load_model({path.name!r}).save('converted.h5')`, and give converted.h5."
        )
    if version and _numbers(version) > _numbers(ours):
        return f"was made by Keras {version}, and cannot be read by {ours}, which is installed; update Keras."
    return "cannot be read as a Keras model; it may be damaged: copy it again."


def _numbers(version: str) -> tuple[int, ...]:
    """Such as (3, 15, 1), to compare."""
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
