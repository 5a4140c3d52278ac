"""ONNX's losses.

Definition: github.com/onnx/onnx, docs/Operators.md. Scores are (batch, classes, *places), targets
(batch, *places).
"""

from __future__ import annotations

from typing import Any

from ... import ops
from ..calls import Call, dtype_of, rank_of, shape_of
from ..registry import rule


@rule("NegativeLogLikelihoodLoss")
def _likelihood(call: Call, scores: Any, targets: Any, weights: Any = None) -> Any:
    return _loss(call, scores, targets, weights)


@rule("SoftmaxCrossEntropyLoss")
def _cross_entropy(call: Call, scores: Any, targets: Any, weights: Any = None) -> Any:
    logs = ops.log_softmax(scores, 1)
    return _loss(call, logs, targets, weights), logs


def _loss(call: Call, logs: Any, targets: Any, weights: Any) -> Any:
    """Minus the logarithms of the targets' classes, weighted, without those of `ignore_index`."""
    ignored, how = call.get("ignore_index"), call.get("reduction", "mean")
    dtype, classes = dtype_of(logs), shape_of(logs)[1]
    targets = ops.cast(targets, "int64")
    kept = ops.ones_like(targets, dtype="bool")
    if ignored is not None:
        kept = ops.not_equal(targets, ignored)
    places = ops.where(kept, targets, ops.zeros_like(targets))
    places = ops.where(ops.less(places, 0), ops.add(places, classes), places)
    picked = ops.squeeze(ops.take_along_axis(logs, ops.expand_dims(places, 1), 1), 1)
    factor = ops.cast(kept, dtype)
    if weights is not None:
        flat = ops.take(weights, ops.reshape(places, (-1,)), 0)
        factor = ops.multiply(factor, ops.reshape(flat, shape_of(places)))
    # Where a target is ignored its score may be infinite, which 0 times would make NaN.
    zero = ops.zeros_like(picked)
    loss = ops.where(kept, ops.multiply(ops.negative(picked), factor), zero)
    if how == "none":
        return loss
    axes = tuple(range(rank_of(loss)))
    total = ops.sum(loss, axes)
    if how == "sum":
        return total
    if weights is None and ignored is None:
        return ops.mean(loss, axes)
    return ops.divide(total, ops.sum(factor, axes))
