"""The examples in CONTRIBUTING.md fit the code as it is, and work when applied to a copy of the package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = re.findall(r"```diff\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
TRIED = {
    "change the network": """
from maskedgender.networks.masked import masked_cnn
assert masked_cnn(64).get_layer("summary").units == 256 and masked_cnn(64).output_shape == (None, 2)""",
    "add a style of mask": """
import numpy as np, skimage.data
from maskedgender.faces.finding import find_faces
from maskedgender.masks.drawing import draw_mask
photo = skimage.data.astronaut()
masked = draw_mask(photo, find_faces(photo)[0].landmarks, "knitted", np.random.default_rng(0)).photo
assert (masked != photo).any()""",
    "add a picture format": """
from pathlib import Path
from PIL import Image
from maskedgender.images.folders import is_picture
from maskedgender.images.photos import read_photo
Image.new("RGB", (40, 30), "red").save("a.jp2")
assert is_picture(Path("a.jp2")) and read_photo("a.jp2").shape == (30, 40, 3)""",
}


def applied(example: str, folder: Path) -> None:
    """Write an example's changes into the files that it names; each piece must be found, once."""
    for name, piece in re.findall(r"^--- (\S+)\n(.*?)(?=^--- |\Z)", example, re.DOTALL | re.MULTILINE):
        lines = piece.splitlines()
        before = "\n".join(line[1:] for line in lines if line[:1] != "+")
        after = "\n".join(line[1:] for line in lines if line[:1] != "-")
        text = (folder / name).read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{name} has no such lines, or has them more than once:\n{before}"
        (folder / name).write_text(text.replace(before, after), encoding="utf-8")


@pytest.mark.parametrize(("example", "code"), list(zip(EXAMPLES, TRIED.values(), strict=True)), ids=TRIED)
def test_an_example_works(example: str, code: str, tmp_path: Path):
    shutil.copytree(ROOT / "maskedgender", tmp_path / "maskedgender", ignore=shutil.ignore_patterns("__pycache__"))
    applied(example, tmp_path)
    quick = {**os.environ, "KERAS_BACKEND": "openvino"}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=quick, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
