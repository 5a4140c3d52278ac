"""Keras's order of the layers of a graph, by which its weights files number them."""

from collections.abc import Iterator
from typing import Any

from ..nested import flatten
from .graph import Graph, Node


def operations_by_depth(graph: Graph) -> list[Any]:
    """Returns what the nodes of a graph call, in the order of `steps_by_depth`."""
    return [node.target for node in steps_by_depth(graph)]


def steps_by_depth(graph: Graph, begins: list[Any] | None = None) -> list[Node]:
    """Returns a call of each thing that a graph calls, those farthest from the outputs first.

    The depth of a call is the length of the longest way from it to an output; a layer that is
    called several times has the greatest of its depths. Among equals, that which a walk from the
    outputs to the inputs meets first comes first. The definition is that of `map_graph` in
    keras/src/ops/function.py.

    Args:
        graph: the graph.
        begins: for each of its inputs, what is called, without arguments, for it; if None, the
            list begins with what takes the inputs.
    """
    made_by = {id(x): node for node in graph.nodes for x in flatten(node.outputs)}
    for x, begin in zip(graph.inputs, begins or (), strict=begins is not None):
        made_by[id(x)] = Node(begin, (), {})
    order, first = _walk(graph, made_by, begins is not None)
    depths: dict[int, int] = {}
    of_target: dict[int, int] = {}
    steps: dict[int, Node] = {}
    for node in reversed(order):
        key = _key(node)
        depth = max(depths.get(id(node), 0), of_target.get(key, 0))
        depths[id(node)] = of_target[key] = depth
        steps[key] = node
        for x in node.inputs:
            before = made_by.get(id(x))
            if before is not None:
                depths[id(before)] = max(depth + 1, depths.get(id(before), 0))
    for begin in begins or ():
        if id(begin) not in of_target:  # no output needs it
            of_target[id(begin)], first[id(begin)] = 0, -1
            steps[id(begin)] = Node(begin, (), {})
    return [steps[key] for key in sorted(of_target, key=lambda k: (-of_target[k], first[k]))]


def _walk(
    graph: Graph, made_by: dict[int, Node], with_inputs: bool
) -> tuple[list[Node], dict[int, int]]:
    """The nodes, inputs first, and what number each target has on the way from the outputs."""
    starts = set() if with_inputs else {id(x) for x in graph.inputs}
    order: list[Node] = []
    first: dict[int, int] = {}
    done: set[int] = set()
    stack: list[tuple[Node, bool]] = []
    for output in _leaves(graph.outputs_structure):
        node = None if id(output) in starts else made_by.get(id(output))
        if node is not None:
            stack.append((node, False))
        while stack:
            node, left = stack.pop()
            if left:
                order.append(node)
            elif id(node) not in done:
                done.add(id(node))
                first.setdefault(_key(node), len(first))
                stack.append((node, True))
                inputs = _leaves((node.args, node.kwargs))
                before = [made_by[id(x)] for x in inputs if id(x) in made_by]
                stack.extend((x, False) for x in reversed(before))
    return order, first


def _leaves(x: Any) -> Iterator[Any]:
    """The leaves of a structure, those of dicts in the order of their keys, as Keras has them."""
    if isinstance(x, dict):
        keys = sorted(x) if all(isinstance(key, str) for key in x) else list(x)
        for key in keys:
            yield from _leaves(x[key])
    elif isinstance(x, list | tuple):
        for value in x:
            yield from _leaves(value)
    else:
        yield x


def _key(node: Node) -> int:
    """Calls of one layer are of one thing; each call of a plain function is a thing of its own."""
    return id(node.target) if hasattr(node.target, "_inbound") else id(node)
