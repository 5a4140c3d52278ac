"""Into tensors, out of them, and between dtypes."""

import numpy as np

from .. import dtypes
from ..backends import registry
from ..backends.registry import owner_of
from ..typing import DType, TensorLike
from .casting import cast_to, converted
from .dispatch import Tensor, tensor
from .errors import wrong
from .op import op


@op
def convert_to_tensor(
    x: TensorLike, dtype: DType = None, sparse: bool | None = None, ragged: bool | None = None
) -> Tensor:
    """Returns `x` as a tensor of its backend (of the current one, if it is no tensor yet).

    Python ints become int32, floats the default float; NumPy arrays keep their dtype, unless
    `dtype` says otherwise. A Python integer that `dtype` cannot hold is an error. A sparse tensor
    is filled with its zeros when `sparse` is False, a ragged one when `ragged` is.
    """
    y = converted(x, dtype)
    if sparse is None is ragged:
        return y
    backend, y = tensor(y)
    kept = sparse if backend.is_sparse(y) else ragged
    return backend.densify(y) if kept is False else y


def convert_to_numpy(x: TensorLike) -> np.ndarray:
    """Returns `x` as a NumPy array, which may be written to; on torch it shares its memory with
    `x`.
    """
    if isinstance(x, np.ndarray):
        return x
    backend, x = tensor(x)
    y = backend.to_numpy(x)
    return y if y.flags.writeable or backend.name == "numpy" else y.copy()


def is_tensor(x: TensorLike) -> bool:
    """Tells whether `x` is a tensor of a backend; symbolic ones are none, as in Keras."""
    owner = owner_of(x)
    if isinstance(owner, registry.Kind):
        return owner is registry.ARRAY and registry.current().name == "numpy"
    return not owner.symbolic


def shape(x: TensorLike) -> tuple:
    """Returns the shape of `x`: ints, None in a symbolic tensor where unknown, scalars in a TF
    graph.
    """
    backend, x = tensor(x)
    return backend.shape(x)


def dtype(x: TensorLike) -> str:
    """Returns the name of the dtype of `x`, such as "float32"."""
    backend, x = tensor(x)
    return backend.dtype(x)


@op
def cast(x: TensorLike, dtype: DType) -> Tensor:
    """Returns `x` in another dtype.

    Floats become integers by cutting off the fraction; what lies beyond the integers that `dtype`
    holds becomes the nearest of them, NaN becomes 0. Integers that are too long lose their upper
    bits. Of a complex number the real part is kept. Booleans are 1 and 0; what is not zero is true.
    """
    backend, x = tensor(x)
    return cast_to(backend, x, dtypes.standardize(dtype))


@op
def saturate_cast(x: TensorLike, dtype: DType) -> Tensor:
    """Returns `x` in another dtype; what lies beyond that dtype's range becomes its nearest end.

    Floats that are too large become the largest finite number, infinities included; NaN stays NaN
    in a float dtype and becomes 0 in an integer one.
    """
    backend, x = tensor(x)
    dtype, before = dtypes.standardize(dtype), backend.dtype(x)
    if "bool" in (before, dtype) or before == dtype or before in dtypes.COMPLEX:
        return cast_to(backend, x, dtype)
    if before in dtypes.STORED or (dtype in dtypes.STORED and before in dtypes.LIMITS):
        x, before = cast_to(backend, x, "float32"), "float32"
    if dtype in dtypes.FLOATS or dtype in dtypes.STORED:
        if before in dtypes.FLOATS:
            low, high = _float_ends(before, dtype)
            x = backend.minimum(backend.maximum(x, low), high)
    elif before in dtypes.LIMITS:
        ends = zip(dtypes.LIMITS[before], dtypes.LIMITS[dtype], strict=True)
        (low, least), (high, most) = ends
        x = backend.maximum(x, backend.asarray(least, before)) if least > low else x
        x = backend.minimum(x, backend.asarray(most, before)) if most < high else x
    return cast_to(backend, x, dtype)


def _float_ends(before: str, dtype: str) -> tuple[float, float]:
    """The finite numbers that both dtypes hold."""
    largest = {
        "float8_e4m3fn": 448.0,
        "float8_e5m2": 57344.0,
        "float16": 65504.0,
        "bfloat16": float.fromhex("0x1.fep127"),
        "float32": float.fromhex("0x1.fffffep127"),
        "float64": float.fromhex("0x1.fffffffffffffp1023"),
    }
    high = min(largest[before], largest[dtype])
    return -high, high


@op
def stop_gradient(variable: TensorLike) -> Tensor:
    """Returns `variable`, through which no gradient flows."""
    backend, x = tensor(variable)
    return backend.stop_gradient(x)


@op
def view_as_complex(x: TensorLike) -> Tensor:
    """Returns complex numbers from pairs: (..., 2) real and imaginary parts to (...).

    complex64 from float32 (and from the half floats), complex128 from float64.
    """
    backend, x = tensor(x)
    sizes = backend.static_shape(x)
    if not sizes or sizes[-1] not in (2, None):
        raise wrong("x", x, "a tensor whose last axis has 2 elements, a real and an imaginary part")
    if backend.dtype(x) not in ("float32", "float64"):
        x = backend.cast(x, "float32")
    return backend.complex_from(backend.get_item(x, (..., 0)), backend.get_item(x, (..., 1)))


@op
def view_as_real(x: TensorLike) -> Tensor:
    """Returns pairs of real and imaginary parts, (..., 2), from complex numbers (...)."""
    backend, x = tensor(x)
    if backend.dtype(x) not in dtypes.COMPLEX:
        raise wrong("x", x, "a tensor of complex numbers")
    return backend.stack([backend.real(x), backend.imag(x)], -1)
