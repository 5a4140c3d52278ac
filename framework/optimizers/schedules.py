"""Schedules: the learning rate as a function of the number of steps taken.

Each follows Keras's definition; what is computed with is float32 unless the first rate is a tensor
of another dtype. `step` is a number, a tensor or a variable, and may belong to a traced program.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from .. import configs, ops
from ..configs import Configurable
from ..ops.dispatch import tensor
from ..typing import Tensor, TensorLike

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]


class LearningRateSchedule(Configurable):
    """Base of schedules. A subclass defines `__call__(step)`, and `get_config` where it needs to.

    An optimizer calls it with the number of its calls so far.
    """

    def __call__(self, step: TensorLike) -> Tensor:
        """Returns the learning rate of a step, a scalar. A subclass defines it."""
        raise NotImplementedError(
            f"Learning rate schedule '{type(self).__name__}' must override "
            "`__call__(self, step)`, which returns the rate of a step."
        )


class _Decay(LearningRateSchedule, ABC):
    """Base of schedules that fall from a first rate in a number of steps."""

    def __init__(
        self, initial_learning_rate: Any, decay_steps: int, name: str, argument: str = "decay_steps"
    ) -> None:
        if decay_steps <= 0:
            raise ValueError(
                f"Argument `{argument}` must be > 0: it is a number of steps. Received: "
                f"{argument}={decay_steps}"
            )
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.name = name

    def __call__(self, step: TensorLike) -> Tensor:
        """Returns the learning rate of a step: a scalar in the dtype of the first rate."""
        backend, step = tensor(step)
        owner, rate = tensor(self.initial_learning_rate)
        if owner is not backend:
            rate = backend.asarray(owner.to_numpy(owner.read(rate)))
        dtype = backend.dtype(rate)
        return self._rate(rate, ops.cast(step, dtype), dtype)

    @abstractmethod
    def _rate(self, rate: Tensor, step: Tensor, dtype: str) -> Tensor:
        """The rate of a step, from the first rate; both are tensors of `dtype`."""


class _RatedDecay(_Decay):
    """Base of decays whose speed is a rate, and that may go in jumps, each `decay_steps` steps."""

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: int,
        name: str,
        decay_rate: float,
        staircase: bool,
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, name)
        self.decay_rate = decay_rate
        self.staircase = staircase

    def _passed(self, step: Tensor) -> Tensor:
        """How many times `decay_steps` have passed."""
        passed = ops.divide(step, self.decay_steps)
        return ops.floor(passed) if self.staircase else passed


class ExponentialDecay(_RatedDecay):
    """Computes `initial_learning_rate * decay_rate ** (step / decay_steps)`.

    Args:
        initial_learning_rate: the rate of step 0.
        decay_steps: after how many steps the rate is multiplied by `decay_rate`.
        decay_rate: that factor.
        staircase: whether the rate falls in jumps, each `decay_steps` steps.
        name: of the schedule.

    Raises ValueError for `decay_steps` that are not positive.
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, name, decay_rate, staircase)

    def _rate(self, rate: Tensor, step: Tensor, dtype: str) -> Tensor:
        factor = ops.power(ops.cast(self.decay_rate, dtype), self._passed(step))
        return ops.multiply(rate, factor)


class PiecewiseConstantDecay(LearningRateSchedule):
    """Gives `values[0]` up to step `boundaries[0]`, then `values[1]` up to `boundaries[1]`, ….

    Args:
        boundaries: steps, in rising order.
        values: rates, one more than there are boundaries.
        name: of the schedule.

    Raises ValueError for other numbers of values.
    """

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                "The length of boundaries should be 1 less than the length of values. Received: "
                f"boundaries={boundaries} of length {len(boundaries)}, and values={values} of "
                f"length {len(values)}."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: TensorLike) -> Tensor:
        """Returns the learning rate of a step: a scalar in the dtype of the values."""
        backend, step = tensor(step)
        rates = [backend.asarray(value) for value in self.values]
        result = rates[-1]
        for bound, rate in zip(reversed(self.boundaries), reversed(rates[:-1]), strict=True):
            bound = ops.cast(backend.asarray(bound), backend.dtype(step))
            result = ops.where(ops.less_equal(step, bound), rate, result)
        return result


