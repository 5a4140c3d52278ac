"""What callbacks have in common that watch one metric for getting better."""

import warnings
from collections.abc import Callable
from typing import Any

from ... import ops
from ...named import snake_case
from .base import Callback

# Parts of the names of metrics that tell which way is better, where the metric does not say so.
_HIGHER = (
    "acc", "auc", "precision", "recall", "f1", "f_beta", "fbeta", "iou", "r2", "true_",
    "similarity", "correlation", "sensitivity", "specificity",
)  # fmt: skip
_LOWER = (
    "loss", "error", "entropy", "hinge", "poisson", "divergence", "log_cosh", "logcosh", "false_",
    "mse", "mae", "mape", "msle",
)  # fmt: skip


class MonitorCallback(Callback):
    """Base of callbacks that compare a metric with its best value so far.

    Args:
        monitor: the metric's name in the logs.
        mode: "min", "max", or "auto": what the metric itself says of which way is better.
        baseline: the first best value.
        min_delta: how much better a value must be to count.

    Attributes:
        best: the best value so far; None before the first.
        monitor_op: `ops.less` or `ops.greater`; None before the first epoch has ended.
    """

    _kept = ("best",)

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        baseline: float | None = None,
        min_delta: float = 0,
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(
                f"{type(self).__name__} mode '{mode}' is unknown, fallback to auto mode. The modes "
                "are 'auto', 'min' and 'max'.",
                stacklevel=3,
            )
            mode = "auto"
        self.monitor, self.mode = monitor, mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self.monitor_op: Callable[..., Any] | None = None

    def _choose_direction(self) -> None:
        """Find out which way is better, once the model's metrics are there.

        Raises ValueError where nothing tells.
        """
        if self.monitor_op is not None:
            return
        higher = self._is_higher_better()
        if higher is None:
            raise ValueError(
                f"{type(self).__name__} callback received monitor={self.monitor}, but isozoo isn't "
                "able to automatically determine whether that metric should be maximized or "
                "minimized. Pass `mode='max'` in order to monitor based on the highest metric "
                "value, or pass `mode='min'` in order to use the lowest value."
            )
        self.monitor_op = ops.greater if higher else ops.less

    def _is_higher_better(self) -> bool | None:
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return False
        for metric in _single_metrics(getattr(self.model, "metrics", ())):
            if metric.name == name:
                return _direction(metric)
        return None

    def _is_improvement(self, value: Any, reference: Any) -> bool:
        """Whether a value is better than another by more than `min_delta`."""
        if reference is None:
            return True
        value, reference = float(value), float(reference)
        if self.monitor_op is ops.less:
            return value + self.min_delta < reference
        return value - self.min_delta > reference

    def _value(self, logs: Any, missing: str) -> Any:
        """The metric's value; None, with a warning that begins with `missing`, without one."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{missing} metric `{self.monitor}` which is not available. Available metrics are: "
                f"{','.join(logs or ())}",
                stacklevel=4,
            )
        return value


def _single_metrics(metrics: Any) -> list[Any]:
    """Metrics, those that lie in others included."""
    found = []
    for metric in metrics:
        inner = getattr(metric, "metrics", None)
        found += _single_metrics(inner) if inner else [metric]
    return found


def _direction(metric: Any) -> bool | None:
    """Whether more is better; None if neither the metric nor its names tell."""
    said = getattr(metric, "_direction", None)
    if said in ("up", "down"):
        return said == "up"
    function = getattr(getattr(metric, "_fn", None), "__name__", "")
    names = " ".join((snake_case(type(metric).__name__), metric.name, function))
    if any(part in names for part in _LOWER):
        return False
    return True if any(part in names for part in _HIGHER) else None
