"""The layers of this folder as functions: each makes a layer, and calls it."""

from typing import Any

from ...typing import Tensor
from .concatenate import Concatenate
from .dot import Dot
from .elementwise import Add, Average, Maximum, Minimum, Multiply, Subtract


def add(inputs: Any, **kwargs: Any) -> Tensor:
    """Returns the sum of a list of tensors; `kwargs` go to the layer `Add`."""
    return Add(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Tensor:
    """Returns the mean of a list of tensors; `kwargs` go to the layer `Average`."""
    return Average(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Tensor:
    """Returns a list of tensors one behind the other; `kwargs` go to the layer `Concatenate`."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Tensor:
    """Returns sums of products of two tensors; `kwargs` go to the layer `Dot`."""
    return Dot(axes=axes, **kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Tensor:
    """Returns the largest of a list of tensors, by element; `kwargs` go to the layer `Maximum`."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Tensor:
    """Returns the smallest of a list of tensors, by element; `kwargs` go to the layer `Minimum`."""
    return Minimum(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Tensor:
    """Returns the product of a list of tensors; `kwargs` go to the layer `Multiply`."""
    return Multiply(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Tensor:
    """Returns the first of two tensors less the second; `kwargs` go to the layer `Subtract`."""
    return Subtract(**kwargs)(inputs)
