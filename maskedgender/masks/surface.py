"""The surface that a mask's cloth lies on: where each pixel's ray meets the masked head, in the head's millimetres.

The head is a few ellipsoids, which a ray meets in closed form; a mask that stands off the face adds one of its own.
Lengths are millimetres on the head of pose.py: x to the right of the picture, y down from the eyes, z to the camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from .pose import MaskError, Pose

HEAD_RADIUS = 73.0


@dataclass(frozen=True)
class Ellipsoid:
    """A part of the head or of a mask: its centre and its three radii."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]


HEAD = (
    Ellipsoid((0, 25, -70), (73, 103, 88)),  # the head and its cheeks
    Ellipsoid((0, 38, 2), (17, 24, 28)),  # the nose
    Ellipsoid((0, 82, -44), (61, 51, 52)),  # the jaw
    Ellipsoid((0, 102, -25), (38, 34, 36)),  # the chin
)


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
    """What the camera sees of the masked head, pixel by pixel."""

    points: np.ndarray  # (height, width, 3), the place on the head
    normals: np.ndarray  # (height, width, 3), unit vectors in the camera's axes
    hit: np.ndarray  # (height, width), 0..1, whether there is a head at all
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
    def cup_radius(self) -> np.ndarray:
        """How far from the middle of a moulded cup, which is egg-shaped: 1 at its rim."""
        down = (self.y - (self.fit.top + self.fit.bottom) / 2) / ((self.fit.bottom - self.fit.top) / 2)
        half_width = 54 * self.fit.half_angle * (1 + 0.16 * np.clip(down, -1, 1))
        return np.hypot(self.points[..., 0] / half_width, down)

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


def smoothstep(x: np.ndarray) -> np.ndarray:
    """From 0 at -0.5 to 1 at +0.5, smooth at both ends."""
    t = np.clip(x + 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def smooth_ramp(x: np.ndarray, start: float, end: float) -> np.ndarray:
    """From 0 at `start` to 1 at `end`, smooth at both ends."""
    return smoothstep((x - start) / (end - start) - 0.5)


def mask_window(pose: Pose, photo_shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The rows and columns of the photo that the mask and its loops can touch."""
    corners = np.array([[x, y, z] for x in (-85, 85) for y in (-5, 140) for z in (-85, 55)], dtype=np.float64)
    pixels = pose.project(corners)
    low = np.maximum(np.floor(pixels.min(0)), 0).astype(int)
    high = np.minimum(np.ceil(pixels.max(0)) + 1, photo_shape[1::-1]).astype(int)
    if (high - low).min() < 2:
        raise MaskError("the lower face lies outside the picture")
    return slice(low[1], high[1]), slice(low[0], high[0])


def mask_surface(pose: Pose, bulges: tuple[Ellipsoid, ...], fit: Fit, window: tuple[slice, slice]) -> Surface:
    """Where each pixel's ray meets the masked head, in the head's millimetres, and which way the cloth faces there."""
    rows, columns = np.mgrid[window].astype(np.float32)
    inverse = np.linalg.inv(pose.to_photo[:, :2]).astype(np.float32)
    plane = (np.stack([columns, rows], -1) - pose.to_photo[:, 2].astype(np.float32)) @ inverse.T
    rotation = pose.rotation.astype(np.float32)
    depth, hit = _depth(plane, rotation, (*HEAD, *bulges), fit.slack)
    depth = _stretch(depth, hit, 5 * pose.pixels_per_mm)
    points = np.concatenate([plane, depth[..., None]], -1) @ rotation
    gradient = [cv2.Sobel(depth, cv2.CV_32F, dx, 1 - dx, scale=pose.pixels_per_mm / 8) for dx in (1, 0)]
    normals = np.stack([-gradient[0], -gradient[1], np.ones_like(depth)], -1)
    normals /= np.sqrt(np.einsum("ijk,ijk->ij", normals, normals))[..., None]
    return Surface(points, normals, hit, 1 / pose.pixels_per_mm, fit)


def _depth(
    plane: np.ndarray, rotation: np.ndarray, ellipsoids: tuple[Ellipsoid, ...], slack: float
) -> tuple[np.ndarray, np.ndarray]:
    """Depth (height, width) in millimetres where the rays first meet an ellipsoid, and how surely they do, 0..1."""
    direction = rotation[2]  # the camera's axis as seen from the head
    origins = plane @ rotation[:2]
    depth, hit = np.full(plane.shape[:2], -1e3, np.float32), np.zeros(plane.shape[:2], np.float32)
    for ellipsoid in ellipsoids:
        centre, radii = (np.array(mm, np.float32) for mm in (ellipsoid.centre, np.add(ellipsoid.radii, slack)))
        ray, start = direction / radii, (origins - centre) / radii
        a, b, c = ray @ ray, start @ ray, np.einsum("ijk,ijk->ij", start, start) - 1
        discriminant = b * b - a * c
        depth = np.maximum(depth, np.where(discriminant > 0, (-b + np.sqrt(np.maximum(discriminant, 0))) / a, -1e3))
        hit = np.maximum(hit, smoothstep(discriminant / a * 12))
    return depth, hit.astype(np.float32)


def _stretch(depth: np.ndarray, hit: np.ndarray, sigma: float) -> np.ndarray:
    """Cloth is taut over hollows: the depth smoothed by `sigma` pixels, over the head's own pixels only."""
    inside = (depth > -999).astype(np.float32)
    weight = cv2.GaussianBlur(inside, (0, 0), sigma) + 1e-6
    smooth = cv2.GaussianBlur(depth * inside, (0, 0), sigma) / weight
    return np.where(inside > 0, np.maximum(smooth, depth - 6), smooth)
