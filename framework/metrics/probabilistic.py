"""How far predicted probabilities are from the truth."""

from __future__ import annotations

from typing import Any

from .. import losses
from .reduction import MeanMetricWrapper, PlainMetric


class KLDivergence(PlainMetric):
    """The mean of `losses.kl_divergence`; see Metric for the arguments."""

    function = staticmethod(losses.kl_divergence)


class Poisson(PlainMetric):
    """The mean of `losses.poisson`; see Metric for the arguments."""

    function = staticmethod(losses.poisson)


class BinaryCrossentropy(MeanMetricWrapper):
    """The mean of `losses.binary_crossentropy`.

    Args:
        name: of the metric.
        dtype: of the result; see Metric.
        from_logits: whether predictions are logits.
        label_smoothing: how far targets are moved towards 0.5.
    """

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        settings = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(losses.binary_crossentropy, name, dtype, **settings)


class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `losses.categorical_crossentropy`.

    Args:
        name: of the metric.
        dtype: of the result; see Metric.
        from_logits: whether predictions are logits.
        label_smoothing: the share of the targets that is spread over all classes.
        axis: of the classes.
    """

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        settings = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(losses.categorical_crossentropy, name, dtype, **settings)


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean of `losses.sparse_categorical_crossentropy`.

    Args:
        name: of the metric.
        dtype: of the result; see Metric.
        from_logits: whether predictions are logits.
        ignore_class: a class whose samples count with a loss of 0; beside sample weights they do
            not count at all, as in Keras.
        axis: of the classes.
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        settings = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(losses.sparse_categorical_crossentropy, name, dtype, **settings)
