"""CallbackList: all callbacks of a loop, called as one."""

from collections.abc import Callable
from typing import Any

from ...nested import flatten
from ..logs import python_logs
from .base import Callback, overrides
from .history import History
from .progbar_logger import ProgbarLogger

# What the base class does of its own accord: a hook that stands for another.
_STANDS_FOR = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class CallbackList(Callback):
    """Calls the hooks of several callbacks, in order, and no hook that a callback does not have.

    Args:
        callbacks: callbacks, nested in lists.
        add_history: whether a History is added where there is none; it becomes `model.history`.
        add_progbar: whether a ProgbarLogger is added where there is none.
        model: the model.
        **params: settings of the loop, which every callback gets: verbose, epochs, steps.
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        self.callbacks: list[Callback] = flatten(callbacks) if callbacks else []
        self._history = _of_kind(self.callbacks, History)
        if add_history and self._history is None:
            self._history = History()
            self.callbacks.append(self._history)
        if add_progbar and _of_kind(self.callbacks, ProgbarLogger) is None:
            self.callbacks.append(ProgbarLogger())
        self._hooks: dict[str, list[Callable[..., None]]] = {}
        self.set_model(model)
        self.set_params(params)

    def append(self, callback: Callback) -> None:
        """Adds a callback, which gets the model and the settings."""
        self.callbacks.append(callback)
        self._hooks.clear()
        if self._model is not None:
            callback.set_model(self._model)
        callback.set_params(self.params or {})

    def set_params(self, params: dict[str, Any]) -> None:
        """Gives every callback the settings of the loop."""
        super().set_params(params)
        if params:
            for callback in self.callbacks:
                callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Gives every callback the model."""
        if model is None:
            return
        super().set_model(model)
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    def _of(self, hook: str) -> list[Callable[..., None]]:
        """The callbacks' own methods for a hook."""
        found = self._hooks.get(hook)
        if found is None:
            found = self._hooks[hook] = []
            # A backup comes last: it holds what the others have done. Their order stays.
            for callback in sorted(self.callbacks, key=lambda c: hasattr(c, "_bring_back")):
                name = hook if overrides(callback, hook) else _STANDS_FOR.get(hook, "")
                if name and overrides(callback, name):
                    found.append(getattr(callback, name))
        return found

    def _begin(self, hook: str, logs: Any) -> None:
        self._hooks.clear()  # a callback may have got hooks since
        logs = python_logs(logs)
        for call in self._of(hook):
            call(logs)

    def _end(self, hook: str, logs: Any) -> None:
        logs = python_logs(logs)
        for call in self._of(hook):
            call(logs)

    def _batch(self, hook: str, batch: int, logs: Any) -> None:
        hooks = self._of(hook)
        if hooks:
            logs = python_logs(logs)
            for call in hooks:
                call(batch, logs=logs)

    def _epoch(self, hook: str, epoch: int, logs: Any) -> None:
        logs = python_logs(logs)
        for call in self._of(hook):
            call(epoch, logs)

    def on_train_begin(self, logs: Any = None) -> None:
        """Calls the hook of every callback; then those with a backup bring back what it holds."""
        self._begin("on_train_begin", logs)
        for callback in self.callbacks:
            if hasattr(callback, "_bring_back"):
                callback._bring_back(self.callbacks)  # pyright: ignore[reportAttributeAccessIssue]

    def on_train_end(self, logs: Any = None) -> None:
        """Calls the hook of every callback."""
        self._end("on_train_end", logs)

    def on_test_begin(self, logs: Any = None) -> None:
        """Calls the hook of every callback."""
        self._begin("on_test_begin", logs)

    def on_test_end(self, logs: Any = None) -> None:
        """Calls the hook of every callback."""
        self._end("on_test_end", logs)

    def on_predict_begin(self, logs: Any = None) -> None:
        """Calls the hook of every callback."""
        self._begin("on_predict_begin", logs)

    def on_predict_end(self, logs: Any = None) -> None:
        """Calls the hook of every callback."""
        self._end("on_predict_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Calls the hook of every callback."""
        self._epoch("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Calls the hook of every callback; all get the same logs, to which they may add."""
        self._epoch("on_epoch_end", epoch, logs)

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Calls the hook of every callback."""
        self._batch("on_batch_begin", batch, logs)

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Calls the hook of every callback."""
        self._batch("on_batch_end", batch, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Calls the hook of every callback."""
        self._batch("on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Calls the hook of every callback."""
        self._batch("on_train_batch_end", batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Calls the hook of every callback."""
        self._batch("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Calls the hook of every callback."""
        self._batch("on_test_batch_end", batch, logs)

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Calls the hook of every callback."""
        self._batch("on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Calls the hook of every callback."""
        self._batch("on_predict_batch_end", batch, logs)


def _of_kind(callbacks: Any, kind: type) -> Any:
    """The last callback of a kind; None without one."""
    return next((c for c in reversed(list(callbacks)) if isinstance(c, kind)), None)
