"""Special functions, element by element."""

from ..typing import TensorLike
from .dispatch import Tensor, floating
from .op import op


@op
def erfc(x: TensorLike) -> Tensor:
    """Computes 1 - erf(x), exact where erf is nearly 1. Abramowitz and Stegun, 7.1.2."""
    backend, x = floating(x)
    return backend.erfc(x)


@op
def erfinv(x: TensorLike) -> Tensor:
    """Returns the inverse of erf: infinite at -1 and 1, NaN beyond."""
    backend, x = floating(x)
    return backend.erfinv(x)
