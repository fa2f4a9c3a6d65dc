"""Model files from elsewhere: which input they were made for, what their numbers mean, and the way into our contract.

What a file does not tell is asked for or, where there is a usual answer, assumed and said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .records import CLASS_ORDER, FEMALE_FIRST, SCALE

if TYPE_CHECKING:
    import keras

SCALES = ("0..255", "0..1", "-1..1")
OURS = SCALES[0]
ORDERS = (FEMALE_FIRST, "male, female")
_SMALL = 10.0  # a network whose first weights see numbers up to so much was made for pixels that were scaled down
_ORIGINALS = [(3, 3, 1, 32), (3, 3, 32, 64), (3, 3, 64, 128), (3, 3, 128, 256)]  # the kernels of its convolutions


@dataclass(frozen=True)
class Contract:
    """What a file takes and gives.

    Attributes:
        scale: of its input, one of SCALES.
        order: of the classes, one of ORDERS; of one output alone, it is the probability of the second.
        logits: whether it gives numbers that a softmax, or a sigmoid, makes probabilities of.
        said: what was found or assumed, in parts of a sentence.
    """

    scale: str
    order: str
    logits: bool
    said: tuple[str, ...]


def contract_of(model: keras.Model, record: dict[str, str], scale: str | None, order: str | None) -> Contract:
    """What a loaded model takes and gives, by its record, by what the caller says, or by its layers.

    Raises:
        ValueError: the scale of its input is not to be known, or is none, or the caller contradicts the record; the
            text is the rest of a sentence that begins with the file's path.
    """
    scale, order = stated(record, scale, order)
    said: list[str] = []
    scale = scale or _told_scale(model, said)
    if scale not in SCALES:
        raise ValueError(
            f"does not tell which pixels it was made for: say so by --scale, as one of {', '.join(SCALES)}, or answers "
            "would be wrong with great certainty."
        )
    if order is None:
        said.append(_assumed_order(model))
    logits = len(model.outputs) == 1 and _last_activation(model) == "linear"
    if logits:
        said.append(f"its numbers are logits, to which a {'sigmoid' if _one(model) else 'softmax'} is applied")
    return Contract(scale, order or FEMALE_FIRST, logits, tuple(said))


def stated(record: Mapping[str, str], scale: str | None, order: str | None) -> tuple[str | None, str | None]:
    """The scale of a file's input and the order of its classes, by the caller or its record; None where neither says.

    Raises:
        ValueError: the caller names what there is not, or contradicts the record; the text as for `contract_of`.
    """
    if order is not None:
        order = ", ".join(part.strip() for part in order.split(","))
    for given, known, option in ((scale, SCALES, "--scale"), (order, ORDERS, "--classes")):
        if given is not None and given not in known:
            raise ValueError(f"is opened with {option} {given}, which is none of {'; '.join(known)}.")
    for given, name in ((scale, SCALE), (order, CLASS_ORDER)):
        if given is not None and name in record and record[name] != given:
            raise ValueError(f"has the {name} {record[name]} by its record, not {given}.")
    return scale or record.get(SCALE), order or record.get(CLASS_ORDER)


def in_our_contract(model: keras.Model, contract: Contract) -> keras.Model:
    """The model between stock layers that make it take 0..255 and give the probabilities of female and male."""
    if contract.scale == OURS and contract.order == FEMALE_FIRST and not contract.logits and not _one(model):
        return model
    import keras
    from keras import layers

    inputs = x = keras.Input(model.input_shape[1:], name="portrait")
    if contract.scale == "0..1":
        x = layers.Rescaling(1 / 255)(x)
    elif contract.scale == "-1..1":
        x = layers.Rescaling(1 / 127.5, offset=-1)(x)
    x, *further = model(x) if len(model.outputs) > 1 else [model(x)]
    if contract.logits:
        x = layers.Activation("sigmoid")(x) if _one(model) else layers.Softmax()(x)
    if _one(model):
        x = layers.Concatenate()([layers.Rescaling(-1.0, offset=1.0)(x), x])
    if contract.order != FEMALE_FIRST:
        columns = layers.Reshape((2, 1))(x)
        x = layers.Concatenate(axis=1)([layers.Cropping1D(cut)(columns) for cut in ((1, 0), (0, 1))])
        x = layers.Flatten()(x)
    return keras.Model(inputs, [x, *further] if further else x, name=model.name)


def _one(model: keras.Model) -> bool:
    return bool(model.output_shape == (None, 1))


def _assumed_order(model: keras.Model) -> str:
    if _one(model):
        return "its one number is taken as the probability of male (--classes male,female if it is that of female)"
    return "its two numbers are taken as female, then male (--classes male,female if it is the other way round)"


def _last_activation(model: keras.Model) -> str:
    """The name of the activation that gives the output; empty where the last layer has none."""
    last = model.layers[-1]
    if hasattr(last, "layers"):
        return _last_activation(last)
    return getattr(getattr(last, "activation", None), "__name__", "")


def _told_scale(model: keras.Model, said: list[str]) -> str | None:
    """The scale that the first layers tell of, None where they tell nothing; why, into `said`."""
    kernels = [tuple(weight.shape) for weight in model.weights if len(weight.shape) == 4]
    if kernels == _ORIGINALS and not any(_kind(layer) == "Rescaling" for layer in _flat(model)):
        said.append("it is built like the original notebook's, which takes pixels of 0..255")
        return OURS
    factor, rescales = 1.0, False
    for layer in _flat(model):
        if _kind(layer) == "Rescaling":
            factor, rescales = factor * float(np.abs(layer.scale).max()), True
        elif _kind(layer) in ("BatchNormalization", "Normalization"):
            if not rescales and _mean(layer) > 2:
                said.append(f"its first layer, a {_kind(layer)}, has seen pixels of 0..255")
                return OURS
            break
        elif layer.weights and not (_kind(layer) == "Dense" and not layer.trainable):  # the looks of our own files
            break
    if rescales and 255 * factor <= _SMALL:
        said.append("a Rescaling layer in it takes pixels of 0..255")
        return OURS
    return None


def _mean(layer: keras.layers.Layer) -> float:
    """The largest mean of a channel that a normalising layer has seen."""
    import keras

    mean = layer.moving_mean if hasattr(layer, "moving_mean") else layer.mean
    return float(np.max(keras.ops.convert_to_numpy(mean)))


def _flat(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """The layers in their order, with those of models within it."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _flat(layer)
        else:
            yield layer


def _kind(layer: keras.layers.Layer) -> str:
    return type(layer).__name__
