"""The model that ships: the file that its card tells of, within its limits, and right about real photos."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from maskedgender.data.pictures import CLASSES
from maskedgender.faces.detector import detect
from maskedgender.masks.drawing import STYLES, draw_mask
from maskedgender.places import SHIPPED_MODEL
from maskedgender.prediction.answers import predict_photo

from ..support.people import FAIRFACE, read_fairface

ROOT = Path(__file__).resolve().parents[2]
CARD = (ROOT / "models" / "README.md").read_text(encoding="utf-8")


def test_the_card_tells_of_this_file():
    assert hashlib.sha256(SHIPPED_MODEL.read_bytes()).hexdigest() in CARD


def test_it_is_small_in_float32_and_of_keras_own_layers(model):
    assert SHIPPED_MODEL.stat().st_size <= 20_000_000
    assert model.model.count_params() <= 5_000_000
    layers = [*model.model.layers, *model.model.get_layer("cnn").layers]
    assert {getattr(layer, "compute_dtype", "float32") for layer in layers} == {"float32"}, "operations have none"
    assert all(type(layer).__module__.startswith("keras.src.") for layer in layers)


@pytest.mark.parametrize("masked", [False, True])
def test_the_served_path_answers_portraits_as_training_saw_them(model, masked):
    """40 portraits of FairFace's training part, most of which it has learnt from: no measure of how good it is."""
    labels = pd.read_csv(FAIRFACE / "train_labels.csv") if FAIRFACE.is_dir() else None
    portraits = read_fairface("train", range(30001, 30041))
    right = []
    for number, portrait in enumerate(portraits):
        photo = cv2.resize(portrait, None, fx=1.25, fy=1.25, interpolation=cv2.INTER_LINEAR)
        if masked:
            faces = detect(photo, 224)
            if not faces:
                continue
            style = list(STYLES)[number % len(STYLES)]
            photo = draw_mask(photo, faces[0].landmarks, style, np.random.default_rng(number)).photo
        for face in predict_photo(model, photo)[:1]:
            right.append(labels.gender[30000 + number] == CLASSES[face.p_male > face.p_female])
    assert len(right) > 35
    assert np.mean(right) > 0.80, "far below what it learnt: train and serve have come apart"
