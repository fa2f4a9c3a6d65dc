"""Our CNN: EfficientNet-Lite0, which can begin with what a million pictures have taught it.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019; Lite (Liu, 2020) leaves
out what small devices do slowly: squeeze-and-excitation and swish.
"""

from __future__ import annotations

import keras
from keras import layers

from .normalization import BatchNormalization

# Of each stage: kernel, stride of its first block, filters that leave it, blocks.
STAGES = ((3, 1, 16, 1), (3, 2, 24, 2), (5, 2, 40, 2), (3, 2, 80, 3), (5, 1, 112, 3), (5, 2, 192, 4), (3, 1, 320, 1))


def masked_cnn(size: int, view: str = "portrait") -> keras.Model:
    """EfficientNet-Lite0, 3.4 million parameters: (N, size, size, 3), RGB, 0..255, to logits (N, 2)."""
    inputs = keras.Input((size, size, 3), name="portrait")
    x = layers.Rescaling(1 / 128, offset=-127 / 128)(viewed(inputs, view))
    x = _convolved(x, layers.Conv2D(32, 3, 2, "same", use_bias=False, name="conv_stem"), "bn0")
    blocks = [(kernel, 1 if again else stride, filters) for kernel, stride, filters, n in STAGES for again in range(n)]
    for number, (kernel, stride, filters) in enumerate(blocks):
        x = _inverted_residual(x, filters, kernel, stride, 6 if number else 1, f"block{number}")
    x = _convolved(x, layers.Conv2D(1280, 1, use_bias=False, name="conv_head"), "bn1")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    return keras.Model(inputs, layers.Dense(2, dtype="float32", name="logits")(x), name="masked_cnn")


def viewed(inputs: keras.KerasTensor, view: str) -> keras.KerasTensor:
    """All of a "portrait", or its "face", the central 70 %: beyond it FairFace's crops repeat their edges."""
    top, bottom, sides = (round(share * inputs.shape[1]) for share in (0.235, 0.065, 0.15))
    face = layers.Cropping2D(((top, bottom), (sides, top + bottom - sides)), name="face")
    return face(inputs) if view == "face" else inputs


def _inverted_residual(x, filters, kernel, stride, widening, name):
    """Widen, filter each channel by itself, narrow again (Sandler et al., "MobileNetV2", 2018)."""
    shortcut = x
    if widening > 1:
        expand = layers.Conv2D(widening * x.shape[-1], 1, use_bias=False, name=f"{name}_expand_conv")
        x = _convolved(x, expand, f"{name}_bn0")
    depthwise = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{name}_depthwise_conv")
    x = _convolved(x, depthwise, f"{name}_bn1")
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = BatchNormalization(momentum=0.95, epsilon=1e-3, name=f"{name}_bn2")(x)
    return layers.Add()([shortcut, x]) if stride == 1 and shortcut.shape[-1] == filters else x


def _convolved(x: keras.KerasTensor, convolution: layers.Layer, normalisation: str) -> keras.KerasTensor:
    x = BatchNormalization(momentum=0.95, epsilon=1e-3, name=normalisation)(convolution(x))
    return layers.ReLU(max_value=6)(x)
