"""Targets and predictions as tensors that can be compared."""

from typing import Any

from .. import dtypes, ops
from ..ops.dispatch import Tensor, together
from .weighting import same_rank


def as_floats(y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Returns both as tensors of one backend, in the dtype of the predictions.

    Predictions that are no floats get the default float.
    """
    _, (y_true, y_pred) = together(y_true, y_pred)
    dtype = dtypes.floating(ops.dtype(y_pred))
    return ops.cast(y_true, dtype), ops.cast(y_pred, dtype)


def aligned(y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Returns both as `as_floats` does, of the same rank where a last axis of size 1 allows it.

    Raises:
        ValueError: shapes that do not broadcast.
    """
    y_true, y_pred = same_rank(*as_floats(y_true, y_pred))
    check_comparable(y_true, y_pred)
    return y_true, y_pred


def check_comparable(y_true: Tensor, y_pred: Tensor) -> None:
    """ValueError if the shapes of targets and predictions do not broadcast, as far as known."""
    pairs = zip(reversed(y_true.shape), reversed(y_pred.shape), strict=False)
    if any(a != b and 1 not in (a, b) and None not in (a, b) for a, b in pairs):
        raise ValueError(
            f"The targets have shape {tuple(y_true.shape)} and the predictions "
            f"{tuple(y_pred.shape)}, which do not fit each other: give one target for each "
            "prediction, in the same order of axes."
        )
