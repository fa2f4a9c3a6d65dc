"""Show pictures."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np


def show(pictures: Sequence[np.ndarray], titles: Sequence[str]) -> None:
    """Pictures in rows of eight, each under its title, as a figure of matplotlib's."""
    rows = -(-len(pictures) // 8)
    plt.figure(figsize=(12, 1.75 * rows), layout="constrained")
    for number, (picture, title) in enumerate(zip(pictures, titles, strict=True), start=1):
        plt.subplot(rows, 8, number, xticks=[], yticks=[]).imshow(picture)
        plt.title(title, fontsize=8)
