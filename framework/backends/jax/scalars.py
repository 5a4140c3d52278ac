"""Python numbers beside 64-bit tensors of JAX."""

from functools import wraps

import jax.numpy as jnp
import numpy as np

WIDE = {np.dtype(name) for name in ("int64", "uint64", "float64", "complex128")}


def in_double(function):
    """Returns a kernel of two operands, of which one may be a double.

    Where its x64 switch is off, JAX rounds Python floats to 32 bits, even beside a float64 tensor.
    """

    @wraps(function)
    def kernel(x1, x2):
        if type(x2) is float or type(x2) is complex:
            if x1.dtype in WIDE:
                x2 = _beside(x2, x1.dtype)
        elif (type(x1) is float or type(x1) is complex) and x2.dtype in WIDE:
            x1 = _beside(x1, x2.dtype)
        return function(x1, x2)

    return kernel


def _beside(number, dtype):
    return jnp.asarray(np.asarray(number, dtype), dtype)


def where(condition, x1, x2):
    """Returns elements of x1 or x2, of which one may be a Python number."""
    if type(x1) is float:
        x1 = _beside(x1, x2.dtype) if getattr(x2, "dtype", None) in WIDE else x1
    elif type(x2) is float and x1.dtype in WIDE:
        x2 = _beside(x2, x1.dtype)
    return jnp.where(condition, x1, x2)
