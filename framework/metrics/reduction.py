"""Sums and means of values over many batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import dtypes, losses, ops
from ..core.masks import any_known, get_mask
from ..losses.weighting import fitting, with_mask
from ..losses.wrapper import described_function, keep_settings
from ..ops.dispatch import Tensor
from .metric import Metric


class Sum(Metric):
    """The sum of all values, each multiplied by its weight.

    Args:
        name: of the metric.
        dtype: of the result; see Metric.
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Adds values.

        Args:
            values: tensor (samples, ...), or a number.
            sample_weight: weights, of that shape or of its first axes; a sample's weight holds for
                the sum of its values.
        """
        values, _ = samplewise(values, sample_weight, ops.sum, self.dtype)
        self.total.assign_add(ops.sum(values))

    def result(self) -> Tensor:
        """Returns the sum, a scalar."""
        return ops.cast(self.total, self.dtype)


class Mean(Metric):
    """The mean of the values of all samples, weighted by the samples' weights.

    Args:
        name: of the metric.
        dtype: of the result; see Metric.
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")
        self.count = self.add_variable((), name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Takes in values.

        Args:
            values: tensor (samples, ...), or a number; each sample counts with the mean of its
                values.
            sample_weight: weights, of that shape or of its first axes. Only beside weights a mask
                that the values have counts, as in Keras.
        """
        if type(sample_weight) is int and not len(getattr(values, "shape", ((),))):
            # A mean over so many samples, such as a batch's loss.
            values = ops.cast(ops.cast(values, self.dtype), ops.dtype(self.total))
            self.total.assign_add(ops.multiply(values, sample_weight))
            self.count.assign_add(sample_weight)
            return
        values, weights = samplewise(values, sample_weight, ops.mean, self.dtype)
        self.total.assign_add(ops.sum(values))
        if weights is not None:
            samples = ops.sum(weights)
        else:
            samples = ops.shape(values)[0] if len(values.shape) else 1
        self.count.assign_add(ops.cast(samples, ops.dtype(self.count)))

    def result(self) -> Tensor:
        """Returns the mean, a scalar; 0 if there were no samples."""
        return ops.cast(ops.divide_no_nan(self.total, self.count), self.dtype)


class MeanMetricWrapper(Mean):
    """The mean of what a function `fn(y_true, y_pred, **kwargs)` gives for each sample.

    What the mask of the predictions leaves out does not count.

    Args:
        fn: the function.
        name: of the metric; made from the class's name unless given.
        dtype: of the result; see Metric.
        **kwargs: settings of the function. Where they are the arguments of a subclass's
            constructor, they are its attributes, too.
    """

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(name, dtype)
        self._fn = fn
        self._fn_kwargs = kwargs
        keep_settings(self, kwargs)
        if self._direction is None and losses.is_loss(fn):
            self._direction = "down"

    def update_state(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Takes in the function's values.

        Args:
            y_true: targets (samples, ...).
            y_pred: predictions (samples, ...).
            sample_weight: weights, of the shape of the function's values or of its first axes.
        """
        mask = get_mask(y_pred) if any_known() else None
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        weights = with_mask(sample_weight, mask, self.dtype, "sum")
        super().update_state(values, weights)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again, without what it gathered."""
        return {**super().get_config(), **described_function(self, self._fn, self._fn_kwargs)}


class PlainMetric(MeanMetricWrapper):
    """Base of the means of a `function` without settings.

    Args:
        name: of the metric; that of the function unless given.
        dtype: of the result; see Metric.
    """

    function: Callable[..., Any]

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        fn = self.function
        super().__init__(fn, name or fn.__name__, dtype)


def samplewise(values: Any, weights: Any, reduce: Any, dtype: str) -> tuple[Tensor, Any]:
    """Returns one weighted value for each sample, and one weight; None without weights.

    Args:
        values: tensor (samples, ...), or a scalar.
        weights: tensor of that shape or of its first axes, or None.
        reduce: `ops.sum` or `ops.mean`: what makes one of a sample's values, and of its weights.
        dtype: in which values and weights are read; sums are made in float32 at least.
    """
    mask = get_mask(values) if any_known() and weights is not None else None
    values = ops.cast(ops.cast(values, dtype), dtypes.wide(dtype))
    if weights is not None:
        weights = ops.cast(with_mask(weights, mask, dtype, "sum"), dtypes.wide(dtype))
        values, weights = fitting(values, weights)
        weights = ops.broadcast_to(weights, ops.shape(values))
        values, weights = ops.multiply(values, weights), _of_samples(weights, reduce)
    return _of_samples(values, reduce), weights


def _of_samples(x: Tensor, reduce: Any) -> Tensor:
    rank = len(x.shape)
    return x if rank < 2 else reduce(x, axis=tuple(range(1, rank)))
