"""ATen's operators under ONNX's names, where both compute the same, for the rewritings behind.

What is translated is sure of its operands: of numbers of axes and, where PyTorch would promote
dtypes, of one float dtype. The rest stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ir import Node
from .facts import Facts
from .net import OWN, Net
from .shapes import told_shape

_FLOATS = ("float32", "float64")


class _Source:
    """One node of ATen, its arguments, and what is known of their values."""

    def __init__(self, node: Node, facts: Facts, weights: Any) -> None:
        self.node, self.facts, self.weights = node, facts, weights
        self.arguments: list[Any] = list(node.attributes.get("args", ()))

    def get(self, place: int, default: Any = None) -> Any:
        """An argument that is no tensor."""
        return self.arguments[place] if place < len(self.arguments) else default

    def name(self, place: int) -> str | None:
        """The value that an argument is; None for a number, "" for one that is left out."""
        found = self.get(place)
        if found is None:
            return ""
        is_value = isinstance(found, str) and found.startswith("%")
        return self.node.inputs[int(found[1:])] if is_value else None

    def names(self, *places: int) -> list[str] | None:
        """The values that several arguments are; None where one is none."""
        found = [self.name(place) for place in places]
        return [n for n in found if n] if all(found) else None

    def is_float(self, *names: str) -> bool:
        kinds = {self.facts.dtype(name) for name in names}
        return len(kinds) == 1 and kinds <= set(_FLOATS)

    def made(
        self, op: str, inputs: list[str], version: int, domain: str = "", **attributes: Any
    ) -> Node:
        outputs = (self.node.outputs[0],)
        return Node(op, tuple(inputs), outputs, domain, version, self.node.name, attributes)


def _whole(x: Any, count: int) -> list[int] | None:
    """Numbers for each of `count` axes, of which one may stand for all."""
    found = list(x) if isinstance(x, list | tuple) else [x]
    found = found * count if len(found) == 1 else found
    good = len(found) == count and all(type(n) is int for n in found)
    return found if good else None


def _convolution(s: _Source) -> Node | None:
    x, kernel, bias = s.name(0), s.name(1), s.name(2)
    if not x or not kernel or bias is None or kernel not in s.weights:
        return None
    rank = len(s.weights[kernel].shape)
    if s.facts.rank(x) != rank or s.facts.dtype(x) != s.weights[kernel].dtype:
        return None
    if bias and bias not in s.weights:
        return None
    count, own = rank - 2, s.node.op == "convolution"
    if own and s.get(6):
        return None
    strides, pads = _whole(s.get(3, 1), count), _whole(s.get(4, 0), count)
    holes, groups = _whole(s.get(5, 1), count), s.get(8 if own else 6, 1)
    if strides is None or pads is None or holes is None or type(groups) is not int:
        return None
    attributes = {"strides": strides, "pads": pads * 2, "dilations": holes, "group": groups}
    return s.made("Conv", [x, kernel, *([bias] if bias else [])], 11, **attributes)


def _batch_norm(s: _Source) -> Node | None:
    names = s.names(0, 1, 2, 3, 4)
    if names is None or any(s.node.outputs[1:]) or not all(n in s.weights for n in names[1:]):
        return None
    if (s.facts.rank(names[0]) or 0) < 3:
        return None
    return s.made("BatchNormalization", names, 15, epsilon=s.get(6))


def _each(op: str, version: int, domain: str = "", **attributes: Any) -> Any:
    def translate(s: _Source) -> Node | None:
        x = s.name(0)
        if not x or not s.is_float(x) or len(s.arguments) != 1 or len(s.node.attributes) != 1:
            return None
        return s.made(op, [x], version, domain, **attributes)

    return translate


def _hard_tanh(s: _Source) -> Node | None:
    x = s.name(0)
    if not x or not s.is_float(x) or not all(isinstance(n, int | float) for n in s.arguments[1:]):
        return None
    low, high = float(s.get(1, -1.0)), float(s.get(2, 1.0))
    return s.made("Clip", [x], 6, min=low, max=high)


def _meeting(op: str) -> Any:
    def translate(s: _Source) -> Node | None:
        names = s.names(0, 1)
        if names is None or not s.is_float(*names) or len(s.node.attributes) != 1:
            return None
        return s.made(op, names, 14) if len(s.arguments) == 2 else None

    return translate


def _mean(s: _Source) -> Node | None:
    x, axes = s.name(0), s.get(1)
    if not x or not s.is_float(x) or not isinstance(axes, list) or not axes:
        return None
    if len(s.node.attributes) != 1 or not all(type(n) is int for n in axes):
        return None
    return s.made("ReduceMean", [x], 11, axes=axes, keepdims=int(bool(s.get(2, False))))


def _adaptive_mean(s: _Source) -> Node | None:
    x = s.name(0)
    one = s.get(1) in (1, [1], [1, 1])
    return s.made("GlobalAveragePool", [x], 1) if x and one and s.facts.rank(x) == 4 else None


def _pool(s: _Source) -> Node | None:
    x, rank = s.name(0), s.facts.rank(s.name(0) or "")
    if not x or rank != 4 or any(s.node.outputs[1:]):
        return None
    size = _whole(s.get(1), 2)
    strides, pads = _whole(s.get(2) or s.get(1), 2), _whole(s.get(3, 0), 2)
    if size is None or strides is None or pads is None:
        return None
    attributes: dict[str, Any] = {"kernel_shape": size, "strides": strides, "pads": pads * 2}
    if s.node.op == "avg_pool2d":
        if s.get(4, False) or s.get(6) is not None:
            return None
        return s.made("AveragePool", [x], 19, count_include_pad=int(s.get(5, True)), **attributes)
    holes = _whole(s.get(4, 1), 2)
    if holes is None or s.get(5, False):
        return None
    return s.made("MaxPool", [x], 12, dilations=holes, **attributes)


def _permute(s: _Source) -> Node | None:
    x, order = s.name(0), s.get(1)
    if not x or not isinstance(order, list) or not all(type(n) is int for n in order):
        return None
    return s.made("Transpose", [x], 13, perm=[n % len(order) for n in order])


def _exchange(s: _Source) -> Node | None:
    x, rank = s.name(0), s.facts.rank(s.name(0) or "")
    if not x or not rank:
        return None
    order = list(range(rank))
    a, b = s.get(1) % rank, s.get(2) % rank
    order[a], order[b] = b, a
    return s.made("Transpose", [x], 13, perm=order)


def _view(s: _Source) -> Node | None:
    x, sizes = s.name(0), s.get(1)
    if not x or not isinstance(sizes, list):
        return None
    wanted = []
    for n in sizes:
        if isinstance(n, str) and n.startswith("%"):
            n = s.facts.integers(s.node.inputs[int(n[1:])])
        if n is None or n == 0 or isinstance(n, str):
            return None
        wanted.append(n)
    shape = told_shape(wanted, s.facts.shape(x), 0)
    return None if shape is None else s.made("Reshape", [x], 14, shape=shape)


def _join(s: _Source) -> Node | None:
    parts, axis = s.get(0), s.get(1, 0)
    if not isinstance(parts, list) or not all(isinstance(p, str) for p in parts):
        return None
    names = [s.node.inputs[int(p[1:])] for p in parts]
    ranks = {s.facts.rank(name) for name in names}
    if not s.is_float(*names) or len(ranks) != 1 or None in ranks:
        return None
    return s.made("Concat", names, 13, axis=axis)


def _linear(s: _Source) -> Node | None:
    x, kernel, bias = s.name(0), s.name(1), s.name(2)
    if not x or not kernel or bias is None or kernel not in s.weights:
        return None
    if bias and bias not in s.weights or len(s.weights[kernel].shape) != 2:
        return None
    if s.weights[kernel].dtype not in _FLOATS:
        return None
    return s.made("Dense", [x, kernel, bias], 1, OWN, turned=1)


def _layer_norm(s: _Source) -> Node | None:
    names, shape = s.names(0, 2, 3), s.get(1)
    if names is None or not isinstance(shape, list) or any(s.node.outputs[1:]):
        return None
    if len(shape) != 1 or s.facts.dtype(names[1]) not in _FLOATS:
        return None
    return s.made("LayerNormalization", names, 17, axis=-1, epsilon=s.get(4, 1e-5))


def _softmax(s: _Source) -> Node | None:
    x, rank = s.name(0), s.facts.rank(s.name(0) or "")
    if not x or not rank or not s.is_float(x) or s.get(2):
        return None
    if set(s.node.attributes) != {"args"}:
        return None
    return s.made("Softmax", [x], 13, axis=s.get(1) % rank)


def _same(s: _Source) -> Node | None:
    x = s.name(0)
    return s.made("Identity", [x], 13) if x else None


def _squeeze(s: _Source) -> Node | None:
    x, axes, shape = s.name(0), s.get(1), s.facts.shape(s.name(0) or "")
    axes = [axes] if type(axes) is int else axes
    if not x or shape is None or not isinstance(axes, list):
        return None
    if not all(type(n) is int and shape[n] == 1 for n in axes):  # others stay, in PyTorch
        return None
    return s.made("Squeeze", [x], 11, axes=[n % len(shape) for n in axes])


def _slice(s: _Source) -> Node | None:
    x, rank = s.name(0), s.facts.rank(s.name(0) or "")
    axis, start, end, step = (s.get(n, d) for n, d in ((1, 0), (2, None), (3, None), (4, 1)))
    start, end = 0 if start is None else start, (1 << 63) - 1 if end is None else end
    if not x or not rank or not all(type(n) is int for n in (axis, start, end)) or step != 1:
        return None
    return s.made("Slice", [x], 1, starts=[start], ends=[end], axes=[axis % rank])


_TABLE: dict[str, Callable[[_Source], Node | None]] = {
    "_native_batch_norm_legit_no_training": _batch_norm,
    "_softmax": _softmax,
    "_unsafe_view": _view,
    "adaptive_avg_pool2d": _adaptive_mean,
    "add.Tensor": _meeting("Add"),
    "alias": _same,
    "avg_pool2d": _pool,
    "cat": _join,
    "clone": _same,
    "conv1d": _convolution,
    "conv2d": _convolution,
    "convolution": _convolution,
    "div.Tensor": _meeting("Div"),
    "dropout": _same,
    "gelu": _each("Gelu", 1, "com.microsoft"),
    "hardsigmoid": _each("HardSigmoid", 6, alpha=1 / 6, beta=0.5),
    "hardswish": _each("HardSwish", 14),
    "hardtanh": _hard_tanh,
    "layer_norm": _layer_norm,
    "linear": _linear,
    "max_pool2d_with_indices": _pool,
    "mean.dim": _mean,
    "mul.Tensor": _meeting("Mul"),
    "native_layer_norm": _layer_norm,
    "permute": _permute,
    "relu": _each("Relu", 14),
    "relu6": _each("Clip", 6, min=0.0, max=6.0),
    "sigmoid": _each("Sigmoid", 13),
    "silu": _each("Swish", 24),
    "slice.Tensor": _slice,
    "softmax.int": _softmax,
    "squeeze.dim": _squeeze,
    "squeeze.dims": _squeeze,
    "sub.Tensor": _meeting("Sub"),
    "tanh": _each("Tanh", 13),
    "transpose.int": _exchange,
    "view": _view,
}


def onnx_spelling(net: Net) -> list[Node]:
    """Gives nodes of ATen's the form of ONNX's that compute the same at inference."""
    if net.graph.origin != "torch":
        return net.nodes
    facts, found = Facts(net.graph, ()), []
    for node in net.nodes:
        if node.domain == "aten" or (node.domain, node.op) == (OWN, "dropout"):
            translate = _TABLE.get(node.op)
            source = _Source(node, facts, net.graph.weights)
            if node.op == "sym_size.int":
                facts.tell_size(node.outputs[0], source.name(0) or "", source.get(1))
            elif translate is not None:
                node = translate(source) or node
        facts.learn(node)
        found.append(node)
    return found
