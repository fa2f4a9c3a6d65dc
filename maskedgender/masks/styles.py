"""The styles of masks: for each its fit, the shape that stands off the face, its cut, its cloth and its straps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import cloth
from .surface import HEAD_RADIUS, Ellipsoid, Fit, Surface

Straps = list[tuple[np.ndarray, np.ndarray]]

EAR = np.array([70.0, 26.0, -78.0])  # behind the root of the ear


@dataclass(frozen=True)
class Style:
    """One kind of mask."""

    fit: Fit
    bulges: tuple[Ellipsoid, ...]
    outline: Callable[[Surface], np.ndarray]
    texture: Callable[[Surface, np.random.Generator], np.ndarray]
    straps: Callable[[Fit], Straps]


def sample_fit(usual: Fit, rng: np.random.Generator) -> Fit:
    """How a mask sits this time: nobody wears it quite like the next."""
    return Fit(
        top=usual.top + np.clip(rng.normal(0, 3.5), -5, 8),
        cheek=usual.cheek + rng.normal(0, 4),
        bottom=usual.bottom + rng.normal(0, 3),
        jaw=usual.jaw + rng.normal(0, 5),
        half_angle=usual.half_angle * rng.uniform(0.92, 1.1),
        slack=usual.slack * rng.uniform(0.6, 1.5),
        tilt=rng.normal(0, 2.5),
    )


def _band(surface: Surface) -> np.ndarray:
    """A mask that runs across the face from ear to ear with upright sides: 1 on the cloth, 0 off it."""
    top, bottom = surface.edges
    sides = (surface.fit.half_angle - np.abs(surface.angle)) * HEAD_RADIUS
    return surface.edge(surface.y - top) * surface.edge(bottom - surface.y) * surface.edge(sides)


def _cup(surface: Surface) -> np.ndarray:
    """A moulded cup: an egg around nose and mouth."""
    half_height = (surface.fit.bottom - surface.fit.top) / 2
    return surface.edge((1 - surface.cup_radius) * half_height) * (surface.points[..., 2] > -60)


def _ear_loops(fit: Fit) -> Straps:
    """From the two corners of one side to behind the ear."""
    angle = fit.half_angle * 0.98
    loops: Straps = []
    for y, drop in ((fit.cheek + 3, 0), (fit.jaw - 3, 22)):
        radius = HEAD_RADIUS * np.sqrt(max(0.05, 1 - ((y - 25) / 105) ** 2))  # of the head at this height
        corner = np.array([radius * np.sin(angle), y, -70 + 1.2 * radius * np.cos(angle)])
        loops.append((corner, EAR + np.array([0, drop, 0])))
    return loops


def _head_straps(fit: Fit) -> Straps:
    """Two bands: one over the ear to the crown, one under the ear to the neck."""
    return [
        (np.array([46.0, 58, -12]), np.array([74.0, -12, -75])),
        (np.array([46.0, 76, -14]), np.array([70.0, 78, -75])),
    ]


_BAND = Fit(top=17, cheek=40, bottom=135, jaw=92, half_angle=1.12, slack=3, tilt=0)
_CUP_BULGE = Ellipsoid((0, 71, -6), (46, 56, 46))

STYLES: dict[str, Style] = {
    "surgical": Style(_BAND, (), _band, cloth.surgical, _ear_loops),
    "cloth": Style(Fit(16, 42, 133, 88, 1.14, 2, 0), (), _band, cloth.plain_cloth, _ear_loops),
    "patterned": Style(Fit(16, 42, 133, 88, 1.14, 2, 0), (), _band, cloth.patterned_cloth, _ear_loops),
    "kn95": Style(
        Fit(13, 46, 135, 80, 1.05, 3, 0), (Ellipsoid((0, 68, -10), (30, 58, 54)),), _band, cloth.kn95, _ear_loops
    ),
    "ffp2": Style(
        Fit(13, 44, 134, 84, 1.05, 3, 0), (Ellipsoid((0, 70, -8), (52, 44, 48)),), _band, cloth.ffp2, _ear_loops
    ),
    "n95": Style(Fit(14, 45, 130, 85, 1.0, 2, 0), (_CUP_BULGE,), _cup, cloth.n95, _head_straps),
}
"""Every style of mask by name; "none" in a dataset's labels.csv stands for a bare face."""
