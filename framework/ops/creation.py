"""Making tensors, as NumPy and Keras define it."""

import numpy as np

from .. import dtypes
from ..backends import registry
from .dispatch import Tensor, common_backend, sizes, tensor
from .op import op


@op
def zeros(shape, dtype=None) -> Tensor:
    """A tensor of zeros."""
    return registry.current().zeros(sizes(shape), dtypes.standardize(dtype))


@op
def ones(shape, dtype=None) -> Tensor:
    """A tensor of ones."""
    return registry.current().full(sizes(shape), 1, dtypes.standardize(dtype))


@op
def full(shape, fill_value, dtype=None) -> Tensor:
    """A tensor of one value, in the default float unless `dtype` or a tensor value says more."""
    backend = common_backend((fill_value,))
    if dtype is None and not isinstance(fill_value, bool | int | float):
        dtype = backend.dtype(tensor(fill_value)[1])
    return backend.full(sizes(shape), fill_value, dtypes.standardize(dtype))


def _like(x, dtype):
    backend, x = tensor(x)
    return backend, x, backend.dtype(x) if dtype is None else dtypes.standardize(dtype)


@op
def zeros_like(x, dtype=None) -> Tensor:
    """Zeros in the shape (and dtype) of `x`."""
    backend, x, dtype = _like(x, dtype)
    return backend.full_like(x, 0, dtype)


@op
def ones_like(x, dtype=None) -> Tensor:
    """Ones in the shape (and dtype) of `x`."""
    backend, x, dtype = _like(x, dtype)
    return backend.full_like(x, 1, dtype)


@op
def full_like(x, fill_value, dtype=None) -> Tensor:
    """One value in the shape (and dtype) of `x`."""
    backend, x, dtype = _like(x, dtype)
    return backend.full_like(x, fill_value, dtype)


@op
def arange(start, stop=None, step=1, dtype=None) -> Tensor:
    """Numbers from `start` (0 when only one bound is given) below `stop`, `step` apart.

    int32 for ints, the default float for floats, unless `dtype` says otherwise.
    """
    if stop is None:
        start, stop = 0, start
    start, stop, step = (v.item() if isinstance(v, np.generic) else v for v in (start, stop, step))
    backend = common_backend((start, stop, step))
    if dtype is None:
        kinds = (
            type(v) if isinstance(v, int | float) else backend.dtype(v) for v in (start, stop, step)
        )
        dtype = dtypes.result_type(*kinds)
    return backend.arange(start, stop, step, dtypes.standardize(dtype))


@op
def linspace(start, stop, num: int = 50, endpoint: bool = True, dtype=None) -> Tensor:
    """`num` evenly spaced numbers from `start` to `stop` (Python scalars)."""
    return registry.current().linspace(start, stop, num, endpoint, dtypes.standardize(dtype))


@op
def eye(N: int, M: int | None = None, k: int = 0, dtype=None) -> Tensor:
    """Ones on diagonal `k` of an N by M matrix."""
    return registry.current().eye(N, N if M is None else M, k, dtypes.standardize(dtype))


@op
def tril(x, k: int = 0) -> Tensor:
    """`x` with zeros above diagonal `k` of its last two axes."""
    backend, x = tensor(x)
    return backend.tril(x, k)


@op
def triu(x, k: int = 0) -> Tensor:
    """`x` with zeros below diagonal `k` of its last two axes."""
    backend, x = tensor(x)
    return backend.triu(x, k)
