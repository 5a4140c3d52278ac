"""Shapes that a graph computes, where they are told without running it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..ir import Node
from .dims import Dim, Shape
from .facts import Facts
from .net import Net


def known_shapes(net: Net) -> list[Node]:
    """Gives a Reshape its shape as an attribute, where at most one size of it is not told.

    What computed the shape is then left out, unless others need it.
    """
    facts = Facts(net.graph, net.nodes)
    return [_with_shape(facts, node) if _is_reshape(node) else node for node in net.nodes]


def _is_reshape(node: Node) -> bool:
    return node.op == "Reshape" and not node.domain and len(node.inputs) == 2


def _with_shape(facts: Facts, node: Node) -> Node:
    wanted, x = facts.vector(node.inputs[1]), facts.shape(node.inputs[0])
    made = None if wanted is None else told_shape(wanted, x, node.attributes.get("allowzero", 0))
    if made is None:
        return node
    return replace(node, inputs=node.inputs[:1], attributes={"shape": made})


def told_shape(wanted: Sequence[Dim], x: Shape | None, zeros: int) -> list[int] | None:
    """Returns a shape in which 0 keeps a size of x and -1 stands for the one that is not told.

    None where more than one is not.
    """
    if zeros and 0 in wanted:
        return None
    found: list[int] = []
    for place, n in enumerate(wanted):
        if isinstance(n, int):
            found.append(n)
        elif x is not None and place < len(x) and x[place] == n:
            found.append(0)
        elif -1 not in wanted and -1 not in found:
            found.append(-1)
        else:
            return None
    return found


def joined_reshapes(net: Net) -> list[Node]:
    """Leaves out a Reshape whose result only another one sees, and Transposes that undo others."""
    for node in net.nodes:
        if node.domain or node.op not in ("Reshape", "Transpose") or not net.free([node]):
            continue
        after = net.next(node.outputs[0], node.op)
        if after is None or after.inputs[0] != node.outputs[0]:
            continue
        if node.op == "Transpose":
            first, second = node.attributes.get("perm"), after.attributes.get("perm")
            if first is None or second is None or len(first) != len(second):
                continue
            attributes: dict[str, Any] = {"perm": [first[n] for n in second]}
        else:
            shape = after.attributes.get("shape")
            if shape is None or 0 in shape:
                continue
            attributes = {"shape": shape}
        net.replace([node, after], replace(after, inputs=node.inputs, attributes=attributes))
    return net.result()


def swapped_batches(net: Net) -> list[Node]:
    """Puts Reshape, Transpose and Reshape together that exchange the last two of many axes.

    So torch's exporter writes the transpose of keys in attention: (batch, heads, n, d) as (batch *
    heads, n, d), transposed, and as (batch, heads, d, n).
    """
    facts = Facts(net.graph, net.nodes)
    for turn in net.nodes:
        if turn.domain or turn.op != "Transpose" or turn.attributes.get("perm") != [0, 2, 1]:
            continue
        flat, after = net.maker(turn.inputs[0], "Reshape"), net.next(turn.outputs[0], "Reshape")
        if flat is None or after is None or net.next(flat.outputs[0], "Transpose") is not turn:
            continue
        x, made = facts.shape(flat.inputs[0]), facts.shape(after.outputs[0])
        middle = facts.shape(flat.outputs[0])
        if x is None or made is None or middle is None or len(x) < 3 or len(x) != len(made):
            continue
        if made != (*x[:-2], x[-1], x[-2]) or middle[1:] != x[-2:]:
            continue
        perm = [*range(len(x) - 2), len(x) - 1, len(x) - 2]
        if net.free([flat, turn, after]):
            node = replace(turn, inputs=flat.inputs[:1], outputs=after.outputs)
            net.replace([flat, turn, after], replace(node, attributes={"perm": perm}))
    return net.result()
