"""How a head stands in a photo, from five landmarks of its face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# The mean adult face, in millimetres, seen from the front: x to the right of the picture, y down, z towards the camera,
# the origin between the eyes. The frontal places are ArcFace's template (Deng et al., CVPR 2019); the depths are ours.
FACE_LANDMARKS = np.array([[-31, 0, 0], [31, 0, 0], [0, 37, 27], [-25, 72, 7], [25, 72, 7]], dtype=np.float64)

POSE_PRIOR = np.array([0.7, 0.35])  # radians of yaw and pitch that are nothing unusual; roll is free
MOST_ERROR_MM = 8.0  # root mean square; among 995 of FairFace's training portraits the largest was 7.2


class MaskError(ValueError):
    """No mask can be put in the right place: the landmarks do not look like a face's, or lie out of reach."""


@dataclass(frozen=True)
class Pose:
    """How a head stands in a photo."""

    rotation: np.ndarray  # (3, 3), from the head's axes to the camera's
    to_photo: np.ndarray  # (2, 3) affine map from the camera's plane, in millimetres, to pixels of the photo

    @property
    def pixels_per_mm(self) -> float:
        """The scale of the head in the photo."""
        return float(np.sqrt(abs(np.linalg.det(self.to_photo[:, :2]))))

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points of the head, (N, 3) in millimetres, as pixels of the photo, (N, 2)."""
        return (points @ self.rotation.T)[:, :2] @ self.to_photo[:, :2].T + self.to_photo[:, 2]


def estimate_pose(landmarks: np.ndarray) -> Pose:
    """The pose of a head whose five landmarks, (5, 2) in pixels, are known.

    Scaled orthographic projection, fitted by Gauss-Newton with a weak prior on yaw and pitch (five points alone leave
    the pitch to chance); what then remains of the landmarks' error, a personal face, goes into the affine map.

    Raises:
        MaskError: the landmarks lie on one another, or are too far from any pose of a face.
    """
    if np.ptp(landmarks, axis=0).max() < 4:
        raise MaskError("the face is too small for a mask: its landmarks lie within 4 pixels")
    angles_scale_shift = _first_guess(landmarks)
    with np.errstate(all="ignore"):  # landmarks that are no face's may lead anywhere
        for _ in range(8):
            angles_scale_shift = angles_scale_shift - _gauss_newton_step(angles_scale_shift, landmarks)
        errors = 4 * _pose_residuals(angles_scale_shift, landmarks)[:10]
    if not np.sqrt((errors**2).mean()) < MOST_ERROR_MM:
        raise MaskError("the landmarks are not those of a face")
    rotation = _rotation(angles_scale_shift[:3])
    return Pose(rotation, _personal_affine(rotation, float(np.exp(angles_scale_shift[3])), landmarks))


def _gauss_newton_step(parameters: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """The change of the parameters that a linear view of the residuals asks for; MaskError when there is none."""
    residuals = _pose_residuals(parameters, landmarks)
    steps = np.eye(6) * 1e-4
    jacobian = np.stack([(_pose_residuals(parameters + step, landmarks) - residuals) / 1e-4 for step in steps], 1)
    if not np.isfinite(jacobian).all():
        raise MaskError("the landmarks are not those of a face")
    return np.linalg.lstsq(jacobian, residuals, rcond=None)[0]


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
    return np.concatenate([errors.ravel() / 4, parameters[1:3] / POSE_PRIOR])


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
