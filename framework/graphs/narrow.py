"""Numbers of a few bits (int4, float8, …) in dtypes that every framework computes in."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ops import cast
from .calls import Narrow

# Narrow dtype -> the dtype that stands for it: each number of it is one there, too.
CARRIERS = {"int4": "int8", "int2": "int8", "uint4": "uint8", "uint2": "uint8"}
# Narrow dtypes that frameworks can store.
_STORED = ("float8_e4m3fn", "float8_e5m2")


def carrier_of(dtype: str) -> str:
    """Returns the dtype in which a variable keeps numbers of `dtype`."""
    if dtype in CARRIERS or dtype in _STORED:
        return CARRIERS.get(dtype, dtype)
    return "float32" if dtype.startswith(("float8", "float4")) else dtype


def narrow_array(array: np.ndarray, dtype: str) -> np.ndarray:
    """Returns an array of ml_dtypes' in the dtype that stands for it."""
    if dtype == "bfloat16":
        return array
    return array.astype(CARRIERS.get(dtype, "float32"))


def from_carrier(x: Any, dtype: str) -> Narrow:
    """Returns what a variable keeps as numbers of a narrow dtype."""
    return Narrow(cast(x, CARRIERS.get(dtype, "float32")), dtype)
