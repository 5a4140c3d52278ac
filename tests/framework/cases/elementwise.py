"""Rows of ops: elementwise."""

from __future__ import annotations

import numpy as np
import scipy.special

from .table import (
    BITS,
    CONDITION,
    FLOAT,
    FLOATS,
    INTEGERS,
    NOBOOL,
    NUMBERS,
    POSITIVE,
    SMALL,
    UNIT,
    A,
    B,
    C,
    case,
    rows,
)

for name in ("add", "multiply", "maximum", "minimum"):
    case(name, A, B)
    case(name, A, C, note="broadcast")
    case(name, A, 0.75, tried=FLOATS, note="scalar")
case("subtract", A, B, tried=NUMBERS)
case("subtract", 2, A, tried=NUMBERS, note="scalar-first")
for name in ("divide", "true_divide"):
    case(name, A, POSITIVE, dtype=FLOAT)
case("divide", 3, A, dtype=FLOAT, note="scalar-first")
case("floor_divide", A, POSITIVE + 1, tried=NUMBERS, gradient=False)
case("floor_divide", A, 0.75, tried=FLOATS, gradient=False, note="scalar")
case("mod", A, POSITIVE + 1, tried=NUMBERS, gradient=False)
case("mod", A, -0.75, tried=FLOATS, gradient=False, note="scalar")
case("power", POSITIVE, B, tried=FLOATS)
case("power", A, 3, tried=NUMBERS, note="scalar")
case("clip", SMALL, 1, 4, tried=NUMBERS, note="whole")
case("power", 2.0, A, tried=FLOATS, note="scalar-first")
case("arctan2", A, B, dtype=FLOAT)
for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
    case(name, SMALL, SMALL[:, ::-1].copy(), dtype="bool", gradient=False)
    case(name, A, 0, dtype="bool", gradient=False, note="scalar")
for name in ("logical_and", "logical_or", "logical_xor"):
    case(name, SMALL, SMALL[:, ::-1].copy(), dtype="bool", gradient=False)
    case(name, CONDITION, True, dtype="bool", tried=(), gradient=False, note="scalar")
case("logical_not", SMALL, dtype="bool", gradient=False)
for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    case(name, BITS, SMALL, tried=INTEGERS, gradient=False)
    case(name, BITS, 12, tried=("uint8", "int64"), gradient=False, note="scalar")
case("bitwise_not", BITS, tried=INTEGERS, gradient=False)
case("left_shift", BITS, SMALL, tried=("uint8", "int64"), gradient=False)
case("right_shift", BITS, SMALL, tried=("uint8", "int64"), gradient=False)
case("right_shift", -BITS, 2, tried=("int64",), gradient=False, note="scalar")
case("negative", A, tried=NUMBERS)
case("absolute", A)
case("abs", A, reference=np.abs)
case("sign", A, tried=NUMBERS, gradient=False)
case("square", A, dtype=NOBOOL)
case("reciprocal", A, dtype=FLOAT, reference=lambda x: 1 / x)
case("sqrt", POSITIVE, dtype=FLOAT)
case("rsqrt", POSITIVE, dtype=FLOAT, reference=lambda x: x**-0.5)
for name in ("exp", "expm1", "sin", "cos", "arctan", "sinh", "cosh", "tanh", "arcsinh"):
    case(name, A, dtype=FLOAT)
case("tan", UNIT, dtype=FLOAT)
for name in ("log1p", "arcsin", "arccos", "arctanh"):
    case(name, UNIT, dtype=FLOAT)
for name in ("log", "log2", "log10"):
    case(name, POSITIVE, dtype=FLOAT)
case("arccosh", rows(5, low=1.25, high=4.0), dtype=FLOAT)
case("erf", A, dtype=FLOAT, reference=scipy.special.erf)
for name in ("floor", "ceil"):
    case(name, A, dtype=FLOAT, gradient=False)
case("round", A, gradient=False, tried=NUMBERS)
case("round", A * 10, decimals=1, gradient=False, tried=FLOATS, note="decimals")
SPECIAL = np.array([[0.0, np.nan, np.inf], [-np.inf, 1.0, -1.0]], np.float32)
for name in ("isnan", "isinf", "isfinite"):
    case(name, SPECIAL, dtype="bool", gradient=False)
case("clip", A, -0.5, 0.75, tried=FLOATS)
case("clip", A, C - 0.5, C + 0.5, dtype=NOBOOL, note="tensors")
COMPLEX = (A + 1j * B).astype(np.complex64)
for name in ("real", "imag"):
    case(name, COMPLEX, dtype="float32", tried=(), gradient=False, note="complex")
case("real", A, gradient=False)
case("imag", A, gradient=False)
for name in ("conjugate", "conj"):
    case(name, COMPLEX, tried=(), gradient=False, note="complex")
    case(name, A, gradient=False)
