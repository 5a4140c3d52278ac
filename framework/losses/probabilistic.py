"""Losses of predicted distributions: Kullback-Leibler, and Poisson."""

from __future__ import annotations

from typing import Any

from .. import config, dtypes, ops
from ..ops.dispatch import Tensor
from .pairs import aligned
from .wrapper import PlainLoss


def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """Returns sum(t log(t / p)) along the last axis (Kullback and Leibler, 1951).

    Targets t and predictions p have shape (samples, ..., d) and are clipped to
    [`config.epsilon()`, 1]; the result has shape (samples, ...) and the dtype of y_pred.
    ValueError for shapes that do not broadcast.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    dtype = ops.dtype(y_pred)
    t, p = (
        ops.clip(ops.cast(x, dtypes.wide(dtype)), config.epsilon(), 1.0) for x in (y_true, y_pred)
    )
    return ops.cast(ops.sum(ops.multiply(t, ops.log(ops.divide(t, p))), axis=-1), dtype)


def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """Returns the mean of p - t log(p + epsilon) along the last axis.

    That is minus the log-likelihood of counts t under rates p, but for what does not depend on p.
    Targets and predictions have shape (samples, ..., d), epsilon is `config.epsilon()`; the result
    has shape (samples, ...) and the dtype of y_pred. ValueError for shapes that do not broadcast.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    logs = ops.log(ops.add(y_pred, config.epsilon()))
    return ops.mean(ops.subtract(y_pred, ops.multiply(y_true, logs)), axis=-1)


class KLDivergence(PlainLoss):
    """How far a predicted distribution is from the true one; see `kl_divergence`, and Loss."""

    function = staticmethod(kl_divergence)


class Poisson(PlainLoss):
    """How unlikely counts are under predicted rates; see `poisson`, and Loss."""

    function = staticmethod(poisson)
