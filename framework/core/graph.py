"""The graph of symbolic calls: nodes, their order, how they run again, and how they are copied."""

from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import ref

from ..context import state
from ..nested import flatten, map_structure
from ..ops.errors import describe
from .keras_tensor import KerasTensor


class Node:
    """One call in a graph: of a layer or Operation, or of a public op.

    What was called knows its nodes by weak references: a shared layer keeps no dead model alive.
    """

    def __init__(self, target: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        self.target = target
        self.args = args
        self.kwargs = kwargs
        self.inputs = [x for x in flatten((args, kwargs)) if isinstance(x, KerasTensor)]
        self.outputs: Any = None

    def run(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Calls the target on tensors in the place of the symbolic ones.

        Where the call of the model says whether it trains, that holds inside as well, as in Keras:
        what a layer was called with in the graph is for calls that do not say it.
        """
        if kwargs.get("training") is not None and state.training is not None:
            kwargs = {**kwargs, "training": state.training}
        return self.target(*args, **kwargs)

    def conclude(self, outputs: Any) -> None:
        """Sets the symbolic results, which know the node from now on, and so does its target."""
        self.outputs = outputs
        if all(x.record_history for x in self.inputs):
            for output in flatten(outputs):
                if isinstance(output, KerasTensor):
                    output.node = self
        inbound = getattr(self.target, "_inbound", None)
        if inbound is not None:
            inbound[:] = [link for link in inbound if link() is not None]
            inbound.append(ref(self))


def inbound_nodes(operation: Any) -> list[Node]:
    """Returns the calls of an operation that are part of a graph, in their order."""
    return [node for link in operation._inbound if (node := link()) is not None]


class Graph:
    """The calls that lead from symbolic inputs to outputs.

    Args:
        inputs: a symbolic tensor, or a nested list, tuple or dict of them.
        outputs: the same; all must follow from the inputs, else ValueError.
        owner: what the graph is of, in errors.
    """

    def __init__(self, inputs: Any, outputs: Any, owner: str = "Function") -> None:
        self.inputs_structure, self.outputs_structure = inputs, outputs
        self.inputs, self.outputs = flatten(inputs), flatten(outputs)
        for what, tensors in (("inputs", self.inputs), ("outputs", self.outputs)):
            if not tensors:
                raise ValueError(f"{owner}: `{what}` argument cannot be empty.")
            for x in tensors:
                if not isinstance(x, KerasTensor):
                    raise ValueError(
                        f"{owner}: `{what}` must be symbolic tensors; got {describe(x)}. "
                        "Begin with `isozoo.Input(...)` or `isozoo.KerasTensor(...)`."
                    )
        self.nodes = sorted_nodes(self.inputs, self.outputs)

    @property
    def operations(self) -> list[Any]:
        """The layers and ops between inputs and outputs, in the order of their first calls."""
        return operations(self.nodes)

    def run(self, given: list[Any]) -> Any:
        """Returns the nested outputs for tensors in the order of `inputs`."""
        return run(self.nodes, self.inputs, given, self.outputs_structure)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, _packed(self)


def sorted_nodes(inputs: list[KerasTensor], outputs: list[KerasTensor]) -> list[Node]:
    """Returns the nodes between inputs and outputs, each behind those that it needs.

    Raises:
        ValueError: an output depends on a tensor that is not among the inputs.
    """
    starts = {id(x) for x in inputs}
    done: dict[int, Node] = {}
    for number, output in enumerate(outputs):
        stack: list[tuple[KerasTensor, bool]] = [(output, False)]
        while stack:
            symbol, expanded = stack.pop()
            node = symbol.node
            if id(symbol) in starts or (node is not None and id(node) in done):
                continue
            if node is None:
                raise ValueError(
                    f"Output {number}, {output.name!r}, is not connected to `inputs`: it needs "
                    f"{symbol!r}, which is not among the inputs. Add it to them, or compute "
                    "the output from those that there are."
                )
            if expanded:
                done[id(node)] = node
            else:
                stack.append((symbol, True))
                stack.extend((x, False) for x in reversed(node.inputs))
    return list(done.values())


def get_source_inputs(tensor: Any) -> list[KerasTensor]:
    """Returns the symbolic tensors that nested tensors come from and that no call gave.

    Each stands once, in the order in which the calls took them.
    """
    found: dict[int, KerasTensor] = {}
    stack = [x for x in reversed(flatten(tensor)) if isinstance(x, KerasTensor)]
    seen: set[int] = set()
    while stack:
        symbol = stack.pop()
        if symbol.node is None:
            found.setdefault(id(symbol), symbol)
        elif id(symbol.node) not in seen:
            seen.add(id(symbol.node))
            stack.extend(reversed(symbol.node.inputs))
    return list(found.values())


class History(NamedTuple):
    """Where a symbolic tensor comes from: what was called, in which of its calls, which result."""

    operation: Any
    node_index: int
    tensor_index: int


def history(tensor: KerasTensor) -> History:
    """Returns the `History` of a tensor that a call gave."""
    node = tensor.node
    calls = inbound_nodes(node.target) if hasattr(node.target, "_inbound") else [node]
    results = flatten(node.outputs)
    return History(
        operations([node])[0],
        next(i for i, call in enumerate(calls) if call is node),
        next(i for i, result in enumerate(results) if result is tensor),
    )


def run(nodes: list[Node], inputs: list[KerasTensor], given: list[Any], outputs: Any) -> Any:
    """Returns the nested `outputs` of calling `nodes` with the tensors `given` for `inputs`."""
    tensors: dict[int, Any] = {id(x): value for x, value in zip(inputs, given, strict=True)}

    def look_up(x: Any) -> Any:
        return tensors[id(x)] if isinstance(x, KerasTensor) else x

    for node in nodes:
        args, kwargs = map_structure(look_up, node.args), map_structure(look_up, node.kwargs)
        for symbol, x in result_pairs(node.outputs, node.run(args, kwargs)):
            tensors[id(symbol)] = x
    return map_structure(look_up, outputs)


def result_pairs(symbols: Any, results: Any):
    """Pairs (symbol, tensor) of two equal structures. Dicts go by key: jax sorts them."""
    if isinstance(symbols, dict):
        for key in symbols:
            yield from result_pairs(symbols[key], results[key])
    elif isinstance(symbols, list | tuple):
        if len(symbols) == 1 and not isinstance(results, list | tuple):
            results = [results]  # a model inside gives the tensor of a list of one
        for part in zip(symbols, results, strict=True):
            yield from result_pairs(*part)
    else:
        yield symbols, results


def operations(nodes: list[Node]) -> list[Any]:
    """Returns what is called in a graph: layers and Operations, and public ops as `OpCall`s.

    Each stands once, in the order of the first call.
    """
    from .operation import OpCall, Operation

    found: dict[int, Any] = {}
    uses: dict[str, int] = {}
    for node in nodes:
        target = node.target
        if isinstance(target, Operation):
            found.setdefault(id(target), target)
            continue
        name = target.__name__
        count = uses[name] = uses.get(name, 0) + 1
        found[id(node)] = OpCall(target, name if count == 1 else f"{name}_{count - 1}")
    return list(found.values())


# Copies -----------------------------------------------------------------------------------------


def copied_graph(
    graph: Graph, again: Callable[[Any], Any], dtype: Callable[[str], str], memo: dict[Any, Any]
) -> Graph:
    """Returns the graph over the copies that `again` makes of what its nodes call."""
    for x in graph.inputs:
        if id(x) not in memo:
            memo[id(x)] = x.with_dtype(dtype(x.dtype))
    for node in graph.nodes:
        _copy_node(node, again, dtype, memo)
    made = object.__new__(Graph)
    made.inputs_structure = map_structure(again, graph.inputs_structure)
    made.outputs_structure = map_structure(again, graph.outputs_structure)
    made.inputs, made.outputs = flatten(made.inputs_structure), flatten(made.outputs_structure)
    made.nodes = [memo[id(node)] for node in graph.nodes]
    return made


def copied_symbol(
    x: KerasTensor, again: Callable[[Any], Any], dtype: Callable[[str], str], memo: dict[Any, Any]
) -> KerasTensor:
    """Returns a symbolic tensor with the history that `x` has, over copies."""
    if x.node is None:
        return x.with_dtype(dtype(x.dtype))
    sources = get_source_inputs(x)
    for source in sources:
        memo.setdefault(id(source), source.with_dtype(dtype(source.dtype)))
    for node in sorted_nodes(sources, [x]):
        _copy_node(node, again, dtype, memo)
    return memo[id(x)]


def _copy_node(node: Node, again: Any, dtype: Any, memo: dict[Any, Any]) -> None:
    if id(node) in memo:
        return
    args, kwargs = map_structure(again, node.args), map_structure(again, node.kwargs)
    made = Node(again(node.target), args, kwargs)

    def result(x: Any) -> Any:
        if isinstance(x, KerasTensor):
            memo[id(x)] = x.with_dtype(dtype(x.dtype))
            return memo[id(x)]
        return x

    made.conclude(map_structure(result, node.outputs))
    memo[id(node)] = made


class _Place(NamedTuple):
    """Where a symbolic tensor stands in the flat list of a packed graph."""

    number: int


def _packed(graph: Graph) -> tuple[Any, ...]:
    """The graph without its cycles: a list of tensors, and calls that refer to it by number."""
    numbers: dict[int, int] = {}
    tensors: list[KerasTensor] = []

    def place(x: Any) -> Any:
        if not isinstance(x, KerasTensor):
            return x
        if id(x) not in numbers:
            numbers[id(x)] = len(tensors)
            tensors.append(x.with_dtype(x.dtype))
        return _Place(numbers[id(x)])

    def places(x: Any) -> Any:
        return map_structure(place, x)

    inputs = places(graph.inputs_structure)
    calls = [
        (node.target, places(node.args), places(node.kwargs), places(node.outputs))
        for node in graph.nodes
    ]
    return tensors, inputs, calls, places(graph.outputs_structure)


def _unpacked(tensors: list[KerasTensor], inputs: Any, calls: list[Any], outputs: Any) -> Graph:
    def fill(x: Any) -> Any:
        if isinstance(x, _Place):
            return tensors[x.number]
        if isinstance(x, dict):
            return {key: fill(value) for key, value in x.items()}
        if isinstance(x, list | tuple) and not hasattr(x, "_fields"):
            return type(x)(fill(value) for value in x)
        return x

    made = object.__new__(Graph)
    made.inputs_structure, made.outputs_structure = fill(inputs), fill(outputs)
    made.inputs, made.outputs = flatten(made.inputs_structure), flatten(made.outputs_structure)
    made.nodes = []
    for target, args, kwargs, results in calls:
        node = Node(target, fill(args), fill(kwargs))
        node.conclude(fill(results))
        made.nodes.append(node)
    return made
