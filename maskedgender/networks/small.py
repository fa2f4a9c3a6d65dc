"""Our small CNN: a residual network a third of the size and of the work of the masked one."""

from __future__ import annotations

import keras
from keras import layers

from .view import viewed


def small_cnn(image_size: int = 128, view: str = "face") -> keras.Model:
    """A small residual network, 1,254,642 parameters, 67 million multiply-adds for a "face" of 128.

    It narrows the picture early, so that most of the work is done by dense 3x3 convolutions on 6 to 23 pixels a side:
    on a CPU this trains faster than depthwise convolutions of half the work.

    Args:
        image_size: side S of its input (N, S, S, 3): canonical crops, RGB, 0..255.
        view: "face", the central 70 % of the crop (90x90 of 128x128); or "portrait", all of it, hair and ears too.

    Returns:
        An uncompiled model; its output (N, 2) are the probabilities of female and male.
    """
    inputs = x = keras.Input((image_size, image_size, 3), name="portrait")
    x = viewed(x, image_size, view)
    x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    x = _convolved(x, 16, stride=2)
    for filters, blocks, stride in ((32, 1, 2), (64, 2, 2), (128, 2, 2), (192, 1, 1)):
        for block in range(blocks):
            x = _residual(x, filters, stride if block == 0 else 1)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    # Two steps, so that calibration can be folded into the logits' weights.
    x = layers.Dense(2, name="logits")(x)
    outputs = layers.Softmax(dtype="float32", name="female_male")(x)
    return keras.Model(inputs, outputs, name="small_cnn")


def _convolved(x: keras.KerasTensor, filters: int, stride: int = 1) -> keras.KerasTensor:
    x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x)


def _residual(x: keras.KerasTensor, filters: int, stride: int) -> keras.KerasTensor:
    """Two convolutions around which the input has a short way (He et al., "Deep Residual Learning", 2015)."""
    shortcut = x
    if stride > 1 or x.shape[-1] != filters:
        shortcut = layers.AveragePooling2D(stride, padding="same")(x) if stride > 1 else x
        shortcut = layers.Conv2D(filters, 1, use_bias=False)(shortcut)
        shortcut = layers.BatchNormalization(momentum=0.9)(shortcut)
    x = _convolved(x, filters, stride)
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)  # gamma starts at 1: at 0, three epochs learnt half as much
    return layers.ReLU()(layers.Add()([shortcut, x]))
