"""The dataset folder that is being made, GenderOcclusionData/{Training,Validation}/{female,male}/*.jpg.

Its settings, its tables, which portraits are done, and which out of date.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

import pandas as pd

from ..files import written_whole
from .pictures import CLASSES
from .portraits import FOLDERS, Portrait, PortraitsError

FOLDER = "GenderOcclusionData"
LABELS_FILE, LEFT_OUT_FILE = "labels.csv", "left-out.csv"
LABEL_COLUMNS = ["file", "source", "gender", "age", "race", "style"]
LEFT_OUT_COLUMNS = ["source", "reason"]
LONGEST_NAME = 255  # bytes, of a file, in most file systems


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
    name = f"{'-'.join(parts[1:] or parts)}-{number}.jpg"
    if len(name.encode()) > LONGEST_NAME:
        name = f"{hashlib.sha256(portrait.file.encode()).hexdigest()[:16]}-{number}.jpg"
    return f"{FOLDERS[portrait.part]}/{portrait.gender}/{name}"


def open_folder(dataset: Path, settings: Settings, listed: Mapping[str, Portrait], update: bool) -> set[str]:
    """Makes the folder, or checks that it was made with the same settings and labels; the files that are done already.

    `listed` is all that the labels name, by file, however few are asked for. With `update`, what other labels have made
    is removed or described anew. PortraitsError where the settings were others or, without it, the labels.
    """
    for part in FOLDERS.values():
        for gender in CLASSES:
            (dataset / part / gender).mkdir(parents=True, exist_ok=True)
    made_with, text = dataset / "settings.json", json.dumps(asdict(settings), indent=1)
    if not made_with.exists():
        with written_whole(made_with) as partial:
            partial.write_text(text)
    elif made_with.read_text() != text:
        raise PortraitsError(f"{dataset} was made with other settings ({made_with}); choose another --out folder.")
    images = _table(dataset / LABELS_FILE, LABEL_COLUMNS)
    left_out = _table(dataset / LEFT_OUT_FILE, LEFT_OUT_COLUMNS)
    wanted = [
        (image_name(one, number), one.file, one.gender, one.age, one.race)
        for one in listed.values()
        for number in range(settings.variants)
    ]
    # The rows of images that would be made today, with what the labels say now of age and race.
    right = images[["file", "source", "style"]].merge(pd.DataFrame(wanted, columns=LABEL_COLUMNS[:5]))[LABEL_COLUMNS]
    known = left_out[left_out["source"].isin(listed)]
    same = images.merge(right)["source"]
    others = sorted({*images["source"], *left_out["source"]} - {*same, *known["source"]})
    if others and not update:
        raise PortraitsError(
            f"{dataset} was made from other labels: {len(others):,} of its portraits, such as {others[0]}, are not "
            "listed or are described in another way; bring it up to date by --update, give the labels that it was made "
            "from, or choose another --out folder."
        )
    there = right[right["file"].map(lambda file: (dataset / file).is_file()).astype(bool)]
    whole = there[there.groupby("source")["source"].transform("size") == settings.variants]
    # Of an image without a row, as a stop leaves it, the label may have been put right since.
    names = {Path(file).name for file, *_ in wanted}
    written = {*dataset.rglob("partial-*"), *(path for path in dataset.rglob("*.jpg") if path.name in names)}
    without_row = written - {dataset / file for file in images["file"]}
    for path in without_row | {dataset / file for file in set(images["file"]) - set(whole["file"])}:
        path.unlink(missing_ok=True)  # before its row goes: a kill must leave no image without a row
    for name, table in ((LABELS_FILE, whole), (LEFT_OUT_FILE, known)):
        with written_whole(dataset / name) as partial:
            table.to_csv(partial, index=False, lineterminator="\n")
    return {*whole["source"], *known["source"]}


def _table(path: Path, columns: list[str]) -> pd.DataFrame:
    """The table at `path`, empty if it is not there, without a last line that a killed run left half written."""
    content = path.read_bytes() if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1] or ",".join(columns).encode()
    return pd.read_csv(BytesIO(whole), dtype=str, keep_default_na=False)
