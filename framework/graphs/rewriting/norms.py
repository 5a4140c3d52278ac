"""Layer normalization that exporters write as means, squares and roots."""

from __future__ import annotations

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
    divided = next((n for n in users if n.op == "Div" and n.inputs[0] == centre), None)
    if squared is None or divided is None or divided.domain:
        return
    spread = net.next(squared.outputs[0], "ReduceMean")
    plus = None if spread is None else net.next(spread.outputs[0], "Add")
    if spread is None or plus is None or _axes(net, spread) != axes:
        return
    epsilon = net.number(other(plus, spread.outputs[0]) or "")
    root = net.next(plus.outputs[0], "Sqrt")
    if epsilon is None or root is None or net.next(root.outputs[0], "Div") is not divided:
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
    nodes = [mean, centred, squared, spread, plus, root, divided, scaled, shifted]
    if net.free(nodes):
        attributes = {"axis": axes[0], "epsilon": epsilon}
        inputs = (x, scale, shift)
        net.replace(
            nodes,
            Node("LayerNorm", inputs, shifted.outputs, OWN, 1, centred.name, attributes),
        )


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
