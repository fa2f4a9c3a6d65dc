"""Draw a believable mask on a face, from five landmarks alone: no image assets, every choice from a seed.

A mask is drawn the way a camera would see one. The landmarks give the pose of a simple head (pose.py); each pixel's ray
meets that head at a point (surface.py); the point's place around the head says whether there is cloth
(styles.py), which part of it (cloth.py), and how the light falls there. So a mask turns and tilts with its head,
and its far side is hidden where the head hides it. Brightness, colour cast, blur and noise are taken from the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .pose import MaskError, Pose, estimate_pose
from .styles import STYLES, Straps, sample_fit
from .surface import Surface, mask_surface, mask_window


@dataclass(frozen=True)
class MaskedFace:
    """A photo with a mask drawn on one face."""

    photo: np.ndarray  # uint8 (height, width, 3), RGB
    coverage: np.ndarray  # float32 (height, width), 0..1, how much of each pixel the cloth covers; straps are no cloth


def draw_mask(photo: np.ndarray, landmarks: np.ndarray, style: str, rng: np.random.Generator) -> MaskedFace:
    """A copy of a photo with one mask on the face that has these landmarks.

    Args:
        photo: uint8 (height, width, 3), RGB.
        landmarks: (5, 2), x and y in pixels: the eyes, the nose tip, the mouth's corners, the picture's left first.
        style: one of `STYLES`.
        rng: decides all that varies: fit, height on the nose, colour, pattern, wear, noise.

    Raises:
        MaskError: the mask would not cover nose and mouth and leave the eyes free.
    """
    pose = estimate_pose(np.asarray(landmarks, dtype=np.float64))
    kind, fit = STYLES[style], sample_fit(STYLES[style].fit, rng)
    window = mask_window(pose, photo.shape[:2])
    surface = mask_surface(pose, kind.bulges, fit, window)
    coverage = np.zeros(photo.shape[:2], np.float32)
    coverage[window] = kind.outline(surface) * surface.hit
    _check_place(coverage, landmarks, pose.pixels_per_mm)
    albedo = kind.texture(surface, rng) * _light(photo[window], surface, coverage[window])[..., None]
    level, cast = _exposure(photo, rng)
    cloth = np.clip(albedo * level * cast * 255, 0, 255).astype(np.float32)
    layer, alpha = _with_straps(cloth, coverage[window], kind.straps(fit), pose, window, rng)
    return MaskedFace(_composite(photo, window, layer, alpha, pose, rng), coverage)


def _check_place(coverage: np.ndarray, landmarks: np.ndarray, pixels_per_mm: float) -> None:
    """Raises MaskError unless nose tip and mouth lie under the cloth and the eyes do not.

    A corner of the mouth on the far side of a turned head may lie on the cloth's edge, so 8 mm around it count.
    """
    height, width = coverage.shape
    reach = max(1, round(8 * pixels_per_mm))

    def near(point: np.ndarray, how: int) -> float:
        x, y = int(np.clip(point[0], 0, width - 1)), int(np.clip(point[1], 0, height - 1))
        return float(coverage[max(0, y - how) : y + how + 1, max(0, x - how) : x + how + 1].max())

    if any(near(point, reach) < 0.5 for point in landmarks[2:]) or any(near(point, 0) > 0.5 for point in landmarks[:2]):
        raise MaskError("the mask would not cover nose and mouth, or would cover an eye")


def _exposure(photo: np.ndarray, rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """How bright a white thing is in this photo, about 0.2..1, and the light's colour cast, (3,) around 1."""
    small = cv2.resize(photo, (32, 32), interpolation=cv2.INTER_AREA).reshape(-1, 3) / 255.0
    luma = small @ (0.299, 0.587, 0.114)
    middle, bright = np.quantile(luma[256:-256], [0.5, 0.95])
    level = np.clip(0.65 * bright + 0.5 * np.sqrt(middle), 0.12, 1.1) * rng.uniform(0.85, 1.12)
    cast = (small.mean(0) + 0.15) / (luma.mean() + 0.15)
    return float(level), cast**0.4


def _light(background: np.ndarray, surface: Surface, coverage: np.ndarray) -> np.ndarray:
    """Brightness (height, width) around 1: the photo's own large-scale light, and a soft one from above."""
    luma = cv2.cvtColor(background, cv2.COLOR_RGB2GRAY).astype(np.float32) + 8
    inside = coverage + np.float32(1e-3)
    sigma = 14 / surface.mm_per_pixel
    local = _soften(luma * inside, sigma) / _soften(inside, sigma)
    mean = (luma * inside).sum() / inside.sum()
    from_photo = np.clip(local / mean, 0.45, 1.7) ** 0.6
    from_above = 0.72 + 0.28 * np.clip(surface.normals @ (0.0, -0.45, 0.9), 0, 1)
    rim = 0.75 + 0.25 * np.clip(surface.normals[..., 2] * 1.6, 0, 1)
    return from_photo * from_above * rim


