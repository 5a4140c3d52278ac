"""History: the metrics of every epoch."""

import os
from typing import Any

from .base import Callback


class History(Callback):
    """Records the metrics of every epoch; `fit` returns it.

    Attributes:
        history: name -> list of values, one for each epoch.
        epoch: the numbers of the epochs, from 0.
    """

    _kept = ("history", "epoch")

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Begins a new list of epochs."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Notes the metrics of an epoch."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draws the metrics over the epochs, a panel for each, with its validation beside it.

        Args:
            path: of the picture, whose ending names its format: .png, .svg or .pdf.

        Raises:
            ImportError: matplotlib is not installed.
            ValueError: nothing has been recorded.
        """
        try:
            from matplotlib.figure import Figure
        except ImportError as error:
            raise ImportError(
                "History.plot needs matplotlib. Install it with: pip install 'isozoo[plots]'."
            ) from error
        names = list(dict.fromkeys(name.removeprefix("val_") for name in self.history))
        if not names:
            raise ValueError("History.plot: there is no epoch to draw. Call `fit` first.")
        figure = Figure(figsize=(6.4, 2.6 * len(names)), layout="constrained")
        panels = figure.subplots(len(names), squeeze=False)[:, 0]
        for name, panel in zip(names, panels, strict=True):
            for label in (name, f"val_{name}"):
                values = self.history.get(label)
                if values:
                    epochs = [number + 1 for number in self.epoch[-len(values) :]]
                    marker = "o" if len(values) == 1 else None
                    panel.plot(epochs[-len(values) :], values, label=label, marker=marker)
            panel.set_xlabel("epoch")
            panel.set_ylabel(name)
            panel.legend()
        figure.savefig(path)
