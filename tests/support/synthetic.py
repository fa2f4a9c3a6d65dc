"""Synthetic dataset folders for tests: noise and blobs, no people; the classes differ by the side that is bright."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from maskedgender.data.dataset_folder import FOLDER, LABELS_FILE
from maskedgender.data.pictures import CLASSES


def synthetic_portrait(label: int, seed: int, side: int = 64) -> np.ndarray:
    """uint8 (side, side, 3): noise, brighter below for "male", above for "female"; mirroring keeps the label."""
    rng = np.random.default_rng((label, seed))
    ramp = np.linspace(-60, 60, side) * (1 if label else -1)
    return np.clip(128 + ramp[:, None, None] + rng.normal(0, 25, (side, side, 3)), 0, 255).astype(np.uint8)


def synthetic_dataset(root: Path, portraits: int = 40, variants: int = 1, labels_file: bool = False) -> Path:
    """A GenderOcclusionData folder under `root`, with so many synthetic portraits of each class in Training.

    Each portrait comes in so many variants (files N-0.jpg, N-1.jpg); Validation has a quarter as many others, one
    variant.
    """
    rows = []
    for part, count, times in (("Training", portraits, variants), ("Validation", max(2, portraits // 4), 1)):
        for label, name in enumerate(CLASSES):
            (root / FOLDER / part / name).mkdir(parents=True)
            for number, variant in np.ndindex(count, times):
                file = f"{part}/{name}/{number}-{variant}.jpg"
                pixels = synthetic_portrait(label, number * 10 + variant + 1_000_000 * (part == "Validation"))
                Image.fromarray(pixels).save(root / FOLDER / file, quality=90)
                rows.append((file, f"{part}-{name}-{number}", name, "20-29", "synthetic", "none"))
    if labels_file:
        table = pd.DataFrame(rows, columns=["file", "source", "gender", "age", "race", "style"])
        table.to_csv(root / FOLDER / LABELS_FILE, index=False)
    return root / FOLDER
