"""Callbacks that set the learning rate between epochs."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...ops.conversion import convert_to_numpy
from ...utils.messages import print_message
from .base import Callback
from .monitor import MonitorCallback


def optimizers_of(model: Any) -> Iterator[tuple[str, Any]]:
    """Yields the optimizers of a model that have a learning rate, each with its name for messages.

    The name is "" for a single optimizer.
    """
    optimizer = model.optimizer
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    several = getattr(optimizer, "optimizers", None)
    if several is None:
        yield "", optimizer
    else:
        yield from ((one.name, one) for one in several)


def learning_rate_of(optimizer: Any) -> float:
    """Returns an optimizer's present learning rate.

    Raises:
        ValueError: it has none.
    """
    if not hasattr(optimizer, "learning_rate"):
        raise ValueError(
            f'Optimizer must have a "learning_rate" attribute; {type(optimizer).__name__} has none.'
        )
    return float(convert_to_numpy(optimizer.learning_rate))


def note_learning_rates(model: Any, logs: dict[str, Any]) -> None:
    """Puts the learning rates into logs, as "learning_rate" or "learning_rate_<optimizer>"."""
    for name, optimizer in optimizers_of(model):
        key = f"learning_rate_{name}" if name else "learning_rate"
        logs[key] = learning_rate_of(optimizer)


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of every epoch.

    Args:
        schedule: a function `(epoch, learning_rate) -> learning_rate`, or of the epoch alone.
        verbose: 1 to tell of each change.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Sets the learning rate of the optimizer, or of each of several.

        Raises:
            ValueError: the schedule's result is no float.
        """
        for name, optimizer in optimizers_of(self.model):
            rate = learning_rate_of(optimizer)
            try:
                rate = self.schedule(epoch, rate)
            except TypeError:
                rate = self.schedule(epoch)
            if not isinstance(rate, float | np.floating):
                raise ValueError(
                    "The output of the `schedule` function should be a float. "
                    f"Got: {rate!r} of type {type(rate).__name__}."
                )
            optimizer.learning_rate = float(rate)
            if self.verbose:
                of = f"{name} " if name else ""
                print_message(
                    f"\nEpoch {epoch + 1}: LearningRateScheduler setting {of}learning rate to "
                    f"{rate}."
                )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Adds the learning rate to the logs."""
        if logs is not None:
            note_learning_rates(self.model, logs)


class ReduceLROnPlateau(MonitorCallback):
    """Makes the learning rate smaller when a metric has not got better for some epochs.

    Args:
        monitor: the metric's name in the logs.
        factor: what the learning rate is multiplied by; below 1.
        patience: how many epochs without a better value are waited for.
        verbose: 1 to tell of each change.
        mode: "min", "max", or "auto" for what the metric says of itself.
        min_delta: how much better a value must be to count.
        cooldown: how many epochs after a change are not looked at.
        min_lr: the smallest learning rate.

    Raises:
        ValueError: a factor that is not below 1.
    """

    _kept = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(
                f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}"
            )
        self.factor, self.min_lr = factor, min_lr
        self.patience, self.verbose, self.cooldown = patience, verbose, cooldown
        self.cooldown_counter = self.wait = 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Forgets what an earlier training left."""
        self.best = None
        self.cooldown_counter = self.wait = 0

    def in_cooldown(self) -> bool:
        """Returns whether epochs after a change are still not looked at."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compares the metric with its best value, and changes the rate after the patience.

        Raises:
            ValueError: `mode` is "auto" and nothing tells which way is better.
        """
        self._choose_direction()
        logs = {} if logs is None else logs
        note_learning_rates(self.model, logs)
        current = self._value(logs, "Learning rate reduction is conditioned on")
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def _reduce(self, epoch: int) -> bool:
        """Make all rates smaller that are not the smallest; whether there was one."""
        reduced = False
        for name, optimizer in optimizers_of(self.model):
            rate = learning_rate_of(optimizer)
            if rate <= np.float32(self.min_lr):  # rates are kept in float32
                continue
            reduced = True
            rate = max(rate * self.factor, self.min_lr)
            optimizer.learning_rate = rate
            if self.verbose:
                of = f" {name}" if name else ""
                print_message(
                    f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing{of} learning rate to {rate}."
                )
        return reduced
