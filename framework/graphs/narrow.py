"""Numbers of a few bits (int4, float8, …) in dtypes that every framework computes in.

Definition: github.com/onnx/onnx, docs/docsgen/source/technical (float8, float4, int4) and the
tables of Cast in docs/Operators.md.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import ops
from .calls import Narrow

# Narrow dtype -> the dtype that stands for it: each number of it is one there, too.
CARRIERS = {"int4": "int8", "int2": "int8", "uint4": "uint8", "uint2": "uint8"}
# Narrow integers: smallest and largest number.
LIMITS = {"int4": (-8, 7), "uint4": (0, 15), "int2": (-2, 1), "uint2": (0, 3)}
# Narrow dtypes that frameworks can store.
_STORED = ("float8_e4m3fn", "float8_e5m2")


class Form(NamedTuple):
    """A narrow float: bits of its fraction, its smallest exponent, its largest number, and what
    becomes of numbers beyond it where they are not cut off ("nan", "inf" or "most")."""

    fraction: int
    lowest: int
    most: float
    beyond: str


FORMS = {
    "float8_e4m3fn": Form(3, -6, 448.0, "nan"),
    "float8_e4m3fnuz": Form(3, -7, 240.0, "nan"),
    "float8_e5m2": Form(2, -14, 57344.0, "inf"),
    "float8_e5m2fnuz": Form(2, -15, 57344.0, "nan"),
    "float4_e2m1fn": Form(1, 0, 6.0, "most"),
}
E8M0 = "float8_e8m0fnu"


def carrier_of(dtype: str) -> str:
    """Returns the dtype in which a variable keeps numbers of `dtype`."""
    if dtype in CARRIERS or dtype in _STORED:
        return CARRIERS.get(dtype, dtype)
    return "float32" if dtype.startswith(("float8", "float4")) else dtype


def is_narrow(dtype: str) -> bool:
    """Tells whether no framework computes in a dtype."""
    return dtype in CARRIERS or dtype in FORMS or dtype == E8M0


def narrow_array(array: np.ndarray, dtype: str) -> np.ndarray:
    """Returns an array of ml_dtypes' in the dtype that stands for it."""
    return array.astype(CARRIERS.get(dtype, "float32")) if is_narrow(dtype) else array


def from_carrier(x: Any, dtype: str) -> Narrow:
    """Returns what a variable keeps as numbers of a narrow dtype."""
    return Narrow(ops.cast(x, CARRIERS.get(dtype, "float32")), dtype)


def plain(x: Any) -> Any:
    """Returns numbers in the dtype that stands for theirs."""
    return x.values if isinstance(x, Narrow) else x


def narrowed(x: Any, dtype: str, saturate: bool = True, mode: str = "up") -> Narrow:
    """Returns numbers cast to a narrow dtype.

    Args:
        x: numbers of a plain dtype.
        dtype: the narrow dtype. Integers keep the lowest bits, and floats lose their fraction.
        saturate: whether floats beyond the largest number become that.
        mode: how a number between two powers of two is rounded, for E8M0: "up", "down", "nearest".
    """
    if dtype in CARRIERS:
        bits = 4 if dtype.endswith("4") else 2
        whole = ops.cast(x, "int32")
        if dtype.startswith("u"):
            kept = ops.bitwise_and(whole, (1 << bits) - 1)
        else:
            kept = ops.right_shift(ops.left_shift(whole, 32 - bits), 32 - bits)
        return Narrow(ops.cast(kept, CARRIERS[dtype]), dtype)
    x = ops.cast(x, "float32")
    if dtype == E8M0:
        return Narrow(_power_of_two(x, saturate, mode), dtype)
    return Narrow(_rounded(x, dtype, saturate), dtype)


def _rounded(x: Any, dtype: str, saturate: bool) -> Any:
    """float32 rounded to the nearest number of a narrow float, to even between two."""
    form = FORMS[dtype]
    exponent = ops.subtract(ops.bitwise_and(ops.right_shift(ops.view(x, "int32"), 23), 255), 127)
    exponent = ops.maximum(exponent, form.lowest)
    step = ops.view(
        ops.left_shift(ops.add(ops.subtract(exponent, form.fraction), 127), 23), "float32"
    )
    y = ops.multiply(ops.round(ops.divide(x, step)), step)
    # Infinities, and what a step of infinity made of them.
    y = ops.where(ops.isinf(x), x, y)
    beyond = ops.greater(ops.absolute(y), form.most)
    if saturate or form.beyond == "most":
        most = ops.where(ops.less(x, 0), -form.most, form.most)
    elif form.beyond == "inf":
        most = ops.where(ops.less(x, 0), float("-inf"), float("inf"))
    else:
        most = ops.full_like(x, float("nan"))
    y = ops.where(beyond, ops.cast(most, "float32"), y)
    if dtype.endswith("fnuz"):  # there is no negative zero
        y = ops.where(ops.equal(y, 0), ops.zeros_like(y), y)
    # A form without infinities and NaN gives zero for NaN, as ml_dtypes does.
    nothing = ops.zeros_like(x) if form.beyond == "most" else x
    return ops.where(ops.isnan(x), nothing, y)


def _power_of_two(x: Any, saturate: bool, mode: str) -> Any:
    """float32 as powers of two from 2^-127 to 2^127, the only numbers that E8M0 has."""
    bits = ops.view(x, "int32")
    exponent = ops.bitwise_and(ops.right_shift(bits, 23), 255)
    fraction = ops.bitwise_and(bits, (1 << 23) - 1)
    if mode == "up":
        more = ops.greater(fraction, 0)
    elif mode == "nearest":
        half = 1 << 22
        odd = ops.greater(exponent, 0)
        above = ops.greater(fraction, half)
        more = ops.logical_or(above, ops.logical_and(ops.equal(fraction, half), odd))
    else:
        more = ops.zeros_like(fraction, dtype="bool")
    grown = ops.add(exponent, ops.cast(more, "int32"))
    if saturate:
        grown = ops.minimum(grown, 254)
    # 2^-127 lies below the normal numbers of float32: half of 2^-126.
    lowest = ops.equal(grown, 0)
    made = ops.view(ops.left_shift(ops.minimum(ops.maximum(grown, 1), 254), 23), "float32")
    made = ops.where(lowest, ops.multiply(made, 0.5), made)
    special = ops.logical_or(ops.equal(exponent, 255), ops.greater(grown, 254))
    return ops.where(special, ops.full_like(x, float("nan")), made)
