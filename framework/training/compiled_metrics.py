"""The metrics that `compile` describes: some for each output."""

from collections.abc import Sequence
from typing import Any

from .. import metrics
from ..metrics import MeanMetricWrapper, Metric
from ..metrics.stateless import Stateless
from ..named import snake_case
from ..nested import flatten
from .compiled_loss import chosen_by_shape
from .outputs import Outputs, is_nested


class CompiledMetrics(Stateless):
    """Metrics of a model's outputs, built by the first outputs that they see.

    Args:
        metrics: a list for one output; for several, nested like them, or a dict by their names. A
            metric is an instance, a function `(y_true, y_pred) -> values`, or a name; "accuracy" is
            chosen by the shapes of target and output.
        weighted_metrics: the same, for metrics that take the sample weights.
        output_names: of the model's outputs.

    Raises:
        ValueError: metrics that are neither a list nor a dict.
    """

    name = "compile_metrics"
    _measures = True

    def __init__(
        self,
        metrics: Any,
        weighted_metrics: Any = None,
        output_names: Sequence[str] | None = None,
    ) -> None:
        for what, given in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if given and not isinstance(given, list | tuple | dict):
                raise ValueError(
                    f"Expected `{what}` argument to be a list, tuple, or dict. Received instead: "
                    f"{what}={given} of type {type(given)}"
                )
        self._given = (metrics, weighted_metrics)
        self._output_names = None if output_names is None else tuple(output_names)
        # A list of metrics for each output; without, and with sample weights.
        self._plain: list[list[Any]] = []
        self._weighted: list[list[Any]] = []
        self._names: list[str | None] = []
        self.built = False

    @property
    def metrics(self) -> list[Metric]:
        """All metrics, those that take sample weights last."""
        return [m for group in (*self._plain, *self._weighted) for m in group]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Finds the metrics by their names and puts them to the outputs.

        Args:
            y_true: targets, whose shapes choose "accuracy".
            y_pred: outputs of the model.

        Raises:
            KeyError, ValueError: metrics that do not fit the outputs, or have no such name.
        """
        outputs = Outputs(y_pred, self._output_names)
        self._names = list(outputs.names)
        self._plain = self._made(outputs, y_true, y_pred, self._given[0], "metrics")
        self._weighted = self._made(outputs, y_true, y_pred, self._given[1], "weighted_metrics")
        self.built = True

    def _made(
        self, outputs: Outputs, y_true: Any, y_pred: Any, given: Any, what: str
    ) -> list[list[Any]]:
        if not given:
            return [[] for _ in range(len(outputs))]
        if len(outputs) == 1:
            groups = [flatten(given)]
        else:
            try:
                groups = outputs.align(given, what, several=True)
            except (KeyError, ValueError) as error:
                raise ValueError(
                    f"Invalid `{what}`. `{what}` should contain metrics objects and either be a "
                    "dict or a list matching the output names of the functional model "
                    f"{outputs.names}. {error.args[0]}\nReceived: {what}={given}"
                ) from error
        targets = outputs.align(y_true, "y") if any(groups) else [None] * len(outputs)
        found = []
        for group, y_t, y_p in zip(groups, targets, outputs.of(y_pred), strict=True):
            items = group if isinstance(group, list | tuple) else [group]
            if group is not None and any(item is None for item in items):
                raise ValueError(f"Expected metric, received `None`\nReceived: {what}={given}")
            found.append([] if group is None else [metric_for(m, y_t, y_p) for m in items])
        return found

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes a batch into account.

        Args:
            y_true: targets, nested like the outputs, or a list, or a dict by the outputs' names.
            y_pred: outputs of the model.
            sample_weight: weights of the rows, for all outputs or nested like them.
        """
        if not self.built:
            self.build(y_true, y_pred)
        outputs = Outputs(y_pred, self._output_names)
        targets, predicted = outputs.align(y_true, "y"), outputs.of(y_pred)
        weights = (
            outputs.align(sample_weight, "sample_weight")
            if is_nested(sample_weight)
            else [sample_weight] * len(outputs)
        )
        for place, (y_t, y_p) in enumerate(zip(targets, predicted, strict=True)):
            for metric in self._plain[place]:
                metric.update_state(y_t, y_p)
            for metric in self._weighted[place]:
                metric.update_state(y_t, y_p, sample_weight=weights[place])

    def reset_state(self) -> None:
        """Forgets all batches."""
        for metric in self.metrics:
            metric.reset_state()

    def result(self) -> dict[str, Any]:
        """Returns the value of each metric by its name, behind that of its output if there are
        several."""
        if not self.built:
            raise ValueError("Cannot get result() since the metric has not yet been built.")
        found: dict[str, Any] = {}
        several = len(self._names) > 1
        for prefix, groups in (("", self._plain), ("weighted_", self._weighted)):
            for name, group in zip(self._names, groups, strict=True):
                for metric in group:
                    whole = f"{name}_{metric.name}" if several and name else metric.name
                    if whole in found and prefix:
                        whole = f"{prefix}{metric.name}"
                        whole = f"{name}_{whole}" if several and name else whole
                    found[_free(whole, found)] = metric.result()
        return found


def _free(name: str, taken: dict[str, Any]) -> str:
    """`name`, with a number behind it if it is taken."""
    found, number = name, 0
    while found in taken:
        number += 1
        found = f"{name}_{number}"
    return found


def metric_for(given: Any, y_true: Any, y_pred: Any) -> Metric:
    """Returns the Metric that a name, a config, a function or a Metric stands for.

    Args:
        given: one of what `compile` was given for an output.
        y_true: its target.
        y_pred: the output.
    """
    name = given if isinstance(given, str) else None
    if name is not None and name.lower() in ("accuracy", "acc"):
        given = f"{chosen_by_shape(y_true, y_pred)}_accuracy"
    found = metrics.get(given)
    if not isinstance(found, Metric):
        found = MeanMetricWrapper(found, name=name or _name_of(found))
    elif name is not None:
        found.name = name
    return found


def _name_of(function: Any) -> str:
    name = getattr(function, "__name__", None) or snake_case(type(function).__name__)
    return name.strip("<>")  # of a lambda
