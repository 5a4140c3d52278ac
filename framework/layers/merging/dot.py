"""Dot: sums of products of two tensors, for each element of the batch."""

from typing import Any

from ... import ops
from ...typing import Tensor
from .merge import Merge

_LETTERS = "bcdefghijklmnopqrstuvwxy"


class Dot(Merge):
    """Sums of products of two tensors along an axis of each, for each element of the batch.

    Of (batch, a, d) and (batch, d, c) with axes (2, 1) it is (batch, a, c): the axes that are left,
    those of the first tensor before those of the second. Of two matrices it is (batch, 1). The
    result has no mask.

    Args:
        axes: the axis of both tensors, or a pair of axes; not 0.
        normalize: whether the vectors along the axes are first brought to the length one, so that
            the result is their cosine.
        **kwargs: see Layer.

    Raises TypeError where `axes` is neither an integer nor a list, ValueError unless it is one or
    two integers.
    """

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(axes, int):
            if not isinstance(axes, list | tuple):
                raise TypeError(
                    "Invalid type for argument `axes`: it should be a list or an int. Received: "
                    f"axes={axes}"
                )
            fault = None
            if len(axes) != 2:
                fault = "it should contain two elements"
            elif not all(isinstance(axis, int) for axis in axes):
                fault = "list elements should be integers"
            if fault is not None:
                raise ValueError(
                    f"Invalid format for argument `axes`: {fault}. Received: axes={axes}"
                )
        self.axes = axes
        self.normalize = normalize

    def build(self, input_shape: Any) -> None:
        """Checks that the axes are of one size; there are no weights.

        Raises:
            ValueError: other than two inputs, the batch among the axes, or other sizes.
        """
        if len(input_shape) != 2 or not isinstance(input_shape[0], list | tuple):
            raise ValueError(
                "A `Dot` layer should be called on a list of 2 inputs. Received: "
                f"input_shape={input_shape}"
            )
        first, second = (tuple(shape) for shape in input_shape)
        axes = self._places(len(first), len(second))
        sizes = first[axes[0]], second[axes[1]]
        if None not in sizes and sizes[0] != sizes[1]:
            raise ValueError(
                f"Incompatible input shapes: axis values {sizes[0]} (at axis {axes[0]}) != "
                f"{sizes[1]} (at axis {axes[1]}). Full input shapes: {first}, {second}"
            )

    def _places(self, *ranks: int) -> list[int]:
        """The axes of the two tensors, from the front. ValueError for the batch."""
        axes = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        if min(ranks) < 2:
            raise ValueError(f"Cannot do batch_dot on inputs with rank < 2. Received ranks {ranks}")
        for axis, rank in zip(axes, ranks, strict=True):
            if not -rank <= axis < rank:
                raise ValueError(f"{self.name}: an input of {rank} axes has no axis {axis}.")
        places = [axis % rank for axis, rank in zip(axes, ranks, strict=True)]
        if 0 in places:
            raise ValueError(
                "Cannot perform batch_dot over axis 0. If your inputs are not batched, add a dummy "
                "batch dimension to them using ops.expand_dims(x, 0)"
            )
        return places

    def call(self, inputs: list[Tensor]) -> Tensor:
        """Returns the sums for a list of two tensors, of two axes or more each."""
        if not isinstance(inputs, list | tuple) or len(inputs) != 2:
            raise ValueError(
                f"A `Dot` layer should be called on exactly 2 inputs. Received: inputs={inputs}"
            )
        x, y = inputs
        ranks = len(x.shape), len(y.shape)
        first, second = self._places(*ranks)
        if self.normalize:
            x, y = ops.normalize(x, first), ops.normalize(y, second)
        # The batch is "a", what is summed over "z".
        names = _LETTERS[: ranks[0] - 1], _LETTERS[ranks[0] - 1 : sum(ranks) - 2]
        of_x = f"a{names[0][: first - 1]}z{names[0][first:]}"
        of_y = f"a{names[1][: second - 1]}z{names[1][second:]}"
        left = "".join(name for name in (of_x + of_y[1:]) if name != "z")
        result = ops.einsum(f"{of_x},{of_y}->{left}", x, y)
        return ops.expand_dims(result, -1) if len(left) == 1 else result

    def compute_mask(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, inputs: Any, mask: Any = None
    ) -> None:
        """Returns None: sums over time steps have no mask."""
        return None
