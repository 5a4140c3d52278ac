"""Penalties on weights and outputs that training adds to the loss: `regularizer(x)` is a scalar."""

import math
from typing import Any

from .. import ops
from ..configs import Configurable, serialize_object
from ..named import Names, under_both_names
from ..ops.dispatch import Tensor
from ..typing import TensorLike


class Regularizer(Configurable):
    """Base of regularizers: a subclass defines `__call__(x)`, which returns a scalar loss."""

    def __call__(self, x: TensorLike) -> Any:
        """Returns the penalty of a tensor; nothing for the base class."""
        return 0.0

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same regularizer.

        Raises:
            NotImplementedError: a subclass that does not define it, as in Keras.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not implement get_config(). Define it: it returns the "
            "constructor's arguments as a dict."
        )


class _Plain(Regularizer):
    """A regularizer whose constructor's arguments are its config."""

    get_config = Configurable.get_config


class L1L2(_Plain):
    """l1 * sum |x| + l2 * sum x^2, in the dtype of x."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _weight(0.0 if l1 is None else l1, "l1")
        self.l2 = _weight(0.0 if l2 is None else l2, "l2")

    def __call__(self, x: TensorLike) -> Tensor:
        """Returns the penalty of a tensor of any shape."""
        total = ops.zeros((), ops.dtype(x))
        if self.l1:
            total = ops.add(total, ops.multiply(ops.sum(ops.absolute(x)), self.l1))
        if self.l2:
            total = ops.add(total, ops.multiply(ops.sum(ops.square(x)), self.l2))
        return total


class L1(_Plain):
    """l1 * sum |x|, in the dtype of x."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _weight(0.01 if l1 is None else l1, "l1")

    def __call__(self, x: TensorLike) -> Tensor:
        """Returns the penalty of a tensor of any shape."""
        return ops.multiply(ops.sum(ops.absolute(x)), self.l1)


class L2(_Plain):
    """l2 * sum x^2, in the dtype of x."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _weight(0.01 if l2 is None else l2, "l2")

    def __call__(self, x: TensorLike) -> Tensor:
        """Returns the penalty of a tensor of any shape."""
        return ops.multiply(ops.sum(ops.square(x)), self.l2)


class OrthogonalRegularizer(_Plain):
    """factor * the mean |cosine| between the pairs of rows (or columns) of a matrix.

    Raises ValueError for a `mode` other than "rows" and "columns".
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _weight(factor, "factor")
        if mode not in ("rows", "columns"):
            raise ValueError(
                "Invalid value for argument `mode`. Expected one of "
                f'{{"rows", "columns"}}. Received: mode={mode}'
            )
        self.mode = mode

    def __call__(self, inputs: TensorLike) -> Tensor:
        """Returns the penalty of a matrix. ValueError for another rank."""
        if len(inputs.shape) != 2:
            raise ValueError(
                "Inputs to OrthogonalRegularizer must have rank 2. Received: "
                f"inputs.shape={tuple(inputs.shape)}"
            )
        rows = ops.normalize(inputs, axis=1 if self.mode == "rows" else 0)
        rows = rows if self.mode == "rows" else ops.transpose(rows)
        size = inputs.shape[0 if self.mode == "rows" else 1]
        cosines = ops.absolute(ops.matmul(rows, ops.transpose(rows)))
        apart = ops.multiply(cosines, ops.subtract(1.0, ops.eye(size, dtype=ops.dtype(cosines))))
        return ops.multiply(ops.sum(apart), self.factor / (size * (size - 1.0)))


def _weight(value: Any, name: str) -> float:
    good = isinstance(value, int | float) and math.isfinite(value) and value >= 0
    if not good:
        raise ValueError(
            f"Invalid value for argument {name}: expected a non-negative float. "
            f"Received: {name}={value}"
        )
    return float(value)


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
_names = Names(
    "regularizer", under_both_names(Regularizer, L1, L2, L1L2, OrthogonalRegularizer, l1_l2=L1L2)
)


def get(identifier: Any) -> Any:
    """Returns the regularizer of a name or config; a callable as it is, None for None.

    ValueError, with the names there are, for an unknown name.
    """
    return _names.get(identifier)


def serialize(regularizer: Regularizer) -> dict[str, Any]:
    """Returns the config of a regularizer, from which `deserialize` makes it."""
    return serialize_object(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Returns the regularizer of a config; `custom_objects` has classes by more names."""
    return _names.deserialize(config, custom_objects)
