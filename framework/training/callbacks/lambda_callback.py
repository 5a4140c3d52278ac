"""LambdaCallback: hooks given as functions."""

from collections.abc import Callable
from typing import Any

from .base import Callback


class LambdaCallback(Callback):
    """A callback whose hooks are the functions given.

    Args:
        on_epoch_begin: a function `(epoch, logs)`.
        on_epoch_end: a function `(epoch, logs)`.
        on_train_begin: a function `(logs)`.
        on_train_end: a function `(logs)`.
        on_train_batch_begin: a function `(batch, logs)`.
        on_train_batch_end: a function `(batch, logs)`.
        **kwargs: other hooks of Callback by their names, or any attribute.
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for name, function in given.items():
            if function is not None:
                setattr(self, name, function)
