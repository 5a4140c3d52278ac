"""ModelCheckpoint: saves the model as training goes on."""

import os
import warnings
from typing import Any

import numpy as np

from ...saving.part_files import ENDING as SHARDS
from ...utils.messages import print_message
from .counting import Every, checked_frequency
from .monitor import MonitorCallback


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after epochs or a number of batches.

    The file is written whole or not at all, so one that is there stays until the next is complete.
    Under a distribution weights go to "….shards.json": each process writes those of its devices.

    Args:
        filepath: where; may have fields of `str.format`, such as
            "{epoch:02d}-{val_loss:.2f}.keras", for `epoch` (from 1), `batch` and the logs.
        monitor: the metric by which the best is told.
        verbose: 1 to tell of each file.
        save_best_only: whether to save only when the metric is better than before.
        save_weights_only: whether the weights alone are saved.
        mode: "min", "max", or "auto" for what the metric says of itself.
        save_freq: "epoch", or after how many batches.
        initial_value_threshold: a value that the first one has to beat.

    Raises:
        ValueError: a frequency or an ending of the file's name that there is not.
    """

    _kept = ("best", "_seen")

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: int | str = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.save_freq = checked_frequency(save_freq)
        self._every = Every(save_freq)
        self._epoch = 0
        if save_weights_only and not self.filepath.endswith((".weights.h5", SHARDS)):
            raise ValueError(
                "When using `save_weights_only=True` in `ModelCheckpoint`, the filepath provided "
                "must end in `.weights.h5` (Keras weights format), or in `.shards.json` for a file "
                f"of each device. Received: filepath={filepath}"
            )
        if not save_weights_only and not self.filepath.endswith((".keras", ".h5")):
            raise ValueError(
                "The filepath provided must end in `.keras` (Keras model format). Received: "
                f"filepath={filepath}"
            )

    @property
    def _seen(self) -> list[int]:
        """What a backup keeps of the counting."""
        return [self._every.counted, self._every.last]

    @_seen.setter
    def _seen(self, value: list[int]) -> None:
        self._every.counted, self._every.last = value

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Notes the epoch, for names of files."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Saves if it is time to."""
        if self._every.is_due(batch):
            self._save(self._epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Saves if that is wanted after epochs."""
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _save(self, epoch: int, batch: int | None, logs: Any) -> None:
        logs = logs or {}
        path = self._path(epoch, batch, logs)
        if not self._is_wanted(epoch, logs, path):
            return
        if os.path.isdir(path):
            raise OSError(
                "Please specify a non-directory filepath for ModelCheckpoint. Filepath used is an "
                f"existing directory: {path}"
            )
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        self._tell(epoch, f"finished saving model to {path}")

    def _path(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        fields = {"epoch": epoch + 1, **logs}
        if batch is not None:
            fields.setdefault("batch", batch + 1)
        try:
            return self.filepath.format(**fields)
        except KeyError as error:
            raise KeyError(
                f'Failed to format this callback filepath: "{self.filepath}". Reason: {error} is '
                f"not among {sorted(fields)}."
            ) from error

    def _is_wanted(self, epoch: int, logs: dict[str, Any], path: str) -> bool:
        if not self.save_best_only:
            self._tell(epoch, f"saving model to {path}")
            return True
        self._choose_direction()
        current = logs.get(self.monitor)
        if current is None or np.ndim(current):
            reason = (
                f"Can save best model only with {self.monitor} available."
                if current is None
                else f"Can save best model only when `monitor` is a scalar value. Received: "
                f"{current}. Falling back to `save_best_only=False`."
            )
            warnings.warn(reason, stacklevel=4)
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(current, self.best):
            self._tell(epoch, f"{self.monitor} did not improve from {best}")
            return False
        self._tell(
            epoch,
            f"{self.monitor} improved from {best} to {current:.5f}, saving model to {path}",
        )
        self.best = current
        return True

    def _tell(self, epoch: int, text: str) -> None:
        if self.verbose:
            print_message(f"\nEpoch {epoch + 1}: {text}")
