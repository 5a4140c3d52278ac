"""How many of the predictions are right."""

from __future__ import annotations

from typing import Any

from .. import config, ops
from ..losses.pairs import check_comparable
from ..losses.weighting import same_rank
from ..ops.dispatch import Tensor, together
from .reduction import MeanMetricWrapper, PlainMetric


def accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Returns 1 where targets and predictions are equal, and 0 elsewhere.

    Both have shape (samples, ...), and so has the result, in the default float; a last axis of
    size 1 that only one has makes no difference. ValueError for shapes that do not broadcast.
    """
    _, (y_true, y_pred) = together(y_true, y_pred)
    y_true, y_pred = same_rank(y_true, y_pred)
    check_comparable(y_true, y_pred)
    return ops.cast(ops.equal(y_true, y_pred), config.floatx())


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Tensor:
    """Returns 1 where y_pred > threshold says what y_true says, and 0 elsewhere.

    Args:
        y_true: targets (samples, ...), 0 or 1.
        y_pred: predictions (samples, ...).
        threshold: above which a prediction stands for 1.

    Returns:
        Tensor (samples, ...), in the default float. ValueError for shapes that do not broadcast.
    """
    _, (y_true, y_pred) = together(y_true, y_pred)
    y_pred = ops.cast(ops.greater(y_pred, threshold), ops.dtype(y_true))
    return accuracy(y_true, y_pred)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Returns 1 where the largest elements of target and prediction stand in the same place.

    Both have shape (samples, ..., classes); the result has shape (samples, ...) and is in the
    default float. ValueError for shapes that do not fit.
    """
    _, (y_true, y_pred) = together(y_true, y_pred)
    return sparse_categorical_accuracy(ops.argmax(y_true, axis=-1), y_pred)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """Returns 1 where the largest element of the prediction stands in the place of the target.

    Args:
        y_true: numbers of classes (samples, ...), or (samples, ..., 1).
        y_pred: predictions (samples, ..., classes).

    Returns:
        Tensor (samples, ...), in the default float. ValueError for shapes that do not fit.
    """
    _, (y_true, y_pred) = together(y_true, y_pred)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    found = accuracy(y_true, ops.argmax(y_pred, axis=-1))
    return ops.squeeze(found, -1) if len(found.shape) > 1 and found.shape[-1] == 1 else found


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Tensor:
    """Returns 1 where the class of the target is among the k best of the prediction.

    Args:
        y_true: targets (samples, ..., classes), whose largest element is their class.
        y_pred: scores (samples, ..., classes).
        k: how many count.

    Returns:
        Tensor (samples, ...), in the default float.
    """
    _, (y_true, y_pred) = together(y_true, y_pred)
    return sparse_top_k_categorical_accuracy(ops.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Tensor:
    """Returns 1 where the target is among the k best of the prediction.

    Args:
        y_true: numbers of classes (samples, ...), or (samples, ..., 1).
        y_pred: scores (samples, ..., classes), or numbers of classes, the best first.
        k: how many count.
        from_sorted_ids: whether y_pred are numbers of classes.

    Returns:
        Tensor of the shape of y_true, in the default float.
    """
    _, (y_true, y_pred) = together(y_true, y_pred)
    shape = ops.shape(y_true)
    y_true = ops.reshape(y_true, (-1,))
    y_pred = ops.reshape(y_pred, (-1, y_pred.shape[-1]))
    if from_sorted_ids:
        found = ops.any(ops.equal(ops.expand_dims(y_true, 1), y_pred[:, :k]), axis=1)
    else:
        found = ops.in_top_k(ops.cast(y_true, "int32"), y_pred, k)
    return ops.reshape(ops.cast(found, config.floatx()), shape)


class Accuracy(PlainMetric):
    """The share of predictions that equal their target; see Metric for the arguments."""

    function = staticmethod(accuracy)
    _direction = "up"


class BinaryAccuracy(MeanMetricWrapper):
    """The share of predictions that stand on the right side of a threshold.

    Args:
        name: of the metric.
        dtype: of the result; see Metric.
        threshold: above which a prediction stands for 1.
    """

    _direction = "up"

    def __init__(
        self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5
    ) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


class CategoricalAccuracy(PlainMetric):
    """The share of predictions whose largest element stands where the target's does."""

    function = staticmethod(categorical_accuracy)
    _direction = "up"


class SparseCategoricalAccuracy(PlainMetric):
    """The share of predictions whose largest element stands where the target says."""

    function = staticmethod(sparse_categorical_accuracy)
    _direction = "up"


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """The share of predictions that have the class of the target among their k best.

    Args:
        k: how many count.
        name: of the metric.
        dtype: of the result; see Metric.
    """

    _direction = "up"

    def __init__(
        self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """The share of predictions that have the target among their k best.

    Args:
        k: how many count.
        name: of the metric.
        dtype: of the result; see Metric.
        from_sorted_ids: whether predictions are numbers of classes, the best first, and not scores.
    """

    _direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(
            sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids
        )
