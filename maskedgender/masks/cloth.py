"""The cloth of masks, computed pixel by pixel from the place on the mask: its colour, folds, seams, prints and wear.

Every cloth takes the surface that the camera sees and the random generator that decides what varies, and gives the
albedo, float (height, width, 3), 0..1.1. u runs from -1 to 1 across the mask, v from 0 at its upper edge to 1.
"""

from __future__ import annotations

import cv2
import numpy as np

from .surface import Surface, smooth_ramp, smoothstep


def surgical(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """Pleated fleece: light blue mostly; also white, green, black, pink. Three pleats, a nose wire, welded edges."""
    blue, white, green = (0.60, 0.79, 0.92), (0.92, 0.93, 0.94), (0.62, 0.85, 0.76)
    black, pink = (0.10, 0.10, 0.11), (0.94, 0.70, 0.78)
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


def plain_cloth(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """Woven cotton in one colour; black, white and navy are the common ones."""
    common = _pick([(0.08, 0.08, 0.09), (0.9, 0.9, 0.88), (0.1, 0.14, 0.3), (0.5, 0.5, 0.52)], [4, 2, 2, 1], rng)
    colour = common if rng.random() < 0.5 else _any_colour(rng)
    return _worn(_cloth_shade(surface, rng), colour, rng, 0.09)


def patterned_cloth(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """Printed cotton: dots, stripes, checks, or camouflage, in two colours."""
    ground, ink = _any_colour(rng), _any_colour(rng)
    if np.abs(ground - ink).sum() < 0.5:
        ink = np.clip(1 - ground, 0, 1)
    pattern = (_dots, _stripes, _checks, _camouflage)[rng.integers(4)](surface, rng)[..., None]
    return _worn(_cloth_shade(surface, rng), ground + (ink - ground) * pattern, rng, 0.09)


def kn95(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """A beak folded down the middle: white mostly, welded seams beside the fold, creased by its folding."""
    colour = _pick([(0.93, 0.93, 0.92), (0.12, 0.12, 0.13), (0.75, 0.8, 0.86), (0.9, 0.78, 0.78)], [7, 2, 1, 1], rng)
    x = surface.points[..., 0]
    shade = 1 - 0.22 * surface.line(x, 1.0) + 0.08 * surface.line(np.abs(x) - 3, 2)
    shade -= 0.10 * smoothstep(x * rng.choice([-1, 1]) / 6)  # the light falls on one half
    shade -= 0.12 * surface.line((surface.v - 0.03) * 100, 1.0) + 0.12 * surface.line((surface.v - 0.96) * 100, 1.0)
    shade -= 0.14 * surface.line((np.abs(surface.u) - rng.uniform(0.78, 0.9)) * 75, 1.3)
    shade += 0.10 * surface.line((surface.v - 0.09) * 100, 2.0) * (np.abs(surface.u) < 0.4)
    return _worn(shade, colour, rng, 0.045)


def ffp2(surface: Surface, rng: np.random.Generator) -> np.ndarray:
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


def n95(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """A moulded cup: rough shell, a flat rim, a metal strip over the nose; sometimes a valve."""
    colour = _pick([(0.93, 0.93, 0.90), (0.72, 0.84, 0.88), (0.85, 0.82, 0.74)], [6, 2, 1], rng)
    radius = surface.cup_radius
    shade = 1 - 0.22 * surface.line((radius - 0.86) * 50, 1.6) + 0.05 * (radius > 0.88)
    cloth = _worn(shade, colour, rng, 0.03)
    x, y = surface.points[..., 0], surface.y
    strip = surface.edge(16 - np.abs(x)) * surface.edge(2.2 - np.abs(y - surface.fit.top - 9 - 0.02 * x**2))
    cloth = cloth + (np.array([0.62, 0.63, 0.65]) - cloth) * strip[..., None] * 0.8
    if rng.random() < 0.35:
        distance = np.hypot(x - 12, y - 78)
        grey = 0.8 - 0.2 * surface.line(distance - 11, 1.2) - 0.25 * surface.line((y - 78) % 5 - 2.5, 0.8)
        cloth = cloth + (grey[..., None] - cloth) * surface.edge(12 - distance)[..., None]
    return cloth


def _cloth_shade(surface: Surface, rng: np.random.Generator) -> np.ndarray:
    """The sewing of a cloth mask: hems, and perhaps a seam down the middle."""
    shade = np.ones_like(surface.u)
    for edge in (0.03, 0.96):
        shade -= 0.16 * surface.line((surface.v - edge) * 95, 0.9)
    shade -= 0.16 * surface.line((np.abs(surface.u) - 0.94) * 75, 1.0)
    if rng.random() < 0.5:
        shade -= 0.2 * surface.line(surface.across_mm, 1.2) - 0.06 * surface.line(surface.across_mm - 3, 2.5)
    return shade


def _smooth_noise(shape: tuple[int, ...], cells: int, rng: np.random.Generator) -> np.ndarray:
    """Cloudy noise, mean 0 and spread 1, with about `cells` clouds a side."""
    coarse = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    return cv2.resize(coarse, shape[1::-1], interpolation=cv2.INTER_CUBIC)


def _worn(cloth: np.ndarray, colour: np.ndarray, rng: np.random.Generator, creases: float) -> np.ndarray:
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
