"""F-scores: the harmonic mean of precision and recall."""

from __future__ import annotations

from typing import Any

from .. import config, dtypes, ops
from ..losses.weighting import fitting
from ..ops.dispatch import Tensor, together
from .metric import Metric
from .regression import outputs_of

_AVERAGES = (None, "micro", "macro", "weighted")


class FBetaScore(Metric):
    """(1 + beta^2) P R / (beta^2 P + R) of the precision P and the recall R of each class.

    (van Rijsbergen, 1979.) `config.epsilon()` keeps the divisions finite.

    Args:
        average: None for a score of each class, "micro" for one over all predictions, "macro" for
            the mean of the classes' scores, "weighted" for that weighted by the classes' targets.
        beta: how many times as much recall counts.
        threshold: above which a score is a positive; if None the largest score of each sample is,
            unless it is 0.
        name: of the metric.
        dtype: of the metric; see Metric.

    Raises:
        ValueError: an unknown average, or a beta or threshold out of its range.
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        if average not in _AVERAGES:
            raise ValueError(
                "Invalid `average` argument value. Expected one of: {None, 'micro', 'macro', "
                f"'weighted'}}. Received: average={average}"
            )
        _check_float(beta, "beta")
        if beta <= 0.0:
            raise ValueError(
                f"Invalid `beta` argument value. It should be > 0. Received: beta={beta}"
            )
        if threshold is not None:
            _check_float(threshold, "threshold")
            if not 0.0 < threshold <= 1.0:
                raise ValueError(
                    "Invalid `threshold` argument value. It should verify 0 < threshold <= 1. "
                    f"Received: threshold={threshold}"
                )
        self.average = average
        self.beta = beta
        self.threshold = threshold
        self._built = False

    def _build(self, outputs: tuple[int, ...]) -> None:
        shape = () if self.average == "micro" else outputs
        self.true_positives = self.add_variable(shape, name="true_positives")
        self.false_positives = self.add_variable(shape, name="false_positives")
        self.false_negatives = self.add_variable(shape, name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, name="intermediate_weights")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts the predictions.

        Args:
            y_true: targets (samples, classes), 0 or 1.
            y_pred: scores (samples, classes).
            sample_weight: weights (samples,) or (samples, classes).

        Raises:
            ValueError: another number of axes.
        """
        dtype = dtypes.wide(self.dtype)
        _, (y_true, y_pred) = together(y_true, y_pred)
        y_true, y_pred = ops.cast(y_true, dtype), ops.cast(y_pred, dtype)
        outputs = outputs_of(self, y_true, y_pred)
        if not self._built:
            self._build(outputs)
        if self.threshold is None:
            best = ops.equal(y_pred, ops.max(y_pred, axis=-1, keepdims=True))
            found = ops.logical_and(best, ops.greater(ops.absolute(y_pred), 1e-9))
        else:
            found = ops.greater(y_pred, self.threshold)
        found = ops.cast(found, dtype)
        weights = None
        if sample_weight is not None:
            _, weights = fitting(y_true, ops.cast(sample_weight, dtype))
        axis = None if self.average == "micro" else 0
        for variable, values in (
            (self.true_positives, ops.multiply(found, y_true)),
            (self.false_positives, ops.multiply(found, ops.subtract(1.0, y_true))),
            (self.false_negatives, ops.multiply(ops.subtract(1.0, found), y_true)),
            (self.intermediate_weights, y_true),
        ):
            values = values if weights is None else ops.multiply(values, weights)
            variable.assign_add(ops.sum(values, axis=axis))

    def result(self) -> Tensor:
        """Returns the score: a scalar, or without an average (classes,).

        Raises:
            ValueError: there were no values yet, so that the number of classes is unknown.
        """
        if not self._built:
            raise ValueError(
                f"{self.name} has no result: it has seen no values yet. Call `update_state` first."
            )
        tp, epsilon = self.true_positives, config.epsilon()
        precision, recall = (
            ops.divide(tp, ops.add(ops.add(tp, other), epsilon))
            for other in (self.false_positives, self.false_negatives)
        )
        square = self.beta**2
        whole = ops.add(ops.add(ops.multiply(precision, square), recall), epsilon)
        score = ops.multiply(ops.divide(ops.multiply(precision, recall), whole), 1.0 + square)
        if self.average == "weighted":
            shares = self.intermediate_weights
            shares = ops.divide(shares, ops.add(ops.sum(shares), epsilon))
            score = ops.sum(ops.multiply(score, shares))
        elif self.average is not None:
            score = ops.mean(score)
        return ops.cast(score, self.dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again, without what it gathered."""
        own = {"average": self.average, "beta": self.beta, "threshold": self.threshold}
        return {**super().get_config(), **own}


def _check_float(value: Any, name: str) -> None:
    if not isinstance(value, float):
        raise ValueError(
            f"Invalid `{name}` argument value. It should be a Python float. "
            f"Received: {name}={value} of type '{type(value)}'"
        )


class F1Score(FBetaScore):
    """The harmonic mean of precision and recall: FBetaScore with a beta of 1.

    Args:
        average: as in FBetaScore.
        threshold: as in FBetaScore.
        name: of the metric.
        dtype: of the metric; see Metric.

    Raises:
        ValueError: an unknown average, or a threshold out of its range.
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again, without what it gathered."""
        found = super().get_config()
        del found["beta"]
        return found
