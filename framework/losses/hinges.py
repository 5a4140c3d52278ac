"""Losses of predictions that should be far enough on the right side of a border."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..ops.dispatch import Tensor
from .pairs import aligned
from .wrapper import PlainLoss


def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Returns the mean of max(1 - y_true * y_pred, 0) along the last axis.

    Args:
        y_true: targets (samples, ..., d), -1 or 1; if all of them are 0 or 1, 0 stands for -1.
        y_pred: predictions (samples, ..., d).

    Returns:
        Tensor (samples, ...), in the dtype of y_pred. ValueError for shapes that do not broadcast.
    """
    return ops.mean(_missing(y_true, y_pred), axis=-1)


def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Returns the mean of max(1 - y_true * y_pred, 0)^2 along the last axis.

    Args:
        y_true: targets (samples, ..., d), -1 or 1; if all of them are 0 or 1, 0 stands for -1.
        y_pred: predictions (samples, ..., d).

    Returns:
        Tensor (samples, ...), in the dtype of y_pred. ValueError for shapes that do not broadcast.
    """
    return ops.mean(ops.square(_missing(y_true, y_pred)), axis=-1)


def _missing(y_true: Any, y_pred: Any) -> Tensor:
    """What each prediction lacks to be 1 on its right side."""
    y_true, y_pred = aligned(y_true, y_pred)
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    signs = ops.where(binary, ops.subtract(ops.multiply(2.0, y_true), 1.0), y_true)
    return ops.maximum(ops.subtract(1.0, ops.multiply(signs, y_pred)), 0.0)


def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """Returns max(neg - pos + 1, 0): the best wrong class should be 1 below the right one.

    Args:
        y_true: targets (samples, ..., classes), 1 for the right class and 0 for the others.
        y_pred: scores (samples, ..., classes).

    Returns:
        Tensor (samples, ...), in the dtype of y_pred, of pos = sum(y_true * y_pred) and
        neg = max((1 - y_true) * y_pred) along the classes. ValueError for shapes that do not
        broadcast.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    right = ops.sum(ops.multiply(y_true, y_pred), axis=-1)
    wrong = ops.max(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=-1)
    return ops.maximum(ops.add(ops.subtract(wrong, right), 1.0), 0.0)


class Hinge(PlainLoss):
    """What predictions lack to be 1 on their right side; see `hinge`, and Loss."""

    function = staticmethod(hinge)


class SquaredHinge(PlainLoss):
    """The square of what predictions lack to be 1 on their right side; see `squared_hinge`."""

    function = staticmethod(squared_hinge)


class CategoricalHinge(PlainLoss):
    """What the right class lacks to be 1 above the best other; see `categorical_hinge`."""

    function = staticmethod(categorical_hinge)
