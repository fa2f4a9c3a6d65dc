"""Make the photos in this folder anew from public-domain pictures that packages carry: `make examples`.

README.md names the sources. Grace Hopper comes with matplotlib, Eileen Collins with scikit-image; the source archive of
face_recognition, which has the two presidents, is fetched by pip. Masks are drawn by the package's own mask maker, on
the pictures of NASA and the Navy only: the White House asks that its photographs not be altered.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
from functools import cache
from pathlib import Path

import matplotlib.cbook
import numpy as np
import skimage.data
from PIL import Image, ImageOps

from maskedgender.faces.finding import find_faces
from maskedgender.masks.drawing import draw_mask

HERE = Path(__file__).resolve().parent
HEIGHT = 600  # pixels of a portrait, at most
TILE = (213, 270)  # pixels of each person in the group, width and height
ARCHIVE = "face_recognition==1.3.0"
ARCHIVE_HASH = "sha256:5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec"
# What is kept of each picture, in its own pixels (left, top, right, bottom): head and shoulders.
OBAMA, BIDEN = (205, 0, 805, 750), (110, 20, 910, 1020)


def main() -> None:
    """Write every example."""
    collins, hopper, obama, biden = portraits()
    surgical, patterned = masked(collins, "surgical", seed=3), masked(collins, "patterned", seed=2)
    kn95, cloth = masked(hopper, "kn95", seed=1), masked(hopper, "cloth", seed=5)
    examples = {
        "eileen_collins.jpg": collins,
        "barack_obama.jpg": obama,
        "eileen_collins_masked.jpg": patterned,
        "joe_biden.jpg": biden,
        "grace_hopper_masked.jpg": cloth,
        "group.jpg": group([collins, obama, hopper], [kn95, ImageOps.mirror(surgical), biden]),
        "grace_hopper.jpg": hopper,
    }
    for name, photo in examples.items():
        photo.save(HERE / name, quality=88, optimize=True)


def portraits() -> tuple[Image.Image, Image.Image, Image.Image, Image.Image]:
    """Eileen Collins, Grace Hopper, Barack Obama and Joe Biden, HEIGHT pixels high at most."""
    collins = Image.fromarray(skimage.data.astronaut())
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        hopper = Image.open(file).convert("RGB")
    obama, biden = fetched("obama.jpg").crop(OBAMA), fetched("biden.jpg").crop(BIDEN)
    return scaled(collins), scaled(hopper), scaled(obama), scaled(biden)


@cache
def archive() -> bytes:
    """The source archive of face_recognition, whose hash pip checks."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{ARCHIVE} --hash={ARCHIVE_HASH}\n")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        subprocess.run([*command, "--dest", folder, "--requirement", str(wanted)], check=True)
        return next(Path(folder).glob("*.tar.gz")).read_bytes()


def fetched(name: str) -> Image.Image:
    """A test picture of face_recognition."""
    with tarfile.open(fileobj=io.BytesIO(archive())) as packed:
        (member,) = (one for one in packed.getmembers() if one.name.endswith(f"/test_images/{name}"))
        return Image.open(io.BytesIO(packed.extractfile(member).read())).convert("RGB")


def scaled(photo: Image.Image) -> Image.Image:
    """The photo HEIGHT pixels high; a smaller one stays as it is, since enlarging adds nothing but blur."""
    height = min(HEIGHT, photo.height)
    return photo.resize((round(photo.width * height / photo.height), height), Image.Resampling.LANCZOS)


def masked(photo: Image.Image, style: str, seed: int) -> Image.Image:
    """The photo with a mask on its largest face."""
    pixels = np.asarray(photo)
    face = find_faces(pixels)[0]
    return Image.fromarray(draw_mask(pixels, face.landmarks, style, np.random.default_rng(seed)).photo)


def group(*rows: list[Image.Image]) -> Image.Image:
    """One picture of several people, each on a tile of the same size."""
    width, height = TILE
    together = Image.new("RGB", (width * len(rows[0]), height * len(rows)))
    for down, row in enumerate(rows):
        for along, photo in enumerate(row):
            together.paste(tile(photo), (along * width, down * height))
    return together


def tile(photo: Image.Image) -> Image.Image:
    """Head and shoulders of the person in a portrait, of the size of a tile."""
    x, y, wide, high = find_faces(np.asarray(photo))[0].box
    height = min(2.6 * high, photo.height)
    width = height * TILE[0] / TILE[1]
    left = min(max(x + wide / 2 - width / 2, 0), photo.width - width)
    top = min(max(y + 0.65 * high - height / 2, 0), photo.height - height)
    return photo.resize(TILE, Image.Resampling.LANCZOS, (left, top, left + width, top + height))


if __name__ == "__main__":
    main()
