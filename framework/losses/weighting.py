"""From one value for each sample to a loss: weights, masks and reductions."""

from math import prod
from typing import Any

from .. import ops
from ..dtypes import wide
from ..ops.dispatch import Tensor

_MEANS = ("sum_over_batch_size", "mean")
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def checked_reduction(reduction: Any) -> Any:
    """Returns `reduction` if it is the name of one, or None. ValueError otherwise."""
    if reduction not in REDUCTIONS:
        raise ValueError(
            f"Invalid value for argument `reduction`. Expected one of {REDUCTIONS}. "
            f"Received: reduction={reduction!r}"
        )
    return reduction


def same_rank(x1: Tensor, x2: Tensor, expand_rank_1: bool = True) -> tuple[Tensor, Tensor]:
    """Returns two tensors, the last axis of one dropped or added where only that sets them apart.

    Args:
        x1: tensor.
        x2: tensor. If one of both has an axis more than the other, and that is a last one of size
            1, it is dropped; where the other has one axis only, that one gets it instead.
        expand_rank_1: whether a tensor of one axis may get another.
    """
    more = len(x1.shape) - len(x2.shape)
    if more == -1:
        x2, x1 = same_rank(x2, x1, expand_rank_1)
    elif more == 1 and x1.shape[-1] == 1:
        if len(x2.shape) == 1 and expand_rank_1:
            x2 = ops.expand_dims(x2, -1)
        else:
            x1 = ops.squeeze(x1, -1)
    return x1, x2


def with_mask(weights: Any, mask: Any, dtype: str, reduction: Any) -> Any:
    """Returns the weights that stand for weights and a mask: zero where the mask is False.

    For the means over all elements what is left over weighs more, as many times as there are more
    elements than ones that count, so that the mean is one over those that count.

    Args:
        weights: tensor, or None for ones.
        mask: tensor of booleans, or None for no mask.
        dtype: of the result.
        reduction: name of the reduction that will follow.

    Returns:
        Tensor; None if both are None.
    """
    if mask is None:
        return weights
    mask = ops.cast(mask, wide(dtype))
    if reduction in _MEANS:
        share = ops.divide_no_nan(ops.cast(ops.size(mask), wide(dtype)), ops.sum(mask))
        mask = ops.multiply(mask, share)
    mask = ops.cast(mask, dtype)
    if weights is None:
        return mask
    return ops.multiply(*fitting(ops.cast(weights, dtype), mask))


def fitting(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Returns values and weights of the same number of axes, so that they can be multiplied.

    Args:
        values: tensor (samples, ...).
        weights: tensor of that shape or of its first axes; a last axis of size 1 more does not
            matter.

    Raises:
        ValueError: shapes that do not fit.
    """
    values, weights = _same_axes(*same_rank(values, weights))
    pairs = zip(reversed(values.shape), reversed(weights.shape), strict=False)
    if any(a != b and 1 not in (a, b) and None not in (a, b) for a, b in pairs):
        raise ValueError(
            f"The sample weights, of shape {tuple(weights.shape)}, do not fit values of shape "
            f"{tuple(values.shape)}. Give one weight for each value, or for each sample."
        )
    return values, weights


def _same_axes(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Both, the one with fewer axes with more of size 1 behind: what it says holds for all there.

    (Broadcasting would take the axis of samples for the last one.)
    """
    more = len(x.shape) - len(y.shape)
    if more < 0:
        y, x = _same_axes(y, x)
    elif more > 0 and len(y.shape):
        y = ops.expand_dims(y, tuple(range(len(y.shape), len(x.shape))))
    return x, y


def reduced(
    values: Any,
    sample_weight: Any = None,
    mask: Any = None,
    reduction: Any = "sum_over_batch_size",
    dtype: str | None = None,
) -> Tensor:
    """Returns the weighted sum or mean of values.

    Sums are made in float32 at least, and cast back.

    Args:
        values: tensor (samples, ...), or a scalar, which is weighted and not reduced.
        sample_weight: weights, of the shape of the values, or of their first axes; a last axis of
            size 1 more does not matter.
        mask: booleans, of such a shape as well.
        reduction: one of REDUCTIONS: "none" and None leave the weighted values as they are;
            "mean_with_sample_weight" divides by the sum of the weights, "mean" and
            "sum_over_batch_size" by the number of values, whatever they weigh.
        dtype: of the computation; that of the values unless given.

    Raises:
        ValueError: an unknown reduction, or weights that fit no values.
    """
    checked_reduction(reduction)
    values = ops.convert_to_tensor(values, dtype)
    dtype = ops.dtype(values)
    weights = with_mask(sample_weight, mask, dtype, reduction)
    if weights is not None:
        values, weights = fitting(values, ops.cast(weights, dtype))
        values = ops.multiply(values, weights)
    if reduction in ("none", None) or not len(values.shape):
        return values
    total = ops.sum(ops.cast(values, wide(dtype)))
    if reduction != "sum":
        if reduction == "mean_with_sample_weight" and weights is not None:
            weights = ops.broadcast_to(ops.cast(weights, wide(dtype)), ops.shape(values))
            total = ops.divide_no_nan(total, ops.sum(weights))
        elif None in values.shape:
            total = ops.divide_no_nan(total, ops.cast(ops.size(values), wide(dtype)))
        else:
            total = ops.divide(total, max(prod(values.shape), 1))
    return ops.cast(total, dtype)
