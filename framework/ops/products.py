"""Products of matrices and tensors."""

from .dispatch import Tensor, promoted, promoted_all, together
from .op import op


@op
def matmul(x1, x2) -> Tensor:
    """The matrix product of the last two axes; leading axes broadcast, 1-D operands are vectors."""
    backend, x1, x2 = promoted(x1, x2)
    return backend.matmul(x1, x2)


@op
def einsum(subscripts: str, *operands) -> Tensor:
    """Sums of products by Einstein's convention, as `numpy.einsum`."""
    backend, operands = promoted_all(*operands)
    return backend.einsum(subscripts, *operands)


@op
def dense(x, kernel, bias=None) -> Tensor:
    """x @ kernel + bias.

    Shapes: x (…, in), kernel (in, out), bias (out,) or None; the result is (…, out).
    """
    backend, (x, kernel, bias) = together(x, kernel, bias)
    return backend.dense(x, kernel, bias)
