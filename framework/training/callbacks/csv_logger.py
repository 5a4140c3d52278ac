"""CSVLogger: the metrics of every epoch as a table in a file."""

import csv
import os
from typing import Any, TextIO

import numpy as np

from .base import Callback


class CSVLogger(Callback):
    """Writes the metrics of every epoch as a line of a CSV file, under a line with their names.

    Args:
        filename: of the file.
        separator: what stands between values.
        append: whether lines are added to a file that is there; else it is begun anew.
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self.keys: list[str] | None = None
        self.csv_file: TextIO | None = None
        self._writer: Any = None
        self._needs_header = True

    def on_train_begin(self, logs: Any = None) -> None:
        """Opens the file."""
        self._close()
        has_lines = os.path.exists(self.filename) and os.path.getsize(self.filename) > 0
        self._needs_header = not (self.append and has_lines)
        mode = "a" if self.append else "w"
        self.csv_file = open(self.filename, mode, newline="", encoding="utf-8")
        self._writer = self.keys = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes a line. Columns are those of the first epoch, "NA" stands for what is missing."""
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                # Validation may come in later epochs only.
                self.keys += [f"val_{key}" for key in self.keys]
        if self._writer is None:
            assert self.csv_file is not None
            names = ["epoch", *self.keys]
            self._writer = csv.DictWriter(
                self.csv_file, names, delimiter=self.sep, lineterminator="\n"
            )
            if self._needs_header:
                self._writer.writeheader()
        row = {key: _cell(logs.get(key, "NA")) for key in self.keys}
        self._writer.writerow({"epoch": epoch, **row})
        assert self.csv_file is not None
        self.csv_file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        """Closes the file."""
        self._close()

    def _close(self) -> None:
        if self.csv_file is not None and not self.csv_file.closed:
            self.csv_file.close()
        self._writer = None


def _cell(value: Any) -> Any:
    if np.ndim(value) and not isinstance(value, str):
        return f'"[{", ".join(map(str, value))}]"'
    return value
