"""What the page answers for a photo: each face as the model sees it, and again with a mask drawn on it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from ..faces.crops import canonical_crop, crop_window
from ..faces.detector import Face
from ..masks.drawing import MaskError, draw_mask
from ..networks.classifier import Classifier
from ..prediction.answers import Prediction, find_crops, predict_photo, predictions

ONE_AT_A_TIME = threading.Lock()  # visitors take turns: two photos at once take as long, and twice the memory
WORN = 0.5  # the probability of a mask from which on a face counts as masked
MASK_DRAWN_SIDE = 512  # pixels: a mask on a larger face would take seconds, and no screen shows more of it


@dataclass(frozen=True)
class Answer(Prediction):
    """A prediction with the crop that the model sees, uint8 (S, S, 3), RGB; None where the whole picture was taken."""

    crop: np.ndarray | None = field(default=None, compare=False)


@dataclass(frozen=True)
class PhotoAnswers:
    """The answers for a photo, largest face first."""

    photo: np.ndarray  # uint8 (height, width, 3), RGB, with the masks where they were asked for
    bare: list[Answer]  # without drawn masks; empty when no face was found
    masked: list[Answer | None]  # of the same faces with them; None where no mask was asked for, or none fits
    style: str = ""  # of these masks; "" when none were asked for
    left_out: int = 0  # how many smaller faces the photo has beside these

    @property
    def shown(self) -> list[Answer]:
        """What is answered for the photo as it is shown: with the masks, where they were drawn."""
        return [masked or bare for masked, bare in zip(self.masked, self.bare, strict=True)]


def wears_mask(face: Prediction) -> bool:
    """Whether the model says that a face wears a mask; not, where it cannot tell."""
    return (face.p_mask or 0) >= WORN


def answer_photo(
    model: Classifier, photo: np.ndarray, style: str = "", whole_picture: bool = False, quick: bool = False
) -> PhotoAnswers:
    """The answers for a photo, uint8 (height, width, 3), RGB, upright; the same as `predict_photo` gives.

    With a mask, a face is cut out in the same frame as without: only the mask makes the difference.

    Args:
        style: draw a mask of this style of `STYLES` on each face, and answer again.
        whole_picture: when no face is found, take the whole picture as one crop.
        quick: it is one of a camera's pictures: the next one comes, and small faces may be missed.
    """
    with ONE_AT_A_TIME:
        faces, crops, left_out = find_crops(photo, model.size, quick)
        bare = _answers(model, faces, crops)
        if not faces and whole_picture:
            bare = [Answer(**vars(whole)) for whole in predict_photo(model, photo, whole_picture=True)]
        if not faces or not style:
            return PhotoAnswers(photo, bare, [None] * len(bare), left_out=left_out)
        masked, fits = with_masks(photo, faces, style, list(map(wears_mask, bare)))
        again = _answers(model, faces, np.stack([canonical_crop(masked, face, model.size) for face in faces]))
        return PhotoAnswers(
            masked, bare, [one if fit else None for one, fit in zip(again, fits, strict=True)], style, left_out
        )


def with_masks(
    photo: np.ndarray, faces: Sequence[Face], style: str, worn: Sequence[bool]
) -> tuple[np.ndarray, list[bool]]:
    """A copy of the photo with a mask on every face that it fits and that has not `worn` one, and which these are.

    The same photo always gets the same masks. Faces come largest first, and the largest is drawn last, so that its mask
    lies over those of the faces behind it.
    """
    masked, fits = photo.copy(), [False] * len(faces)
    for index in reversed(range(len(faces))):
        if worn[index]:
            continue
        window = crop_window(faces[index])  # as in training, the light in the crop is the mask's
        top, left = max(0, window.top), max(0, window.left)
        place = np.s_[top : window.top + window.side, left : window.left + window.side]
        with contextlib.suppress(MaskError):
            masked[place] = _with_mask(masked[place], faces[index].landmarks - (left, top), style, index)
            fits[index] = True
    return masked, fits


def _with_mask(photo: np.ndarray, landmarks: np.ndarray, style: str, seed: int) -> np.ndarray:
    """The photo of one face with a mask on it, as sharp as MASK_DRAWN_SIDE pixels; MaskError if it does not fit."""
    height, width = photo.shape[:2]
    scale = min(1.0, MASK_DRAWN_SIDE / max(height, width, 1))
    small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else photo
    masked = draw_mask(small, (landmarks + 0.5) * scale - 0.5, style, np.random.default_rng(seed)).photo
    return cv2.resize(masked, (width, height), interpolation=cv2.INTER_CUBIC) if scale < 1 else masked


def _answers(model: Classifier, faces: Sequence[Face], crops: np.ndarray) -> list[Answer]:
    found = predictions(model, faces, crops)
    return [Answer(**vars(prediction), crop=crop) for prediction, crop in zip(found, crops, strict=True)]
