"""The masks themselves: for each style its cut (outline), its shape in front of the face, its cloth and its straps.

Lengths are millimetres on the head of masks.py: x to the right of the picture, y down from the eyes, z to the camera.
Cloth is computed, pixel by pixel, from the place on the mask: u runs from -1 to 1 across, v from 0 at the upper edge
to 1 at the lower.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

Texture = Callable[["Surface", np.random.Generator], np.ndarray]
Straps = list[tuple[np.ndarray, np.ndarray]]

HEAD_RADIUS = 73.0
SURGICAL_COLOURS = {
    "light blue": (0.60, 0.79, 0.92),
    "white": (0.92, 0.93, 0.94),
    "green": (0.62, 0.85, 0.76),
    "black": (0.10, 0.10, 0.11),
    "pink": (0.94, 0.70, 0.78),
}
EAR = np.array([70.0, 26.0, -78.0])  # behind the root of the ear


@dataclass(frozen=True)
class Ellipsoid:
    """A part of the head or of a mask: its centre and its three radii."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]


@dataclass(frozen=True)
class Fit:
    """How one mask sits on one face: the heights (y) of its edges, its half width as an angle, its slack, its tilt."""

    top: float  # at the bridge of the nose
    cheek: float  # the upper edge at the side
    bottom: float  # under the chin
    jaw: float  # the lower edge at the side
    half_angle: float  # radians around the head's axis
    slack: float  # how far the cloth stands off the skin
    tilt: float  # millimetres that one side hangs lower than the other


@dataclass(frozen=True)
class Surface:
    """What the camera sees of the masked head, pixel by pixel.

    Attributes:
        points: (height, width, 3), the place on the head.
        normals: (height, width, 3), unit vectors in the camera's axes.
        hit: (height, width), 0..1, whether there is a head at all.
        mm_per_pixel: the scale.
        fit: how the mask sits.
    """

    points: np.ndarray
    normals: np.ndarray
    hit: np.ndarray
    mm_per_pixel: float
    fit: Fit

    @cached_property
    def angle(self) -> np.ndarray:
        """The angle around the head's axis, in radians, 0 at the nose."""
        return np.arctan2(self.points[..., 0], self.points[..., 2] + 70)

    @cached_property
    def u(self) -> np.ndarray:
        """Across the mask, -1..1."""
        return self.angle / self.fit.half_angle

    @cached_property
    def y(self) -> np.ndarray:
        """Height on the face, with the mask's tilt taken out."""
        return self.points[..., 1] - self.fit.tilt * self.u

    @cached_property
    def edges(self) -> tuple[np.ndarray, np.ndarray]:
        """The heights of the upper and the lower edge at each pixel's angle."""
        across = np.clip(np.abs(self.u), 0, 1.2)
        top = self.fit.top + (self.fit.cheek - self.fit.top) * smooth_ramp(across, 0.08, 0.75)
        return top, self.fit.bottom + (self.fit.jaw - self.fit.bottom) * across**1.8

    @cached_property
    def v(self) -> np.ndarray:
        """Down the mask, 0..1."""
        top, bottom = self.edges
        return (self.y - top) / np.maximum(bottom - top, 1)

    @cached_property
    def across_mm(self) -> np.ndarray:
        """Across the cloth in millimetres."""
        return self.angle * HEAD_RADIUS

    def edge(self, signed_mm: np.ndarray) -> np.ndarray:
        """1 where a signed distance in millimetres is positive, 0 where negative, soft over a pixel."""
        return smoothstep(signed_mm / max(self.mm_per_pixel, 0.3))

    def line(self, distance_mm: np.ndarray, width_mm: float) -> np.ndarray:
        """1 on a line, 0 away from it; thin lines fade when they are thinner than a pixel, as in a camera."""
        width = max(width_mm, self.mm_per_pixel)
        return np.exp(-((distance_mm / width) ** 2)) * (width_mm / width)


@dataclass(frozen=True)
class Style:
    """One kind of mask."""

    fit: Fit
    bulges: tuple[Ellipsoid, ...]
    outline: Callable[[Surface, Fit], np.ndarray]
    texture: Texture
    straps: Callable[[Fit], Straps]


