"""OpenVINO's networks lose the transposes that Keras puts around layers, and keep their answers."""

from __future__ import annotations

import numpy as np
import pytest

from maskedgender.networks.backend import import_openvino
from maskedgender.networks.inference import remove_transposes

import_openvino()
import openvino  # noqa: E402
from openvino import opset13 as ops  # noqa: E402

FIRST, LAST, SWAPPED = [0, 3, 1, 2], [0, 2, 3, 1], [0, 3, 2, 1]
rng = np.random.default_rng(0)


def convolved(x: openvino.Output) -> openvino.Output:
    """As Keras gives it: channels last, and a convolution's normalisation on axes in an order of its own."""
    kernel = rng.normal(size=(4, 4, 3, 3)).astype(np.float32)
    x = ops.convolution(ops.transpose(x, FIRST), kernel, [1, 1], [1, 1], [1, 1], [1, 1])
    x = ops.transpose(ops.convert(ops.transpose(x, LAST), np.float32), SWAPPED)
    of_channels = [rng.uniform(1, 2, 4).astype(np.float32) for _ in range(4)]
    x = ops.transpose(ops.batch_norm_inference(x, *of_channels, 1e-3), SWAPPED)
    return ops.clamp(x, 0, 6).output(0)


def network(end: str) -> openvino.Model:
    """Two convolutions and a way around the second, and what comes after them."""
    given = ops.parameter([-1, 6, 5, 4], np.float32)
    x = convolved(given.output(0))
    x = ops.add(x, convolved(x)).output(0)
    if end == "mean":
        x = ops.reduce_mean(x, np.array([1, 2]), False).output(0)
    if end == "other channels":  # a bias for each column: no layer of channels
        x = ops.add(x, np.arange(20, dtype=np.float32).reshape(5, 4)).output(0)
    if end == "rows normalised":  # axis 1 is no layer's channels here
        x = ops.batch_norm_inference(x, *[rng.uniform(1, 2, 6).astype(np.float32) for _ in range(4)], 1e-3).output(0)
    return openvino.Model([x], [given])


@pytest.mark.parametrize("end", ["nothing", "mean", "other channels", "rows normalised"])
def test_one_transpose_is_left_at_each_end_and_the_answers_stay(end: str) -> None:
    model = network(end)
    pictures = rng.normal(size=(3, 6, 5, 4)).astype(np.float32)
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    before = openvino.compile_model(model, "CPU", exact)(pictures)[0]
    remove_transposes(model)
    assert sum(node.get_type_name() == "Transpose" for node in model.get_ordered_ops()) == 2, "of eight"
    np.testing.assert_allclose(openvino.compile_model(model, "CPU", exact)(pictures)[0], before, rtol=1e-5, atol=1e-5)
