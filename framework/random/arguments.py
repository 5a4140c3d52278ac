"""What the arguments of draws may be."""

from typing import Any

import numpy as np

from .. import dtypes
from ..backends.registry import TENSORS
from ..ops.errors import InvalidArgumentError


def float_dtype(name: str, dtype: Any) -> str:
    """Returns the name of a float dtype, the default float for None. An error for any other."""
    found = dtypes.standardize(dtype)
    if not dtypes.is_float(found):
        raise InvalidArgumentError(
            f"`keras.random.{name}` requires a floating point `dtype`. Received: dtype={dtype}. "
            f"Expected one of {', '.join(dtypes.FLOATS)}."
        )
    return found


def int_dtype(name: str, dtype: Any) -> str:
    """Returns the name of an integer dtype. An error for any other."""
    found = dtypes.standardize("int32" if dtype is None else dtype)
    if not dtypes.is_integer(found):
        raise InvalidArgumentError(
            f"`keras.random.{name}` requires an integer `dtype`. Received: dtype={dtype}. "
            f"Expected one of {', '.join(dtypes.INTEGERS)}."
        )
    return found


def standard_shape(backend: Any, shape: Any) -> tuple:
    """Returns a shape as a tuple: of ints, and where a graph does not know a size, scalar
    tensors.
    """
    if isinstance(shape, int | np.integer):
        shape = (shape,)
    elif TENSORS.get(type(shape)) is backend:
        shape = backend.to_numpy(shape) if backend.name != "tensorflow" else backend.unstack(shape)
    sizes = tuple(int(n) if isinstance(n, np.integer) else n for n in shape)
    for n in sizes:
        if n is None or isinstance(n, float | str) or (isinstance(n, int) and n < 0):
            raise InvalidArgumentError(
                f"argument `shape`: got {shape}; expected sizes, integers of at least 0."
            )
    return sizes


def host_number(x: Any) -> float | None:
    """Returns a Python or NumPy number as a float; None for anything else."""
    return float(x) if isinstance(x, _NUMBERS) else None


_NUMBERS = (int, float, np.integer, np.floating)  # a union of them torch.compile cannot trace