def _soften(picture: np.ndarray, sigma: float) -> np.ndarray:
    """A wide Gaussian blur, by way of a picture of a quarter of the size: a sixteenth of the work, the same to see."""
    quarter = tuple(max(1, side // 4) for side in picture.shape[1::-1])
    small = cv2.GaussianBlur(cv2.resize(picture, quarter, interpolation=cv2.INTER_AREA), (0, 0), sigma / 4)
    return cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _with_straps(
    layer: np.ndarray,
    alpha: np.ndarray,
    straps: Straps,
    pose: Pose,
    window: tuple[slice, slice],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Layer and alpha with loops or straps added, beside the cloth, on the sides of the head that the camera sees."""
    if rng.random() < 0.2:  # hair hides them
        return layer, alpha
    cloth = alpha > 0.5
    colour = np.minimum((layer[cloth].mean(0) if cloth.any() else 128.0) * rng.uniform(0.8, 1.15), 255)
    drawn, along = np.zeros_like(alpha), np.linspace(0, 1, 12)[:, None]
    for side in (-1, 1):
        if (pose.rotation @ (side * 0.97, 0, 0.25))[2] < 0.05:  # turned away from the camera
            continue
        for start, end in straps:
            points = start * (side, 1, 1) + (end - start) * (side, 1, 1) * along
            points[:, :1] *= 1 + 0.06 * np.sin(np.pi * along)  # it bulges outwards over the cheek
            pixels = pose.project(points) - (window[1].start, window[0].start)
            width = max(1, round(rng.uniform(1.6, 2.6) * pose.pixels_per_mm))
            eighths = [np.round(pixels * 8).astype(np.int32)]  # OpenCV draws between pixels by counting in fractions
            cv2.polylines(drawn, eighths, False, 1.0, width, cv2.LINE_AA, 3)
    beside = (drawn > 0)[..., None] * (1 - alpha[..., None])
    return layer + (colour - layer) * beside, np.maximum(alpha, 0.9 * drawn * (1 - alpha)).astype(np.float32)


def _composite(
    photo: np.ndarray,
    window: tuple[slice, slice],
    layer: np.ndarray,
    alpha: np.ndarray,
    pose: Pose,
    rng: np.random.Generator,
) -> np.ndarray:
    """The photo with the layer on it, as blurred and as noisy as the photo is, and a soft shadow at its edge."""
    background = photo[window].astype(np.float32)
    sigma, noise = _blur_of(photo, pose), _noise_of(photo)
    shadow = cv2.GaussianBlur(alpha, (0, 0), 3.0 * pose.pixels_per_mm)
    background *= 1 - 0.28 * (shadow * (1 - alpha))[..., None]
    soft_alpha = cv2.GaussianBlur(alpha, (0, 0), sigma)[..., None]
    weighted = cv2.GaussianBlur(layer * alpha[..., None], (0, 0), sigma)
    soft_layer = weighted / np.maximum(soft_alpha, 1e-3)
    grain = rng.normal(0, noise, alpha.shape).astype(np.float32)[..., None]
    mixed = background + (np.clip(soft_layer, 0, 255) + grain - background) * soft_alpha
    result = photo.copy()
    result[window] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
    return result


def _blur_of(photo: np.ndarray, pose: Pose) -> float:
    """The Gaussian blur of the photo's edges around the eyes, in pixels (0.4..6).

    Blurring an edge of width s by b again divides its gradient energy by sqrt(1 + (b / s)^2): measure, and solve for s.
    """
    low, high = pose.project(np.array([[-50.0, -30, 0], [50, 45, 0]])).round().astype(int)
    (left, top), (right, bottom) = np.minimum(low, high).clip(0), np.maximum(low, high).clip(1)
    luma = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[top:bottom, left:right].astype(np.float32)
    if min(luma.shape) < 8:
        return 1.0
    again = 1.5
    energy, energy_again = (
        float((np.diff(x, axis=0) ** 2).mean() + (np.diff(x, axis=1) ** 2).mean() + 1e-3)
        for x in (luma, cv2.GaussianBlur(luma, (0, 0), again))
    )
    ratio = np.clip(energy_again / energy, 0.05, 0.98)
    return float(np.clip(again * ratio / np.sqrt(1 - ratio**2), 0.4, 6))


def _noise_of(photo: np.ndarray) -> float:
    """The standard deviation of the photo's grain, 0..8 grey levels (Immerkaer, "Fast Noise Variance Estimation")."""
    luma = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.clip(np.median(np.abs(cv2.filter2D(luma, -1, kernel))) / 6 / 0.6745, 0, 8))
