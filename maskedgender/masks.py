"""Draw a believable mask on a face, from five landmarks alone: no image assets, every choice from a seed.

A mask is drawn the way a camera would see one. The five landmarks give the pose of a simple head (a few ellipsoids, in
millimetres); each pixel's ray meets that head at a point; the point's place around the head says whether there is
cloth, which part of the pattern it is, and how the light falls on it. So a mask turns and tilts with its head, and
its far side is hidden where the head hides it. Brightness, colour cast, blur and noise are taken from the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .mask_styles import STYLES, Ellipsoid, Fit, Style, Surface, sample_fit, smoothstep

# The mean adult face, in millimetres, seen from the front: x to the right of the picture, y down, z towards the camera,
# the origin between the eyes. The frontal places are ArcFace's template (Deng et al., CVPR 2019); the depths are ours.
FACE_LANDMARKS = np.array([[-31, 0, 0], [31, 0, 0], [0, 37, 27], [-25, 72, 7], [25, 72, 7]], dtype=np.float64)
HEAD = (
    Ellipsoid((0, 25, -70), (73, 103, 88)),  # the head and its cheeks
    Ellipsoid((0, 38, 2), (17, 24, 28)),  # the nose
    Ellipsoid((0, 80, -44), (61, 47, 52)),  # the jaw
    Ellipsoid((0, 98, -25), (36, 28, 36)),  # the chin
)
POSE_PRIOR = np.array([0.0, 0.7, 0.35])  # radians of roll (free), yaw and pitch that are nothing unusual


class MaskError(ValueError):
    """No mask can be put in the right place: the landmarks do not look like a face's, or lie out of reach."""


