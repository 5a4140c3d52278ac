"""Random arguments: shapes, dtypes, numbers and the special ones among them."""

import math
from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from ...framework import dtypes

FLOATS = ("float32", "float64", "float16", "bfloat16")
SIGNED = ("int32", "int64", "int8", "int16")
UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
INTEGERS = (*SIGNED, *UNSIGNED)
REAL = (*FLOATS, *INTEGERS, "bool")
NUMBERS = (*FLOATS, *INTEGERS)
COMPLEX = ("complex64", "complex128")
ANY = (*REAL, *COMPLEX)

_SIZES = (0, 1, 1, 2, 2, 3, 3, 4, 5)


def numpy_dtype(name: str) -> Any:
    """The NumPy dtype of a name in the table of dtypes."""
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def name_of(x: np.ndarray) -> str:
    """The name of an array's dtype."""
    return dtypes.standardize(x.dtype)


class Draw:
    """Random choices of one case. The key names the case: equal keys draw the same."""

    def __init__(self, *key: int) -> None:
        self.random = np.random.default_rng(key)

    def chance(self, share: float) -> bool:
        """True with probability `share`."""
        return bool(self.random.random() < share)

    def pick(self, *choices: Any) -> Any:
        """One of the choices."""
        return choices[int(self.random.integers(len(choices)))]

    def whole(self, low: int, high: int) -> int:
        """An integer from `low` to `high`, both included."""
        return int(self.random.integers(low, high + 1))

    def dtype(self, choices: Sequence[str]) -> str:
        """One of the dtypes; the first, which users have most, more often than the others."""
        return choices[0] if self.chance(0.3) else self.pick(*choices)

    def size(self, least: int = 0) -> int:
        """The size of an axis: small, often 1, at times 0."""
        return max(least, self.pick(*_SIZES))

    def shape(self, least: int = 0, most: int = 3, smallest: int = 0) -> tuple[int, ...]:
        """Sizes of `least` to `most` axes, none below `smallest`."""
        rank = self.whole(least, most)
        empty = smallest == 0 and self.chance(0.25)
        return tuple(self.size(0 if empty else max(1, smallest)) for _ in range(rank))

    def alike(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape that broadcasts with `shape` and adds no axis to it."""
        kept = shape[self.whole(0, len(shape)) :] if self.chance(0.3) else shape
        return tuple(1 if self.chance(0.2) else n for n in kept)

    def axis(self, rank: int) -> int:
        """An axis of a tensor of `rank` axes, counted from the front or from the end."""
        return self.whole(-rank, rank - 1)

    def axes(self, rank: int) -> Any:
        """None, an axis, or several different ones."""
        if not rank or self.chance(0.3):
            return None
        if self.chance(0.6):
            return self.axis(rank)
        some = self.random.permutation(rank)[: self.whole(0 if self.chance(0.1) else 1, rank)]
        return tuple(int(a) - (rank if self.chance(0.3) else 0) for a in some)

    def array(self, shape: tuple[int, ...], dtype: str, values: str = "wild") -> np.ndarray:
        """An array of numbers.

        `values` says which: "tame" around zero; "wild" with NaN, infinities, zeros and the ends of
        the dtype among them; "finite" the same without NaN and infinities; "apart" tame ones that
        are no two near each other nor near an integer; "ties" with many equal ones; "positive",
        "unit" (-1 to 1), "small" (integers from -3 to 7).
        """
        if dtype == "bool":
            return np.asarray(self.random.random(shape) < 0.5)
        if dtype in COMPLEX:
            part = "float32" if dtype == "complex64" else "float64"
            z = np.empty(shape, dtype)
            z.real, z.imag = self.array(shape, part, values), self.array(shape, part, values)
            return z
        x = self._floats(shape, values) if dtype in FLOATS else self._integers(shape, dtype, values)
        x = np.asarray(x).astype(numpy_dtype(dtype))
        if values in ("wild", "finite") and self.chance(0.6):
            self._put_specials(x, dtype, values)
        return x

    def _floats(self, shape: tuple[int, ...], values: str) -> np.ndarray:
        draw = self.random
        if values == "unit":
            return draw.uniform(-0.97, 0.97, shape)
        if values == "positive":
            return draw.uniform(0.1, 4.0, shape)
        if values in ("ties", "small"):
            return np.asarray(draw.integers(-3, 8, shape), float) / (2 if values == "ties" else 1)
        if values == "apart":
            size = math.prod(shape)
            cells = draw.permutation(max(size, 1) * 2)[:size].reshape(shape)
            return (cells + 0.3) / (size + 1) * 4 - 2 * 2 + 0.37 / (size + 1)
        x = draw.normal(size=shape)
        return x if values == "tame" else x * 2.0 ** draw.integers(-6, 7, shape)

    def _integers(self, shape: tuple[int, ...], dtype: str, values: str) -> np.ndarray:
        low, high = dtypes.LIMITS[dtype]
        least, most = {"positive": (1, 9), "unit": (0, 0)}.get(values, (-3, 7))
        if values in ("tame", "wild", "finite", "apart"):
            least, most = -20, 20
        return self.random.integers(max(low, least), min(high, most) + 1, shape)

    def _put_specials(self, x: np.ndarray, dtype: str, values: str) -> None:
        if dtype in FLOATS:
            most = dtypes.LARGEST[dtype]
            least = {"float16": 2.0**-14, "float64": 2.0**-1022}.get(dtype, 2.0**-126)
            special = [0.0, -0.0, 1.0, -1.0, 0.5, most, -most, least]
            special += [math.nan, math.inf, -math.inf] if values == "wild" else []
        else:
            low, high = dtypes.LIMITS[dtype]
            special = [0, 1, low, high, low + 1, high - 1]
        for place in np.ndindex(x.shape):
            if self.chance(0.3):
                x[place] = self.pick(*special)
