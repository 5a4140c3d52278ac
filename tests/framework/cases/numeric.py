"""Rows of ops: arithmetic that has no framework-wide kernel, products of tensors."""

from __future__ import annotations

import numpy as np
import scipy.special

from .table import (
    BITS,
    CONDITION,
    CUBE,
    FLOAT,
    FLOATS,
    NUMBERS,
    POSITIVE,
    SMALL,
    A,
    B,
    C,
    case,
    numbers,
    rows,
)

WHOLE = ("int32", "uint8", "int64", "int8", "uint16", "uint32")
ZEROS = np.where(CONDITION, B, 0).astype(np.float32)


def _divide_no_nan(x, y):
    return np.where(y == 0, 0, x / np.where(y == 0, 1, y))


case("divide_no_nan", A, POSITIVE, dtype=FLOAT, reference=_divide_no_nan)
case("divide_no_nan", A, ZEROS, reference=_divide_no_nan, fixed=(1,), tried=(), note="zeros")
for name in ("fmax", "fmin"):
    case(name, A, B)
    case(name, A, C, note="broadcast")
case("fmod", A, POSITIVE + 1, tried=NUMBERS, error=1e-6, of_largest=True)
case("fmod", A, -0.75, tried=FLOATS, of_largest=True, note="scalar")
case("hypot", A, B, dtype=FLOAT)
case("logaddexp", A, B, dtype=FLOAT, of_largest=True)
case("logaddexp", A * 30, 2.0, tried=FLOATS, note="scalar")
case("logaddexp2", A, B, dtype=FLOAT, of_largest=True)
case("heaviside", A, B, dtype=FLOAT, gradient=False)
case("heaviside", ZEROS, 0.5, gradient=False, tried=FLOATS, note="scalar")
case("nextafter", A, B, gradient=False, error=1e-6, dtype=FLOAT)
case("ldexp", A, SMALL - 3, fixed=(1,), dtype=FLOAT)
for name in ("gcd", "lcm"):
    case(name, BITS - 100, SMALL, tried=WHOLE, gradient=False)
    case(name, BITS, 12, tried=WHOLE, gradient=False, note="scalar")
case("fabs", A, dtype=FLOAT)
MISSING = np.where(CONDITION, np.nan, A).astype(np.float32)
HOLES = np.array([[0.5, np.nan, np.inf], [-np.inf, 1.25, -1.5]], np.float32)
MOST = float(np.finfo(np.float32).max)
case("nan_to_num", HOLES, tried=(), gradient=False,
     reference=lambda x: np.nan_to_num(x, posinf=MOST, neginf=-MOST))  # fmt: skip
case("nan_to_num", HOLES, 2.0, 3.0, -4.0, gradient=False, note="values",
     reference=lambda x, *v: np.nan_to_num(x, nan=v[0], posinf=v[1], neginf=v[2]))  # fmt: skip
case("nan_to_num", A, note="finite")
case("cbrt", A, dtype=FLOAT)
case("exp2", A, dtype=FLOAT)
# Near its zeros the sine of pi x has the rounding of pi x.
case("sinc", A, dtype=FLOAT, of_largest=True)
case("i0", A, dtype=FLOAT, reference=scipy.special.i0)
for name in ("deg2rad", "rad2deg"):
    case(name, A, dtype=FLOAT)
case("trunc", A, gradient=False)
case("angle", A, dtype=FLOAT, gradient=False)
case("angle", (A + 1j * B).astype(np.complex64), dtype="float32", tried=(), gradient=False,
     note="complex")  # fmt: skip

# Products ---------------------------------------------------------------------------------------

SUMS = {"of_largest": True, "tried": NUMBERS}
case("dot", CUBE, numbers(4, 2), **SUMS)
case("dot", CUBE, numbers(4), **SUMS, note="vector")
case("dot", A, 2.0, tried=FLOATS, note="scalar")
case("dot", numbers(3, 4), numbers(2, 4, 5), **SUMS, note="more")
case("inner", A, numbers(3, 5), **SUMS)
case("inner", numbers(5), numbers(5), **SUMS, note="vectors")
case("vdot", A, B, **SUMS)
case("vdot", (A + 1j * B).astype(np.complex64), (B - 1j * A).astype(np.complex64),
     of_largest=True, tried=(), gradient=False, error=3e-6, note="complex")  # fmt: skip
case("outer", A, numbers(2, 2))
case("kron", A, numbers(2, 3), tried=NUMBERS)
case("kron", numbers(3), rows(2), tried=NUMBERS, note="fewer")
case("tensordot", CUBE, numbers(3, 4, 2), **SUMS)
case("tensordot", CUBE, numbers(4, 2), axes=1, **SUMS, note="one")
case("tensordot", CUBE, numbers(5, 4), axes=(-1, 1), **SUMS, note="pair")
case("tensordot", CUBE, numbers(4, 5, 3), axes=([1, 2], [2, 0]), **SUMS, note="pairs")
case("tensordot", A, numbers(2), axes=0, tried=NUMBERS, note="none")
case("cross", rows(3), rows(3), **SUMS)
case("cross", rows(3, 4), numbers(3), axisa=1, axisc=0, **SUMS, note="axes")
case("cross", rows(2, 3), numbers(2, 3), axis=-1, **SUMS, note="axis")


def _flat_cross(x, y):
    """The product of vectors of 2 elements, which NumPy has given up."""
    pad = lambda v: np.pad(v, [(0, 0)] * (v.ndim - 1) + [(0, 3 - v.shape[-1])])  # noqa: E731
    z = np.cross(pad(x), pad(y))
    return z[..., 2] if x.shape[-1] == y.shape[-1] == 2 else z


case("cross", rows(2), rows(2), reference=_flat_cross, **SUMS, note="plane")
case("cross", rows(2), rows(3), reference=_flat_cross, **SUMS, note="plane-space")
