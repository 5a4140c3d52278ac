"""How far predicted numbers are from those that were wanted."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from .. import dtypes, losses, ops
from ..losses.pairs import aligned
from ..losses.regression import cosine
from ..losses.weighting import fitting
from ..ops.dispatch import Tensor, tensor
from .metric import Metric
from .reduction import Mean, MeanMetricWrapper, PlainMetric


class MeanSquaredError(PlainMetric):
    """The mean of `losses.mean_squared_error`; see Metric for the arguments."""

    function = staticmethod(losses.mean_squared_error)


class MeanAbsoluteError(PlainMetric):
    """The mean of `losses.mean_absolute_error`; see Metric for the arguments."""

    function = staticmethod(losses.mean_absolute_error)


class MeanAbsolutePercentageError(PlainMetric):
    """The mean of `losses.mean_absolute_percentage_error`; see Metric for the arguments."""

    function = staticmethod(losses.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(PlainMetric):
    """The mean of `losses.mean_squared_logarithmic_error`; see Metric for the arguments."""

    function = staticmethod(losses.mean_squared_logarithmic_error)


class RootMeanSquaredError(Mean):
    """The square root of the mean of the squares of errors.

    Args:
        name: of the metric.
        dtype: of the result; see Metric.
    """

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Takes in the errors of predictions.

        Args:
            y_true: targets (samples, ...).
            y_pred: predictions (samples, ...).
            sample_weight: weights, of that shape or of its first axes.

        Raises:
            ValueError: shapes that do not broadcast.
        """
        y_true, y_pred = aligned(y_true, y_pred)
        super().update_state(ops.square(ops.subtract(y_pred, y_true)), sample_weight)

    def result(self) -> Tensor:
        """Returns the root, a scalar."""
        return ops.sqrt(super().result())


class CosineSimilarity(MeanMetricWrapper):
    """The mean cosine of the angles between targets and predictions: 1 is the best.

    Args:
        name: of the metric.
        dtype: of the result; see Metric.
        axis: of the vectors' elements.
    """

    _direction = "up"

    def __init__(
        self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(cosine, name, dtype, axis=axis)


class LogCoshError(MeanMetricWrapper):
    """The mean of `losses.log_cosh`.

    Args:
        name: of the metric.
        dtype: of the result; see Metric.
    """

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(losses.log_cosh, name, dtype)


_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class R2Score(Metric):
    """The share of the targets' variance that predictions explain: 1 - sum(e^2) / sum((t - m)^2).

    e are errors, t targets and m their mean (the coefficient of determination). Where all targets
    are equal the score is 0, and NaN if the predictions are so, too, as in Keras.

    Args:
        class_aggregation: what becomes of the scores of several outputs: "uniform_average" is their
            mean, "variance_weighted_average" weighs them by the targets' variance, None leaves
            them.
        num_regressors: number of the inputs of the model; above 0 the score is the adjusted one,
            1 - (1 - score) (n - 1) / (n - num_regressors - 1) of n values. Where that does not
            exist, the score stays, with a warning if the host can see it.
        name: of the metric.
        dtype: of the values; see Metric.

    Raises:
        ValueError: an unknown aggregation, or a negative number of inputs.
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        if class_aggregation not in _AGGREGATIONS:
            raise ValueError(
                "Invalid value for argument `class_aggregation`. Expected one of "
                f"{_AGGREGATIONS}. Received: class_aggregation={class_aggregation}"
            )
        if num_regressors < 0:
            raise ValueError(
                "Invalid value for argument `num_regressors`. Expected a value >= 0. "
                f"Received: num_regressors={num_regressors}"
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), name="num_samples")
        self._built = False

    def _build(self, shape: tuple[int, ...]) -> None:
        self.squared_sum = self.add_variable(shape, name="squared_sum")
        self.sum = self.add_variable(shape, name="sum")
        self.total_mse = self.add_variable(shape, name="residual")
        self.count = self.add_variable(shape, name="count")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes in targets and predictions.

        Args:
            y_true: targets (samples, outputs).
            y_pred: predictions (samples, outputs).
            sample_weight: weights (samples,) or (samples, outputs).

        Raises:
            ValueError: another number of axes, or of outputs than before.
        """
        y_true, y_pred = aligned(y_true, y_pred)
        y_true, y_pred = (ops.cast(x, dtypes.wide(self.dtype)) for x in (y_true, y_pred))
        if not self._built:
            self._build(outputs_of(self, y_true, y_pred))
        weights = ops.ones_like(y_true)
        if sample_weight is not None:
            _, given = fitting(y_true, ops.cast(sample_weight, ops.dtype(y_true)))
            weights = ops.broadcast_to(given, ops.shape(y_true))
        weighted = ops.multiply(y_true, weights)
        errors = ops.square(ops.subtract(y_true, y_pred))
        for variable, values in (
            (self.sum, weighted),
            (self.squared_sum, ops.multiply(y_true, weighted)),
            (self.total_mse, ops.multiply(errors, weights)),
            (self.count, weights),
        ):
            variable.assign_add(ops.sum(values, axis=0))
        self.num_samples.assign_add(ops.cast(ops.size(y_true), self.num_samples.dtype))

    def result(self) -> Tensor:
        """Returns the score: a scalar, or (outputs,) without an aggregation."""
        mean = ops.divide(self.sum, self.count)
        total = ops.subtract(self.squared_sum, ops.multiply(self.sum, mean))
        scores = ops.subtract(1.0, ops.divide(self.total_mse, total))
        scores = ops.where(ops.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = ops.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = ops.divide(ops.sum(ops.multiply(total, scores)), ops.sum(total))
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, scores: Tensor) -> Tensor:
        rest = ops.subtract(self.num_samples, 1.0)
        left = ops.subtract(rest, float(self.num_regressors))
        self._warn(left)
        enough = ops.greater(left, 0)
        share = ops.divide(rest, ops.where(enough, left, 1.0))
        adjusted = ops.subtract(1.0, ops.multiply(ops.subtract(1.0, scores), share))
        return ops.where(enough, adjusted, scores)

    def _warn(self, left: Tensor) -> None:
        backend, left = tensor(left)
        backend.peeked(left, _warn_of_predictors)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again, without what it gathered."""
        own = {"class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
        return {**super().get_config(), **own}


def _warn_of_predictors(left: np.ndarray) -> None:
    if left > 0:
        return
    reason = (
        "More independent predictors than datapoints in adjusted R2 score."
        if left < 0
        else "Division by zero in Adjusted R2 score."
    )
    warnings.warn(f"{reason} Falling back to standard R2 score.", stacklevel=6)


def outputs_of(metric: Metric, y_true: Tensor, y_pred: Tensor) -> tuple[int, ...]:
    """Returns (outputs,) of targets and predictions (samples, outputs). ValueError for others."""
    name = type(metric).__name__
    shapes = f"y_pred.shape={tuple(y_pred.shape)} and y_true.shape={tuple(y_true.shape)}"
    expected = f"{name} expects 2D inputs with shape (batch_size, output_dim)"
    if len(y_true.shape) != 2 or len(y_pred.shape) != 2:
        raise ValueError(f"{expected}. Received input shapes: {shapes}.")
    if y_true.shape[-1] is None or y_pred.shape[-1] is None:
        raise ValueError(
            f"{expected}, with output_dim fully defined (not None). Received input shapes: "
            f"{shapes}."
        )
    return (y_pred.shape[-1],)
