"""Activations that exporters write as products, sums and error functions."""

from __future__ import annotations

import math

from ..ir import Node
from .net import Net, other


def gelus(net: Net) -> list[Node]:
    """Puts x / 2 (1 + erf(x / sqrt(2))) together as Gelu."""
    for node in net.nodes:
        if node.op == "Erf" and not node.domain:
            _gelu(net, node)
    return net.result()


def _gelu(net: Net, erf: Node) -> None:
    scaled = net.maker(erf.inputs[0], "Div", "Mul")
    if scaled is None or net.next(scaled.outputs[0], "Erf") is not erf:
        return
    x = _scaled_value(net, scaled)
    plus = net.next(erf.outputs[0], "Add")
    if x is None or plus is None or not net.is_number(other(plus, erf.outputs[0]) or "", 1.0):
        return
    product = net.next(plus.outputs[0], "Mul")
    if product is None:
        return
    factor = other(product, plus.outputs[0])
    nodes = [scaled, erf, plus, product]
    half = net.maker(factor or "", "Mul")
    if factor == x:
        half = net.next(product.outputs[0], "Mul")
        if half is None or not net.is_number(other(half, product.outputs[0]) or "", 0.5):
            return
        result = half
    elif half is not None and net.next(half.outputs[0], "Mul") is product:
        if not net.is_number(other(half, x) or "", 0.5):
            return
        result = product
    else:
        return
    nodes.append(half)
    if net.free(nodes):
        net.replace(nodes, Node("Gelu", (x,), result.outputs, "com.microsoft", 1, erf.name))


def _scaled_value(net: Net, node: Node) -> str | None:
    """The x of x / sqrt(2)."""
    root = math.sqrt(2)
    if node.op == "Div":
        return node.inputs[0] if net.is_number(node.inputs[1], root) else None
    for x, factor in (node.inputs, node.inputs[::-1]):
        if net.is_number(factor, 1 / root):
            return x
    return None


def gates(net: Net) -> list[Node]:
    """Puts x sigmoid(x) together as Swish, and x hard_sigmoid(x) of thirds as HardSwish."""
    for node in net.nodes:
        if node.domain or node.op not in ("Sigmoid", "HardSigmoid"):
            continue
        product = net.next(node.outputs[0], "Mul")
        if product is None or other(product, node.outputs[0]) != node.inputs[0]:
            continue
        op, version = "Swish", 24
        if node.op == "HardSigmoid":
            slope = node.attributes.get("alpha", 0.2)
            if abs(slope - 1 / 6) > 1e-6 or node.attributes.get("beta", 0.5) != 0.5:
                continue
            op, version = "HardSwish", 14
        net.replace([node, product], Node(op, node.inputs, product.outputs, "", version, node.name))
    return net.result()
