"""shots/masks.jpg: every mask style on people who may be shown, turned, tilted, darkened and mirrored.

    python shots/mask_sheet.py

Grace Hopper's portrait (public domain) comes with matplotlib, Eileen Collins' (NASA, public domain) with scikit-image.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import matplotlib.cbook
import numpy as np
import skimage.data
from matplotlib.figure import Figure
from PIL import Image

from maskedgender.faces.crops import canonical_crop, crop_window
from maskedgender.faces.detector import detect
from maskedgender.masks.drawing import STYLES, draw_mask

SIZE = 256


def people() -> dict[str, np.ndarray]:
    """Six photos of two people: as they are, turned, mirrored, darkened, blurred."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        hopper = np.asarray(Image.open(file).convert("RGB"))
    collins = skimage.data.astronaut()
    return {
        "Grace Hopper": hopper,
        "turned by 20°": turned(hopper, 20),
        "dark": (hopper * 0.4).astype(np.uint8),
        "Eileen Collins": collins,
        "mirrored, turned by -15°": turned(np.ascontiguousarray(collins[:, ::-1]), -15),
        "blurred": cv2.GaussianBlur(collins, (0, 0), 3),
    }


def turned(photo: np.ndarray, degrees: float) -> np.ndarray:
    """The photo turned in its plane around its upper middle, where the face is."""
    height, width = photo.shape[:2]
    turn = cv2.getRotationMatrix2D((width * 0.45, height * 0.3), degrees, 1)
    return cv2.warpAffine(photo, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)


def masked(photo: np.ndarray, style: str, seed: int) -> np.ndarray:
    """The canonical crop of the photo's largest face with a mask on it."""
    face = detect(photo, 480)[0]
    landmarks = crop_window(face).to_crop(face.landmarks, SIZE)
    return draw_mask(canonical_crop(photo, face, SIZE), landmarks, style, np.random.default_rng(seed)).photo


def main() -> None:
    """Draws the sheet."""
    photos = people()
    figure = Figure(figsize=(12, 12.6), layout="constrained", facecolor="white")
    axes = figure.subplots(len(STYLES), len(photos))
    for row, style in enumerate(STYLES):
        for column, (name, photo) in enumerate(photos.items()):
            panel = axes[row, column]
            panel.imshow(masked(photo, style, seed=20 * row + column))
            panel.set(xticks=[], yticks=[], frame_on=False)
            panel.set_title(name if row == 0 else "", fontsize=11)
            panel.set_ylabel(style if column == 0 else "", fontsize=11)
    figure.savefig(Path(__file__).with_name("masks.jpg"), dpi=80, pil_kwargs={"quality": 88})


if __name__ == "__main__":
    main()
