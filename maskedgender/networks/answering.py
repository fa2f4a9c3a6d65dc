"""The form of a trained CNN that answers: it takes several looks at a crop, and averages what it sees.

Looks differ as the detector's boxes do. Their average errs less, and flips less often when a frame moves a little
(Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import layers, ops

from .view import FACE_CENTRE_ROW

CNN, LOGITS, MASK = "cnn", "logits", "mask"  # names of layers: the trained CNN, its last Dense, and the second output


@dataclass(frozen=True)
class Look:
    """One look at a canonical crop.

    Attributes:
        mirrored: left is right.
        scale: how many times as large the face is seen; its centre stays in its place.
        right, down: how far the picture is moved, as shares of its side.
    """

    mirrored: bool = False
    scale: float = 1.0
    right: float = 0.0
    down: float = 0.0


PLAIN, MIRRORED = Look(), Look(mirrored=True)
# Ten looks gave no more than these four on the choosing split, two gave less: `python -m benchmarks.looks`.
LOOKS = (PLAIN, MIRRORED, Look(scale=1.06), Look(mirrored=True, scale=0.94))


def answering_cnn(
    trained: keras.Model, looks: Sequence[Look] = LOOKS, mask: tuple[np.ndarray, np.ndarray] | None = None
) -> keras.Model:
    """A trained CNN as the file that answers has it; the original's, which has no logits, stays as it is.

    The trained CNN lies inside, as the layer "cnn", with the weights that it has now. Looks are made by fixed Dense
    layers, which every runtime has.

    Args:
        trained: takes (N, S, S, 3) and ends in a Dense called "logits" and a Softmax.
        mask: kernel (F, 1) and bias (1,) of the Dense that says from the F features whether a mask is worn.

    Returns:
        An uncompiled model; its output (N, 2) are the probabilities of female and male; with `mask` there is a second
        one, (N, 1), the probability that a mask is worn.
    """
    if all(layer.name != LOGITS for layer in trained.layers):
        return trained
    logits = trained.get_layer(LOGITS)
    cnn = keras.Model(trained.input, [logits.output, logits.input], name=CNN)
    inputs = keras.Input(trained.input_shape[1:], name="portrait")
    # In one batch: the CNN is in the file's graph once, which thus opens in half the time, and answers sooner.
    logits_seen, features_seen = (_average(of_all, len(looks)) for of_all in cnn(_looked(inputs, looks)))
    outputs = layers.Softmax(dtype="float32", name="female_male")(logits_seen)
    if mask is None:
        return keras.Model(inputs, outputs, name=trained.name)
    worn = layers.Dense(1, activation="sigmoid", dtype="float32", name=MASK)
    model = keras.Model(inputs, [outputs, worn(features_seen)], name=trained.name)
    worn.set_weights(list(mask))
    return model


def trained_cnn(answering: keras.Model) -> keras.Model:
    """The CNN inside a model that answers; the model itself where it holds none."""
    return next((layer for layer in answering.layers if layer.name == CNN), answering)


def _average(of_all: keras.KerasTensor, looks: int) -> keras.KerasTensor:
    """Over so many looks at each crop, of (looks * N, F); (N, F)."""
    return ops.mean(ops.reshape(of_all, (looks, -1, of_all.shape[-1])), axis=0) if looks > 1 else of_all


def _looked(crops: keras.KerasTensor, looks: Sequence[Look]) -> keras.KerasTensor:
    """The crops, (N, S, S, 3), as the looks see them, all by the first one first: (looks * N, S, S, 3).

    A crop's columns and its rows are each a matrix's work, along the last axis, where Dense works. The looks are put
    together before the axes are put back: the other way round, tf2onnx never ends simplifying larger crops' graph.
    """
    if list(looks) == [PLAIN]:
        return crops
    lines = layers.Permute((3, 1, 2))(crops)
    seen = [_sampled(lines, look, number) for number, look in enumerate(looks, 1)]
    return layers.Permute((3, 2, 1))(layers.Concatenate(axis=0, name="looks")(seen) if len(seen) > 1 else seen[0])


def _sampled(lines: keras.KerasTensor, look: Look, number: int) -> keras.KerasTensor:
    """Crops, (N, 3, rows, columns), as one look sees them: (N, 3, columns, rows)."""
    side = lines.shape[-1]
    columns = sampling(side, look.scale, look.right, 0.5)
    if look.mirrored:
        columns = columns[:, ::-1]
    rows = sampling(side, look.scale, look.down, FACE_CENTRE_ROW)
    if not np.array_equal(columns, np.eye(side)):
        lines = _fixed(columns, f"look{number}_columns")(lines)
    lines = layers.Permute((1, 3, 2))(lines)
    return lines if np.array_equal(rows, np.eye(side)) else _fixed(rows, f"look{number}_rows")(lines)


def sampling(side: int, scale: float, move: float, centre: float) -> np.ndarray:
    """The matrix, float32 (side, side), by which a line of pixels is scaled about a centre and moved.

    Each new pixel is what lies at its place between two old ones; beyond the ends the last one is repeated.

    Args:
        move, centre: as shares of the side.
    """
    middle = centre * side - 0.5
    places = np.clip((np.arange(side) - move * side - middle) / scale + middle, 0, side - 1)
    return np.maximum(0, 1 - np.abs(np.arange(side)[:, None] - places)).astype(np.float32)


def _fixed(matrix: np.ndarray, name: str) -> layers.Layer:
    """A Dense layer that multiplies by a matrix which training leaves alone."""
    layer = layers.Dense(matrix.shape[1], use_bias=False, trainable=False, name=name)
    layer.build((None, matrix.shape[0]))
    layer.set_weights([matrix])
    return layer
