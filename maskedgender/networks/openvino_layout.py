"""Take out of a network of OpenVINO's what Keras puts around each of its layers: a turn to other axes, and back.

Keras has channels last, and OpenVINO computes convolutions with channels first. Left in, the turns take half the time,
and keep OpenVINO from computing a convolution, its normalisation and its activation in one step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import openvino

# By name: what gives the same turned after it as turned before it.
ELEMENTWISE = {"Clamp", "Convert", "Relu"}
OF_CHANNELS = {"BatchNormInference"}  # of axis 1
OF_TWO = {"Add"}  # of which both are turned alike


class Turned(NamedTuple):
    """A tensor that is another one, `source`, whose axes are taken in another order."""

    source: openvino.Output
    order: tuple[int, ...]


def without_needless_turns(network: openvino.Model) -> None:
    """Let each turn wait until something needs it, in place: most meet their opposite before, and both vanish."""
    waiting: dict[tuple[str, int], Turned] = {}
    for node in network.get_ordered_ops():
        given = [waiting.get(_key(one)) for one in node.input_values()]
        order = _order(node)
        if order:
            source, before = given[0] or Turned(node.input_value(0), tuple(range(len(order))))
            waiting[_key(node.output(0))] = Turned(source, tuple(before[axis] for axis in order))
            continue
        passed_on = _passed_on(node.get_type_name(), given)
        for place, one in zip(node.inputs(), given, strict=True):
            if one:
                place.replace_source_output(one.source if passed_on else _done(one))
        if passed_on:
            waiting[_key(node.output(0))] = Turned(node.output(0), passed_on)
    network.validate_nodes_and_infer_types()


def _key(output: openvino.Output) -> tuple[str, int]:
    return output.get_node().get_name(), output.get_index()


def _order(node: openvino.Node) -> tuple[int, ...]:
    """The axes of a Transpose, where they are known; empty for all else."""
    if node.get_type_name() != "Transpose" or node.input_value(1).get_node().get_type_name() != "Constant":
        return ()
    return tuple(map(int, node.input_value(1).get_node().data))


def _passed_on(kind: str, given: list[Turned | None]) -> tuple[int, ...]:
    """The order in which a node's result may be turned instead of what it is given; empty where it may not."""
    orders = {one.order if one else () for one in (given if kind in OF_TWO else given[:1])}
    order = orders.pop() if len(orders) == 1 else ()
    may = kind in ELEMENTWISE | OF_TWO or (kind in OF_CHANNELS and order[:2] == (0, 1))
    return order if may else ()


def _done(turned: Turned) -> openvino.Output:
    """The tensor itself."""
    from openvino import opset13

    if turned.order == tuple(range(len(turned.order))):
        return turned.source
    return opset13.transpose(turned.source, list(turned.order)).output(0)