@dataclass(frozen=True)
class Pose:
    """How a head stands in a photo.

    Attributes:
        rotation: (3, 3), from the head's axes to the camera's.
        to_photo: (2, 3) affine map from the camera's plane, in millimetres, to pixels of the photo.
    """

    rotation: np.ndarray
    to_photo: np.ndarray

    @property
    def pixels_per_mm(self) -> float:
        """The scale of the head in the photo."""
        return float(np.sqrt(abs(np.linalg.det(self.to_photo[:, :2]))))

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points of the head, (N, 3) in millimetres, as pixels of the photo, (N, 2)."""
        return (points @ self.rotation.T)[:, :2] @ self.to_photo[:, :2].T + self.to_photo[:, 2]


@dataclass(frozen=True)
class MaskedFace:
    """A photo with a mask drawn on one face.

    Attributes:
        photo: uint8 (height, width, 3), RGB.
        coverage: float32 (height, width), 0..1, how much of each pixel the cloth covers; straps are no cloth.
        style: the name of the mask's style.
    """

    photo: np.ndarray
    coverage: np.ndarray
    style: str


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
    fit = sample_fit(STYLES[style], rng)
    window = _window(pose, photo.shape[:2])
    surface = _surface(pose, STYLES[style], fit, window)
    coverage = np.zeros(photo.shape[:2], np.float32)
    coverage[window] = STYLES[style].outline(surface, fit) * surface.hit
    _check_place(coverage, landmarks, pose.pixels_per_mm)
    layer, alpha = _cloth(photo, coverage, surface, STYLES[style], window, rng)
    _draw_straps(layer, alpha, pose, STYLES[style], fit, window, rng)
    return MaskedFace(_composite(photo, layer, alpha, pose, window, rng), coverage, style)


def estimate_pose(landmarks: np.ndarray) -> Pose:
    """The pose of a head whose five landmarks, (5, 2) in pixels, are known.

    Scaled orthographic projection, fitted by Gauss-Newton with a weak prior on yaw and pitch (five points alone leave
    the pitch to chance); what then remains of the landmarks' error, a personal face, goes into the affine map.

    Raises:
        MaskError: the landmarks lie on one another.
    """
    if np.ptp(landmarks, axis=0).max() < 4:
        raise MaskError("the face is too small for a mask: its landmarks lie within 4 pixels")
    angles_scale_shift = _first_guess(landmarks)
    for _ in range(8):
        residuals = _pose_residuals(angles_scale_shift, landmarks)
        steps = np.eye(6) * 1e-4
        jacobian = np.stack([(_pose_residuals(angles_scale_shift + s, landmarks) - residuals) / 1e-4 for s in steps], 1)
        angles_scale_shift = angles_scale_shift - np.linalg.lstsq(jacobian, residuals, rcond=None)[0]
    rotation = _rotation(angles_scale_shift[:3])
    return Pose(rotation, _personal_affine(rotation, float(np.exp(angles_scale_shift[3])), landmarks))


def _first_guess(landmarks: np.ndarray) -> np.ndarray:
    """Roll, yaw, pitch in radians, log of the scale, shift in face heights: a frontal face at the landmarks."""
    eyes, mouth = landmarks[:2].mean(0), landmarks[3:].mean(0)
    down = mouth - eyes
    height = max(float(np.hypot(*down)), 0.6 * float(np.hypot(*(landmarks[1] - landmarks[0]))), 1.0)
    return np.array([np.arctan2(-down[0], down[1]), 0, 0, np.log(height / 72), 0, 0])


def _pose_residuals(parameters: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """What Gauss-Newton makes small: landmark errors in units of 4 mm, and yaw and pitch against their priors."""
    scale = np.exp(parameters[3])
    projected = (FACE_LANDMARKS @ _rotation(parameters[:3]).T)[:, :2]
    origin = landmarks.mean(0) / scale - projected.mean(0)
    errors = projected + origin + parameters[4:] - landmarks / scale
    return np.concatenate([errors.ravel() / 4, parameters[1:3] / POSE_PRIOR[1:]])


def _rotation(angles: np.ndarray) -> np.ndarray:
    """The rotation by pitch, then yaw, then roll; angles = (roll, yaw, pitch) in radians."""
    (roll_c, yaw_c, pitch_c), (roll_s, yaw_s, pitch_s) = np.cos(angles), np.sin(angles)
    roll = np.array([[roll_c, -roll_s, 0], [roll_s, roll_c, 0], [0, 0, 1]])
    yaw = np.array([[yaw_c, 0, yaw_s], [0, 1, 0], [-yaw_s, 0, yaw_c]])
    pitch = np.array([[1, 0, 0], [0, pitch_c, pitch_s], [0, -pitch_s, pitch_c]])
    return roll @ yaw @ pitch


def _personal_affine(rotation: np.ndarray, scale: float, landmarks: np.ndarray) -> np.ndarray:
    """The affine map (2, 3) from the camera's plane to the photo that brings the mean face's landmarks to this face's.

    It is held near a plain scaling, or the landmarks of a profile, which lie almost on a line, would shear the head.
    """
    projected = (FACE_LANDMARKS @ rotation.T)[:, :2]
    points = np.column_stack([projected, np.ones(5)])
    stiffness = 35.0  # millimetres: the weight of "no shear" against the five landmarks
    rows = np.vstack([points, [[stiffness, 0, 0], [0, stiffness, 0]]])
    targets = np.vstack([landmarks, np.eye(2) * stiffness * scale])
    return np.linalg.lstsq(rows, targets, rcond=None)[0].T


def _window(pose: Pose, photo_shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The rows and columns of the photo that the mask and its loops can touch."""
    corners = np.array([[x, y, z] for x in (-85, 85) for y in (-5, 140) for z in (-85, 55)], dtype=np.float64)
    pixels = pose.project(corners)
    low = np.maximum(np.floor(pixels.min(0)), 0).astype(int)
    high = np.minimum(np.ceil(pixels.max(0)) + 1, photo_shape[1::-1]).astype(int)
    if (high - low).min() < 2:
        raise MaskError("the lower face lies outside the picture")
    return slice(low[1], high[1]), slice(low[0], high[0])


def _surface(pose: Pose, style: Style, fit: Fit, window: tuple[slice, slice]) -> Surface:
    """Where each pixel's ray meets the masked head, in the head's millimetres, and which way the cloth faces there."""
    rows, columns = np.mgrid[window].astype(np.float32)
    inverse = np.linalg.inv(pose.to_photo[:, :2]).astype(np.float32)
    shift = pose.to_photo[:, 2].astype(np.float32)
    plane = np.stack([columns - shift[0], rows - shift[1]], -1) @ inverse.T
    rotation = pose.rotation.astype(np.float32)
    depth, hit = _depth(plane, rotation, (*HEAD, *style.bulges), fit.slack)
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


