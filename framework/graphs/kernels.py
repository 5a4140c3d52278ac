"""Which weights of a graph are matrices, kernels and tables, and along which axis outputs lie.

What works on products from outside (low-rank adapters, weights of few bits) asks this table.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .ir import ForeignGraph, Node

# (domain, operator) -> place of its weight among the node's inputs, and how it lies.
_ONNX = {
    ("", "MatMul"): (1, "columns"),
    ("", "Gemm"): (1, "columns"),
    ("", "Conv"): (1, "conv_rows"),
    ("", "Gather"): (0, "table"),
    ("com.microsoft", "FusedMatMul"): (1, "columns"),
    ("com.microsoft", "Attention"): (1, "columns"),
}
# Operator of ATen without its overload -> place among its arguments, and how the weight lies.
_ATEN = {
    "linear": (1, "rows"),
    "matmul": (1, "columns"),
    "mm": (1, "columns"),
    "addmm": (2, "columns"),
    "conv1d": (1, "conv_rows"),
    "conv2d": (1, "conv_rows"),
    "conv3d": (1, "conv_rows"),
    "convolution": (1, "conv_rows"),
    "embedding": (0, "table"),
}
_TURNED = {"rows": "columns", "columns": "rows"}
PRODUCTS = ("columns", "rows")
KINDS = (*PRODUCTS, "conv_rows", "table")


class Use(NamedTuple):
    """One use of a weight by a product.

    Attributes:
        node: what multiplies by it.
        place: where the weight stands among the node's inputs.
        kind: "columns" for (in, out), "rows" for (out, in), "conv_rows" for
            (out, in / groups, *size), "table" for rows that are picked by their number.
    """

    node: Node
    place: int
    kind: str


def use_of(node: Node) -> Use | None:
    """Returns how a node uses the weight by which it multiplies; None for another operator."""
    if node.domain == "aten":
        return _aten_use(node)
    found = _ONNX.get((node.domain, node.op))
    if found is None or found[0] >= len(node.inputs):
        return None
    place, kind = found
    if node.op == "Gather" and node.attributes.get("axis", 0):
        return None
    if node.attributes.get("transB", 0):
        kind = _TURNED[kind]
    return Use(node, place, kind)


def _aten_use(node: Node) -> Use | None:
    found = _ATEN.get(node.op.partition(".")[0])
    arguments = node.attributes.get("args")
    if found is None or not isinstance(arguments, list) or found[0] >= len(arguments):
        return None
    place, kind = found
    if node.op.startswith("convolution") and len(arguments) > 6 and arguments[6]:
        return None  # turned round: outputs lie along the second axis
    at = input_of(node, arguments[place])
    return None if at is None else Use(node, at, kind)


def input_of(node: Node, argument: Any) -> int | None:
    """Returns the place of the input for which an argument of ATen stands; None for another."""
    if not isinstance(argument, str) or not argument[1:].isdecimal():
        return None
    place = int(argument[1:])
    return place if place < len(node.inputs) else None


def kernels(graph: ForeignGraph) -> dict[str, str]:
    """Returns weight -> how it lies (see `Use.kind`), of those that products and lookups use.

    A weight that is turned before its product is followed. One that is used in several ways lies as
    a product takes it.
    """
    origin = {name: (name, False) for name in graph.weights}
    found: dict[str, str] = {}
    for node in graph.walk():
        _follow(node, origin)
        use = use_of(node)
        if use is None or node.inputs[use.place] not in origin:
            continue
        name, flipped = origin[node.inputs[use.place]]
        rank, kind = len(graph.weights[name].shape), use.kind
        if rank < 2 or (flipped and kind not in _TURNED):
            continue
        kind = _TURNED[kind] if flipped else kind
        if rank > 2 and kind == "rows":
            continue  # several matrices at once
        if found.get(name, "table") == "table":
            found[name] = kind
    return found


def _follow(node: Node, origin: dict[str, tuple[str, bool]]) -> None:
    """Notes where a node passes a weight on, or turns a matrix."""
    if not node.inputs or node.inputs[0] not in origin or len(node.outputs) != 1:
        return
    name, flipped = origin[node.inputs[0]]
    op = node.op.partition(".")[0]
    if (node.domain, op) in (("", "Identity"), ("aten", "alias"), ("aten", "clone")):
        origin[node.outputs[0]] = name, flipped
    elif _turns(node, op):
        origin[node.outputs[0]] = name, not flipped


def _turns(node: Node, op: str) -> bool:
    if node.domain == "aten":
        arguments = node.attributes.get("args")
        dims = arguments[1:] if isinstance(arguments, list) else []
        return op == "t" or (
            op in ("permute", "transpose")
            and dims in ([[1, 0]], [0, 1], [1, 0], [-2, -1], [-1, -2])
        )
    return (node.domain, op) == ("", "Transpose") and node.attributes.get("perm") == [1, 0]
