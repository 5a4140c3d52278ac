"""The calls between symbolic inputs and outputs: in which order, and how to do them again."""

from typing import Any, NamedTuple

from .keras_tensor import KerasTensor
from .symbolic import Node, flatten, map_structure


def sorted_nodes(inputs: list[KerasTensor], outputs: list[KerasTensor]) -> list[Node]:
    """The nodes between inputs and outputs, each behind those that it needs.

    ValueError where an output depends on a tensor that is not among the inputs.
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
    """The symbolic tensors that `tensor`, or nested tensors, come from and that no call gave.

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
    """The `History` of a tensor that a call gave."""
    node = tensor.node
    calls = getattr(node.target, "_inbound_nodes", [node])
    results = flatten(node.outputs)
    return History(
        operations([node])[0],
        next(i for i, call in enumerate(calls) if call is node),
        next(i for i, result in enumerate(results) if result is tensor),
    )


def run(nodes: list[Node], inputs: list[KerasTensor], given: list[Any], outputs: Any) -> Any:
    """The calls of `nodes` with the tensors `given` for `inputs`; the nested `outputs` of that."""
    tensors: dict[int, Any] = {id(x): value for x, value in zip(inputs, given, strict=True)}

    def look_up(x):
        return tensors[id(x)] if isinstance(x, KerasTensor) else x

    for node in nodes:
        args, kwargs = map_structure(look_up, node.args), map_structure(look_up, node.kwargs)
        for symbol, x in _pairs(node.outputs, node.run(args, kwargs)):
            tensors[id(symbol)] = x
    return map_structure(look_up, outputs)


def _pairs(symbols: Any, results: Any):
    """Pairs (symbol, tensor) of two equal structures. Dicts go by key: jax sorts them."""
    if isinstance(symbols, dict):
        for key in symbols:
            yield from _pairs(symbols[key], results[key])
    elif isinstance(symbols, list | tuple):
        for part in zip(symbols, results, strict=True):
            yield from _pairs(*part)
    else:
        yield symbols, results


def operations(nodes: list[Node]) -> list[Any]:
    """What is called in a graph: layers and Operations as they are, public ops by `OpCall`.

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