def _soften(picture: np.ndarray, sigma: float) -> np.ndarray:
    """A wide Gaussian blur, by way of a picture of a quarter of the size: a sixteenth of the work, the same to see."""
    quarter = tuple(max(1, side // 4) for side in picture.shape[1::-1])
    small = cv2.GaussianBlur(cv2.resize(picture, quarter, interpolation=cv2.INTER_AREA), (0, 0), sigma / 4)
    return cv2.resize(small, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)


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


def _cloth(
    photo: np.ndarray,
    coverage: np.ndarray,
    surface: Surface,
    style: Style,
    window: tuple[slice, slice],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """The lit cloth, float32 (height, width, 3) 0..255 of the window, and its alpha (height, width) 0..1."""
    albedo = style.texture(surface, rng) * _light(photo, coverage, surface, window)[..., None]
    level, cast = _exposure(photo, rng)
    return np.clip(albedo * level * cast * 255, 0, 255).astype(np.float32), coverage[window].copy()


def _exposure(photo: np.ndarray, rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """How bright a white thing is in this photo, about 0.2..1, and the light's colour cast, (3,) around 1."""
    small = cv2.resize(photo, (32, 32), interpolation=cv2.INTER_AREA).reshape(-1, 3) / 255.0
    luma = small @ (0.299, 0.587, 0.114)
    middle, bright = np.quantile(luma[256:-256], [0.5, 0.95])
    level = np.clip(0.65 * bright + 0.5 * np.sqrt(middle), 0.12, 1.1) * rng.uniform(0.85, 1.12)
    cast = (small.mean(0) + 0.15) / (luma.mean() + 0.15)
    return float(level), cast**0.4


def _light(photo: np.ndarray, coverage: np.ndarray, surface: Surface, window: tuple[slice, slice]) -> np.ndarray:
    """Brightness (height, width) around 1: the photo's own large-scale light, and a soft one from above."""
    luma = cv2.cvtColor(photo[window], cv2.COLOR_RGB2GRAY).astype(np.float32) + 8
    inside = coverage[window] + np.float32(1e-3)
    sigma = 14 / surface.mm_per_pixel
    local = _soften(luma * inside, sigma) / _soften(inside, sigma)
    mean = (luma * inside).sum() / inside.sum()
    from_photo = np.clip(local / mean, 0.45, 1.7) ** 0.6
    from_above = 0.72 + 0.28 * np.clip(surface.normals @ (0.0, -0.45, 0.9), 0, 1)
    rim = 0.75 + 0.25 * np.clip(surface.normals[..., 2] * 1.6, 0, 1)
    return from_photo * from_above * rim


def _draw_straps(
    layer: np.ndarray,
    alpha: np.ndarray,
    pose: Pose,
    style: Style,
    fit: Fit,
    window: tuple[slice, slice],
    rng: np.random.Generator,
) -> None:
    """Draws loops or straps into the layer and its alpha, on the sides of the head that the camera sees."""
    if rng.random() < 0.2:  # hair hides them
        return
    colour = (layer[alpha > 0.5].mean(0) if (alpha > 0.5).any() else np.full(3, 128.0)) * rng.uniform(0.8, 1.15)
    for side in (-1, 1):
        if (pose.rotation @ (side * 0.97, 0, 0.25))[2] < 0.05:  # turned away from the camera
            continue
        for start, end in style.straps(fit):
            points = _strap_points(start * (side, 1, 1), end * (side, 1, 1))
            pixels = pose.project(points) - (window[1].start, window[0].start)
            stroke = np.zeros_like(alpha)
            width = max(1, round(rng.uniform(1.6, 2.6) * pose.pixels_per_mm))
            cv2.polylines(stroke, [np.round(pixels * 8).astype(np.int32)], False, 1.0, width, cv2.LINE_AA, 3)
            stroke *= (1 - alpha) * 0.9
            layer[:] = layer + (np.minimum(colour, 255) - layer) * (stroke > 0)[..., None] * (1 - alpha[..., None])
            np.maximum(alpha, stroke, out=alpha)


def _strap_points(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """A strap from the mask's edge to behind the ear, (12, 3), bulging outwards over the cheek."""
    along = np.linspace(0, 1, 12)[:, None]
    points = start + (end - start) * along
    points[:, :1] *= 1 + 0.06 * np.sin(np.pi * along)
    return points


def _composite(
    photo: np.ndarray,
    layer: np.ndarray,
    alpha: np.ndarray,
    pose: Pose,
    window: tuple[slice, slice],
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
    energy, energy_again = (_gradient_energy(x) for x in (luma, cv2.GaussianBlur(luma, (0, 0), again)))
    ratio = np.clip(energy_again / energy, 0.05, 0.98)
    return float(np.clip(again * ratio / np.sqrt(1 - ratio**2), 0.4, 6))


def _gradient_energy(luma: np.ndarray) -> float:
    """The mean squared gradient of a grey picture."""
    return float((np.diff(luma, axis=0) ** 2).mean() + (np.diff(luma, axis=1) ** 2).mean() + 1e-3)


def _noise_of(photo: np.ndarray) -> float:
    """The standard deviation of the photo's grain, 0..8 grey levels (Immerkaer, "Fast Noise Variance Estimation")."""
    luma = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.float32)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.clip(np.median(np.abs(cv2.filter2D(luma, -1, kernel))) / 6 / 0.6745, 0, 8))
