"""Counts of right and wrong positives and negatives, at several thresholds at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes, ops
from ..core.variable import Variable
from ..losses.weighting import fitting, same_rank
from ..ops.dispatch import Tensor, together
from .metric import Metric

COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")
# What a score that is not among the k best becomes.
LOWEST = -1e10
# From so many thresholds on predictions are sorted between them, and not compared with each.
_MANY = 16


class ConfusionMetric(Metric):
    """Base of the metrics that count positives and negatives at thresholds.

    A prediction above a threshold is a positive; a target other than zero is one, too.

    Args:
        thresholds: numbers.
        counts: which of COUNTS are kept, each as a variable (thresholds,) of that name.
        top_k: if given, only the k best scores of each sample can be positives.
        class_id: if given, only this class of the last axis counts.
        name: of the metric.
        dtype: of the metric; see Metric.
    """

    # Predictions outside of [0, 1] count as 0 or 1.
    _clips = False
    # Those of `counts` exist.
    true_positives: Variable
    false_positives: Variable
    true_negatives: Variable
    false_negatives: Variable

    def __init__(
        self,
        thresholds: Sequence[float],
        counts: Sequence[str],
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        self.thresholds = list(thresholds)
        self.top_k = top_k
        self.class_id = class_id
        self._counts = tuple(counts)
        self._add_counts(())

    def _add_counts(self, columns: tuple[int, ...]) -> None:
        for name in self._counts:
            setattr(self, name, self.add_variable((len(self.thresholds), *columns), name=name))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts the predictions.

        Args:
            y_true: targets (samples, ...).
            y_pred: predictions of the same shape; a last axis of size 1 that only one has makes no
                difference.
            sample_weight: weights, of that shape or of its first axes.

        Raises:
            ValueError: shapes that do not fit, or a class that predictions do not have.
        """
        y_true, y_pred = self._read(y_true, y_pred)
        weights = self._weights(y_pred, sample_weight)
        self._add((-1,), y_true, y_pred, weights)

    def _read(self, y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
        """Targets as booleans and predictions, of one shape."""
        dtype = dtypes.wide(self.dtype)
        _, (y_true, y_pred) = together(y_true, y_pred)
        y_pred, y_true = same_rank(ops.cast(y_pred, dtype), ops.not_equal(y_true, 0))
        if len(y_pred.shape) != len(y_true.shape) or any(
            a != b and None not in (a, b) for a, b in zip(y_true.shape, y_pred.shape, strict=True)
        ):
            raise ValueError(
                f"{self.name}: the targets have shape {tuple(y_true.shape)} and the predictions "
                f"{tuple(y_pred.shape)}. Give one target for each prediction."
            )
        if self.top_k is not None:
            y_pred = _among_the_best(y_pred, self.top_k)
        if self.class_id is not None:
            self._check_class(y_pred)
            y_true, y_pred = (x[..., self.class_id, None] for x in (y_true, y_pred))
        return y_true, ops.clip(y_pred, 0.0, 1.0) if self._clips else y_pred

    def _check_class(self, y_pred: Tensor) -> None:
        shape = tuple(y_pred.shape)
        if len(shape) == 1:
            raise ValueError(
                "When class_id is provided, y_pred must be a 2D array with shape (num_samples, "
                f"num_classes), found shape: {shape}"
            )
        if shape[-1] is not None and not -shape[-1] <= self.class_id < shape[-1]:
            raise ValueError(
                f"{self.name}: class_id={self.class_id}, but y_pred of shape {shape} has "
                f"{shape[-1]} classes: give a class from 0 to {shape[-1] - 1}."
            )

    def _weights(self, y_pred: Tensor, sample_weight: Any) -> Tensor:
        """A weight for each prediction."""
        if sample_weight is None:
            return ops.ones_like(y_pred)
        _, weights = fitting(y_pred, ops.cast(sample_weight, ops.dtype(y_pred)))
        if len(weights.shape) > len(y_pred.shape):
            weights = ops.squeeze(weights, -1)
        return ops.broadcast_to(weights, ops.shape(y_pred))

    def _add(self, shape: tuple[int, ...], y_true: Any, y_pred: Any, weights: Any) -> None:
        """Adds to the counts, of predictions in this shape: (samples,) or (samples, labels)."""
        right = ops.cast(y_true, ops.dtype(weights))
        positive = ops.reshape(ops.multiply(weights, right), shape)
        negative = ops.reshape(ops.multiply(weights, ops.subtract(1.0, right)), shape)
        y_pred = ops.reshape(y_pred, shape)
        for labels, above, below in (
            (positive, "true_positives", "false_negatives"),
            (negative, "false_positives", "true_negatives"),
        ):
            if above in self._counts or below in self._counts:
                found = _split(labels, y_pred, self.thresholds)
                for name, count in zip((above, below), found, strict=True):
                    if name in self._counts:
                        getattr(self, name).assign_add(count)


def ratio(part: Any, rest: Any) -> Tensor:
    """Returns part / (part + rest), and 0 where both are 0."""
    return ops.divide_no_nan(part, ops.add(part, rest))


def _among_the_best(y_pred: Tensor, k: int) -> Tensor:
    """Predictions, with LOWEST in the place of those that are not among the k best."""
    _, places = ops.top_k(y_pred, k)
    best = ops.sum(ops.one_hot(places, y_pred.shape[-1], dtype=ops.dtype(y_pred)), axis=-2)
    return ops.where(ops.greater(best, 0), y_pred, LOWEST)


def _split(weights: Tensor, y_pred: Tensor, thresholds: list[float]) -> tuple[Tensor, Tensor]:
    """The weights of predictions above each threshold, and of the others.

    (samples, ...) each; (thresholds, ...) both results.
    """
    dtype = ops.dtype(y_pred)
    if len(thresholds) < _MANY:
        borders = ops.reshape(
            ops.convert_to_tensor(thresholds, dtype), (-1,) + (1,) * len(y_pred.shape)
        )
        above = ops.greater(ops.expand_dims(y_pred, 0), borders)
        return tuple(
            ops.sum(ops.where(which, weights, 0.0), axis=1)
            for which in (above, ops.logical_not(above))
        )  # pyright: ignore[reportReturnType]
    order = np.argsort(thresholds, kind="stable")
    borders = ops.convert_to_tensor(np.asarray(thresholds)[order], dtype)
    columns = 1 if len(y_pred.shape) == 1 else y_pred.shape[1]
    size = len(thresholds) + 1
    # How many thresholds each prediction is above, a range of numbers for each column.
    place = ops.reshape(ops.searchsorted(borders, ops.reshape(y_pred, (-1,))), (-1, columns))
    place = ops.add(place, ops.multiply(ops.arange(columns, dtype=ops.dtype(place)), size))
    sums = ops.segment_sum(
        ops.reshape(weights, (-1,)), ops.reshape(place, (-1,)), num_segments=columns * size
    )
    sums = ops.transpose(ops.reshape(sums, (columns, size)))
    below = ops.cumsum(sums, axis=0)[:-1]
    above = ops.flip(ops.cumsum(ops.flip(sums, axis=0), axis=0), axis=0)[1:]
    if not np.array_equal(order, np.arange(len(order))):
        back = np.argsort(order)
        above, below = (ops.take(x, back, axis=0) for x in (above, below))
    if len(y_pred.shape) == 1:
        above, below = (ops.squeeze(x, 1) for x in (above, below))
    return above, below


def as_thresholds(thresholds: Any, default: float = 0.5) -> list[float]:
    """Returns thresholds as a list: of one number, several, or for None of the default.

    Raises:
        ValueError: a threshold outside of [0, 1].
    """
    if thresholds is None:
        return [default]
    found = list(thresholds) if isinstance(thresholds, list | tuple | np.ndarray) else [thresholds]
    wrong = [t for t in found if t is None or not 0 <= t <= 1]
    if wrong:
        raise ValueError(f"Threshold values must be in [0, 1]. Received: {wrong}")
    return found


class ConditionCount(ConfusionMetric):
    """Base of the counts of one kind: `_kind` is one of COUNTS.

    Args:
        thresholds: number or list of numbers in [0, 1]; 0.5 unless given.
        name: of the metric.
        dtype: of the metric; see Metric.

    Raises:
        ValueError: a threshold outside of [0, 1].
    """

    _kind: str

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        self.init_thresholds = thresholds
        super().__init__(as_thresholds(thresholds), (self._kind,), name=name, dtype=dtype)

    def result(self) -> Tensor:
        """Returns the count: a scalar, or for a list of several thresholds (thresholds,)."""
        found = ops.convert_to_tensor(getattr(self, self._kind))
        return found[0] if len(self.thresholds) == 1 else found

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again, without what it gathered."""
        return {**super().get_config(), "thresholds": self.init_thresholds}


class TruePositives(ConditionCount):
    """The number of positives that are right, or the sum of their weights."""

    _kind = "true_positives"


class FalsePositives(ConditionCount):
    """The number of positives that are wrong, or the sum of their weights."""

    _kind = "false_positives"


class TrueNegatives(ConditionCount):
    """The number of negatives that are right, or the sum of their weights."""

    _kind = "true_negatives"


class FalseNegatives(ConditionCount):
    """The number of negatives that are wrong, or the sum of their weights."""

    _kind = "false_negatives"


class ShareOfTruePositives(ConfusionMetric):
    """Base of true_positives / (true_positives + `_other`); the constructor is Keras's.

    Args:
        thresholds: number or list of numbers in [0, 1]; 0.5 unless given, or, with `top_k`, below
            all scores.
        top_k: if given, only the k best scores of each sample can be positives.
        class_id: if given, only this class of the last axis counts.
        name: of the metric.
        dtype: of the metric; see Metric.

    Raises:
        ValueError: a threshold outside of [0, 1].
    """

    _direction = "up"
    _other: str

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self.init_thresholds = thresholds
        used = as_thresholds(thresholds, 0.5 if top_k is None else LOWEST)
        super().__init__(used, ("true_positives", self._other), top_k, class_id, name, dtype)

    def result(self) -> Tensor:
        """Returns the share: a scalar, or for a list of several thresholds (thresholds,)."""
        found = ratio(self.true_positives, getattr(self, self._other))
        return found[0] if len(self.thresholds) == 1 else found

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again, without what it gathered."""
        own = {
            "thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id
        }  # fmt: skip
        return {**super().get_config(), **own}


class Precision(ShareOfTruePositives):
    """The share of the positives that are right; see ShareOfTruePositives for arguments."""

    _other = "false_positives"


class Recall(ShareOfTruePositives):
    """The share of the true positives that are found; see ShareOfTruePositives for arguments."""

    _other = "false_negatives"
