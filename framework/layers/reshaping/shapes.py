"""The same elements in another shape or order: Flatten, Reshape, Permute, and RepeatVector."""

import math
from typing import Any

from ... import ops
from ...core.input_spec import InputSpec
from ...core.keras_tensor import KerasTensor
from ...typing import Tensor
from .. import arguments, windows
from ..described import Described


class Flatten(Described):
    """All axes but the first in one: (batch, ...) becomes (batch, elements).

    Args:
        data_format: "channels_last", "channels_first" (inputs (batch, channels, ...), whose
            channels then are the last in the order), or None for the setting of the process.
        **kwargs: see Layer.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = windows.data_format_of(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the inputs with two axes; of a vector (batch,) it is (batch, 1)."""
        batch, *sizes = ops.shape(inputs)
        if self.data_format == "channels_first" and len(sizes) > 1:
            inputs = ops.transpose(inputs, (0, *range(2, len(sizes) + 1), 1))
        return ops.reshape(inputs, (batch, *_resolved(tuple(sizes), (-1,))))


class Reshape(Described):
    """The axes behind the first in another shape: (batch, ...) becomes (batch, *target_shape).

    Args:
        target_shape: sizes, of which one may be -1 for what is left over.
        **kwargs: see Layer.

    Raises ValueError for a size below -1, and for a second -1.
    """

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape)
        known = [n for n in self.target_shape if isinstance(n, int)]
        if any(n < -1 for n in known):
            raise ValueError(
                "Each dimension in `target_shape` must be a non-negative integer, or `-1` for a "
                f"single unknown dimension. Received: target_shape={self.target_shape}."
            )
        if known.count(-1) > 1:
            raise ValueError(
                "There must be at most one unknown dimension (-1) in `target_shape`. Received: "
                f"target_shape={self.target_shape}."
            )

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the inputs in the new shape. ValueError where the elements do not fit it."""
        shape = ops.shape(inputs)
        return ops.reshape(inputs, (shape[0], *_resolved(shape[1:], self.target_shape)))

    def compute_output_spec(self, inputs: KerasTensor, **kwargs: Any) -> KerasTensor:
        """Returns the symbolic result; a -1 is unknown where a size of the inputs is."""
        rest = _resolved(inputs.shape[1:], self.target_shape)
        sizes = (n if isinstance(n, int) and n >= 0 else None for n in rest)
        return self._rearranged(inputs, (inputs.shape[0], *sizes))


def _resolved(shape: tuple[Any, ...], target: tuple[Any, ...]) -> tuple[Any, ...]:
    """`target` with a number for a -1, where `shape` is known. ValueError if they do not fit."""
    if not all(isinstance(n, int) for n in (*shape, *target)):
        return target
    size = math.prod(shape)
    known = math.prod(n for n in target if n != -1)
    if -1 not in target:
        if size != known:
            raise ValueError(
                "The total size of the tensor must be unchanged. Received: "
                f"input_shape={shape}, target_shape={target}"
            )
        return target
    if known == 0 or size % known:
        raise ValueError(
            "The total size of the tensor must be unchanged, however, the input size cannot be "
            "divided by the specified dimensions in target_shape. Received: "
            f"input_shape={shape}, target_shape={target}"
        )
    return tuple(size // known if n == -1 else n for n in target)


class Permute(Described):
    """The axes behind the first in another order.

    Args:
        dims: the axes in their new order, counted from 1: (2, 1) swaps the last two of three.
        **kwargs: see Layer.

    Raises ValueError unless each axis from 1 on stands once in `dims`.
    """

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(
                "Invalid permutation argument `dims` for Permute Layer. The set of indices in "
                f"`dims` must be consecutive and start from 1. Received dims={dims}"
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the inputs with their axes in the new order."""
        return ops.transpose(inputs, (0, *self.dims))


class RepeatVector(Described):
    """Vectors (batch, features) `n` times: (batch, n, features).

    Args:
        n: how many times.
        **kwargs: see Layer.

    Raises TypeError where `n` is not an integer, ValueError where it is below 1.
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = arguments.positive(n, "n")
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the repeated vectors."""
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, 1)
