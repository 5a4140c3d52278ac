"""EarlyStopping: ends training that no longer gets better."""

from typing import Any

from ...utils.messages import print_message
from .monitor import MonitorCallback


class EarlyStopping(MonitorCallback):
    """Ends training when a metric has not got better for some epochs.

    Args:
        monitor: the metric's name in the logs.
        min_delta: how much better a value must be to count.
        patience: how many epochs without a better value are waited for.
        verbose: 1 to tell when it acts.
        mode: "min", "max", or "auto" for what the metric says of itself.
        baseline: a value that must be beaten within the patience.
        restore_best_weights: whether the model gets the weights of its best epoch at the end.
        start_from_epoch: how many epochs at the beginning are not looked at.
    """

    _kept = ("best", "wait", "stopped_epoch", "best_epoch", "best_weights")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Forgets what an earlier training left."""
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Compares the metric with its best value, and ends training after the patience.

        Raises:
            ValueError: `mode` is "auto" and nothing tells which way is better.
        """
        self._choose_direction()
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)  # the best so far, whether or not it beats the baseline
        self.wait += 1
        if self._is_improvement(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self._keep(epoch)
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        """Gives the model its best weights, if that is wanted."""
        if self.stopped_epoch > 0 and self.verbose:
            print_message(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                print_message(
                    "Restoring model weights from the end of the best epoch: "
                    f"{self.best_epoch + 1}."
                )
            self.model.set_weights(self.best_weights)

    def get_monitor_value(self, logs: Any) -> Any:
        """Returns the metric's value in the logs; None, with a warning, where it is missing."""
        return self._value(logs, "Early stopping conditioned on")

    def _keep(self, epoch: int) -> None:
        self.best_weights, self.best_epoch = self.model.get_weights(), epoch
