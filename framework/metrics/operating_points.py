"""The best that one rate can be where another is good enough."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..ops.dispatch import Tensor
from .confusion import COUNTS, ConfusionMetric, ratio

# Rate -> the counts of which it is first / (first + second).
RATES = {
    "precision": ("true_positives", "false_positives"),
    "recall": ("true_positives", "false_negatives"),
    "sensitivity": ("true_positives", "false_negatives"),
    "specificity": ("true_negatives", "false_positives"),
}


def even_thresholds(count: int) -> list[float]:
    """Returns so many numbers from 0 to 1, equally far apart."""
    return [i / (count - 1) for i in range(count)]


class OperatingPoint(ConfusionMetric):
    """Base of the largest `_best` rate at the thresholds where the `_needed` one is high enough.

    Args:
        value: what the given rate must be at least.
        num_thresholds: number of thresholds between 0 and 1; a single one is 0.5.
        class_id: if given, only this class of the last axis counts.
        name: of the metric.
        dtype: of the metric; see Metric.

    Raises:
        ValueError: a value outside of [0, 1], or no thresholds.
    """

    _direction = "up"
    _clips = True
    _needed: str
    _best: str

    def __init__(
        self,
        value: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        if not 0 <= value <= 1:
            raise ValueError(
                f"Argument `{self._needed}` must be in the range [0, 1]. "
                f"Received: {self._needed}={value}"
            )
        if num_thresholds <= 0:
            raise ValueError(
                "Argument `num_thresholds` must be an integer > 0. "
                f"Received: num_thresholds={num_thresholds}"
            )
        setattr(self, self._needed, value)
        self.value = value
        self.num_thresholds = num_thresholds
        used = [0.5] if num_thresholds == 1 else even_thresholds(num_thresholds)
        super().__init__(used, COUNTS, class_id=class_id, name=name, dtype=dtype)

    def result(self) -> Tensor:
        """Returns the rate, a scalar; 0 if the other is never high enough."""
        given, best = (
            ratio(*(getattr(self, count) for count in RATES[rate]))
            for rate in (self._needed, self._best)
        )
        return ops.max(ops.where(ops.greater_equal(given, self.value), best, 0.0))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same metric again, without what it gathered."""
        own = {
            "num_thresholds": self.num_thresholds,
            "class_id": self.class_id,
            self._needed: self.value,
        }
        return {**super().get_config(), **own}


class SensitivityAtSpecificity(OperatingPoint):
    """The best sensitivity where the specificity is high enough.

    Args:
        specificity: TN / (TN + FP), which is to be reached.
        num_thresholds: number of thresholds between 0 and 1; a single one is 0.5.
        class_id: if given, only this class of the last axis counts.
        name: of the metric.
        dtype: of the metric; see Metric.

    Raises:
        ValueError: a specificity outside of [0, 1], or no thresholds.
    """

    _needed, _best = "specificity", "sensitivity"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(OperatingPoint):
    """The best specificity where the sensitivity is high enough.

    Args:
        sensitivity: TP / (TP + FN), which is to be reached.
        num_thresholds: number of thresholds between 0 and 1; a single one is 0.5.
        class_id: if given, only this class of the last axis counts.
        name: of the metric.
        dtype: of the metric; see Metric.

    Raises:
        ValueError: a sensitivity outside of [0, 1], or no thresholds.
    """

    _needed, _best = "sensitivity", "specificity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(OperatingPoint):
    """The best precision where the recall is high enough.

    Args:
        recall: TP / (TP + FN), which is to be reached.
        num_thresholds: number of thresholds between 0 and 1; a single one is 0.5.
        class_id: if given, only this class of the last axis counts.
        name: of the metric.
        dtype: of the metric; see Metric.

    Raises:
        ValueError: a recall outside of [0, 1], or no thresholds.
    """

    _needed, _best = "recall", "precision"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(OperatingPoint):
    """The best recall where the precision is high enough.

    Args:
        precision: TP / (TP + FP), which is to be reached.
        num_thresholds: number of thresholds between 0 and 1; a single one is 0.5.
        class_id: if given, only this class of the last axis counts.
        name: of the metric.
        dtype: of the metric; see Metric.

    Raises:
        ValueError: a precision outside of [0, 1], or no thresholds.
    """

    _needed, _best = "precision", "recall"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)