def smoothstep(x: np.ndarray) -> np.ndarray:
    """From 0 at -0.5 to 1 at +0.5, smooth at both ends."""
    t = np.clip(x + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def smooth_ramp(x: np.ndarray, start: float, end: float) -> np.ndarray:
    """From 0 at `start` to 1 at `end`, smooth at both ends."""
    return smoothstep((x - start) / (end - start) - 0.5)


def sample_fit(style: Style, rng: np.random.Generator) -> Fit:
    """How a mask of this style sits this time: nobody wears it quite like the next."""
    usual = style.fit
    return Fit(
        top=usual.top + np.clip(rng.normal(0, 3.5), -5, 8),
        cheek=usual.cheek + rng.normal(0, 4),
        bottom=usual.bottom + rng.normal(0, 3),
        jaw=usual.jaw + rng.normal(0, 5),
        half_angle=usual.half_angle * rng.uniform(0.92, 1.1),
        slack=usual.slack * rng.uniform(0.6, 1.5),
        tilt=rng.normal(0, 2.5),
    )


# ---- cuts ----


def _band(surface: Surface, fit: Fit) -> np.ndarray:
    """A mask that runs across the face from ear to ear with upright sides: 1 on the cloth, 0 off it."""
    top, bottom = surface.edges
    sides = (fit.half_angle - np.abs(surface.angle)) * HEAD_RADIUS
    return surface.edge(surface.y - top) * surface.edge(bottom - surface.y) * surface.edge(sides)


def _cup(surface: Surface, fit: Fit) -> np.ndarray:
    """A moulded cup: an egg around nose and mouth."""
    middle, half_height = (fit.top + fit.bottom) / 2, (fit.bottom - fit.top) / 2
    down = (surface.y - middle) / half_height
    half_width = 54 * fit.half_angle * (1 + 0.16 * np.clip(down, -1, 1))
    radius = np.hypot(surface.points[..., 0] / half_width, down)
    return surface.edge((1 - radius) * half_height) * (surface.points[..., 2] > -60)


def _ear_loops(fit: Fit) -> Straps:
    """From the two corners of one side to behind the ear."""
    return [
        (_on_head(fit.half_angle * 0.98, y), EAR + np.array([0, drop, 0]))
        for y, drop in ((fit.cheek + 3, 0), (fit.jaw - 3, 22))
    ]


def _head_straps(fit: Fit) -> Straps:
    """Two bands: one over the ear to the crown, one under the ear to the neck."""
    return [
        (np.array([46.0, 58, -12]), np.array([74.0, -12, -75])),
        (np.array([46.0, 76, -14]), np.array([70.0, 78, -75])),
    ]


def _on_head(angle: float, y: float) -> np.ndarray:
    """The point of the head's side at an angle and a height."""
    radius = HEAD_RADIUS * np.sqrt(max(0.05, 1 - ((y - 25) / 105) ** 2))
    return np.array([radius * np.sin(angle), y, -70 + 1.2 * radius * np.cos(angle)])


# ---- cloth ----


def _smooth_noise(shape: tuple[int, ...], cells: int, rng: np.random.Generator) -> np.ndarray:
    """Cloudy noise, mean 0 and spread 1, with about `cells` clouds a side."""
    coarse = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    return cv2.resize(coarse, shape[1::-1], interpolation=cv2.INTER_CUBIC)


def _worn(cloth: np.ndarray, colour: np.ndarray, rng: np.random.Generator, creases: float = 0.05) -> np.ndarray:
    """A colour (3,) or print (height, width, 3) under a brightness (height, width), creased by wear."""
    wear = 1 + creases * _smooth_noise(cloth.shape, 7, rng) + 0.4 * creases * _smooth_noise(cloth.shape, 24, rng)
    return np.clip(colour * (cloth * np.clip(wear, 0.7, 1.3))[..., None], 0, 1.1)


def _pick(colours: list[tuple[float, float, float]], weights: list[float], rng: np.random.Generator) -> np.ndarray:
    """One of the colours, each a little different every time."""
    chosen = np.array(colours)[rng.choice(len(colours), p=np.divide(weights, np.sum(weights)))]
    return np.clip(chosen + rng.normal(0, 0.025, 3), 0.02, 1)


def _any_colour(rng: np.random.Generator) -> np.ndarray:
    """A plain colour of cloth: any hue, from pale to dark."""
    hue, saturation, value = rng.uniform(0, 180), rng.uniform(0, 200), rng.uniform(25, 245)
    pixel = np.array([[[hue, saturation, value]]], np.uint8)
    return cv2.cvtColor(pixel, cv2.COLOR_HSV2RGB)[0, 0] / 255.0


def _surgical(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """Pleated fleece: light blue mostly; also white, green, black, pink. Three pleats, a nose wire, welded edges."""
    blue, white, green, black, pink = (
        (0.60, 0.79, 0.92),
        (0.92, 0.93, 0.94),
        (0.62, 0.85, 0.76),
        (0.1, 0.1, 0.11),
        (0.94, 0.7, 0.78),
    )
    colour = _pick([blue, white, green, black, pink], [0.6, 0.13, 0.1, 0.1, 0.07], rng)
    shade = np.ones_like(surface.u)
    depth = rng.uniform(0.10, 0.22)
    for pleat in np.array([0.34, 0.53, 0.72]) + rng.normal(0, 0.015, 3):
        below = (surface.v - pleat - 0.03 * surface.u**2) * 95  # millimetres under the fold
        shade -= depth * np.exp(-np.clip(below, 0, None) / 5) * smoothstep(below / 1.2)
        shade += 0.06 * surface.line(below + 2, 2.0)
    shade += 0.10 * surface.line((surface.v - 0.055) * 95, 1.6) * (np.abs(surface.u) < 0.5)  # the wire
    stitches = 0.5 + 0.5 * np.sin(surface.across_mm * 2.2)
    for edge in (0.025, 0.965):
        shade -= 0.10 * surface.line((surface.v - edge) * 95, 0.9) * stitches
    shade -= 0.12 * surface.line((np.abs(surface.u) - 0.95) * 75, 1.1)
    return _worn(shade, colour, rng, 0.035)


def _cloth_shade(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """The sewing of a cloth mask: hems, and perhaps a seam down the middle."""
    shade = np.ones_like(surface.u)
    for edge in (0.03, 0.96):
        shade -= 0.16 * surface.line((surface.v - edge) * 95, 0.9)
    shade -= 0.16 * surface.line((np.abs(surface.u) - 0.94) * 75, 1.0)
    if rng.random() < 0.5:
        shade -= 0.2 * surface.line(surface.across_mm, 1.2) - 0.06 * surface.line(surface.across_mm - 3, 2.5)
    return shade


def _plain_cloth(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """Woven cotton in one colour; black, white and navy are the common ones."""
    common = _pick([(0.08, 0.08, 0.09), (0.9, 0.9, 0.88), (0.1, 0.14, 0.3), (0.5, 0.5, 0.52)], [4, 2, 2, 1], rng)
    colour = common if rng.random() < 0.5 else _any_colour(rng)
    return _worn(_cloth_shade(surface, rng), colour, rng, 0.09)


def _patterned_cloth(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """Printed cotton: dots, stripes, checks, or camouflage, in two colours."""
    ground, ink = _any_colour(rng), _any_colour(rng)
    if np.abs(ground - ink).sum() < 0.5:
        ink = np.clip(1 - ground, 0, 1)
    pattern = (_dots, _stripes, _checks, _camouflage)[rng.integers(4)](surface, rng)[..., None]
    return _worn(_cloth_shade(surface, rng), ground + (ink - ground) * pattern, rng, 0.09)


def _turned(surface: Surface, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Millimetres along and across a direction of the cloth."""
    cos, sin = np.cos(angle), np.sin(angle)
    return surface.across_mm * cos + surface.y * sin, surface.y * cos - surface.across_mm * sin


def _dots(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    along, across = _turned(surface, rng.uniform(0, np.pi / 2))
    pitch = rng.uniform(7, 16)
    middle = np.hypot((along + pitch / 2) % pitch - pitch / 2, (across + pitch / 2) % pitch - pitch / 2)
    return surface.edge(pitch * rng.uniform(0.22, 0.36) - middle)


def _stripes(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    along, _ = _turned(surface, rng.choice([0.0, np.pi / 4, np.pi / 2]))
    pitch = rng.uniform(5, 14)
    return surface.edge(pitch * rng.uniform(0.15, 0.3) - np.abs((along + pitch / 2) % pitch - pitch / 2))


def _checks(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    pitch, turn = rng.uniform(8, 18), rng.choice([0.0, np.pi / 4])
    bands = [surface.edge(pitch / 4 - np.abs(mm % pitch - pitch / 2)) for mm in _turned(surface, turn)]
    return (bands[0] + bands[1]) / 2


def _camouflage(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    clouds = _smooth_noise(surface.u.shape, int(rng.integers(8, 16)), rng)
    return 0.5 * smoothstep((clouds - 0.3) * 6) + 0.5 * smoothstep((clouds + 0.5) * 6)


def _kn95(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """A beak folded down the middle: white mostly, welded seams beside the fold, creased by its folding."""
    colour = _pick([(0.93, 0.93, 0.92), (0.12, 0.12, 0.13), (0.75, 0.8, 0.86), (0.9, 0.78, 0.78)], [7, 2, 1, 1], rng)
    x = surface.points[..., 0]
    shade = 1 - 0.22 * surface.line(x, 1.0) + 0.08 * surface.line(np.abs(x) - 3, 2)
    shade -= 0.10 * smoothstep(x * rng.choice([-1, 1]) / 6)  # the light falls on one half
    shade -= 0.12 * surface.line((surface.v - 0.03) * 100, 1.0) + 0.12 * surface.line((surface.v - 0.96) * 100, 1.0)
    shade -= 0.14 * surface.line((np.abs(surface.u) - rng.uniform(0.78, 0.9)) * 75, 1.3)
    shade += 0.10 * surface.line((surface.v - 0.09) * 100, 2.0) * (np.abs(surface.u) < 0.4)
    return _worn(shade, colour, rng, 0.045)


def _ffp2(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """Three panels folded across: seams over the nose and over the chin, a print on the middle panel."""
    colour = _pick([(0.94, 0.94, 0.93), (0.82, 0.87, 0.92), (0.15, 0.15, 0.16)], [8, 1, 1], rng)
    shade = np.ones_like(surface.u)
    for seam, side in ((0.36, -1), (0.72, 1)):
        distance = (surface.v - seam - side * 0.10 * surface.u**2) * 100
        shade -= 0.2 * surface.line(distance, 1.3)
        shade += 0.07 * surface.line(distance + 3 * side, 2.5)
    shade -= 0.10 * smooth_ramp(surface.v, 0.70, 0.78)  # the lower panel faces down
    shade -= 0.12 * surface.line((np.abs(surface.u) - 0.92) * 75, 1.5)
    shade += 0.12 * surface.line((surface.v - 0.08) * 100, 2.2) * (np.abs(surface.u) < 0.45)
    words = (
        (np.abs(surface.across_mm - 16) < 10) * (np.abs(surface.v - 0.5) < 0.05) * (np.sin(surface.across_mm * 4) > 0)
    )
    return _worn(shade - 0.25 * words * np.abs(np.sin(surface.y * 2)), colour, rng, 0.03)


def _n95(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """A moulded cup: rough shell, a flat rim, a metal strip over the nose; sometimes a valve."""
    colour = _pick([(0.93, 0.93, 0.90), (0.72, 0.84, 0.88), (0.85, 0.82, 0.74)], [6, 2, 1], rng)
    fit = surface.fit
    down = (surface.y - (fit.top + fit.bottom) / 2) / ((fit.bottom - fit.top) / 2)
    radius = np.hypot(surface.points[..., 0] / (54 * fit.half_angle * (1 + 0.16 * np.clip(down, -1, 1))), down)
    shade = 1 - 0.22 * surface.line((radius - 0.86) * 50, 1.6) + 0.05 * (radius > 0.88)
    cloth = _worn(shade, colour, rng, 0.03)
    x, y = surface.points[..., 0], surface.y
    strip = surface.edge(16 - np.abs(x)) * surface.edge(2.2 - np.abs(y - fit.top - 9 - 0.02 * x**2))
    cloth = cloth + (np.array([0.62, 0.63, 0.65]) - cloth) * strip[..., None] * 0.8
    if rng.random() < 0.35:
        distance = np.hypot(x - 12, y - 78)
        grey = 0.8 - 0.2 * surface.line(distance - 11, 1.2) - 0.25 * surface.line((y - 78) % 5 - 2.5, 0.8)
        cloth = cloth + (grey[..., None] - cloth) * surface.edge(12 - distance)[..., None]
    return cloth


_BAND = Fit(top=17, cheek=40, bottom=128, jaw=92, half_angle=1.12, slack=3, tilt=0)
_CUP_BULGE = Ellipsoid((0, 68, -6), (46, 52, 46))

STYLES: dict[str, Style] = {
    "surgical": Style(_BAND, (), _band, _surgical, _ear_loops),
    "cloth": Style(Fit(16, 42, 126, 84, 1.14, 2, 0), (), _band, _plain_cloth, _ear_loops),
    "patterned": Style(Fit(16, 42, 126, 84, 1.14, 2, 0), (), _band, _patterned_cloth, _ear_loops),
    "kn95": Style(Fit(13, 46, 128, 76, 1.05, 3, 0), (Ellipsoid((0, 66, -10), (30, 54, 54)),), _band, _kn95, _ear_loops),
    "ffp2": Style(Fit(13, 44, 127, 80, 1.05, 3, 0), (Ellipsoid((0, 70, -8), (52, 44, 48)),), _band, _ffp2, _ear_loops),
    "n95": Style(Fit(14, 45, 122, 85, 1.0, 2, 0), (_CUP_BULGE,), _cup, _n95, _head_straps),
}
"""Every style of mask by name; "none" in a dataset's labels.csv stands for a bare face."""
