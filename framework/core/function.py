"""Function: a graph of symbolic tensors that can be called."""

from typing import Any

from ..ops.errors import describe
from . import graph
from .keras_tensor import KerasTensor
from .operation import Operation
from .symbolic import flatten, map_structure


class Function(Operation):
    """The computation that leads from symbolic `inputs` to `outputs`, on other tensors.

    Only what lies between both is computed: an input may be a result of other calls.

    Args:
        inputs: a symbolic tensor, or a nested list, tuple or dict of them.
        outputs: the same; all must follow from the inputs, else ValueError.
        name: its name; made up if None.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(name=name)
        self._inputs_structure, self._outputs_structure = inputs, outputs
        self._inputs, self._outputs = flatten(inputs), flatten(outputs)
        for what, tensors in (("inputs", self._inputs), ("outputs", self._outputs)):
            if not tensors:
                raise ValueError(f"Function: `{what}` argument cannot be empty.")
            for x in tensors:
                if not isinstance(x, KerasTensor):
                    raise ValueError(
                        f"Function: `{what}` must be symbolic tensors; got {describe(x)}. "
                        "Begin with `isozoo.Input(...)` or `isozoo.KerasTensor(...)`."
                    )
        self._nodes = graph.sorted_nodes(self._inputs, self._outputs)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, as a flat list."""
        return list(self._inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, as a flat list."""
        return list(self._outputs)

    @property
    def operations(self) -> list[Operation]:
        """The layers and ops between inputs and outputs, in the order of their first calls."""
        return graph.operations(self._nodes)

    def call(self, inputs: Any) -> Any:
        """The outputs for tensors in the structure of the symbolic inputs.

        ValueError for another structure, or shapes that do not fit.
        """
        return graph.run(self._nodes, self._inputs, self._match(inputs), self._outputs_structure)

    def compute_output_spec(self, inputs: Any) -> Any:
        """The shapes and dtypes of the outputs for symbolic `inputs`, as symbolic tensors."""
        given = self._match(inputs)
        if all(x.shape == mine.shape for x, mine in zip(given, self._inputs, strict=True)):
            return map_structure(
                lambda x: KerasTensor(x.shape, x.dtype, x.sparse, x.ragged),
                self._outputs_structure,
            )
        return super().compute_output_spec(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for inputs of the shapes given, in the inputs' dtypes.

        ValueError for another structure, or shapes that do not fit.
        """
        try:
            symbols = _with_shapes(self._inputs_structure, input_shape)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{self.name} was given an invalid structure of shapes. Expected shapes for: "
                f"{_outline(self._inputs_structure)}; got: {input_shape!r}."
            ) from error
        return map_structure(lambda x: x.shape, self.compute_output_spec(symbols))

    def _match(self, inputs: Any) -> list[Any]:
        """The tensors of `inputs` in the order of the symbolic inputs."""
        given: list[Any] = []
        if not _follow(self._inputs_structure, inputs, given):
            raise ValueError(
                f"{self.name} was called with an invalid input structure. Expected: "
                f"{_outline(self._inputs_structure)}; got: {_outline(inputs)}."
            )
        for x, mine in zip(given, self._inputs, strict=True):
            if not _fits(tuple(x.shape), mine.shape):
                raise ValueError(
                    f"{self.name} was passed incompatible inputs. For input {mine.name!r}, "
                    f"expected shape {mine.shape}; got a tensor of shape {tuple(x.shape)}."
                )
        return given


def _follow(structure: Any, x: Any, into: list[Any]) -> bool:
    """Put the leaves of `x` into a list in the order of `structure`; False if they differ."""
    if isinstance(structure, dict):
        return (
            isinstance(x, dict)
            and x.keys() == structure.keys()
            and all(_follow(structure[key], x[key], into) for key in structure)
        )
    if isinstance(structure, list | tuple):
        return (
            isinstance(x, list | tuple)
            and len(x) == len(structure)
            and all(_follow(*pair, into) for pair in zip(structure, x, strict=True))
        )
    into.append(x)
    return hasattr(x, "shape")


def _with_shapes(structure: Any, shapes: Any) -> Any:
    """The symbolic tensors of a structure in other shapes."""
    if isinstance(structure, dict):
        return {key: _with_shapes(structure[key], shapes[key]) for key in structure}
    if isinstance(structure, list | tuple):
        return [_with_shapes(*pair) for pair in zip(structure, shapes, strict=True)]
    return KerasTensor(shapes, structure.dtype, structure.sparse, structure.ragged)


def _fits(shape: tuple, expected: tuple) -> bool:
    return len(shape) == len(expected) and all(
        mine is None or theirs is None or mine == theirs
        for mine, theirs in zip(expected, shape, strict=True)
    )


def _outline(x: Any) -> Any:
    """A structure as text, with shapes for tensors."""
    return map_structure(describe, x)
