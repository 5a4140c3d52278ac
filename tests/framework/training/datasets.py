"""PyDatasets for the tests, in a module that worker processes can import."""

from __future__ import annotations

import os
import signal

import numpy as np

from isozoo.utils import PyDataset


class Numbered(PyDataset):
    """Batch i holds i, and the number of the epochs that had begun when it was made."""

    def __init__(self, count: int | None = 6, fails_at: int = -1, **kwargs) -> None:
        super().__init__(**kwargs)
        self.count, self.fails_at = count, fails_at

    @property
    def num_batches(self) -> int | None:
        return self.count

    def __getitem__(self, index: int):
        if index == self.fails_at:
            raise OSError(f"batch {index} cannot be read")
        return np.full((2, 1), index, "float32"), np.full((2,), os.getpid())


class Growing(Numbered):
    """One batch more after each epoch; the hooks are noted."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.calls: list[str] = []

    def on_epoch_begin(self) -> None:
        self.calls.append("begin")

    def on_epoch_end(self) -> None:
        self.calls.append("end")
        self.count += 1


class Dying(Numbered):
    """A dataset whose processes are killed."""

    def __getitem__(self, index: int):
        os.kill(os.getpid(), signal.SIGKILL)
