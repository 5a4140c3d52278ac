"""The head of a classifier that is a graph, and the same graph for other classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from .errors import GraphError
from .ir import ForeignGraph, Node, Value, Weight
from .kernels import input_of, use_of
from .rewriting.net import OWN

# What may stand behind the last product: it changes no number of classes, and no order of scores.
_PASS = {"": ("Identity", "Dropout", "Cast"), "aten": ("alias", "clone"), "isozoo": ("dropout",)}
# With one weight and one value: a bias that is added.
_ADD = {("", "Add"), ("aten", "add")}
# What pools a map of scores that a convolution gave.
_POOL = {
    "": ("GlobalAveragePool", "Flatten", "Relu"),
    "aten": ("mean", "adaptive_avg_pool2d", "avg_pool2d", "relu", "squeeze", "flatten"),
}


class Head(NamedTuple):
    """The last product of a graph.

    Attributes:
        kernel: the name of its weight.
        kind: how it lies; see `kernels.Use`.
        bias: the name of what is added to it, "" for nothing.
        classes: the number of its outputs.
        is_float: whether the weight is kept as floats; `kernel` has its levels else.
    """

    kernel: str
    kind: str
    bias: str
    classes: int
    is_float: bool = True


def head_of(graph: ForeignGraph) -> Head:
    """Returns the product that gives the scores of classes, the graph's first output.

    Raises:
        GraphError: the output is not that of a product with a weight, as the scores of a classifier
            are; the node in the way is named.
    """
    makers = {name: node for node in graph.nodes for name in node.outputs if name}
    name, bias = graph.outputs[0].name, ""
    pooled = False
    while True:
        node = makers.get(name)
        if node is None:
            raise GraphError(f"the output {graph.outputs[0].name!r} is not that of a product")
        if (node.domain, node.op) == (OWN, "Product"):
            own = node.inputs[3] if len(node.inputs) > 3 else ""
            return _in_few_bits(node, own or bias)
        use = use_of(node)
        if use is not None and use.kind != "table":
            kernel = node.inputs[use.place]
            own = _bias_of(node, graph)
            if own is None or (own and bias) or (pooled and use.kind != "conv_rows"):
                raise _in_the_way(node)
            maker = makers.get(kernel)
            if maker is not None and (maker.domain, maker.op) == (OWN, "Floats"):
                return _in_few_bits(maker, own or bias)
            if kernel not in graph.weights:
                raise _in_the_way(node)
            classes = _classes(use.kind, graph.weights[kernel].shape)
            return Head(kernel, use.kind, own or bias, classes)
        op = node.op.partition(".")[0]
        if (node.domain, op) in _ADD and len(node.inputs) == 2 and not bias:
            held = [name for name in node.inputs if name in graph.weights]
            if len(held) != 1 or len(graph.weights[held[0]].shape) != 1:
                raise _in_the_way(node)
            bias = held[0]
            name = node.inputs[1 - node.inputs.index(bias)]
            continue
        if op in _POOL.get(node.domain, ()):
            pooled = True
        elif op not in _PASS.get(node.domain, ()):
            raise _in_the_way(node)
        name = node.inputs[0]


def _in_the_way(node: Node) -> GraphError:
    return GraphError(
        f"{node.title} stands where a product that gives the scores of classes is expected: the "
        "graph has no head that could be replaced"
    )


def _in_few_bits(node: Node, bias: str) -> Head:
    """The head whose levels a node reads."""
    kind, shape = node.attributes.get("kind"), node.attributes.get("shape")
    if (
        not isinstance(kind, str)
        or not isinstance(shape, list)
        or len(node.inputs) < 2
        or not shape
    ):
        raise _in_the_way(node)
    levels = node.inputs[0 if node.op == "Floats" else 1]
    return Head(levels, kind, bias, _classes(kind, shape), False)


def _classes(kind: str, shape: Sequence[int]) -> int:
    return shape[-1] if kind == "columns" else shape[0]


def _bias_of(node: Node, graph: ForeignGraph) -> str | None:
    """What a product adds, "" for nothing; None where it is no vector of weights."""
    if node.domain == "aten":
        arguments = [*node.attributes.get("args", ()), None, None, None]
        found = arguments[0] if node.op.startswith("addmm") else arguments[2]
        found = None if node.op.partition(".")[0] in ("mm", "matmul") else found
        at = input_of(node, found)
        name = "" if at is None else node.inputs[at]
    else:
        name = node.inputs[2] if len(node.inputs) > 2 else ""
    if name and (name not in graph.weights or len(graph.weights[name].shape) != 1):
        return None
    return name


def with_classes(graph: ForeignGraph, count: int) -> ForeignGraph:
    """Returns the graph with `count` classes: the shapes of the head's weights change.

    Raises:
        GraphError: see `head_of`; the head is kept in few bits.
    """
    head = head_of(graph)
    if not head.is_float:
        raise GraphError(
            f"the head's weight {head.kernel} is kept in few bits: give the model its new head "
            "first, and quantize it when that is trained"
        )
    weights = dict(graph.weights)
    kernel = weights[head.kernel]
    lead = kernel.shape[:-1]
    shape = (*lead, count) if head.kind == "columns" else (count, *kernel.shape[1:])
    weights[head.kernel] = Weight(shape, kernel.dtype, True)
    if head.bias:
        weights[head.bias] = Weight((count,), weights[head.bias].dtype, True)
    first = graph.outputs[0]
    if first.shape is not None:
        first = Value(first.name, first.dtype, (*first.shape[:-1], count), first.kind)
    return replace(graph, weights=weights, outputs=[first, *graph.outputs[1:]])
