"""Sums, products and extremes of several tensors, element by element."""

from abc import abstractmethod
from collections.abc import Callable
from functools import reduce
from typing import Any

from ... import ops
from ...typing import Tensor
from .merge import Merge, aligned, shape_of_all


class Add(Merge):
    """The sum of a list of tensors."""

    _result_shape = shape_of_all

    def merged(self, inputs: list[Tensor]) -> Tensor:
        """Returns the sum."""
        return reduce(ops.add, inputs)


class Average(Merge):
    """The mean of a list of tensors; floats for integers."""

    _result_shape = shape_of_all

    def merged(self, inputs: list[Tensor]) -> Tensor:
        """Returns the mean."""
        return ops.true_divide(reduce(ops.add, inputs), len(inputs))


class Subtract(Merge):
    """The first of two tensors less the second."""

    _result_shape = shape_of_all

    def build(self, input_shape: Any) -> None:
        """Checks that there are two shapes, which fit each other. Raises ValueError."""
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ValueError(
                "A `Subtract` layer should be called on exactly 2 inputs. Received: "
                f"input_shape={input_shape}"
            )

    def merged(self, inputs: list[Tensor]) -> Tensor:
        """Returns the difference."""
        if len(inputs) != 2:
            raise ValueError(
                "A `Subtract` layer should be called on exactly 2 inputs. Received: "
                f"inputs={inputs}"
            )
        return ops.subtract(*inputs)


class _Masked(Merge):
    """Base of layers in which time steps that an input's mask leaves out do not count."""

    _result_shape = shape_of_all

    def call(self, inputs: list[Tensor], mask: list[Tensor | None] | None = None) -> Tensor:
        """Returns the merged inputs; `mask` has a mask or None for each."""
        if not mask or all(m is None for m in mask):
            return super().call(inputs)
        masks = [None if m is None else ops.expand_dims(m, -1) for m in mask]
        return self.merged_where(aligned(inputs), masks)

    @abstractmethod
    def merged_where(self, inputs: list[Tensor], masks: list[Tensor | None]) -> Tensor:
        """Returns the result for inputs of one rank, and masks that broadcast to them."""
        raise NotImplementedError(f"{type(self).__name__} must define `merged_where`.")


class Multiply(_Masked):
    """The product of a list of tensors.

    Time steps that a mask leaves out count as ones there. Where all inputs have masks, what all
    leave out is 0.
    """

    def merged(self, inputs: list[Tensor]) -> Tensor:
        """Returns the product."""
        return reduce(ops.multiply, inputs)

    def merged_where(self, inputs: list[Tensor], masks: list[Tensor | None]) -> Tensor:
        """Returns the product of what counts."""
        pairs = zip(inputs, masks, strict=True)
        product = self.merged([x if m is None else ops.where(m, x, 1) for x, m in pairs])
        if any(m is None for m in masks):
            return product
        return ops.where(reduce(ops.logical_or, masks), product, 0)


class _Extreme(_Masked):
    """Base of `Maximum` and `Minimum`: what a mask leaves out does not compete."""

    _better: Callable[[Any, Any], Any]

    def merged(self, inputs: list[Tensor]) -> Tensor:
        """Returns the extreme of each element."""
        return reduce(self._better, inputs)

    def merged_where(self, inputs: list[Tensor], masks: list[Tensor | None]) -> Tensor:
        """Returns the extreme of what counts of each element."""
        found, counts = inputs[0], masks[0]
        for x, mask in zip(inputs[1:], masks[1:], strict=True):
            x = x if mask is None else ops.where(mask, x, found)
            found = found if counts is None else ops.where(counts, found, x)
            counts = None if mask is None or counts is None else ops.logical_or(counts, mask)
            found = self._better(found, x)
        return found


class Maximum(_Extreme):
    """The largest of a list of tensors, element by element.

    Where an input's mask leaves a time step out, the other inputs decide.
    """

    _better = staticmethod(ops.maximum)


class Minimum(_Extreme):
    """The smallest of a list of tensors, element by element.

    Where an input's mask leaves a time step out, the other inputs decide.
    """

    _better = staticmethod(ops.minimum)
