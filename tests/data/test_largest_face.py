"""Where a portrait shows more than one face, the largest is the one that is masked and cut out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskedgender.data import make_dataset
from maskedgender.data.dataset_folder import Settings
from maskedgender.data.portraits import Portrait, PortraitStore
from maskedgender.faces.detector import Face

from ..support.people import collins, hopper


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_largest_face_is_taken_on_whichever_side_it_is(
    side: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = np.full((480, 720, 3), 128, np.uint8)
    photo[:420, :420] = hopper()[:420, :420]
    photo[240:440, 480:680] = np.asarray(Image.fromarray(collins()[:420, :420]).resize((200, 200)))
    (tmp_path / "train").mkdir()
    Image.fromarray(np.ascontiguousarray(photo[:, :: 1 if side == "left" else -1])).save(tmp_path / "train" / "1.png")
    taken: list[float] = []

    def variant(picture: np.ndarray, face: Face, *_: object) -> tuple[np.ndarray, str]:
        taken.append((face.box[0] + face.box[2] / 2) / picture.shape[1])
        return np.zeros((256, 256, 3), np.uint8), "none"

    monkeypatch.setattr(make_dataset, "_variant", variant)
    monkeypatch.setattr(make_dataset, "_work", {})
    make_dataset._start_worker(PortraitStore(tmp_path), tmp_path / "out", Settings(1, 1.0, 0, ("cloth",)))
    make_dataset._make_one(Portrait("train/1.png", "female", "not known", "not known", "train"))
    (middle,) = taken
    assert (middle < 0.5) == (side == "left")
