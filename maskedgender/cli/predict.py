"""What `maskedgender predict` does: which photos are meant, and their answers in words, to a CSV file, or by Ray."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer
from tqdm import tqdm

from ..faces.yunet import prepare
from ..files import written_whole
from ..images.buckets import is_address, pictures_at, shown
from ..images.folders import SUFFIXES, scan
from ..networks.classifier import Classifier
from ..networks.model_files import caution, load_model, require_there
from ..prediction import many_photos
from ..prediction.answers import Row, is_unread, per_cent, write_csv
from ..prediction.many_photos import Cells, Photo, place, require_one_name_each, rows_of_photos
from ..words import counted


def lines(listed: Path) -> list[str]:
    """The names in a text file, one a line: UTF-8, or UTF-16 as PowerShell writes it; ValueError if it is neither."""
    content = listed.read_bytes()
    encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = content.decode(encoding).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(f"{listed} is no list of photos but another kind of file; give text, names.") from error
    return [line for line in text.split("\n") if line.strip()]  # a name may hold what splitlines takes for an end


def require_photos_there(paths: Sequence[str]) -> None:
    """Raise ValueError for the first path at which there is nothing; addresses are not asked."""
    for path in paths:
        if not is_address(path) and not os.path.exists(path):  # noqa: PTH110 (Path.exists raises on a long name)
            raise ValueError(f"There is no photo or folder at {path}; check its name.")


def photos_of(names: Sequence[str]) -> tuple[list[Photo], int]:
    """Files as they are named, so that a wrong name is reported; of folders, at any depth, what is named as a photo.

    Also how many other files lie in these folders. ValueError where there are no photos.
    """
    if not names:
        raise ValueError("Name a photo or a folder.")
    photos: list[Photo] = []
    passed_over = 0
    for name in names:
        pictures: Sequence[Photo] = [Path(name)]
        others = 0
        if is_address(name):
            pictures, others = pictures_at(name)
        elif os.path.isdir(name):  # noqa: PTH112 (Path.is_dir raises on a name that is too long)
            pictures, others, closed = scan(Path(name))
            for folder in closed:
                typer.echo(f"Skipped: {folder}, a folder that may not be opened.", err=True)
        photos += pictures
        passed_over += others
    if not any(is_address(photo) or os.path.exists(photo) for photo in photos):  # noqa: PTH110 (as above)
        require_photos_there(names)  # at once: a model would take seconds to load
    if not photos:
        raise ValueError(f"No photos in {', '.join(map(shown, names))}: looked for {' '.join(sorted(SUFFIXES))}.")
    return list(dict.fromkeys(photos)), passed_over


def predict(
    photos: Sequence[Photo],
    model_path: Path,
    csv: Path | None,
    resume: bool = False,
    processes: int | None = None,
    scale: str | None = None,
    classes: str | None = None,
) -> int:
    """Answer for every photo, to the CSV file or in words; returns how many could not be read."""
    kept = _rows_kept(csv, resume, photos)
    prepare()
    model = _opened(model_path, scale, classes)
    if csv and kept:
        many_photos.require_same_model(model, kept, csv, photos)
        with written_whole(csv.resolve()) as partial:
            write_csv(kept, partial)
    before = {place(row["file"]) for row in kept}
    rest = [photo for photo in photos if place(photo) not in before]
    unread = 0

    def rows() -> Iterator[Row]:
        nonlocal unread
        answered, quiet = rows_of_photos(model, rest, processes), len(photos) == 1 or None  # None: where nobody watches
        for of_photo in tqdm(answered, unit="photo", total=len(photos), initial=len(photos) - len(rest), disable=quiet):
            unread += is_unread(of_photo[0])
            yield from of_photo

    if csv:
        write_csv(rows(), csv, append=bool(kept))
        _tell(csv, photos, unread)
    else:
        for row in rows():
            typer.echo(in_words(row, model.not_sure_below))
    return unread


def predict_by_ray(
    photos: Sequence[Photo],
    model_path: Path,
    out: str,
    resume: bool = False,
    workers: int | None = None,
    scale: str | None = None,
    classes: str | None = None,
) -> int:
    """Answer for every photo, into Parquet files in the folder `out`; returns how many could not be read."""
    from ..prediction.cluster import GivenModel, answer_on_cluster, answered_before  # late: with Ray, which few have

    require_there(model_path)
    model = GivenModel(model_path, scale, classes)
    before = answered_before(out, model)
    if before and not resume:
        raise ValueError(f"There are rows in {shown(out)} already; go on by --resume, or name another folder.")
    require_one_name_each(photos)
    _opened(model_path, scale, classes)  # before machines wait for it
    rest = [str(photo) for photo in photos if place(photo) not in before]
    if before and len(rest) == len(photos):
        raise ValueError("The rows that are there are of other photos; go on where they were begun, or name others.")
    unread = sum(before.get(place(photo), False) for photo in photos)
    with tqdm(unit="photo", total=len(photos), initial=len(photos) - len(rest), disable=None) as progress:
        for answered, not_read in answer_on_cluster(rest, model, out, workers) if rest else ():
            unread += not_read
            progress.update(answered)
    _tell(shown(out), photos, unread)
    return unread


def in_words(row: Row, not_sure_below: float | None) -> str:
    """A row of the CSV as a line: "group.jpg, face 2: not sure (female 61 %, male 39 %, mask 98 %)"."""
    if row["error"]:
        said, name = str(row["error"]).removeprefix("./"), Path(str(row["file"])).name
        rest = said.removeprefix(f"{name} ")  # most sentences begin with the photo's name
        return f"{row['file']}: {said}" if rest == said else f"{row['file']} {rest}"
    shares = [
        f"{name} {per_cent(float(str(row[f'p_{name}'])), threshold)}"
        for name, threshold in (("female", not_sure_below), ("male", not_sure_below), ("mask", None))
        if row[f"p_{name}"] is not None
    ]
    return f"{row['file']}, face {row['face']}: {row['answer']} ({', '.join(shares)})"


def _rows_kept(csv: Path | None, resume: bool, photos: Sequence[Photo]) -> list[Cells]:
    """What an earlier run has written and this one goes on with; an earlier run's work is not written over."""
    if csv is None:
        if resume:
            raise ValueError("--resume goes on with a CSV file: name it with --csv.")
        return []
    if not csv.parent.is_dir():
        raise ValueError(f"There is no folder {csv.parent} for {csv.name}; make it, or name another place.")
    if not csv.is_file() or csv.stat().st_size == 0:
        return []
    if not resume:
        raise ValueError(f"{csv} is there already; go on with it by --resume, delete it, or name another file.")
    require_one_name_each(photos)
    return many_photos.rows_to_keep(csv, photos)


def _opened(path: Path, scale: str | None, classes: str | None) -> Classifier:
    """The model, with what there is to say of its file said."""
    model = load_model(path, scale, classes)
    for sentence in filter(None, (caution(path), *model.notes)):
        typer.echo(sentence, err=True)
    return model


def _tell(where: Path | str, photos: Sequence[Photo], unread: int) -> None:
    typer.echo(f"{where}: {counted(len(photos), 'photo')}, {unread:,} of them could not be read")
