"""What the tests of many photos share, on one machine and on a cluster: a model file, and photos of all kinds."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from maskedgender.networks.exporting import save_with_record

from ..support.networks import quick_model
from ..support.people import collins, hopper


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(3)
    path = tmp_path_factory.mktemp("model") / "untrained.keras"
    save_with_record(quick_model(64), path, {})
    return path


def make_photos(folder: Path, count: int) -> list[Path]:
    """One face, three faces, none, and no photo, over and over; no two alike, so that rows cannot be mistaken."""
    one, other = hopper()[:512:2, ::2], collins()[::2, ::2]
    three, meadow = np.hstack([other, one, other[:, ::-1]]), np.full((200, 300, 3), (60, 140, 60), np.uint8)
    paths = [folder / f"{number:04}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        picture = {0: three, 5: meadow}.get(number % 12, (one, other)[number % 2]) * (0.7 + 0.3 * number / count)
        Image.fromarray(picture.astype(np.uint8)).save(path)
        if number % 12 == 7:
            path.write_text("no photo")
    return paths
