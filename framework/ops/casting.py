"""Tensors in a dtype that was asked for; what ops use among themselves."""

from typing import Any

from .. import dtypes
from ..backends.registry import SCALAR, SEQUENCE, owner_of
from ..typing import TensorLike
from .checks import fits
from .dispatch import Tensor, common_backend, flattened, tensor


def converted(x: Any, dtype: Any) -> Tensor:
    """Returns `x` as a tensor, in `dtype` unless that is None."""
    dtype = None if dtype is None else dtypes.standardize(dtype)
    kind = owner_of(x)
    if kind is SCALAR or kind is SEQUENCE:
        numbers = [x] if kind is SCALAR else flattened(x)
        whole = numbers and all(type(v) is int or type(v) is bool for v in numbers)
        if whole and dtype not in ("bool", *dtypes.STORED):
            for value in (min(numbers), max(numbers)):
                fits(value, dtype or "int32", "x")
            if dtype is not None:
                return common_backend(()).asarray(x, dtype)
    backend, x = tensor(x)
    if dtype is None:
        return x
    return cast_to(backend, x, dtype)


def cast_to(backend: Any, x: Tensor, dtype: str) -> Tensor:
    """Works as `cast`, on a tensor of `backend` and to the name of a dtype."""
    before = backend.dtype(x)
    if before == dtype:
        return x
    if dtype in dtypes.STORED:
        return backend.cast_to_storage(cast_to(backend, x, "float32"), dtype)
    if before in dtypes.STORED:
        return cast_to(backend, backend.cast(x, "float32"), dtype)
    if before in dtypes.COMPLEX and dtype not in dtypes.COMPLEX and dtype != "bool":
        return cast_to(backend, backend.real(x), dtype)
    if dtype in dtypes.LIMITS and before in dtypes.FLOATS:
        return backend.saturated(x, dtype)
    return backend.cast(x, dtype)


def as_indices(backend: Any, indices: TensorLike) -> Tensor:
    """Returns indices as int32 or int64, so that they and the sizes of axes have one dtype.

    An empty list has come as floats; other floats are cut off, as in Keras.
    """
    dtype = backend.dtype(indices)
    if dtype == "int32" or dtype == "int64":
        return indices
    return backend.cast(indices, "int64" if dtype in ("uint32", "uint64") else "int32")
