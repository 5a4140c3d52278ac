"""Models described by symbolic tensors."""

from typing import Any

from ..core import graph
from ..core.keras_tensor import KerasTensor
from ..core.layer import Layer
from ..core.naming import auto_name
from ..core.operation import Computed, Operation
from ..core.symbolic import flatten
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
        self._nodes = graph.sorted_nodes(flatten(inputs), flatten(outputs))
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

    @Computed
    def input(self) -> Any:
        """The symbolic inputs, in the structure in which they were given."""
        return self.inputs_structure

    @Computed
    def output(self) -> Any:
        """The symbolic outputs, in the structure in which they were given."""
        return self.outputs_structure

    @property
    def operations(self) -> list[Operation]:
        """The layers and ops between inputs and outputs, in the order of their first calls."""
        return graph.operations(self._nodes)

    def call(self, inputs):
        """The graph on tensors given in the structure of the symbolic inputs."""
        return graph.run(self._nodes, self.inputs, self._match(inputs), self.outputs_structure)

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
