"""Function: a graph of symbolic tensors that can be called."""

from typing import Any

from ..nested import map_structure
from .graph import Graph
from .keras_tensor import KerasTensor
from .matching import match, with_shapes
from .operation import Operation


class OfGraph:
    """What Functions and models of a graph share: the graph's tensors and operations."""

    _graph: Graph | None
    name: str

    def _required_graph(self, what: str) -> Graph:
        if self._graph is None:
            raise AttributeError(
                f"{self.name!r} has no {what}: it was not made of symbolic tensors, nor called on "
                "one. Make it by `Model(inputs, outputs)`, or call it on `isozoo.Input(...)` first."
            )
        return self._graph

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, as a flat list."""
        return list(self._required_graph("inputs").inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, as a flat list."""
        return list(self._required_graph("outputs").outputs)

    @property
    def operations(self) -> list[Operation]:
        """The layers and ops between inputs and outputs, in the order of their first calls."""
        return self._required_graph("operations").operations

    def _spec_of_graph(self, inputs: Any) -> Any:
        """The outputs' shapes and dtypes where the inputs have the graph's own shapes, or None."""
        graph = self._graph
        if graph is None:
            return None
        given = match(graph, inputs, self.name)
        same = all(
            x is not None and x.shape == mine.shape
            for x, mine in zip(given, graph.inputs, strict=True)
        )
        if not same:
            return None
        return map_structure(
            lambda x: KerasTensor(x.shape, x.dtype, x.sparse, x.ragged), graph.outputs_structure
        )


class Function(OfGraph, Operation):
    """The computation that leads from symbolic `inputs` to `outputs`, on other tensors.

    Only what lies between both is computed: an input may be a result of other calls.

    Args:
        inputs: a symbolic tensor, or a nested list, tuple or dict of them.
        outputs: the same; all must follow from the inputs, else ValueError.
        name: its name; made up if None.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(name=name)
        self._graph = Graph(inputs, outputs)

    def call(self, inputs: Any) -> Any:
        """Returns the outputs for tensors in the structure of the symbolic inputs.

        ValueError for another structure, or shapes that do not fit.
        """
        graph = self._required_graph("inputs")
        return graph.run(match(graph, inputs, self.name))

    def compute_output_spec(self, inputs: Any) -> Any:
        """Returns the shapes and dtypes of the outputs for symbolic `inputs`."""
        found = self._spec_of_graph(inputs)
        return super().compute_output_spec(inputs) if found is None else found

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shapes of the outputs for inputs of the shapes given, in the inputs' dtypes.

        ValueError for another structure, or shapes that do not fit.
        """
        symbols = with_shapes(self._required_graph("inputs"), input_shape, self.name)
        return map_structure(lambda x: x.shape, self.compute_output_spec(symbols))
