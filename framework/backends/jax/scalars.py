"""Python numbers beside 64-bit tensors of JAX."""

from functools import wraps

import jax.numpy as jnp
import numpy as np

WIDE = {np.dtype(name) for name in ("int64", "uint64", "float64", "complex128")}
_KERNELS = (
    "add subtract multiply divide floor_divide mod fmod power maximum minimum "
    "equal not_equal less less_equal greater greater_equal"
).split()


def doubles(backend: type) -> type:
    """The class of a backend, whose kernels of two operands take Python floats as doubles.

    Where its x64 switch is off, JAX rounds them to 32 bits, even beside a float64 tensor.
    """
    for name in _KERNELS:
        setattr(backend, name, staticmethod(_in_double(getattr(backend, name))))
    backend.where = staticmethod(_where)  # pyright: ignore[reportAttributeAccessIssue]
    return backend


def _in_double(function):
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


def _where(condition, x1, x2):
    if type(x1) is float:
        x1 = _beside(x1, x2.dtype) if getattr(x2, "dtype", None) in WIDE else x1
    elif type(x2) is float and x1.dtype in WIDE:
        x2 = _beside(x2, x1.dtype)
    return jnp.where(condition, x1, x2)
