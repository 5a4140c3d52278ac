"""Which tensors of a graph are weights, and which are numbers that belong to its computation.

It is decided once, when a graph is read: a weight becomes a variable under its name, with what
follows from that (training, checkpoints, precision); a number of the computation (a shape, an
axis, a bound, a small table) stays a constant, whose value is known wherever sizes are computed.
"""

from __future__ import annotations

import numpy as np

from .interpreter import check_operators, rule_of
from .ir import ForeignGraph, Node, Weight, dtype_name

# Operators through which numbers of sizes travel.
_CARRY = frozenset(
    "Abs Add And Cast CastLike Ceil Clip Concat ConcatFromSequence ConstantOfShape Div Equal "
    "Expand Flatten Floor Gather GatherElements GatherND Greater GreaterOrEqual Identity Less "
    "LessOrEqual Max Min Mod Mul Neg Not Or Range ReduceMax ReduceMin ReduceProd ReduceSum "
    "Reshape Round ScatterND Slice Split Sqrt Squeeze Sub Sum Tile Transpose Unsqueeze Where "
    "Xor".split()
)
# A constant of more elements is kept as a variable, and so in the file of weights.
MOST_CONSTANT = 1024


def divided(graph: ForeignGraph, named: set[str]) -> tuple[ForeignGraph, dict[str, np.ndarray]]:
    """Returns the graph with its weights set apart from its constants, and the weights' arrays.

    Floats are weights where a kernel, a matrix, a scale or a bias is meant (`Rule.weights`), and
    where the file names them and they have an axis; integers, and floats that a node gives, where
    they are many. What an operator must know as numbers, such as a shape, is a constant.

    Args:
        graph: with all of its tensors among the constants.
        named: of those, the ones that the file gives as such.
    """
    check_operators(graph)
    needed = needed_numbers(graph)
    meant = {
        node.inputs[place]
        for node in graph.walk()
        if (rule := rule_of(node)) is not None
        for place in rule.weights
        if place < len(node.inputs)
    }
    followed = {
        node.inputs[place]
        for node in graph.walk()
        if (rule := rule_of(node)) is not None
        for place in rule.statistics
        if place < len(node.inputs)
    }
    weights: dict[str, Weight] = {}
    arrays: dict[str, np.ndarray] = {}
    for name, array in graph.constants.items():
        if name in needed or not _is_weight(array, name in named, name in meant):
            continue
        trains = (name in named or name in meant) and name not in followed
        floats = array.dtype.kind == "f" or dtype_name(array) == "bfloat16"
        weights[name] = Weight(array.shape, dtype_name(array), floats and trains)
        arrays[name] = array
    rest = {name: array for name, array in graph.constants.items() if name not in weights}
    made = ForeignGraph(
        graph.inputs, graph.outputs, graph.nodes, rest, weights, graph.name, graph.origin
    )
    return made, arrays


def _is_weight(array: np.ndarray, named: bool, meant: bool) -> bool:
    if dtype_name(array) == "string":
        return False
    if array.size > MOST_CONSTANT:
        return True
    floats = array.dtype.kind == "f" or dtype_name(array) == "bfloat16"
    return floats and bool(array.size) and (meant or (named and array.ndim > 0))


def needed_numbers(graph: ForeignGraph, asked: list[str] | None = None) -> set[str]:
    """Returns names of values whose numbers some operator must know, and of what these come from.

    Args:
        graph: with rules for all of its operators.
        asked: names of values whose numbers are wanted in the place of those.
    """
    makers: dict[str, Node] = {}
    stack = list(asked or ())
    for node in graph.walk():
        makers.update((name, node) for name in node.outputs if name)
        rule = rule_of(node)
        if asked is not None:
            continue
        if rule is not None:
            stack += [node.inputs[n] for n in rule.numbers if n < len(node.inputs)]
        for _, inner in node.graphs():  # what a body gives may be a size to the node around it
            stack += [value.name for value in inner.outputs]
    found: set[str] = set()
    while stack:
        name = stack.pop()
        if not name or name in found:
            continue
        found.add(name)
        maker = makers.get(name)
        if maker is not None and not maker.domain and maker.op in _CARRY:
            stack += maker.inputs
    return found
