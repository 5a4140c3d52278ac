"""Losses of predicted numbers: how far they are from the numbers that were wanted."""

from __future__ import annotations

import math
from typing import Any

from .. import config, dtypes, ops
from ..ops.dispatch import Tensor
from .pairs import aligned
from .wrapper import LossFunctionWrapper, PlainLoss


def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """Returns the mean of (y_true - y_pred)^2 along the last axis.

    Both have shape (samples, ..., d); the result has shape (samples, ...) and the dtype of y_pred.
    ValueError for shapes that do not broadcast.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return ops.mean(ops.square(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """Returns the mean of |y_true - y_pred| along the last axis.

    Both have shape (samples, ..., d); the result has shape (samples, ...) and the dtype of y_pred.
    ValueError for shapes that do not broadcast.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return ops.mean(ops.absolute(ops.subtract(y_true, y_pred)), axis=-1)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """Returns 100 times the mean of |y_true - y_pred| / |y_true| along the last axis.

    A target nearer to zero than `config.epsilon()` counts as that. Both have shape
    (samples, ..., d); the result has shape (samples, ...) and the dtype of y_pred. ValueError for
    shapes that do not broadcast.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    scale = ops.maximum(ops.absolute(y_true), config.epsilon())
    shares = ops.absolute(ops.divide(ops.subtract(y_true, y_pred), scale))
    return ops.multiply(100.0, ops.mean(shares, axis=-1))


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """Returns the mean of (log(y_true + 1) - log(y_pred + 1))^2 along the last axis.

    Numbers below `config.epsilon()` count as that. Both have shape (samples, ..., d); the result
    has shape (samples, ...) and the dtype of y_pred. ValueError for shapes that do not broadcast.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    logs = [ops.log1p(ops.maximum(x, config.epsilon())) for x in (y_pred, y_true)]
    return ops.mean(ops.square(ops.subtract(*logs)), axis=-1)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """Returns the mean of a function of e = y_pred - y_true along the last axis (Huber, 1964).

    It is e^2 / 2 where |e| <= delta, and delta |e| - delta^2 / 2 elsewhere.

    Args:
        y_true: targets (samples, ..., d).
        y_pred: predictions (samples, ..., d).
        delta: where the square ends and the straight line begins.

    Returns:
        Tensor (samples, ...), in the dtype of y_pred. ValueError for shapes that do not broadcast.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    error = ops.absolute(ops.subtract(y_pred, y_true))
    # One formula for both: q e - q^2 / 2 with q = min(e, delta).
    inside = ops.minimum(error, delta)
    return ops.mean(ops.multiply(inside, ops.subtract(error, ops.multiply(0.5, inside))), axis=-1)


def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """Returns the mean of log(cosh(y_pred - y_true)) along the last axis.

    Both have shape (samples, ..., d); the result has shape (samples, ...) and the dtype of y_pred.
    ValueError for shapes that do not broadcast.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    error = ops.absolute(ops.subtract(y_pred, y_true))
    logs = ops.add(error, ops.subtract(ops.softplus(ops.multiply(-2.0, error)), math.log(2.0)))
    return ops.mean(logs, axis=-1)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Returns minus the cosine of the angle between targets and predictions: -1 is the best.

    Args:
        y_true: targets (samples, ..., d).
        y_pred: predictions (samples, ..., d).
        axis: of the vectors' elements.

    Returns:
        Tensor without that axis, in the dtype of y_pred; 0 for a vector of zeros. ValueError for
        shapes that do not broadcast.
    """
    return ops.negative(cosine(y_true, y_pred, axis))


def cosine(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Returns the cosine of the angle between targets and predictions, along `axis`."""
    y_true, y_pred = aligned(y_true, y_pred)
    dtype = ops.dtype(y_pred)
    x, y = (ops.normalize(ops.cast(v, dtypes.wide(dtype)), axis=axis) for v in (y_true, y_pred))
    return ops.cast(ops.sum(ops.multiply(x, y), axis=axis), dtype)


class MeanSquaredError(PlainLoss):
    """The mean of the squares of errors; see `mean_squared_error`, and Loss for the arguments."""

    function = staticmethod(mean_squared_error)


class MeanAbsoluteError(PlainLoss):
    """The mean size of errors; see `mean_absolute_error`, and Loss for the arguments."""

    function = staticmethod(mean_absolute_error)


class MeanAbsolutePercentageError(PlainLoss):
    """The mean size of errors in hundredths of the targets.

    See `mean_absolute_percentage_error`, and Loss for the arguments.
    """

    function = staticmethod(mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(PlainLoss):
    """The mean of the squares of differences of logarithms.

    See `mean_squared_logarithmic_error`, and Loss for the arguments.
    """

    function = staticmethod(mean_squared_logarithmic_error)


class Huber(LossFunctionWrapper):
    """A square of small errors, the size of large ones; see `huber`, and Loss.

    Args:
        delta: the size of error from which on the loss is a straight line.
        reduction: as in Loss.
        name: as in Loss.
        dtype: as in Loss.
    """

    _unsaid = ("delta",)

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


class LogCosh(PlainLoss):
    """The mean of log(cosh(error)); see `log_cosh`, and Loss for the arguments."""

    function = staticmethod(log_cosh)


class CosineSimilarity(LossFunctionWrapper):
    """Minus the cosine between targets and predictions; see `cosine_similarity`, and Loss.

    Args:
        axis: of the vectors' elements.
        reduction: as in Loss.
        name: as in Loss.
        dtype: as in Loss.
    """

    _unsaid = ("axis",)

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)
