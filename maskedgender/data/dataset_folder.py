"""The dataset folder that is being made: its settings, its tables, what is done, and what is no longer right."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
from filelock import FileLock, Timeout

from ..files import written_whole
from .layout import CLASSES, FOLDERS, LABELS_FILE
from .portraits import Portrait, PortraitsError

LEFT_OUT_FILE = "left-out.csv"
LOCK_FILE = "in-use.lock"  # the system unlocks it when a run ends, killed or not; the file stays
LABEL_COLUMNS = ["file", "source", "gender", "age", "race", "style"]
LEFT_OUT_COLUMNS = ["source", "reason"]
FROM_LABELS = ["gender", "age", "race"]  # the columns that repeat what the labels say of a portrait


@dataclass(frozen=True)
class Settings:
    """What decides the content of a dataset folder; a run can only go on with the same."""

    variants: int
    unmasked: float
    seed: int
    styles: tuple[str, ...]


def image_name(portrait: Portrait, number: int) -> str:
    """Where a variant of a portrait lies in the dataset folder."""
    parts = Path(portrait.file).with_suffix("").parts
    return f"{FOLDERS[portrait.part]}/{portrait.gender}/{'-'.join(parts[1:] or parts)}-{number}.jpg"


@contextmanager
def alone_in(dataset: Path) -> Iterator[None]:
    """Only one run at a time works in a folder: two would write each portrait's rows twice.

    Raises:
        PortraitsError: another run is at work there.
    """
    dataset.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(dataset / LOCK_FILE, timeout=0):
            yield
    except Timeout as error:
        raise PortraitsError(
            f"Another run is at work in {dataset}: wait until it has ended, or choose another --out folder."
        ) from error


def open_folder(dataset: Path, settings: Settings, listed: Mapping[str, Portrait], update: bool) -> set[str]:
    """Makes the folder, or checks that it was made with the same settings and labels; the files that are done already.

    Args:
        listed: all that the labels name, by file, however few of it are asked for.
        update: what other labels have made is removed or written anew, rather than refused.
    """
    for part in FOLDERS.values():
        for gender in CLASSES:
            (dataset / part / gender).mkdir(parents=True, exist_ok=True)
    _require_settings(dataset, settings)
    images = _open_table(dataset / LABELS_FILE, LABEL_COLUMNS)
    left_out = _open_table(dataset / LEFT_OUT_FILE, LEFT_OUT_COLUMNS)
    written = {dataset / file for file in images["file"]}
    for stray in set(dataset.rglob("partial-*")) - written:  # of a run that was killed
        stray.unlink(missing_ok=True)
    kept, right = _put_right(images, listed), left_out[left_out["source"].isin(listed)]
    if not update:
        _require_same_labels(dataset, images, left_out, kept, right)
    for file in sorted(set(images["file"]) - set(kept["file"])):  # before its row goes: a kill must leave no orphan
        (dataset / file).unlink(missing_ok=True)
    count = kept.groupby("source")["source"].transform("size")
    kept = kept[count == settings.variants]  # fewer where a run was killed between the rows of one portrait
    _keep(images, kept, dataset / LABELS_FILE)
    _keep(left_out, right, dataset / LEFT_OUT_FILE)
    return set(kept["source"]) | set(right["source"])


def write_whole(path: Path, content: bytes, synced: bool = True) -> None:
    """The content, whole or not at all; see `written_whole`."""
    with written_whole(path, synced) as partial:
        partial.write_bytes(content)


def _require_settings(dataset: Path, settings: Settings) -> None:
    settings_file = dataset / "settings.json"
    text = json.dumps(asdict(settings), indent=1)
    if not settings_file.exists():
        write_whole(settings_file, text.encode())
    elif settings_file.read_text() != text:
        raise PortraitsError(f"{dataset} was made with other settings ({settings_file}); choose another --out folder.")


def _open_table(path: Path, columns: list[str]) -> pd.DataFrame:
    """The table at `path`, begun if it is not there, without a last line that a killed run left half written."""
    if not path.exists():
        path.write_text(",".join(columns) + "\n", encoding="utf-8")
    content = path.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        path.write_bytes(whole)
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _put_right(images: pd.DataFrame, listed: Mapping[str, Portrait]) -> pd.DataFrame:
    """The rows of portraits that are listed and bear the same label still, with what is said of their age and race."""
    now = pd.DataFrame([asdict(portrait) for portrait in listed.values()]).set_index("file")
    same = now["gender"].reindex(images["source"]).to_numpy() == images["gender"].to_numpy()
    kept = images[same].copy()
    kept[FROM_LABELS] = now.loc[kept["source"], FROM_LABELS].to_numpy()
    return kept


def _require_same_labels(
    dataset: Path, images: pd.DataFrame, left_out: pd.DataFrame, kept: pd.DataFrame, right: pd.DataFrame
) -> None:
    """PortraitsError where the folder holds a portrait that the labels do not list, or describe in another way."""
    same = images.merge(kept)["source"]
    others = sorted({*images["source"], *left_out["source"]} - {*same, *right["source"]})
    if others:
        raise PortraitsError(
            f"{dataset} was made from other labels: {len(others):,} of its portraits, such as {others[0]}, are not "
            "listed or are described in another way; bring it up to date by --update, give the labels that it was made "
            "from, or choose another --out folder."
        )


def _keep(rows: pd.DataFrame, kept: pd.DataFrame, path: Path) -> None:
    """Leave only these of the rows in the file, which is complete or unchanged."""
    if not kept.equals(rows):
        write_whole(path, kept.to_csv(index=False, lineterminator="\n").encode())
