"""Distances between vectors."""

from ..typing import TensorLike
from .checks import matrices
from .dispatch import Tensor, float_promoted
from .errors import wrong
from .op import op


@op
def cdist(x: TensorLike, y: TensorLike) -> Tensor:
    """Returns Euclidean distances of all pairs of the rows of x (..., m, d) and y (..., n, d):
    (..., m, n).

    Batches broadcast. Where two rows are equal the gradient is 0.
    """
    backend, x, y = float_promoted(x, y)
    matrices(backend, x, "x")
    matrices(backend, y, "y")
    sizes = backend.static_shape(x)[-1], backend.static_shape(y)[-1]
    if None not in sizes and sizes[0] != sizes[1]:
        raise wrong("y", y, f"rows of the same length as those of x, {sizes[0]}")
    name = backend.dtype(x)
    if name not in ("float16", "bfloat16"):
        return backend.cdist(x, y)
    return backend.cast(backend.cdist(*(backend.cast(t, "float32") for t in (x, y))), name)
