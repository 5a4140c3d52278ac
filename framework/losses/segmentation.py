"""Losses of masks of images: how little prediction and target overlap."""

from __future__ import annotations

from typing import Any

from .. import config, ops
from ..ops.dispatch import Tensor
from .pairs import aligned
from .wrapper import LossFunctionWrapper


def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Tensor:
    """Returns 1 - 2 sum(t p) / (sum(t) + sum(p) + epsilon) (Dice, 1945).

    Args:
        y_true: targets t (samples, ...), from 0 to 1.
        y_pred: predictions p (samples, ...), from 0 to 1.
        axis: the axes of the sums; all, the samples' included, if None.

    Returns:
        Tensor without these axes, in the dtype of y_pred. ValueError for shapes that do not
        broadcast.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    both = ops.multiply(2.0, ops.sum(ops.multiply(y_true, y_pred), axis=axis))
    sizes = ops.add(ops.sum(y_true, axis=axis), ops.sum(y_pred, axis=axis))
    return ops.subtract(1.0, ops.divide(both, ops.add(sizes, config.epsilon())))


def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None
) -> Tensor:
    """Returns 1 - TP / (TP + alpha A + beta B + epsilon) (Salehi et al., 2017).

    TP = sum(t p); as in Keras A = sum(t (1 - p)) and B = sum((1 - t) p).

    Args:
        y_true: targets t (samples, ...), from 0 to 1.
        y_pred: predictions p (samples, ...), from 0 to 1.
        alpha: weight of what is missed.
        beta: weight of what is predicted wrongly.
        axis: the axes of the sums; all, the samples' included, if None.

    Returns:
        Tensor without these axes, in the dtype of y_pred. ValueError for shapes that do not
        broadcast.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    both = ops.sum(ops.multiply(y_true, y_pred), axis=axis)
    missed = ops.sum(ops.multiply(y_true, ops.subtract(1.0, y_pred)), axis=axis)
    wrong = ops.sum(ops.multiply(ops.subtract(1.0, y_true), y_pred), axis=axis)
    apart = ops.add(ops.multiply(missed, alpha), ops.multiply(wrong, beta))
    whole = ops.add(ops.add(both, apart), config.epsilon())
    return ops.subtract(1.0, ops.divide(both, whole))


class Dice(LossFunctionWrapper):
    """How little prediction and target overlap; see `dice` for the formula, and Loss.

    Args:
        reduction: as in Loss.
        name: as in Loss.
        axis: the axes of the sums; all if None.
        dtype: as in Loss.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


class Tversky(LossFunctionWrapper):
    """How little prediction and target overlap, with weights; see `tversky`, and Loss.

    Args:
        alpha: weight of what is missed.
        beta: weight of what is predicted wrongly.
        reduction: as in Loss.
        name: as in Loss.
        axis: the axes of the sums; all if None.
        dtype: as in Loss.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
