"""The area under the curve of two rates over all thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import config, ops
from ..ops.dispatch import Tensor
from .confusion import COUNTS, ConfusionMetric, ratio
from .operating_points import even_thresholds

_CURVES = ("PR", "ROC", "PRGAIN")
_METHODS = ("interpolation", "majoring", "minoring")


class AUC(ConfusionMetric):
    """The area under the ROC curve (or another) of predictions, by sums over thresholds.

    ROC is the recall over the false positive rate, PR the precision over the recall, PRGAIN the
    precision gain over the recall gain (Flach and Kull, 2015). Between thresholds the PR curve is
    interpolated as Davis and Goadrich (2006) do, the others by straight lines.

    Args:
        num_thresholds: number of thresholds, 0 and 1 among them.
        curve: "ROC", "PR" or "PRGAIN".
        summation_method: "interpolation", or "minoring" and "majoring": the lower or the higher of
            the two heights between thresholds.
        name: of the metric.
        dtype: of the metric; see Metric.
        thresholds: numbers in [0, 1] to take instead of evenly distributed ones, beside 0 and 1.
        multi_label: whether the last axis has labels of their own, the mean of whose areas is
            wanted.
        num_labels: number of labels; without it the first values tell.
        label_weights: what each label weighs in that mean; without `multi_label` what each
            prediction of the label weighs.
        from_logits: whether predictions are logits, of which the sigmoid is taken.

    Raises:
        ValueError: an unknown curve or method, a threshold outside of [0, 1], too few thresholds,
            or labels without `multi_label`.
    """

    _direction = "up"
    _clips = True

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        self.curve = _one_of(curve, "AUC curve", _CURVES)
        self.summation_method = _one_of(summation_method, "AUC summation method", _METHODS)
        self._init_thresholds = None if thresholds is None else sorted(thresholds)
        inner = self._inner(num_thresholds)
        self.num_thresholds = len(inner) + 2
        if num_labels and not multi_label:
            raise ValueError("`num_labels` is needed only when `multi_label` is True.")
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else np.asarray(label_weights).tolist()
        self._from_logits = from_logits
        self._built = False
        # So that a prediction of 0 is above the first threshold, and one of 1 below the last.
        borders = [-config.epsilon(), *inner, 1.0 + config.epsilon()]
        super().__init__(borders, COUNTS, name=name, dtype=dtype)

    def _inner(self, num_thresholds: int) -> list[float]:
        """The thresholds between 0 and 1."""
        given = self._init_thresholds
        if given is not None:
            wrong = [t for t in given if not 0 <= t <= 1]
            if wrong:
                raise ValueError(f"Threshold values must be in [0, 1]. Received: {wrong}")
            return given
        if num_thresholds <= 1:
            raise ValueError(
                "Argument `num_thresholds` must be an integer > 1. "
                f"Received: num_thresholds={num_thresholds}"
            )
        return even_thresholds(num_thresholds)[1:-1]

    def _add_counts(self, columns: tuple[int, ...]) -> None:
        if not self.multi_label:
            super()._add_counts(())
        elif self.num_labels:
            super()._add_counts((self.num_labels,))
        else:  # the first values will tell
            return
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts the predictions.

        Args:
            y_true: targets (samples, ...), 0 or 1; with `multi_label` (samples, labels).
            y_pred: predictions of the same shape.
            sample_weight: weights, of that shape or of its first axes.

        Raises:
            ValueError: shapes that do not fit.
        """
        if self._from_logits:
            y_pred = ops.sigmoid(y_pred)
        y_true, y_pred = self._read(y_true, y_pred)
        weights = self._weights(y_pred, sample_weight)
        if not self.multi_label:
            if self.label_weights is not None:
                weights = ops.multiply(weights, self._label_weights(y_pred))
            self._add((-1,), y_true, y_pred, weights)
            return
        shape = tuple(y_pred.shape)
        if len(shape) != 2:
            raise ValueError(
                "`y_pred` must have rank 2 when `multi_label=True`. "
                f"Found rank {len(shape)}. Full shape received for `y_pred`: {shape}"
            )
        if not self._built:
            self.num_labels = shape[1]
            self._add_counts(())
        if shape[1] not in (None, self.num_labels):
            raise ValueError(
                f"{self.name}: y_pred of shape {shape} has {shape[1]} labels; the metric counts "
                f"{self.num_labels}."
            )
        labels: Any = self.num_labels
        self._add((-1, labels), y_true, y_pred, weights)

    def _label_weights(self, like: Any) -> Tensor:
        weights = ops.convert_to_tensor(self.label_weights, ops.dtype(like))
        if like.shape[-1] not in (None, 1, weights.shape[0]):
            raise ValueError(
                f"{self.name}: there are {weights.shape[0]} label weights; y_pred has shape "
                f"{tuple(like.shape)}. Give one for each label."
            )
        return weights

    def result(self) -> Tensor:
        """Returns the area, a scalar."""
        if self.curve == "PR" and self.summation_method == "interpolation":
            parts = self._interpolated()
        else:
            x, y = self._rates()
            first, second = y[:-1], y[1:]
            if self.summation_method == "interpolation":
                heights = ops.multiply(ops.add(first, second), 0.5)
            elif self.summation_method == "minoring":
                heights = ops.minimum(first, second)
            else:
                heights = ops.maximum(first, second)
            parts = ops.multiply(ops.subtract(x[:-1], x[1:]), heights)
        areas = ops.sum(parts, axis=0)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return ops.mean(areas)
        weights = self._label_weights(areas)
        return ops.divide_no_nan(ops.sum(ops.multiply(areas, weights)), ops.sum(weights))

    def _rates(self) -> tuple[Tensor, Tensor]:
        """What stands below and beside the curve, (thresholds, ...) each."""
        tp, fp = ops.convert_to_tensor(self.true_positives), self.false_positives
        tn, fn = self.true_negatives, self.false_negatives
        recall = ratio(tp, fn)
        if self.curve == "ROC":
            return ratio(fp, tn), recall
        if self.curve == "PR":
            return recall, ratio(tp, fp)
        odds = ops.divide_no_nan(ops.add(tp, fn), ops.add(tn, fp))
        missed, wrong = (
            ops.subtract(1.0, ops.multiply(odds, ops.divide_no_nan(x, tp))) for x in (fn, fp)
        )
        none = ops.equal(tp, 0)
        return ops.maximum(ops.where(none, 0.0, missed), 0.0), ops.where(none, 1.0, wrong)

    def _interpolated(self) -> Tensor:
        """The areas between thresholds under the PR curve.

        Between two of them the true positives grow with all positives, P, along a straight line of
        slope s: TP = c + s P. The integral of the precision TP / P over TP is
        s (dTP + c log(P2 / P1)).
        """
        tp = ops.convert_to_tensor(self.true_positives)
        p = ops.add(tp, self.false_positives)
        step = ops.subtract(tp[:-1], tp[1:])
        slope = ops.divide_no_nan(step, ops.maximum(ops.subtract(p[:-1], p[1:]), 0.0))
        start = ops.subtract(tp[1:], ops.multiply(slope, p[1:]))
        both = ops.logical_and(ops.greater(p[:-1], 0), ops.greater(p[1:], 0))
        growth = ops.where(both, ops.divide_no_nan(p[:-1], ops.maximum(p[1:], 0.0)), 1.0)
        area = ops.multiply(slope, ops.add(step, ops.multiply(start, ops.log(growth))))
        whole = ops.add(tp[1:], ops.convert_to_tensor(self.false_negatives)[1:])
        return ops.divide_no_nan(area, whole)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again, without what it gathered."""
        own = {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve,
            "summation_method": self.summation_method,
            "multi_label": self.multi_label,
            "num_labels": self.num_labels,
            "label_weights": self.label_weights,
            "from_logits": self._from_logits,
        }
        if self._init_thresholds is not None:
            own["thresholds"] = list(self._init_thresholds)
        return {**super().get_config(), **own}


def _one_of(value: Any, what: str, names: tuple[str, ...]) -> str:
    """The name that is meant, in any case of letters; an enumeration's member by its value."""
    text = str(getattr(value, "value", value))
    for name in names:
        if text.lower() == name.lower():
            return name
    raise ValueError(f'Invalid {what} value: "{value}". Expected values are {list(names)}')
