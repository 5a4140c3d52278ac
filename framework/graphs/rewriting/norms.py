"""Layer and RMS normalization that exporters write as means, squares and roots."""

from __future__ import annotations

from typing import NamedTuple

from ..ir import Node
from .net import OWN, Net, other


def layer_norms(net: Net) -> list[Node]:
    """Puts (x - mean) / sqrt(variance + epsilon) * scale + shift together."""
    for node in net.nodes:
        if node.op == "Sub" and not node.domain:
            _layer_norm(net, node)
    return net.result()


def _layer_norm(net: Net, centred: Node) -> None:
    x, centre = centred.inputs[0], centred.outputs[0]
    mean = net.maker(centred.inputs[1], "ReduceMean")
    if mean is None or mean.inputs[0] != x or net.next(mean.outputs[0], "Sub") is not centred:
        return
    axes = _axes(net, mean)
    users = [node for node in net.nodes if centre in node.inputs]
    if axes is None or centre in net.kept or len(users) != 2:
        return
    squared = next((node for node in users if _squares(net, node, centre)), None)
    found = None if squared is None else _divided(net, squared, centre)
    if squared is None or found is None or found.axes != axes:
        return
    epsilon, divided = found.epsilon, found.nodes[-1]
    if not any(divided is node for node in users):
        return
    scaled = net.next(divided.outputs[0], "Mul")
    scale = None if scaled is None else other(scaled, divided.outputs[0])
    shifted = None if scaled is None else net.next(scaled.outputs[0], "Add")
    shift = None if scaled is None or shifted is None else other(shifted, scaled.outputs[0])
    if scaled is None or shifted is None or scale is None or shift is None:
        return
    sizes = [net.shape(name) for name in (scale, shift)]
    if len(axes) != 1 or sizes[0] is None or sizes[0] != sizes[1] or len(sizes[0]) != 1:
        return
    nodes = [mean, centred, squared, *found.nodes, scaled, shifted]
    if net.free(nodes):
        attributes = {"axis": axes[0], "epsilon": epsilon}
        inputs = (x, scale, shift)
        net.replace(
            nodes,
            Node("LayerNorm", inputs, shifted.outputs, OWN, 1, centred.name, attributes),
        )


class _Divided(NamedTuple):
    """x over the root of its mean square: the mean's axes, epsilon, and the nodes from the mean."""

    axes: list[int]
    epsilon: float
    nodes: list[Node]


def _divided(net: Net, squared: Node, x: str) -> _Divided | None:
    """What follows the squares of x, as one division by a root, or a product with its inverse."""
    spread = net.next(squared.outputs[0], "ReduceMean")
    plus = None if spread is None else net.next(spread.outputs[0], "Add")
    axes = None if spread is None else _axes(net, spread)
    if spread is None or plus is None or axes is None:
        return None
    epsilon = net.number(other(plus, spread.outputs[0]) or "")
    root = net.next(plus.outputs[0], "Sqrt", "Pow")
    if epsilon is None or root is None:
        return None
    nodes, inverse = [spread, plus, root], False
    if root.op == "Pow":
        inverse = net.is_number(root.inputs[1], -0.5)
        if not inverse and not net.is_number(root.inputs[1], 0.5):
            return None
    turned = None if inverse else net.next(root.outputs[0], "Reciprocal", "Div")
    if turned is not None and turned.op == "Reciprocal":
        inverse = True
    elif turned is not None and turned.inputs[1] == root.outputs[0]:
        if turned.inputs[0] == x:
            return _Divided(axes, epsilon, [*nodes, turned])
        inverse = net.is_number(turned.inputs[0], 1.0)
    if not inverse:
        return None
    last = root if turned is None else turned
    nodes += [] if turned is None else [turned]
    product = net.next(last.outputs[0], "Mul")
    if product is None or other(product, last.outputs[0]) != x:
        return None
    return _Divided(axes, epsilon, [*nodes, product])


def rms_norms(net: Net) -> list[Node]:
    """Puts x / sqrt(mean(x^2) + epsilon) * scale together, along the last axis."""
    for node in net.nodes:
        x = node.inputs[0] if node.op in ("Mul", "Pow") and not node.domain else ""
        if x and _squares(net, node, x) and net.free([node]):
            _rms_norm(net, node, x)
    return net.result()


def _rms_norm(net: Net, squared: Node, x: str) -> None:
    found = _divided(net, squared, x)
    if found is None or found.axes != [-1]:
        return
    scaled = net.next(found.nodes[-1].outputs[0], "Mul")
    scale = "" if scaled is None else other(scaled, found.nodes[-1].outputs[0]) or ""
    weight = net.graph.weights.get(scale)
    if scaled is None or weight is None or len(weight.shape) != 1 or weight.dtype != "float32":
        return
    nodes = [squared, *found.nodes, scaled]
    if net.free(nodes):
        attributes = {"epsilon": found.epsilon}
        made = Node("RMSNorm", (x, scale), scaled.outputs, OWN, 1, squared.name, attributes)
        net.replace(nodes, made)


def _squares(net: Net, node: Node, name: str) -> bool:
    if node.domain:
        return False
    if node.op == "Mul":
        return node.inputs == (name, name)
    return node.op == "Pow" and node.inputs[0] == name and net.is_number(node.inputs[1], 2.0)


def _axes(net: Net, node: Node) -> list[int] | None:
    """The axes of a mean that keeps them; None where they are not known."""
    if not node.attributes.get("keepdims", 1):
        return None
    if len(node.inputs) > 1 and node.inputs[1]:
        found = net.graph.constants.get(node.inputs[1])
        return None if found is None else [int(n) for n in found.reshape(-1)]
    axes = node.attributes.get("axes")
    return None if axes is None else list(axes)
