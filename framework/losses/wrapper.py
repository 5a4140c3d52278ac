"""Losses that are a function of targets and predictions, with settings of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import configs
from ..nested import flatten, map_structure
from ..ops.dispatch import Tensor
from .loss import Loss
from .weighting import same_rank

_NESTED = (dict, list, tuple)


class LossFunctionWrapper(Loss):
    """The loss that a function `fn(y_true, y_pred, **kwargs)` gives for each sample.

    Targets and predictions are brought to the same rank first: a last axis of size 1 that only one
    of them has makes no difference.

    Args:
        fn: the function.
        reduction: as in Loss.
        name: as in Loss.
        dtype: as in Loss.
        **kwargs: settings of the function. Where they are the arguments of a subclass's
            constructor, they are its attributes, too.
    """

    # Settings that Keras leaves out of configs: they are told where they differ from the default.
    _unsaid: tuple[str, ...] = ()

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.fn = fn
        self._fn_kwargs = kwargs
        keep_settings(self, kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Tensor:
        """Returns the function's value for each sample.

        Args:
            y_true: tensor (samples, ...), or a nested structure of such.
            y_pred: tensor (samples, ...), or the same structure.
        """
        if not (isinstance(y_true, _NESTED) or isinstance(y_pred, _NESTED)):  # the usual case
            return self.fn(*same_rank(y_true, y_pred), **self._fn_kwargs)
        targets, outputs = flatten(y_true), flatten(y_pred)
        if len(targets) != len(outputs):
            raise ValueError(
                f"The loss {self.name!r} got {len(targets)} targets and {len(outputs)} "
                "predictions: give the same structure of both."
            )
        pairs = [same_rank(*pair) for pair in zip(targets, outputs, strict=True)]
        firsts, seconds = iter([x for x, _ in pairs]), iter([y for _, y in pairs])
        y_true = map_structure(lambda _: next(firsts), y_true)
        y_pred = map_structure(lambda _: next(seconds), y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same loss again."""
        return {**super().get_config(), **described_function(self, self.fn, self._fn_kwargs)}

    def __repr__(self) -> str:
        return f"<{configs.plain_class(type(self)).__name__}({self.fn}, kwargs={self._fn_kwargs})>"


class PlainLoss(LossFunctionWrapper):
    """Base of the losses whose `function` has no settings.

    Args:
        reduction: as in Loss.
        name: of the loss; that of the function unless given.
        dtype: as in Loss.
    """

    function: Callable[..., Any]

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        fn = self.function
        super().__init__(fn, reduction, name or fn.__name__, dtype)


def keep_settings(owner: Any, kwargs: dict[str, Any]) -> None:
    """Makes those settings of a function attributes of its owner that its constructor names."""
    for name in kwargs.keys() & configs.parameters_of(configs.plain_class(type(owner)), None):
        setattr(owner, name, kwargs[name])


def described_function(owner: Any, fn: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Returns the part of a config that tells a function and its settings.

    Args:
        owner: the loss or metric; the function itself is told if its constructor takes it.
        fn: the function.
        kwargs: its settings.
    """
    parameters = configs.parameters_of(configs.plain_class(type(owner)), None)
    unsaid = getattr(owner, "_unsaid", ())
    found = {
        name: configs.serialize(value)
        for name, value in kwargs.items()
        if name not in unsaid or value != parameters[name][1]
    }
    if "fn" in parameters:
        found["fn"] = configs.serialize(fn)
    return found
