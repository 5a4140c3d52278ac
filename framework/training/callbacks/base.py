"""Callback: what the training loop tells, and when."""

from typing import Any


class Callback:
    """Base of objects that the training loop calls at certain points, as in Keras.

    A subclass overrides the hooks it wants; the loop calls no others. `logs` are the metrics so
    far, by name; those of a batch are fetched from the device when they are looked at.

    Attributes:
        params: the settings of the loop: "verbose", "epochs", "steps".
        validation_data: None; older programs look for it.
    """

    # Names of attributes that a backup keeps beside the model: what this callback has counted.
    _kept: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.params: dict[str, Any] | None = None
        self.validation_data: Any = None
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The model that is trained, evaluated or asked."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Takes the settings of the loop."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Takes the model, before anything begins."""
        self._model = model

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before a batch of training, unless `on_train_batch_begin` is overridden."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after a batch of training, unless `on_train_batch_end` is overridden."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Called before an epoch of training; epochs count from 0."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Called after an epoch and its validation, whose metrics begin with "val_"."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before a batch of training; batches count from 0 in each epoch."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after a batch of training, with the metrics of the epoch so far."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before a batch of evaluation or validation."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after a batch of evaluation or validation."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Called before a batch of prediction."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Called after a batch of prediction; `logs["outputs"]` are its outputs."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Called once, before training."""

    def on_train_end(self, logs: Any = None) -> None:
        """Called once, after training that no error ended."""

    def on_test_begin(self, logs: Any = None) -> None:
        """Called before an evaluation or validation."""

    def on_test_end(self, logs: Any = None) -> None:
        """Called after an evaluation or validation."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Called before a prediction."""

    def on_predict_end(self, logs: Any = None) -> None:
        """Called after a prediction."""


def overrides(callback: Callback, hook: str) -> bool:
    """Returns whether a callback has a hook of its own, by its class or as an attribute."""
    own = getattr(type(callback), hook, None) is not getattr(Callback, hook)
    return own or hook in vars(callback)
