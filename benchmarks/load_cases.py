"""Files to load the page with: portraits, groups and bad ones, each with what the shell answers for it."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from maskedgender.data.portraits import PortraitStore
from maskedgender.networks.classifier import Classifier
from maskedgender.page.app import EXAMPLES
from maskedgender.prediction.answers import NO_FACE, csv_rows

CLOSE = 1e-4  # in a probability: a batch of another size adds up in another order


@dataclass(frozen=True)
class Case:
    """A file as bytes, with the rows that the shell's CSV has for it."""

    name: str
    content: bytes
    rows: list[dict[str, Any]]

    @property
    def is_bad(self) -> bool:
        """Whether it is a file that cannot be read."""
        return self.rows[0]["error"] not in ("", NO_FACE)

    def why_wrong(self, told: Mapping[str, Any]) -> str | None:
        """What differs between the shell's answer and the page's; None if nothing does."""
        error, faces = self.rows[0]["error"], told.get("faces", [])
        if error:
            said = "No face found" in told.get("notice", "") if error == NO_FACE else told.get("error") == error
            return None if said and not faces else f"{self.name}: not told that {error}"
        expected = [(row["answer"], row["p_female"]) for row in self.rows]
        got = [(face["answer"], face["p_female"]) for face in faces]
        same = len(got) == len(expected) and all(
            answer == wanted and abs(p - p_wanted) < CLOSE
            for (answer, p), (wanted, p_wanted) in zip(got, expected, strict=True)
        )
        return None if same else f"{self.name}: {got or told.get('error')}, not {expected}"


def cases(model: Classifier, fairface: Path, portraits: int) -> list[Case]:
    """Good and bad files; of FairFace's training part as many as are asked for, where it is there."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            _case(model, Path(folder) / name, content)
            for name, content in (*_examples(), *_fairface(fairface, portraits), *_bad())
        ]


def _case(model: Classifier, path: Path, content: bytes) -> Case:
    path.write_bytes(content)
    return Case(path.name, content, csv_rows(model, path))


def _examples() -> Iterator[tuple[str, bytes]]:
    for path in sorted(EXAMPLES.glob("*.jpg")):
        yield path.name, path.read_bytes()


def _fairface(folder: Path, portraits: int) -> Iterator[tuple[str, bytes]]:
    """Portraits, and every four of them as a group photo."""
    if not folder.is_dir():
        return
    store = PortraitStore(folder)
    files = pd.read_csv(folder / "train_labels.csv", dtype=str)["file"][:portraits]
    pictures = [picture for picture in map(store.read, files) if picture is not None]
    for number, picture in enumerate(pictures):
        yield f"portrait{number}.jpg", _encoded(picture, "JPEG")
    for first in range(0, len(pictures) - 3, 4):
        yield f"group{first}.png", _encoded(np.hstack(pictures[first : first + 4]), "PNG")


def _bad() -> Iterator[tuple[str, bytes]]:
    whole = _encoded(np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8), "JPEG")
    yield "noise.jpg", whole
    yield "cut.jpg", whole[: len(whole) // 10]
    yield "text.jpg", b"This is no photo."
    yield "script.svg.png", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def _encoded(picture: np.ndarray, kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind)
    return file.getvalue()
