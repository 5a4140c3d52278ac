"""NumPy with matrix products summed term by term: the plainest float32 evaluation there is.

What a matrix library does to a sum (blocks, vectors, fused steps) differs from CPU to CPU. Summed
one term after the other, in elementwise steps, a product has the same bits on every CPU, and an
error that follows from the length and the condition of its sums alone.
"""

import numpy as np

from .backend import NumpyBackend


class TermByTermBackend(NumpyBackend):
    """The NumPy backend, with `matmul` (and so dense layers and attention) summed in order."""

    def matmul(self, x1, x2):
        """x1 @ x2 for operands of at least two axes each; NumPy's own otherwise."""
        if x1.ndim < 2 or x2.ndim < 2:
            return super().matmul(x1, x2)  # pyright: ignore[reportAbstractUsage]
        shape = np.broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
        total = np.zeros((*shape, x1.shape[-2], x2.shape[-1]), x1.dtype)
        for k in range(x1.shape[-1]):
            total += x1[..., :, k : k + 1] * x2[..., k : k + 1, :]
        return total


BACKEND = TermByTermBackend()
