"""Into tensors, out of them, and between dtypes."""

import numpy as np

from .. import dtypes
from ..backends import registry
from ..backends.registry import classify
from .dispatch import Tensor, tensor
from .op import op


@op
def convert_to_tensor(x, dtype=None) -> Tensor:
    """`x` as a tensor of its backend (of the current one, if it is no tensor yet).

    Python ints become int32, floats the default float; NumPy arrays keep their dtype.
    """
    backend, x = tensor(x)
    return x if dtype is None else _cast(backend, x, dtype)


array = convert_to_tensor


def convert_to_numpy(x) -> np.ndarray:
    """`x` as a NumPy array; may share memory with it, so treat the result as read-only."""
    if isinstance(x, np.ndarray):
        return x
    backend, x = tensor(x)
    return backend.to_numpy(x)


def is_tensor(x) -> bool:
    """Whether `x` is a tensor of a backend, or a symbolic one."""
    owner = classify(type(x))
    if isinstance(owner, registry.Kind):
        return owner is registry.HOST and registry.current().name == "numpy"
    return True


def shape(x) -> tuple:
    """The shape of `x`: ints, None in a symbolic tensor where unknown, scalars in a TF graph."""
    backend, x = tensor(x)
    return backend.shape(x)


def ndim(x) -> int:
    """The number of axes of `x`."""
    backend, x = tensor(x)
    return len(backend.static_shape(x))


@op
def cast(x, dtype) -> Tensor:
    """`x` in another dtype. Floats become integers by cutting off the fraction."""
    backend, x = tensor(x)
    return _cast(backend, x, dtype)


def _cast(backend, x, dtype):
    dtype = dtypes.standardize(dtype)
    return x if backend.dtype(x) == dtype else backend.cast(x, dtype)


@op
def stop_gradient(x) -> Tensor:
    """`x`, through which no gradient flows."""
    backend, x = tensor(x)
    return backend.stop_gradient(x)


@op
def copy(x) -> Tensor:
    """A tensor with the same contents and memory of its own."""
    backend, x = tensor(x)
    return backend.copy(x)
