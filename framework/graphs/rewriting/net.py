"""The nodes of a graph with who makes and who uses each value, for those who look for patterns."""

from __future__ import annotations

from collections.abc import Iterable

from ..ir import ForeignGraph, Node

# The domain of operators that rewritings alone make.
OWN = "isozoo"


class Net:
    """Nodes in order, and their values by name.

    Args:
        graph: what they are of.
        nodes: in an order in which they can run.
    """

    def __init__(self, graph: ForeignGraph, nodes: list[Node]) -> None:
        self.graph, self.nodes = graph, nodes
        self._makers: dict[str, Node] = {}
        self._users: dict[str, list[Node]] = {}
        # Values that must stay: of others than nodes, or of graphs inside.
        self.kept = {value.name for value in graph.outputs}
        for node in nodes:
            for name in node.outputs:
                self._makers[name] = node
            for name in node.inputs:
                self._users.setdefault(name, []).append(node)
            for _, inner in node.graphs():
                self.kept |= inner.free_names()
        self._made: dict[int, Node | None] = {}

    def maker(self, name: str, *ops: str) -> Node | None:
        """Returns the node that gives a value, if it is one of the operators of ONNX's domain."""
        node = self._makers.get(name)
        return node if node is not None and not node.domain and node.op in ops else None

    def next(self, name: str, *ops: str) -> Node | None:
        """Returns the only node that uses a value, if it is one of the operators and not taken."""
        users = self._users.get(name, [])
        if name in self.kept or len(users) != 1:
            return None
        (node,) = users
        fits = not node.domain and node.op in ops and id(node) not in self._made
        return node if fits else None

    def users(self, name: str) -> list[Node]:
        """Returns the nodes that use a value, one of them as often as it does."""
        return self._users.get(name, [])

    def next_of_any(self, name: str, *ops: str) -> Node | None:
        """`next`, of operators of any domain that a rewriting may make."""
        users = self._users.get(name, [])
        if name in self.kept or len(users) != 1:
            return None
        (node,) = users
        fits = node.domain in ("", OWN, "com.microsoft") and node.op in ops
        return node if fits and id(node) not in self._made else None

    def number(self, name: str) -> float | None:
        """Returns a constant of one element as a number; None for anything else."""
        found = self.graph.constants.get(name)
        if found is None or found.size != 1 or found.dtype.kind not in "fiu":
            return None
        return float(found.reshape(-1)[0])

    def is_number(self, name: str, value: float) -> bool:
        """Tells whether a constant is a number, up to float32's rounding."""
        found = self.number(name)
        return found is not None and abs(found - value) <= 2e-7 * max(abs(value), 1)

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Returns the shape of a weight or constant."""
        if name in self.graph.weights:
            return self.graph.weights[name].shape
        found = self.graph.constants.get(name)
        return None if found is None else found.shape

    def free(self, nodes: Iterable[Node]) -> bool:
        """Tells whether none of the nodes was replaced already."""
        return all(id(node) not in self._made for node in nodes)

    def replace(self, nodes: Iterable[Node], made: Node) -> None:
        """Puts a node in the place of the last of some."""
        nodes = list(nodes)
        for node in nodes:
            self._made[id(node)] = None
        last = max(nodes, key=lambda node: self._place(node))
        self._made[id(last)] = made

    def _place(self, node: Node) -> int:
        if not hasattr(self, "_places"):
            self._places = {id(node): place for place, node in enumerate(self.nodes)}
        return self._places[id(node)]

    def result(self) -> list[Node]:
        """Returns the nodes after all replacements."""
        found = (self._made.get(id(node), node) for node in self.nodes)
        return [node for node in found if node is not None]


def other(node: Node, name: str) -> str | None:
    """Returns the input of a node of two that is not `name`; None where both or neither are."""
    if len(node.inputs) != 2 or node.inputs.count(name) != 1:
        return None
    return node.inputs[1 - node.inputs.index(name)]
