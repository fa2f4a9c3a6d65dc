"""Make the photos in this folder from those of matplotlib and scikit-image; README.md names their sources.

Run it from the repository: `python examples/make_examples.py`. It needs the packages that `make test` installs.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.cbook
import numpy as np
import skimage.data
from PIL import Image, ImageOps

from maskedgender.faces.finding import find_faces
from maskedgender.masks.drawing import draw_mask

HERE = Path(__file__).resolve().parent
HEIGHT = 600  # pixels of every example


def main() -> None:
    """Write the four examples."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        hopper = scaled(Image.open(file).convert("RGB"))
    collins = scaled(Image.fromarray(skimage.data.astronaut()))
    masked_collins, masked_hopper = masked(collins, "surgical", seed=3), masked(hopper, "cloth", seed=5)
    examples = {
        "eileen_collins.jpg": collins,
        "grace_hopper.jpg": hopper,
        "grace_hopper_masked.jpg": masked_hopper,
        "group.jpg": side_by_side(narrowed(masked_collins), hopper, ImageOps.mirror(narrowed(collins))),
    }
    for name, photo in examples.items():
        photo.save(HERE / name, quality=88, optimize=True)


def scaled(photo: Image.Image) -> Image.Image:
    """The photo HEIGHT pixels high."""
    return photo.resize((round(photo.width * HEIGHT / photo.height), HEIGHT), Image.Resampling.LANCZOS)


def narrowed(photo: Image.Image) -> Image.Image:
    """The part of Eileen Collins's photo that shows her, without the space shuttle beside her."""
    return photo.crop((10, 0, 430, HEIGHT))


def masked(photo: Image.Image, style: str, seed: int) -> Image.Image:
    """The photo with a mask on its largest face."""
    pixels = np.asarray(photo)
    face = find_faces(pixels)[0]
    return Image.fromarray(draw_mask(pixels, face.landmarks, style, np.random.default_rng(seed)).photo)


def side_by_side(*photos: Image.Image) -> Image.Image:
    """One picture of several, each HEIGHT high, from left to right."""
    group = Image.new("RGB", (sum(photo.width for photo in photos), HEIGHT))
    left = 0
    for photo in photos:
        group.paste(photo, (left, 0))
        left += photo.width
    return group


if __name__ == "__main__":
    main()
