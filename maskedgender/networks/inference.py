"""How a loaded model computes its answers, from any thread: by OpenVINO, or in one graph of TensorFlow."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import keras
    import openvino

# As TensorFlow computes: where a CPU has bfloat16, OpenVINO would compute in that, and answers would be off by 1e-4.
# One stream: a photo's few faces are to be answered soon, by all cores together.
# No pinning: processes that answer side by side would all pin their threads to the same cores.
SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False}
TOGETHER = 2  # crops, each seen several times: what the layers make of more does not fit a core's cache
# What gives the same transposed after it as before it; of Add, where both inputs are transposed alike.
ELEMENTWISE = {"Clamp", "Convert", "Relu", "Add"}


def set_predict_function(model: keras.Model) -> None:
    """Have `predict_on_batch` of a model answer faster than by Keras itself, where we know how.

    Raises:
        NotImplementedError: OpenVINO cannot compute one of its layers.
    """
    import keras

    if keras.backend.backend() == "openvino":
        try:
            model.predict_function = _by_openvino(model)
        except Exception as error:  # each layer has its own way to fail
            raise NotImplementedError(str(error)) from error
    elif keras.backend.backend() == "tensorflow" and model.predict_function is None:
        model.predict_function = _by_tensorflow(model)


def _by_tensorflow(model: keras.Model) -> Callable:
    """One graph for any number of crops: Keras traces two, which takes seconds each."""
    import tensorflow as tf

    crops = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
    # Without AutoGraph: layers of Keras hold no Python loops that it would have to rewrite.
    graph = tf.function(lambda batch: model(batch, training=False), input_signature=[crops], autograph=False)
    return lambda data: graph(tf.cast(data[0][0], tf.float32))


def _by_openvino(model: keras.Model) -> Callable:
    """Compiled by SETTINGS: Keras compiles by none, and makes one request, which two threads must not use at once."""
    import keras
    import openvino
    from openvino import opset13

    tensor = type(keras.ops.convert_to_tensor(0.0))  # Keras' own, around one of OpenVINO's
    crops = opset13.parameter([-1, *model.input_shape[1:]], np.float32)
    outputs = keras.tree.flatten(model(tensor(crops.output(0)), training=False))
    network = openvino.Model([one.output for one in outputs], [crops])
    remove_transposes(network)
    # OMP_NUM_THREADS is what Ray sets for each of its workers; by itself OpenVINO takes all cores.
    threads = os.environ.get("OMP_NUM_THREADS", "")
    allowed = {"INFERENCE_NUM_THREADS": int(threads)} if threads.isdecimal() and int(threads) else {}
    request = openvino.compile_model(network, "CPU", {**SETTINGS, **allowed}).create_infer_request()
    lock = threading.Lock()

    def run(batch: np.ndarray) -> tuple[np.ndarray, ...]:
        with lock:
            return request.infer(batch).to_tuple()

    def answer(data: Sequence[Sequence[np.ndarray]]) -> np.ndarray | list[np.ndarray]:
        crops = np.asarray(data[0][0], np.float32)
        parts = [run(crops[start : start + TOGETHER]) for start in range(0, len(crops), TOGETHER)]
        of_each = [np.concatenate(of_all) for of_all in zip(*parts, strict=True)]
        return of_each[0] if len(of_each) == 1 else of_each

    return answer


class Transposed(NamedTuple):
    """A tensor that is another one, `source`, whose axes are taken in another order."""

    source: openvino.Output
    order: tuple[int, ...]


def remove_transposes(network: openvino.Model) -> None:
    """Delay each transpose until something needs it, in place: most meet their opposite before, and both vanish.

    Keras has channels last, and OpenVINO computes convolutions with channels first. The transposes that Keras puts
    around each layer take half the time, and keep OpenVINO from computing a convolution, its normalisation and its
    activation in one step.
    """
    waiting: dict[openvino.Output, Transposed] = {}
    for node in network.get_ordered_ops():
        given = [waiting.get(one) for one in node.input_values()]
        if order := _order(node):
            source, before = given[0] or Transposed(node.input_value(0), tuple(range(len(order))))
            waiting[node.output(0)] = Transposed(source, tuple(before[axis] for axis in order))
            continue
        passed_on = _passed_on(node.get_type_name(), given)
        for place, one in zip(node.inputs(), given, strict=True):
            if one:
                place.replace_source_output(one.source if passed_on else _done(one))
        if passed_on:
            waiting[node.output(0)] = Transposed(node.output(0), passed_on)
    network.validate_nodes_and_infer_types()


def _order(node: openvino.Node) -> tuple[int, ...]:
    """The axes of a Transpose, where they are known; empty for all else."""
    if node.get_type_name() != "Transpose" or node.input_value(1).get_node().get_type_name() != "Constant":
        return ()
    return tuple(map(int, node.input_value(1).get_node().data))


def _passed_on(kind: str, given: list[Transposed | None]) -> tuple[int, ...]:
    """The order in which a node's result may be transposed instead of its input; empty where it may not."""
    orders = {one.order if one else () for one in (given if kind == "Add" else given[:1])}
    order = orders.pop() if len(orders) == 1 else ()
    may = kind in ELEMENTWISE or (kind == "BatchNormInference" and order[:2] == (0, 1))  # which is of axis 1
    return order if may else ()


def _done(transposed: Transposed) -> openvino.Output:
    """The tensor itself."""
    from openvino import opset13

    if transposed.order == tuple(range(len(transposed.order))):
        return transposed.source
    return opset13.transpose(transposed.source, list(transposed.order)).output(0)
