"""What weights are kept to: `constraint(w)` gives the value that a weight gets after each step."""

from abc import ABC, abstractmethod
from typing import Any

from .. import config, ops
from ..configs import Configurable, serialize_object
from ..named import Names, under_both_names
from ..typing import Ints, Tensor, TensorLike


class Constraint(Configurable):
    """Base of constraints: a subclass defines `__call__(w)`, which returns the value to keep."""

    def __call__(self, w: TensorLike) -> Any:
        """Returns the constrained value of a weight; the base class leaves it as it is."""
        return w


class NonNeg(Constraint):
    """Negative elements become zero."""

    def __call__(self, w: TensorLike) -> Tensor:
        """Returns max(w, 0)."""
        return ops.maximum(w, 0)


class _Norm(Constraint, ABC):
    """Constraints of the Euclidean norm of w along `axis`, one axis or several."""

    axis: Ints = 0

    @abstractmethod
    def wanted(self, norms: Tensor) -> TensorLike:
        """Returns the norms that are wanted in the place of `norms`, which broadcast against w."""

    def __call__(self, w: TensorLike) -> Tensor:
        """Returns w, scaled along the axis to the norm that is wanted."""
        axis = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        norms = ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))
        share = ops.divide(self.wanted(norms), ops.add(norms, config.epsilon()))
        return ops.multiply(w, share)


class MaxNorm(_Norm):
    """Vectors along `axis` that are longer than `max_value` are shortened to it.

    For a Dense kernel (inputs, units) the axis 0 constrains the inputs of each unit; for a kernel
    (height, width, in, out) of a convolution the axes are [0, 1, 2]. Srivastava et al. 2014.
    """

    def __init__(self, max_value: float = 2, axis: Ints = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def wanted(self, norms: Tensor) -> Tensor:
        """Returns the norms, at most `max_value`."""
        return ops.clip(norms, 0, self.max_value)


class UnitNorm(_Norm):
    """Vectors along `axis` get the length one."""

    def __init__(self, axis: Ints = 0) -> None:
        self.axis = axis

    def wanted(self, norms: Tensor) -> float:
        """Returns one, for all norms."""
        return 1.0


class MinMaxNorm(_Norm):
    """Vectors along `axis` go by the share `rate` to a length of `min_value` to `max_value`."""

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: Ints = 0,
    ) -> None:
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def wanted(self, norms: Tensor) -> Tensor:
        """Returns rate * the norms within the limits + (1 - rate) * the norms."""
        within = ops.clip(norms, self.min_value, self.max_value)
        return ops.add(ops.multiply(within, self.rate), ops.multiply(norms, 1 - self.rate))


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm
_names = Names("constraint", under_both_names(Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm))


def get(identifier: Any) -> Any:
    """Returns the constraint of a name or config; a callable as it is, None for None.

    ValueError, with the names there are, for an unknown name.
    """
    return _names.get(identifier)


def serialize(constraint: Constraint) -> dict[str, Any]:
    """Returns the config of a constraint, from which `deserialize` makes it."""
    return serialize_object(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Returns the constraint of a config; `custom_objects` has classes by more names."""
    return _names.deserialize(config, custom_objects)
