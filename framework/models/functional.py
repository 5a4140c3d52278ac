"""Models described by symbolic tensors."""

from typing import Any

from ..core.layer import Layer, auto_name
from ..core.symbolic import KerasTensor, Node, flatten, map_structure
from .model import Model


def Input(shape=None, batch_size=None, dtype=None, name=None, batch_shape=None) -> KerasTensor:
    """A symbolic tensor to start a functional model from.

    `shape` is without the batch axis; `batch_shape` is with it. Unknown sizes are None.
    """
    if batch_shape is not None and shape is None:
        full = tuple(batch_shape)
    elif shape is not None and batch_shape is None:
        full = (batch_size, *shape)
    else:
        raise ValueError("Input: give either `shape` or `batch_shape`.")
    return KerasTensor(full, dtype, name=name or auto_name("input"))


class Functional(Model):
    """A graph of layers and ops from symbolic `inputs` to `outputs`.

    Both may be nested lists, tuples and dicts. Layers are kept by their names.
    """

    def __init__(self, inputs, outputs, name=None, trainable=True):
        super().__init__(name=name, trainable=trainable)
        self.inputs_structure, self.outputs_structure = inputs, outputs
        self._nodes = _sorted_nodes(flatten(inputs), flatten(outputs))
        for node in self._nodes:
            target = node.target
            if isinstance(target, Layer) and target.name not in self._tracked:
                self.register(target.name, target)
        self.built = True

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, as a flat list."""
        return flatten(self.inputs_structure)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, as a flat list."""
        return flatten(self.outputs_structure)

    def call(self, inputs):
        """The graph on tensors given in the structure of the symbolic inputs."""
        tensors: dict[int, Any] = {}
        given = self._match(inputs)
        for symbol, x in zip(self.inputs, given, strict=True):
            tensors[id(symbol)] = x

        def look_up(x):
            return tensors[id(x)] if isinstance(x, KerasTensor) else x

        for node in self._nodes:
            args, kwargs = map_structure(look_up, node.args), map_structure(look_up, node.kwargs)
            results = node.run(args, kwargs)
            for symbol, x in _pairs(node.outputs, results):
                tensors[id(symbol)] = x
        return map_structure(look_up, self.outputs_structure)

    def _match(self, inputs) -> list[Any]:
        structure = self.inputs_structure
        if isinstance(structure, dict) and isinstance(inputs, dict):
            missing = [key for key in structure if key not in inputs]
            if missing:
                raise ValueError(f"{self.name}: no input for {missing}; got {sorted(inputs)}.")
            return [x for key in structure for x in flatten(inputs[key])]
        given = flatten(inputs)
        if len(given) != len(self.inputs):
            raise ValueError(f"{self.name} takes {len(self.inputs)} inputs; got {len(given)}.")
        return given


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


def _sorted_nodes(inputs: list[KerasTensor], outputs: list[KerasTensor]) -> list[Node]:
    """The nodes between inputs and outputs, each behind those that it needs."""
    starts = {id(x) for x in inputs}
    done: dict[int, Node] = {}
    stack: list[tuple[KerasTensor, bool]] = [(x, False) for x in reversed(outputs)]
    while stack:
        symbol, expanded = stack.pop()
        node = symbol.node
        if id(symbol) in starts or (node is not None and id(node) in done):
            continue
        if node is None:
            raise ValueError(f"{symbol!r} is needed for the outputs, but is not among the inputs.")
        if expanded:
            done[id(node)] = node
        else:
            stack.append((symbol, True))
            stack.extend((x, False) for x in node.inputs)
    return list(done.values())
