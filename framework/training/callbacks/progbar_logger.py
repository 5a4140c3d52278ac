"""ProgbarLogger: the progress of a loop on the screen."""

from typing import Any

from ...config import is_interactive_logging_enabled
from ...utils.messages import is_live, print_message
from ...utils.progbar import Progbar
from .base import Callback


class ProgbarLogger(Callback):
    """Shows the progress of training, evaluation or prediction.

    On a terminal or in a notebook a bar with the metrics is drawn over and over. Elsewhere, as in a
    pipe or a log, each epoch gives one line. The numbers of a batch are fetched from the device
    only when they are shown. Validation within training is silent.

    What `verbose` means: 0 is silence, 1 a bar, 2 one line for each epoch, "auto" a bar on a
    terminal and lines elsewhere.
    """

    def __init__(self) -> None:
        super().__init__()
        self.verbose = 1
        self.epochs = 1
        self.target: int | None = None
        self._seen = 0
        self._bar: Progbar | None = None
        self._in_fit = False
        self._draws = False

    def set_params(self, params: dict[str, Any]) -> None:
        """Takes "verbose", "epochs" and "steps" of the loop."""
        super().set_params(params)
        verbose = params.get("verbose", "auto")
        live = is_live() and is_interactive_logging_enabled()
        if verbose == "auto":
            verbose = 1 if live else 2
        self.verbose = int(verbose)
        self.epochs = params.get("epochs") or 1
        self.target = params.get("steps")
        self._draws = self.verbose == 1 and live

    def on_train_begin(self, logs: Any = None) -> None:
        """Notes that evaluations from now on are validations."""
        self._in_fit = True

    def on_train_end(self, logs: Any = None) -> None:
        """Notes that the training is over."""
        self._in_fit = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begins a bar, under a line with the number of the epoch."""
        self._start()
        if self.verbose and self.epochs > 1:
            print_message(f"Epoch {epoch + 1}/{self.epochs}")

    def on_test_begin(self, logs: Any = None) -> None:
        """Begins a bar, unless this is a validation."""
        if not self._in_fit:
            self._start()

    def on_predict_begin(self, logs: Any = None) -> None:
        """Begins a bar."""
        self._start()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Draws the bar anew if it is time to."""
        self._advance(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Draws the bar anew if it is time to."""
        if not self._in_fit:
            self._advance(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """Draws the bar anew if it is time to; outputs are not shown."""
        self._advance(batch, None)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Shows the metrics of the epoch, and those of the validation."""
        self._finish(logs)

    def on_test_end(self, logs: Any = None) -> None:
        """Shows the metrics, unless this is a validation."""
        if not self._in_fit:
            self._finish(logs)

    def on_predict_end(self, logs: Any = None) -> None:
        """Shows that all is done."""
        self._finish(logs)

    def _start(self) -> None:
        self._seen = 0
        self._bar = Progbar(self.target, verbose=self.verbose, stateless_metrics=())

    def _advance(self, batch: int, logs: Any) -> None:
        self._seen = batch + 1
        if self._draws and self._bar is not None and self._bar.is_due:
            self._bar.update(self._seen, _items(logs), finalize=False)

    def _finish(self, logs: Any) -> None:
        if self._bar is None:
            return
        # The number of steps may be known only now, or the loop was stopped before its end.
        self._bar.target = self.target = self.target or self._seen
        seen = self._seen if self._seen else self.target
        self._bar.update(seen, _items(logs), finalize=True)
        self._bar = None


def _items(logs: Any) -> list[tuple[str, Any]]:
    return list(logs.items()) if isinstance(logs, dict) else []
