"""Foreign models: what a file does not say of its input and output is asked for, and brought into our contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from .exported import ExportedNetwork
from .records import CLASS_ORDER, FEMALE_FIRST, SCALE

OURS = "0..255"
SCALES = {OURS: (1.0, 0.0), "0..1": (1 / 255, 0.0), "-1..1": (1 / 127.5, -1.0)}  # factor and offset of pixels 0..255
ORDERS = (FEMALE_FIRST, "male, female")
ORIGINAL = (None, 100, 100, 1), (None, 2), "sigmoid"  # input, output and last activation of the original's files


def scale_and_order(network: Any, record: Mapping[str, str], scale: str | None, order: str | None) -> tuple[str, str]:
    """The scale of a model's input and the order of its classes, by its record or by what the caller says.

    Raises:
        ValueError: neither says, or the caller names what there is not; the rest of a sentence that begins with the
            file's path.
    """
    if (network.input_shape, network.output_shape, _last_activation(network)) == ORIGINAL:
        record = {SCALE: OURS, CLASS_ORDER: FEMALE_FIRST, **record}
    scale = scale or record.get(SCALE)
    order = ", ".join(part.strip() for part in (order or record.get(CLASS_ORDER, "")).split(","))
    if scale not in SCALES or order not in ORDERS:
        raise ValueError(
            "does not say which pixels it takes and in which order it gives its classes, so that its answers could be "
            "wrong with great certainty: give --scale 0..255 (also if a layer inside rescales them), 0..1 or -1..1, "
            "and --classes female,male or male,female."
        )
    for given, name in ((scale, SCALE), (order, CLASS_ORDER)):
        if record.get(name, given) != given:
            raise ValueError(f"has the {name} {record[name]} by its record, not {given}.")
    return scale, order


def in_our_contract(network: Any, scale: str, order: str) -> Any:
    """A model that takes 0..255 and gives the probabilities of female and male, around one that does it otherwise.

    Of one output alone, it is the probability of the second class; of a last layer without an activation, logits.
    """
    one, logits = network.output_shape == (None, 1), _last_activation(network) == "linear"
    factor, offset = SCALES[scale]
    if scale == OURS and order == FEMALE_FIRST and not one and not logits:
        return network

    def adapted(run: Callable, crops: Any, ops: Any) -> list:
        outputs = run(crops * factor + offset)
        first, *further = outputs if isinstance(outputs, (list, tuple)) else [outputs]
        if logits:
            margin = first if one else first[:, 1:] - first[:, :1]
            first = (ops.tanh(margin / 2) + 1) / 2
        if one or logits:
            first = ops.concatenate([1 - first, first], axis=1)
        if order != FEMALE_FIRST:
            first = ops.concatenate([first[:, 1:], first[:, :1]], axis=1)
        return [first, *further]

    if isinstance(network, ExportedNetwork):
        gives, run = (None, 2) if one else network.output_shape, network.predict_on_batch
        return replace(network, output_shape=gives, predict_on_batch=lambda crops: adapted(run, crops, np))
    import keras

    inputs = keras.Input(network.input_shape[1:], name="portrait")
    outputs = adapted(network, inputs, keras.ops)
    return keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0], name=network.name)


def _last_activation(network: Any) -> str:
    """The name of the activation that gives the output; empty where the last layer has none, or is not Keras's."""
    while layers := getattr(network, "layers", None):
        network = layers[-1]
    return getattr(getattr(network, "activation", None), "__name__", "")
