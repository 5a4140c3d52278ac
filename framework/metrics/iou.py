"""Intersection over union: how well predicted regions of images overlap with the true ones."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from .. import config, dtypes, ops
from ..ops.dispatch import Tensor, together
from .metric import Metric


class IoU(Metric):
    """The mean over classes of TP / (TP + FP + FN): the overlap of predicted and true regions.

    (Jaccard, 1901.) Classes without any sample do not count, nor do samples whose target or
    prediction is no class.

    Args:
        num_classes: number of classes.
        target_class_ids: the classes over which the mean is taken.
        name: of the metric.
        dtype: in which samples are counted; int32 unless given.
        ignore_class: a target whose samples do not count.
        sparse_y_true: whether targets are numbers of classes, and not one-hot.
        sparse_y_pred: whether predictions are numbers of classes, and not scores.
        axis: of the classes, where they are not sparse.

    Raises:
        ValueError: a target class that does not exist.
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype or "int", name)
        if max(target_class_ids) >= num_classes:
            raise ValueError(
                f"Target class id {max(target_class_ids)} is out of range, which is "
                f"[0, {num_classes})."
            )
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        counted = dtypes.wide(self.dtype) if dtypes.is_float(self.dtype) else self.dtype
        self.total_cm = self.add_variable(
            (num_classes, num_classes), dtype=counted, name="total_confusion_matrix"
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts pairs of a true and a predicted class.

        Args:
            y_true: classes (samples, ...), or one-hot rows.
            y_pred: classes of the same shape, or scores.
            sample_weight: weights of that shape, or of one that broadcasts to it. Floats are cut
                off, with a warning, where samples are counted in integers.

        Raises:
            ValueError: other numbers of targets than of predictions.
        """
        _, (y_true, y_pred) = together(y_true, y_pred)
        if not self.sparse_y_true:
            y_true = ops.argmax(y_true, axis=self.axis)
        if not self.sparse_y_pred:
            y_pred = ops.argmax(y_pred, axis=self.axis)
        shape = y_true.shape
        y_true, y_pred = (ops.reshape(ops.cast(x, "int32"), (-1,)) for x in (y_true, y_pred))
        if None not in (*y_true.shape, *y_pred.shape) and y_true.shape[0] != y_pred.shape[0]:
            raise ValueError(
                f"{self.name} got {y_true.shape[0]} targets and {y_pred.shape[0]} predictions. "
                "Give one class for each sample, or say by `sparse_y_true` and `sparse_y_pred` "
                "what is one-hot."
            )
        known = [
            f(x, n)
            for x in (y_true, y_pred)
            for f, n in ((ops.greater_equal, 0), (ops.less, self.num_classes))
        ]
        if self.ignore_class is not None:
            known.append(ops.not_equal(y_true, self.ignore_class))
        valid = ops.all(ops.stack(known), axis=0)
        weights = self._weights(sample_weight, y_true, shape)
        pair = ops.add(ops.multiply(y_true, self.num_classes), y_pred)
        counts = ops.segment_sum(
            ops.where(valid, weights, ops.zeros_like(weights)),
            ops.where(valid, pair, ops.zeros_like(pair)),
            num_segments=self.num_classes**2,
        )
        self.total_cm.assign_add(ops.reshape(counts, (self.num_classes, self.num_classes)))

    def _weights(self, sample_weight: Any, y_true: Tensor, shape: Any) -> Tensor:
        """A weight for each of the samples in a row."""
        dtype = self.total_cm.dtype
        if sample_weight is None:
            return ops.ones_like(y_true, dtype)
        given = ops.convert_to_tensor(sample_weight)
        if dtypes.is_float(ops.dtype(given)) and not dtypes.is_float(dtype):
            warnings.warn(
                "You are passing weight as `float`, but dtype is `int`. This may result in an "
                "incorrect weight due to type casting. Consider using integer weights.",
                stacklevel=4,
            )
        if len(given.shape) == len(shape) + 1 and given.shape[-1] == 1:
            given = ops.squeeze(given, -1)  # a column of weights
        if 1 < len(given.shape) == len(shape):
            given = ops.reshape(ops.broadcast_to(given, shape), (-1,))
        return ops.broadcast_to(ops.cast(given, dtype), ops.shape(y_true))

    def result(self) -> Tensor:
        """Returns the mean over the target classes, a float32 scalar."""
        counts = ops.cast(self.total_cm, dtypes.wide(self.dtype))
        right = ops.diagonal(counts)
        union = ops.subtract(ops.add(ops.sum(counts, axis=0), ops.sum(counts, axis=1)), right)
        right, union = (ops.take(x, self.target_class_ids, axis=0) for x in (right, union))
        valid = ops.greater(union, 1e-9)
        shares = ops.where(valid, ops.divide(right, ops.add(union, config.epsilon())), 0.0)
        number = ops.add(ops.sum(ops.cast(valid, ops.dtype(shares))), config.epsilon())
        return ops.divide(ops.sum(shares), number)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again, without what it gathered."""
        own = (
            "num_classes", "target_class_ids", "ignore_class", "sparse_y_true", "sparse_y_pred",
            "axis",
        )  # fmt: skip
        return {**super().get_config(), **self._settings(own)}

    def _settings(self, names: Sequence[str]) -> dict[str, Any]:
        return {name: getattr(self, name) for name in names}


class BinaryIoU(IoU):
    """IoU of two classes, 1 where a score is a threshold at least, and 0 elsewhere.

    Args:
        target_class_ids: the classes over which the mean is taken.
        threshold: of the scores.
        name: of the metric.
        dtype: in which samples are counted; int32 unless given.
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts pairs of a true and a predicted class.

        Args:
            y_true: classes (samples, ...), 0 or 1.
            y_pred: scores of the same shape.
            sample_weight: weights of that shape.

        Raises:
            ValueError: other numbers of targets than of predictions.
        """
        _, (y_true, y_pred) = together(y_true, y_pred)
        found = ops.cast(ops.greater_equal(y_pred, self.threshold), "int32")
        super().update_state(y_true, found, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again, without what it gathered."""
        return {"name": self.name, "dtype": self.dtype,
                **self._settings(("target_class_ids", "threshold"))}  # fmt: skip


class MeanIoU(IoU):
    """The mean of IoU over all classes.

    Args:
        num_classes: number of classes.
        name: of the metric.
        dtype: in which samples are counted; int32 unless given.
        ignore_class: a target whose samples do not count.
        sparse_y_true: whether targets are numbers of classes, and not one-hot.
        sparse_y_pred: whether predictions are numbers of classes, and not scores.
        axis: of the classes, where they are not sparse.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true,
            sparse_y_pred, axis,
        )  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again, without what it gathered."""
        found = super().get_config()
        del found["target_class_ids"]
        return found


class OneHotIoU(IoU):
    """IoU of one-hot targets.

    Args:
        num_classes: number of classes.
        target_class_ids: the classes over which the mean is taken.
        name: of the metric.
        dtype: in which samples are counted; int32 unless given.
        ignore_class: a target whose samples do not count.
        sparse_y_pred: whether predictions are numbers of classes, and not scores.
        axis: of the classes.

    Raises:
        ValueError: a target class that does not exist.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again, without what it gathered."""
        found = super().get_config()
        del found["sparse_y_true"]
        return found


class OneHotMeanIoU(MeanIoU):
    """The mean of IoU over all classes of one-hot targets.

    Args:
        num_classes: number of classes.
        name: of the metric.
        dtype: in which samples are counted; int32 unless given.
        ignore_class: a target whose samples do not count.
        sparse_y_pred: whether predictions are numbers of classes, and not scores.
        axis: of the classes.
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again, without what it gathered."""
        found = super().get_config()
        del found["sparse_y_true"]
        return found
