"""Makes a graph of a PyTorch module, by the program that `torch.export` finds in it.

Operators are ATen's, in the domain "aten", as docs.pytorch.org/docs/main/torch.compiler_ir
describes them. A node's attribute "args" has the operator's arguments in the order of its schema,
in which "%0" stands for the node's first input; arguments by name are attributes of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backends import registry as backends
from .errors import GraphError
from .interpreter import check_operators
from .ir import ForeignGraph, Node, Value, Weight, dtype_name
from .order import checked_order

# A constant of more elements is kept as a variable, and so in the file of weights.
MOST_CONSTANT = 1 << 14
_VERSION = 1


def read_torch(
    module: Any, args: Any, kwargs: Any = None, dynamic_shapes: Any = None
) -> tuple[ForeignGraph, dict[str, np.ndarray]]:
    """Returns the graph of a module's call, and its weights by name.

    Args:
        module: a `torch.nn.Module`. It is read as it infers, and left as it was.
        args: positional arguments of the call; a lone tensor stands for itself.
        kwargs: arguments by name.
        dynamic_shapes: which sizes stay free, as `torch.export.export` takes it; None leaves the
            first axis of each tensor free, where the module allows it.

    Raises:
        GraphError: torch cannot export it.
        UnknownOperatorError: it has operators without a rule.
        TypeError: it is no module.
        ImportError: PyTorch is not installed.
    """
    if not isinstance(args, list | tuple):
        args = (args,)
    try:
        found = backends.get("torch").program_of(module, args, kwargs, dynamic_shapes)
    except RuntimeError as error:
        raise GraphError(str(error)) from error
    graph = ForeignGraph(
        [Value(name, dtype, shape and tuple(shape)) for name, dtype, shape in found.inputs],
        [Value(name) for name in found.outputs.values()],
        [_node(row) for row in found.rows],
        name=type(module).__name__,
        origin="torch",
    )
    arrays: dict[str, np.ndarray] = {}
    for name, held in found.held.items():
        if held.stored or held.array.size > MOST_CONSTANT:
            dtype = dtype_name(held.array)
            graph.weights[name] = Weight(held.array.shape, dtype, held.trainable)
            arrays[name] = held.array
        else:
            graph.constants[name] = held.array
    _name_outputs(graph, found.outputs)
    checked_order(graph)
    check_operators(graph)
    return graph, arrays


def _node(row: Any) -> Node:
    return Node(
        row.op,
        tuple(row.inputs),
        tuple(row.outputs),
        row.domain,
        _VERSION,
        next((name for name in row.outputs if name), ""),
        {"args": row.arguments, **row.keywords},
    )


def _name_outputs(graph: ForeignGraph, wanted: dict[str, str]) -> None:
    """Gives each output its label, by a node that passes a value on where it has another name."""
    given = {name for node in graph.nodes for name in node.outputs}
    given |= {value.name for value in graph.inputs} | graph.constants.keys() | graph.weights.keys()
    for place, (label, name) in enumerate(wanted.items()):
        if label == name:
            continue
        made, number = label, 1
        while made in given:
            made = f"{label}_{number}"
            number += 1
        given.add(made)
        graph.nodes.append(
            Node("alias", (name,), (made,), "aten", _VERSION, made, {"args": ["%0"]})
        )
        graph.outputs[place] = Value(made)
