"""Our CNN: EfficientNet-Lite0 on the face, which can begin from weights that have seen a million pictures.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019; Lite (Liu, "Higher
accuracy on vision models with EfficientNet-Lite", 2020) leaves out what small devices do slowly: squeeze-and-excitation
and swish.
"""

from __future__ import annotations

import keras
from keras import layers

from .view import viewed

# Each stage: kernel side, stride of its first block, widening inside a block, filters that leave it, blocks.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
FEATURES = 1280


def masked_cnn(image_size: int = 160, view: str = "face", frozen: int = 0) -> keras.Model:
    """EfficientNet-Lite0 with two answers, 3.4 million parameters.

    Args:
        image_size: side S of its input (N, S, S, 3): canonical crops, RGB, 0..255.
        view: "face", the central 70 % of the crop (112x112 of 160x160); or "portrait", all of it, hair and ears too.
        frozen: so many stages, the stem among the first, stay as they are in training: edges and textures look alike
            everywhere, and a third of the work is theirs.

    Returns:
        An uncompiled model; its output (N, 2) are the probabilities of female and male.
    """
    inputs = x = keras.Input((image_size, image_size, 3), name="portrait")
    x = viewed(x, image_size, view)
    x = layers.Rescaling(1 / 128, offset=-127 / 128)(x)
    x = _convolved(x, 32, 3, stride=2, name="stem", trainable=not frozen)
    for stage, (kernel, stride, widening, filters, blocks) in enumerate(STAGES, start=1):
        for block in range(1, blocks + 1):
            name, learns = f"stage{stage}_block{block}", stage > frozen
            x = _inverted_residual(x, filters, kernel, stride if block == 1 else 1, widening, name, learns)
    x = _convolved(x, FEATURES, 1, name="features")
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(x)
    # Two steps, so that calibration can be folded into the logits' weights.
    x = layers.Dense(2, name="logits")(x)
    outputs = layers.Softmax(dtype="float32", name="female_male")(x)
    return keras.Model(inputs, outputs, name="masked_cnn")


def _inverted_residual(
    x: keras.KerasTensor, filters: int, kernel: int, stride: int, widening: int, name: str, trainable: bool
) -> keras.KerasTensor:
    """Widen, filter each channel by itself, narrow again (Sandler et al., "MobileNetV2", 2018)."""
    shortcut = x
    if widening > 1:
        x = _convolved(x, widening * x.shape[-1], 1, name=f"{name}_widened", trainable=trainable)
    depthwise = layers.DepthwiseConv2D(kernel, stride, "same", use_bias=False, name=f"{name}_filtered")
    x = layers.ReLU(max_value=6)(_normalised(depthwise, x, trainable))
    narrow = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_narrowed")
    x = _normalised(narrow, x, trainable)
    return layers.Add()([shortcut, x]) if stride == 1 and shortcut.shape[-1] == filters else x


def _convolved(
    x: keras.KerasTensor, filters: int, kernel: int, stride: int = 1, *, name: str, trainable: bool = True
) -> keras.KerasTensor:
    convolution = layers.Conv2D(filters, kernel, stride, "same", use_bias=False, name=name)
    return layers.ReLU(max_value=6)(_normalised(convolution, x, trainable))


def _normalised(layer: layers.Layer, x: keras.KerasTensor, trainable: bool) -> keras.KerasTensor:
    """A layer and batch normalisation after it; where they do not learn, the normalisation's averages stand, too."""
    normalisation = layers.BatchNormalization(momentum=0.99, epsilon=1e-3, name=f"{layer.name}_normalised")
    layer.trainable = normalisation.trainable = trainable
    return normalisation(layer(x))
