"""A model as tables and drawings show it: its steps in Keras's order, and what leads to what."""

from typing import Any, NamedTuple

from ..configs import plain_class
from ..core.depth import steps_by_depth
from ..core.graph import Graph, Node, inbound_nodes
from ..core.operation import OpCall
from ..layers.core.input_layer import input_layer_of
from ..nested import flatten
from .keras_ops import by_function


def steps(graph: Graph) -> list[Node]:
    """Returns a call of each thing that a graph calls, in Keras's order, its inputs among them.

    What is called for an input is its `InputLayer`.
    """
    return steps_by_depth(graph, [input_layer_of(x) for x in graph.inputs])


def output_names(graph: Graph) -> list[str]:
    """Returns the name of what gives each output of a graph; of an input, its own name."""
    calls = {id(x): node for node in graph.nodes for x in flatten(node.outputs)}
    names: dict[int, str] = {}
    taken: dict[str, int] = {}
    for node in graph.nodes:
        if hasattr(node.target, "_inbound"):
            names[id(node)] = node.target.name
        else:
            names[id(node)] = _op_name(node.target, taken)
    return [names[id(calls[id(x)])] if id(x) in calls else x.name for x in graph.outputs]


def _op_name(function: Any, taken: dict[str, int]) -> str:
    """The name of a public op, with a number from its second call on."""
    name = function.__name__
    count = taken[name] = taken.get(name, -1) + 1
    return f"{name}_{count}" if count else name


class Edge(NamedTuple):
    """A tensor on its way.

    Attributes:
        source: the layer or Operation that gives it.
        call: the number of its call.
        result: the number of the result.
        target: the layer or Operation that takes it.
        argument: which of the tensors of that call it is.
    """

    source: Any
    call: int
    result: int
    target: Any
    argument: int


class Structure:
    """The steps of a model: layers and Operations; `OpCall`s stand for public ops.

    Attributes:
        layers: the steps, in Keras's order.
        edges: the tensors between them.
        is_chain: whether each takes what the one before it gives.
    """

    def __init__(self, model: Any) -> None:
        self.layers: list[Any] = list(model.layers)
        self.edges: list[Edge] = []
        self.is_chain = True
        chain = vars(model).get("_chain")
        if chain is not None:
            self.layers = list(chain)
            self.edges = [Edge(a, 0, 0, b, 0) for a, b in zip(chain, chain[1:], strict=False)]
        elif model._graph is not None:
            self._read(model._graph)

    def _read(self, graph: Graph) -> None:
        self.layers = []
        of_node: dict[int, Any] = {}
        taken: dict[str, int] = {}
        for node in steps(graph):
            if hasattr(node.target, "_inbound"):
                self.layers.append(node.target)
                continue
            made = OpCall(node.target, _op_name(node.target, taken))
            made._inbound.append(lambda node=node: node)
            of_node[id(node)] = made
            self.layers.append(made)
        places: dict[int, tuple[Any, int, int]] = {}
        for x in graph.inputs:
            places[id(x)] = input_layer_of(x), 0, 0
        calls: dict[int, int] = {}
        for node in graph.nodes:
            step = of_node.get(id(node), node.target)
            calls[id(step)] = calls.get(id(step), 0) + 1
            number = next(n for n, call in enumerate(inbound_nodes(step)) if call is node)
            for result, x in enumerate(flatten(node.outputs)):
                places.setdefault(id(x), (step, number, result))
        order = {id(step): number for number, step in enumerate(self.layers)}
        for node in graph.nodes:
            step = of_node.get(id(node), node.target)
            for argument, x in enumerate(node.inputs):
                self.edges.append(Edge(*places[id(x)], step, argument))
        self.edges.sort(key=lambda edge: order[id(edge.target)])
        used = [id(edge.source) for edge in self.edges]
        taking = [id(edge.target) for edge in self.edges]
        self.is_chain = (
            len(graph.inputs) == 1
            and len(set(used)) == len(used)
            and len(set(taking)) == len(taking)
            and all(count == 1 for count in calls.values())
        )

    def connections(self, layer: Any) -> str:
        """Returns what leads to a step: "name[number of the call][number of the result]", ..."""
        found = [
            f"{edge.source.name}[{edge.call}][{edge.result}]"
            for edge in self.edges
            if edge.target is layer
        ]
        return ", ".join(found) or "-"


def class_name(step: Any) -> str:
    """Returns the name of the class of a step; of a public op that of Keras's class for it."""
    if isinstance(step, OpCall):
        known = by_function(step.function)
        if known is not None:
            return known.class_name
        return "".join(part.capitalize() for part in step.function.__name__.split("_"))
    return plain_class(type(step)).__name__


def shape_text(shape: Any) -> str:
    """Returns a shape as tables and drawings show it."""
    return f"({', '.join(str(n) for n in shape)})"


def is_opened(step: Any) -> bool:
    """Returns whether a step is a model whose inside can be drawn."""
    return "_chain" in vars(step) or getattr(step, "_graph", None) is not None


def inner_ends(model: Any, first: bool, number: int) -> Any:
    """Returns the step inside a model, at any depth, that takes its input or gives its output.

    Args:
        model: a step; itself if its inside cannot be drawn.
        first: the input if True, else the output.
        number: which of the inputs or outputs.
    """
    for _ in range(64):  # no model is nested as deep
        if not is_opened(model):
            break
        chain = vars(model).get("_chain")
        if chain is not None:
            model, number = chain[0 if first else -1], 0 if first else number
            continue
        graph = model._graph
        if first:
            return input_layer_of(graph.inputs[number])
        x = graph.outputs[number]
        if x.node is None or x.node not in graph.nodes:
            return input_layer_of(x)
        number = next(n for n, result in enumerate(flatten(x.node.outputs)) if result is x)
        model = x.node.target
    return model
