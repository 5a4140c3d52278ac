"""What layers that merge have in common: lists of inputs that fit each other, and their masks."""

from abc import abstractmethod
from typing import Any

from ... import ops
from ...typing import Tensor
from ..described import Described


class Merge(Described):
    """Base of layers that make one tensor of a list of them, element by element.

    Inputs of fewer axes are given axes of size 1 behind the batch; then sizes broadcast. Where all
    inputs have masks, a time step of the result counts if it counts in any.

    Subclasses define `merged`.
    """

    supports_masking = True
    _begins_masks = False

    @abstractmethod
    def merged(self, inputs: list[Tensor]) -> Tensor:
        """Returns the result for inputs of one rank."""
        raise NotImplementedError(f"{type(self).__name__} must define `merged`.")

    def build(self, input_shape: Any) -> None:
        """Checks that the shapes fit each other; there are no weights.

        Raises:
            ValueError: no list, other sizes of the batch, or sizes that do not broadcast.
        """
        shapes = _listed_shapes(input_shape)
        if len({shape[0] for shape in shapes if shape and shape[0] is not None}) > 1:
            raise ValueError(
                "Cannot merge tensors with different batch sizes. Received tensors with shapes "
                f"{input_shape}"
            )
        together = shapes[0][1:]
        for shape in shapes[1:]:
            together = _broadcast(together, shape[1:])

    def call(self, inputs: list[Tensor]) -> Tensor:
        """Returns the merged inputs, a list of tensors of any ranks."""
        return self.merged(aligned(inputs))

    def compute_mask(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, inputs: Any, mask: Any = None
    ) -> Any:
        """Returns the masks joined by "or", or None where an input has none."""
        if mask is None:
            return None
        check_masks(inputs, mask)
        if any(m is None for m in mask):
            return None
        joined = mask[0]
        for m in mask[1:]:
            joined = ops.logical_or(joined, m)
        return joined


def shape_of_all(self: Any, inputs: Any) -> tuple[int | None, ...] | None:
    """Returns the shape to which a list of symbolic tensors broadcasts; None where only a trace
    can tell: of unequal ranks, and of unknown sizes that may turn out to be 1.

    It is the `_result_shape` of layers that merge element by element.
    """
    shapes = [x.shape for x in inputs] if isinstance(inputs, list) else []
    if len({len(shape) for shape in shapes}) != 1:
        return None
    found: list[int | None] = []
    for sizes in map(set, zip(*shapes, strict=True)):
        if len(sizes - {1}) > 1:
            return None
        found.append(next(iter(sizes - {1}), 1))
    return tuple(found)


def aligned(inputs: Any) -> list[Tensor]:
    """Returns tensors of one rank: axes of size 1 behind the batch fill up those of fewer axes.

    Raises:
        ValueError: no list of tensors.
    """
    if not isinstance(inputs, list | tuple):
        raise ValueError(
            "A merge layer should be called on a list of inputs. Received: "
            f"inputs={inputs} (not a list of tensors)"
        )
    rank = max(len(x.shape) for x in inputs)
    return [_with_rank(x, rank) for x in inputs]


def _with_rank(x: Tensor, rank: int) -> Tensor:
    missing = rank - len(x.shape)
    return ops.expand_dims(x, tuple(range(1, 1 + missing))) if missing else x


def check_masks(inputs: Any, mask: Any) -> None:
    """Raises ValueError unless `inputs` and `mask` are lists of one length."""
    for name, value in (("mask", mask), ("inputs", inputs)):
        if not isinstance(value, list | tuple):
            raise ValueError(f"`{name}` should be a list. Received: {name}={value}")
    if len(mask) != len(inputs):
        raise ValueError(
            "The lists `inputs` and `mask` should have the same length. Received: "
            f"inputs={inputs} of length {len(inputs)}, and mask={mask} of length {len(mask)}"
        )


def _listed_shapes(input_shape: Any) -> list[tuple[int | None, ...]]:
    """The shapes of a list of inputs. ValueError for the shape of a single one."""
    if not isinstance(input_shape, list | tuple):
        input_shape = [input_shape]
    if not input_shape:
        raise ValueError(
            "A merge layer should be called on a list of at least 1 input. Received "
            f"{len(input_shape)} inputs. Full input_shape received: {input_shape}"
        )
    if not all(isinstance(shape, list | tuple) for shape in input_shape):
        raise ValueError(
            "A merge layer should be called on a list of inputs. Received: "
            f"input_shape={input_shape} (not a list of shapes)"
        )
    return [tuple(shape) for shape in input_shape]


def _broadcast(first: tuple, second: tuple) -> tuple:
    """The shape of both together, None where a size is unknown. ValueError if they do not fit."""
    if len(first) < len(second):
        first, second = second, first
    found = list(first[: len(first) - len(second)])
    for m, n in zip(first[len(found) :], second, strict=True):
        if None not in (m, n) and m != n and 1 not in (m, n):
            raise ValueError(
                f"Inputs have incompatible shapes. Received shapes {first} and {second}"
            )
        found.append(None if None in (m, n) else n if m == 1 else m)
    return tuple(found)
