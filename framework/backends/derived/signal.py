"""Windows, frames and segments from primitives."""

import numpy as np

from ... import dtypes
from .primitives import Primitives


def identity(kind: str, dtype: str) -> float:
    """What a segment without rows has: 0 of a sum, 1 of a product, else the extreme number."""
    if kind in ("sum", "prod"):
        return int(kind == "prod")
    if dtype in dtypes.LIMITS:
        return dtypes.LIMITS[dtype][kind == "min"]
    return float("inf") if kind == "min" else float("-inf")


class Signal(Primitives):
    """Kernels of signals that follow from others."""

    def extract_sequences(self, x, length, stride):
        """Frames of the last axis: (..., frames, length)."""
        size = self.static_shape(x)[-1]
        starts = np.arange(0, size - length + 1, stride, dtype=np.int32)
        places = self.asarray(starts[:, None] + np.arange(length, dtype=np.int32), "int32")
        return self.take(x, places, -1)

    def overlap_add(self, frames, stride):
        """The sum of frames (..., n, length), each `stride` behind the one before."""
        *lead, number, length = self.shape(frames)
        rounds = -(-length // stride)
        rest = [(0, 0)] * len(lead)
        frames = self.pad(frames, [*rest, (0, 0), (0, rounds * stride - length)], "constant", 0)
        parts = self.reshape(frames, (*lead, number, rounds, stride))
        total = None
        for k in range(rounds):
            part = self.pad(parts[..., k, :], [*rest, (k, rounds - 1 - k), (0, 0)], "constant", 0)
            total = part if total is None else self.add(total, part)
        total = self.reshape(total, (*lead, (number + rounds - 1) * stride))
        return total[..., : (number - 1) * stride + length]

    def beside(self, values, x):
        """`values` on the device of `x`."""
        return values

    def countable(self, ids) -> bool:
        """Whether the number of segments can be read off the ids."""
        return self.concrete(ids)
