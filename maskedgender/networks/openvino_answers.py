"""Answers by OpenVINO from a model that Keras has loaded on it: in float32, a few crops at a time, from any thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .openvino_layout import without_needless_turns

if TYPE_CHECKING:
    import keras

# As TensorFlow computes: where a CPU has bfloat16, OpenVINO would compute in that, and answers would be off by 1e-4.
# One stream: a photo's few faces are to be answered soon, by all cores together.
# No pinning: processes that answer side by side would all pin their threads to the same cores.
SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
TOGETHER = 2  # crops, in four looks each: what the layers make of more does not fit a core's cache


def answer_by_openvino(model: keras.Model) -> None:
    """Have `predict` and `predict_on_batch` of a model use a network compiled by SETTINGS.

    Keras compiles by no settings, and makes one request for it all, which two threads must not use at once.

    Raises:
        NotImplementedError: OpenVINO cannot compute one of its layers.
    """
    try:
        run = _compiled(model)
    except Exception as error:  # each layer has its own way to fail
        raise NotImplementedError(str(error)) from error

    def answer(data: Sequence[Sequence[np.ndarray]]) -> np.ndarray | list[np.ndarray]:
        crops = np.asarray(data[0][0], np.float32)
        parts = [run(crops[start : start + TOGETHER]) for start in range(0, len(crops), TOGETHER)]
        outputs = [np.concatenate(of_all) for of_all in zip(*parts, strict=True)]
        return outputs[0] if len(outputs) == 1 else outputs

    model.predict_function = answer  # Keras makes one of its own only where there is none


def _compiled(model: keras.Model) -> Callable[[np.ndarray], list[np.ndarray]]:
    """The network as a function of crops, float32 (N, S, S, C), which gives each of its outputs."""
    import keras
    import openvino
    from openvino import opset13

    tensor = type(keras.ops.convert_to_tensor(0.0))  # Keras' own, around one of OpenVINO's
    crops = opset13.parameter([-1, *model.input_shape[1:]], np.float32)
    outputs = model(tensor(crops.output(0)), training=False)
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    network = openvino.Model([one.output for one in outputs], [crops])
    without_needless_turns(network)
    request = openvino.compile_model(network, "CPU", {**SETTINGS, **_threads_allowed()}).create_infer_request()
    lock = threading.Lock()

    def run(batch: np.ndarray) -> list[np.ndarray]:
        with lock:
            given = request.infer(batch)
            return [given[number] for number in range(len(outputs))]

    return run


def _threads_allowed() -> dict[str, int]:
    """As OpenVINO's setting: OMP_NUM_THREADS, which Ray sets for each of its workers; by itself it takes all cores."""
    threads = os.environ.get("OMP_NUM_THREADS", "")
    return {"INFERENCE_NUM_THREADS": int(threads)} if threads.isdecimal() and int(threads) else {}
