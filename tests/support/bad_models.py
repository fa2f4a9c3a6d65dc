"""The table of bad model files, made by code: what a person may give as a model, and what must be said of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from .bad_inputs import Case, Make, content, nothing, saved, zipped


def classifier(
    shape: tuple[int | None, ...], classes: int = 2, weight: float = 0.0, *layers: keras.layers.Layer
) -> Make:
    """A model that gives the same outputs for every picture, behind some layers more."""

    def make(path: Path) -> None:
        x = inputs = keras.Input(shape)
        for layer in layers:
            x = layer(x)
        x = keras.layers.Rescaling(1 / 255)(x)
        x = keras.layers.GlobalAveragePooling2D()(x)
        constant = keras.initializers.Constant(weight)
        outputs = keras.layers.Dense(classes, activation="softmax", kernel_initializer=constant)(x)
        keras.Model(inputs, outputs).save(path)

    return make


def changed_model(change: Callable[[bytearray], bytearray]) -> Make:
    """A good model's file, changed."""

    def make(path: Path) -> None:
        classifier((32, 32, 3))(path)
        path.write_bytes(change(bytearray(path.read_bytes())))

    return make


def with_a_wrong_byte(data: bytearray) -> bytearray:
    """One byte of the weights inverted; the zip's checksum no longer fits."""
    at = data.index(b"\x89HDF") + 1000
    data[at] ^= 0xFF
    return data


class OwnLayer(keras.layers.Layer):  # type: ignore[misc]
    """A layer that only these tests have."""

    def call(self, x: Any) -> Any:
        return x


NOT_KERAS = "not a .keras file"
MODELS = (
    Case("missing.keras", "no model file", nothing),
    Case("d" * 300 + ".keras", "no model file", nothing),
    Case("zero\0byte.keras", "no model file", nothing),
    Case("folder.keras", NOT_KERAS, Path.mkdir),
    Case("empty.keras", NOT_KERAS, content(b"")),
    Case("photo.keras", NOT_KERAS, saved(kind="JPEG")),
    Case("photo.jpg", NOT_KERAS, saved()),
    Case("truncated.keras", NOT_KERAS, changed_model(lambda data: data[: len(data) // 2])),
    Case("zip of a photo.keras", "cannot be read as a Keras model", zipped),
    Case("a wrong byte.keras", "copy it again", changed_model(with_a_wrong_byte)),
    Case("oblong.keras", "square picture", classifier((64, 32, 3))),
    Case("four channels.keras", "square picture", classifier((64, 64, 4))),
    Case("any size.keras", "square picture", classifier((None, None, 3))),
    Case("three classes.keras", "two probabilities", classifier((32, 32, 3), 3)),
    Case("of any scale.keras", "--scale 0..255", classifier((32, 32, 3))),
    Case("not numbers.keras", "not probabilities", classifier((32, 32, 3), 2, float("nan"))),
    Case("lambda.keras", "code of its own", classifier((32, 32, 3), 2, 0, keras.layers.Lambda(lambda x: x / 255))),
    Case("own layer.keras", "only stock layers", classifier((32, 32, 3), 2, 0, OwnLayer())),
)
