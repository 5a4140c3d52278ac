"""How far predictions go along with targets."""

from __future__ import annotations

from typing import Any

from .. import config, ops
from ..losses.pairs import aligned
from ..ops.dispatch import Tensor
from .reduction import MeanMetricWrapper


def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Returns the correlation of targets and predictions along an axis (Pearson, 1895).

    It is the mean of the products of both, each with its mean taken off and divided by its standard
    deviation; NaN where one of both does not vary.

    Args:
        y_true: targets (samples, ..., d).
        y_pred: predictions (samples, ..., d).
        axis: along which it is taken.

    Returns:
        Tensor without that axis, in the dtype of y_pred. ValueError for shapes that do not
        broadcast.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    x, y = (ops.subtract(v, ops.mean(v, axis=axis, keepdims=True)) for v in (y_true, y_pred))
    x, y = (ops.divide(v, ops.std(v, axis=axis, keepdims=True)) for v in (x, y))
    return ops.mean(ops.multiply(x, y), axis=axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Tensor:
    """Returns how near the pairs of targets and predictions are to the line y = x (Lin, 1989).

    It is 2 covariance / (variance + variance + (difference of the means)^2 + epsilon), with
    `config.epsilon()`.

    Args:
        y_true: targets (samples, ..., d).
        y_pred: predictions (samples, ..., d).
        axis: along which it is taken.

    Returns:
        Tensor without that axis, in the dtype of y_pred. ValueError for shapes that do not
        broadcast.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    means = [ops.mean(v, axis=axis, keepdims=True) for v in (y_true, y_pred)]
    x, y = (ops.subtract(v, m) for v, m in zip((y_true, y_pred), means, strict=True))
    both, first, second = (ops.mean(ops.multiply(*p), axis=axis) for p in ((x, y), (x, x), (y, y)))
    apart = ops.squeeze(ops.square(ops.subtract(*means)), axis)
    whole = ops.add(ops.add(ops.add(first, second), apart), config.epsilon())
    return ops.divide(ops.multiply(2.0, both), whole)


class PearsonCorrelation(MeanMetricWrapper):
    """The mean of `pearson_correlation`.

    Args:
        name: of the metric.
        dtype: of the result; see Metric.
        axis: along which the correlation is taken.
    """

    _direction = "up"

    def __init__(
        self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)


class ConcordanceCorrelation(MeanMetricWrapper):
    """The mean of `concordance_correlation`.

    Args:
        name: of the metric.
        dtype: of the result; see Metric.
        axis: along which the correlation is taken.
    """

    _direction = "up"

    def __init__(
        self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1
    ) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)
