"""Convolutions with what follows them: a bias, a normalization, a sum, an activation."""

from __future__ import annotations

import math
from dataclasses import replace

from ..ir import Node
from .net import OWN, Net, other

# Operator -> the activation that a kernel may compute as it writes its results.
_ACTIVATIONS = {
    "Relu": "relu",
    "Swish": "silu",
    "HardSwish": "hard_silu",
    "Sigmoid": "sigmoid",
    "Gelu": "gelu",
    "HardSigmoid": "hard_sigmoid",
    "Clip": "relu6",
}


def convolution_blocks(net: Net) -> list[Node]:
    """Puts activation(norm(conv(x) + bias) + other) together, as far as it is there."""
    for node in net.nodes:
        if node.op == "Conv" and not node.domain and node.inputs[1] in net.graph.weights:
            _block(net, node)
        elif node.op == "ConvBlock" and net.free([node]):
            _block(net, node)
    return net.result()


def merged_pads(net: Net) -> list[Node]:
    """Puts a Pad with zeros into the convolution behind it, one with -inf into a MaxPool."""
    for pad in net.nodes:
        if pad.op != "Pad" or pad.domain or not net.free([pad]):
            continue
        after = net.next_of_any(pad.outputs[0], "Conv", "ConvBlock", "MaxPool")
        pads, value = _pad_of(net, pad)
        if after is None or pads is None or after.inputs[0] != pad.outputs[0]:
            continue
        wanted = -math.inf if after.op == "MaxPool" else 0.0
        merged = _merged(after, pads)
        if value == wanted and merged is not None and not any(after.outputs[1:]):
            inputs = (pad.inputs[0], *after.inputs[1:])
            attributes = {**after.attributes, "pads": merged, "auto_pad": "NOTSET"}
            made = replace(after, inputs=inputs, attributes=attributes)
            net.replace([pad, after], made)
    return net.result()


def _pad_of(net: Net, pad: Node) -> tuple[list[int] | None, float | None]:
    """The pads and the number of a Pad; None for what is not known."""
    get = pad.attributes.get
    if get("mode", "constant") != "constant":
        return None, None
    if len(pad.inputs) == 1:
        return get("pads"), get("value", 0.0)
    pads = net.graph.constants.get(pad.inputs[1])
    if pads is None or any(pad.inputs[3:]):
        return None, None
    named = "".join(pad.inputs[2:3])
    return [int(n) for n in pads.reshape(-1)], net.number(named) if named else 0.0


def _merged(after: Node, pads: list[int]) -> list[int] | None:
    """The pads of both; None where they do not add up: of other axes, negative, or automatic."""
    rank = len(pads) // 2
    last = bool(after.domain)  # what stands for an operator with channels last
    spatial = range(1, rank - 1) if last else range(2, rank)
    rest = [n for n in range(rank) if n not in spatial]
    if any(pads[n] or pads[n + rank] for n in rest) or min(pads, default=-1) < 0:
        return None
    if after.op == "ConvBlock" and not after.attributes.get("channels_last"):
        return None
    if after.attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        return None
    if after.attributes.get("ceil_mode", 0):
        return None
    own = after.attributes.get("pads") or [0] * 2 * len(spatial)
    if after.attributes.get("auto_pad") == "VALID":
        own = [0] * 2 * len(spatial)
    if len(own) != 2 * len(spatial):
        return None
    more = [pads[n] for n in spatial] + [pads[n + rank] for n in spatial]
    return [a + b for a, b in zip(own, more, strict=True)]


def _block(net: Net, conv: Node) -> None:
    nodes, last = [conv], conv
    x, weight, bias, mean, variance, scale, shift, shortcut, *_ = (*conv.inputs, *[""] * 7)
    kernel, attributes = net.graph.weights[weight].shape, dict(conv.attributes)
    if len(kernel) != 4 and not (len(kernel) == 3 and "channels_last" in attributes):
        return
    if attributes.get("activation") or not all(n in net.graph.weights for n in (bias,) if n):
        return
    if not (bias or mean or shortcut) and (plus := net.next(last.outputs[0], "Add")) is not None:
        added = other(plus, last.outputs[0]) or ""
        shape = net.graph.weights[added].shape if added in net.graph.weights else None
        if shape is not None and _is_per_channel(shape, kernel[0]):
            bias, last = added, plus
            nodes.append(plus)
    norm = None
    if not (mean or shortcut):
        norm = net.next_of_any(last.outputs[0], "BatchNormalization")
    if norm is not None and norm.inputs[0] == last.outputs[0] and _is_kept(net, norm, kernel[0]):
        (scale, shift, mean, variance), last = norm.inputs[1:], norm
        attributes["epsilon"] = norm.attributes.get("epsilon", 1e-5)
        nodes.append(norm)
    plus = None if shortcut else net.next(last.outputs[0], "Add")
    if plus is not None:
        added = other(plus, last.outputs[0]) or ""
        if added and net.shape(added) is None:
            shortcut, last = added, plus
            nodes.append(plus)
    step = net.next_of_any(last.outputs[0], *_ACTIVATIONS)
    if step is not None and _is_plain(net, step):
        attributes["activation"], last = _ACTIVATIONS[step.op], step
        nodes.append(step)
    if len(nodes) == 1 or not net.free(nodes):
        return
    inputs = (x, weight, bias, mean, variance, scale, shift, shortcut)
    net.replace(nodes, Node("ConvBlock", inputs, last.outputs, OWN, 1, conv.name, attributes))


def _is_plain(net: Net, step: Node) -> bool:
    """Whether an activation is the one of that name, and not of other numbers."""
    get = step.attributes.get
    if step.op == "HardSigmoid":
        return abs(get("alpha", 0.2) - 1 / 6) < 1e-6 and get("beta", 0.5) == 0.5
    if step.op == "Clip":
        if step.version < 11:
            return (get("min"), get("max")) == (0.0, 6.0)
        return len(step.inputs) == 3 and all(
            net.is_number(name, n) for name, n in zip(step.inputs[1:], (0.0, 6.0), strict=True)
        )
    if step.op == "Gelu":
        return get("approximate", "none") == "none"
    return get("alpha", 1.0) == 1.0


def _is_kept(net: Net, norm: Node, channels: int) -> bool:
    """Whether a normalization is one of statistics that are weights, and gives nothing else."""
    if any(norm.outputs[1:]) or norm.attributes.get("training_mode", 0):
        return False
    weights = net.graph.weights
    return all(n in weights and weights[n].shape == (channels,) for n in norm.inputs[1:])


def _is_per_channel(shape: tuple[int, ...], channels: int) -> bool:
    """Whether a shape is one of numbers for each channel before two axes of one element."""
    return 2 < len(shape) < 5 and math.prod(shape) == channels == shape[-3]
