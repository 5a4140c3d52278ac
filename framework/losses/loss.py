"""Loss: the base of all, which turns a comparison of targets and predictions into one number."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from .. import config, dtype_policies, dtypes, ops
from ..backends import registry
from ..configs import plain_class
from ..context import entered, state
from ..core import masks, naming
from ..core.trackable import Trackable
from ..nested import flatten, map_structure
from ..ops.dispatch import Tensor, common_backend
from ..ops.placing import placed
from .weighting import checked_reduction, reduced


class Loss(Trackable):
    """Base of losses. A subclass defines `call(y_true, y_pred)`: one value for each sample.

        class MeanSquaredError(Loss):
            def call(self, y_true, y_pred):
                return ops.mean(ops.square(y_pred - y_true), axis=-1)

    A loss computes on the backend of its predictions. A time step or sample that the mask of the
    predictions leaves out does not count.

    Args:
        name: of the loss; made from the class's name unless given.
        reduction: what becomes of the values of the samples. "sum_over_batch_size" and "mean" are
            their mean, "sum" their sum, "mean_with_sample_weight" their mean weighted by the sample
            weights, "none" and None leave them as they are.
        dtype: dtype or DTypePolicy to compute in; the default float unless given.

    Raises:
        ValueError: another reduction.
    """

    # Whether targets are class ids, which a short float could not hold: integers stay integers.
    _takes_classes = False

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        cls = plain_class(type(self))
        self.name = name or naming.auto_name(naming.snake_case(cls.__name__))
        self.reduction = checked_reduction(reduction)
        self._has_own_dtype = dtype is not None
        self._dtype_policy = dtype_policies.get(dtype or config.floatx())

    @property
    def dtype(self) -> str:
        """The name of the dtype in which the loss is computed."""
        return self._dtype_policy.compute_dtype

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Tensor:
        """Returns the loss of predictions.

        Args:
            y_true: targets (samples, ...), or a nested structure of such.
            y_pred: predictions, as many.
            sample_weight: what each sample weighs, (samples,) or of the shape of `call`'s result.

        Raises:
            ValueError: shapes that do not fit each other.
        """
        if registry.accelerated and state.device is None:  # all on one device
            return placed(self._computed, (y_true, y_pred, sample_weight), {})
        return self._computed(y_true, y_pred, sample_weight)

    def _computed(self, y_true: Any, y_pred: Any, sample_weight: Any) -> Tensor:
        mask = masks.get_mask(y_pred) if masks.any_known() else None
        backend = common_backend((*flatten(y_pred), *flatten(y_true)))
        # What is symbolic has no backend of its own to make tensors on.
        with entered(backend=registry.current() if backend.symbolic else backend):
            y_pred = map_structure(self._input, y_pred)
            y_true = map_structure(self._target, y_true)
            values = self.call(y_true, y_pred)
            if masks.any_known():
                mask = _both(mask, masks.get_mask(values))
            return reduced(values, sample_weight, mask, self.reduction, self.dtype)

    def _input(self, x: Any) -> Any:
        return x if x is None else ops.convert_to_tensor(x, self.dtype)

    def _target(self, x: Any) -> Any:
        if self._takes_classes and x is not None:
            x = ops.convert_to_tensor(x)
            if dtypes.is_integer(ops.dtype(x)):
                return x
        return self._input(x)

    @abstractmethod
    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        """Returns the loss of each sample. A subclass defines it.

        Args:
            y_true: tensor (samples, ...), in the loss's dtype.
            y_pred: tensor (samples, ...), in the loss's dtype.
        """
        raise NotImplementedError(
            f"{plain_class(type(self)).__name__} has no `call(y_true, y_pred)`: define it; it "
            "returns the loss of each sample."
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same loss again: `dtype` only if it was given."""
        found: dict[str, Any] = {"name": self.name, "reduction": self.reduction}
        if self._has_own_dtype:
            found["dtype"] = self._dtype_policy.name
        return found


def _both(first: Any, second: Any) -> Any:
    """Where both masks say True; None says it everywhere."""
    if first is None or second is None:
        return second if first is None else first
    return ops.logical_and(first, second)
