"""Convolutions with what follows them: a bias, a normalization, a sum, an activation."""

from __future__ import annotations

import math

from ..ir import Node
from .net import OWN, Net, other

# Operator -> the activation that a kernel may compute as it writes its results.
_ACTIVATIONS = {"Relu": "relu", "Swish": "silu", "HardSwish": "hard_silu", "Sigmoid": "sigmoid"}


def convolution_blocks(net: Net) -> list[Node]:
    """Puts activation(norm(conv(x) + bias) + other) together, as far as it is there."""
    for node in net.nodes:
        if node.op == "Conv" and not node.domain and node.inputs[1] in net.graph.weights:
            _block(net, node)
    return net.result()


def _block(net: Net, conv: Node) -> None:
    nodes, last = [conv], conv
    x, weight, bias, *_ = (*conv.inputs, "", "")
    kernel, attributes = net.graph.weights[weight].shape, dict(conv.attributes)
    if len(kernel) != 4 or not all(name in net.graph.weights for name in (bias,) if name):
        return
    if not bias and (plus := net.next(last.outputs[0], "Add")) is not None:
        added = other(plus, last.outputs[0]) or ""
        shape = net.graph.weights[added].shape if added in net.graph.weights else None
        if shape is not None and _is_per_channel(shape, kernel[0]):
            bias, last = added, plus
            nodes.append(plus)
    statistics = ("", "", "", "")
    norm = net.next(last.outputs[0], "BatchNormalization")
    if norm is not None and norm.inputs[0] == last.outputs[0] and _is_kept(net, norm):
        scale, shift, mean, variance = norm.inputs[1:]
        statistics, last = (mean, variance, scale, shift), norm
        attributes["epsilon"] = norm.attributes.get("epsilon", 1e-5)
        nodes.append(norm)
    shortcut = ""
    plus = net.next(last.outputs[0], "Add")
    if plus is not None:
        added = other(plus, last.outputs[0]) or ""
        if added and net.shape(added) is None:
            shortcut, last = added, plus
            nodes.append(plus)
    step = net.next(last.outputs[0], *_ACTIVATIONS)
    if step is not None and step.attributes.get("alpha", 1.0) == 1.0:
        attributes["activation"], last = _ACTIVATIONS[step.op], step
        nodes.append(step)
    if len(nodes) == 1 or not net.free(nodes):
        return
    inputs = (x, weight, bias, *statistics, shortcut)
    net.replace(nodes, Node("ConvBlock", inputs, last.outputs, OWN, 1, conv.name, attributes))


def _is_kept(net: Net, norm: Node) -> bool:
    """Whether a normalization is one of statistics that are weights, and gives nothing else."""
    alone = not any(norm.outputs[1:]) and not norm.attributes.get("training_mode", 0)
    return alone and all(name in net.graph.weights for name in norm.inputs[1:])


def _is_per_channel(shape: tuple[int, ...], channels: int) -> bool:
    """Whether a shape is one of numbers for each channel before two axes of one element."""
    return 2 < len(shape) < 5 and math.prod(shape) == channels == shape[-3]
