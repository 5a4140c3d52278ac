"""The order of a graph's nodes: each behind those that it needs, and every name given once."""

from __future__ import annotations

from collections import deque

from .errors import GraphError
from .ir import ForeignGraph, Node


def checked_order(graph: ForeignGraph, around: frozenset[str] = frozenset()) -> None:
    """Puts the nodes of a graph, and of those inside it, in an order in which they can run.

    Args:
        graph: changed in place.
        around: names that the graph around it gives.

    Raises:
        GraphError: a name that nothing gives, or two nodes do; nodes that wait for each other.
    """
    known = {value.name for value in graph.inputs} | graph.constants.keys() | graph.weights.keys()
    given = set(known)
    for node in graph.nodes:
        for name in node.outputs:
            if name and name in given:
                raise GraphError(f"{node.title}: the value {name!r} is given twice")
            given.add(name)
    visible = frozenset(given | around) - {""}
    for node in graph.nodes:
        for name in node.inputs:
            if name and name not in visible:
                raise GraphError(f"{node.title}: no node and no input gives its input {name!r}")
    for value in graph.outputs:
        if value.name not in visible:
            raise GraphError(f"no node and no input gives the output {value.name!r}")
    for node in graph.nodes:
        for _, inner in node.graphs():
            checked_order(inner, visible)
    graph.nodes = _sorted(graph.nodes, frozenset(known) | around)


def _sorted(nodes: list[Node], known: frozenset[str]) -> list[Node]:
    needs = [_needed(node) - known for node in nodes]
    makers = {name: place for place, node in enumerate(nodes) for name in node.outputs if name}
    waiting = [{makers[name] for name in names if name in makers} for names in needs]
    users: dict[int, list[int]] = {}
    for place, places in enumerate(waiting):
        for maker in places:
            users.setdefault(maker, []).append(place)
    counts = [len(places) for places in waiting]
    ready = deque(place for place, count in enumerate(counts) if not count)
    if all(maker < place for place, places in enumerate(waiting) for maker in places):
        return nodes
    found: list[Node] = []
    while ready:
        place = ready.popleft()
        found.append(nodes[place])
        for user in users.get(place, ()):
            counts[user] -= 1
            if not counts[user]:
                ready.append(user)
    if len(found) != len(nodes):
        left = next(node for node, count in zip(nodes, counts, strict=True) if count)
        raise GraphError(f"{left.title}: it waits for its own result, by way of other nodes")
    return found


def _needed(node: Node) -> set[str]:
    names = {name for name in node.inputs if name}
    for _, inner in node.graphs():
        names |= inner.free_names()
    return names