class PolynomialDecay(_Decay):
    """Falls from the first rate to the last as `(1 - step / decay_steps) ** power`.

    Args:
        initial_learning_rate: the rate of step 0.
        decay_steps: from which step on the rate is the last.
        end_learning_rate: the last rate.
        power: of the polynomial.
        cycle: whether the rate, where it would end, rises again, and falls over a multiple of
            `decay_steps` in which the step lies.
        name: of the schedule.

    Raises ValueError for `decay_steps` that are not positive.
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, name)
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle

    def _rate(self, rate: Tensor, step: Tensor, dtype: str) -> Tensor:
        length = ops.cast(self.decay_steps, dtype)
        if self.cycle:
            rounds = ops.maximum(ops.ceil(ops.divide(step, self.decay_steps)), 1.0)
            length = ops.multiply(rounds, length)
        else:
            step = ops.minimum(step, length)
        left = ops.subtract(1.0, ops.divide(step, length))
        span = ops.subtract(rate, self.end_learning_rate)
        return ops.add(ops.multiply(span, ops.power(left, self.power)), self.end_learning_rate)


class InverseTimeDecay(_RatedDecay):
    """Computes `initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Args:
        initial_learning_rate: the rate of step 0.
        decay_steps: the unit in which steps are counted.
        decay_rate: how quickly the rate falls.
        staircase: whether the rate falls in jumps, each `decay_steps` steps.
        name: of the schedule.

    Raises ValueError for `decay_steps` that are not positive.
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, name, decay_rate, staircase)

    def _rate(self, rate: Tensor, step: Tensor, dtype: str) -> Tensor:
        return ops.divide(rate, ops.add(ops.multiply(self._passed(step), self.decay_rate), 1.0))


def _cosine(fraction: Any) -> Any:
    """Half a cosine wave: from 1 at 0 down to 0 at 1."""
    return ops.multiply(ops.add(ops.cos(ops.multiply(fraction, math.pi)), 1.0), 0.5)


class CosineDecay(_Decay):
    """Falls as half a cosine wave, after a linear rise if one is asked for.

    From Loshchilov & Hutter 2016, "SGDR".

    Args:
        initial_learning_rate: the rate of step 0.
        decay_steps: how many steps the fall takes.
        alpha: share of the highest rate at which it ends.
        name: of the schedule.
        warmup_target: the rate to which it first rises; there is no rise if None.
        warmup_steps: how many steps the rise takes.

    Raises ValueError for `decay_steps` that are not positive.
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, name)
        self.alpha = alpha
        self.warmup_steps = warmup_steps
        self.warmup_target = warmup_target

    def _rate(self, rate: Tensor, step: Tensor, dtype: str) -> Tensor:
        if self.warmup_target is None:
            return self._fallen(step, rate)
        top = ops.cast(self.warmup_target, dtype)
        fallen = self._fallen(ops.maximum(ops.subtract(step, self.warmup_steps), 0.0), top)
        if not self.warmup_steps:
            return fallen
        passed = ops.divide(step, self.warmup_steps)
        risen = ops.add(ops.multiply(ops.subtract(top, rate), passed), rate)
        return ops.where(ops.less(step, self.warmup_steps), risen, fallen)

    def _fallen(self, step: Any, top: Any) -> Any:
        """The rate `step` steps after the highest."""
        passed = ops.divide(ops.minimum(step, self.decay_steps), self.decay_steps)
        share = ops.add(ops.multiply(_cosine(passed), 1 - self.alpha), self.alpha)
        return ops.multiply(top, share)


class CosineDecayRestarts(_Decay):
    """Falls as half a cosine wave again and again, each time longer and from a lower rate.

    From Loshchilov & Hutter 2016, "SGDR".

    Args:
        initial_learning_rate: the rate of step 0.
        first_decay_steps: how many steps the first fall takes.
        t_mul: by which factor each fall is longer than the one before.
        m_mul: by which factor each begins higher than the one before.
        alpha: share of the first rate at which each ends.
        name: of the schedule.

    Raises ValueError for `first_decay_steps` that are not positive.
    """

    def __init__(
        self,
        initial_learning_rate: Any,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        super().__init__(initial_learning_rate, first_decay_steps, name, "first_decay_steps")
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha

    def _rate(self, rate: Tensor, step: Tensor, dtype: str) -> Tensor:
        passed = ops.divide(step, self.first_decay_steps)
        if self.t_mul == 1.0:
            restarts = ops.floor(passed)
            passed = ops.subtract(passed, restarts)
        else:
            grown = ops.subtract(1.0, ops.multiply(passed, 1.0 - self.t_mul))
            restarts = ops.floor(ops.divide(ops.log(grown), math.log(self.t_mul)))
            length = ops.power(ops.cast(self.t_mul, dtype), restarts)
            before = ops.divide(ops.subtract(1.0, length), 1.0 - self.t_mul)
            passed = ops.divide(ops.subtract(passed, before), length)
        top = ops.power(ops.cast(self.m_mul, dtype), restarts)
        share = ops.multiply(ops.multiply(top, _cosine(passed)), 1 - self.alpha)
        return ops.multiply(rate, ops.add(share, self.alpha))


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """Returns the config of a schedule, with its class."""
    return configs.serialize_object(learning_rate_schedule)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """Makes the schedule that a config describes.

    Args:
        config: what `serialize` gives; a name of this module needs no "module".
        custom_objects: classes that it may name, by name.

    Raises ValueError for a class that is neither of this module nor registered.
    """
    if config.get("module") is None and config.get("class_name") in __all__:
        config = {**config, "module": "keras.optimizers.schedules"}
    return configs.deserialize(config, custom_objects)
