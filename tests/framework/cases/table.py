"""One row for each public op: inputs, what they should give, and what else holds of the op.

The tests of `test_ops.py` run the whole table. References are NumPy, SciPy or the loops of
`references.py`, in float64; where the name of an op is NumPy's and nothing else is said, its
reference is NumPy's function.

Tensors whose first axis is a batch have `BATCH` rows, a number that no other size is a multiple of:
so a test can tell which sizes of a result must be unknown when the batch is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

BATCH = 7

# What dtypes an op is tried in, beside float32.
FLOATS = ("float16", "bfloat16", "float64")
NUMBERS = ("int32", "uint8", "int64", *FLOATS)
ANY = ("bool", *NUMBERS)
INTEGERS = ("bool", "int32", "uint8", "int64")

# How the dtype of the result follows from that of the tensors.
SAME, FLOAT, NOBOOL, SUM = "same", "float", "nobool", "sum"


@dataclass(frozen=True)
class Case:
    """A call of a public op and what is known about its result.

    `dtype` is SAME (the common dtype of the tensors), FLOAT (that, or the default float if it is
    none), NOBOOL (that, with booleans counted as int32), SUM (that, with integers of less than 32
    bits counted in int32 or uint32) or a dtype's name. `tried` are the dtypes
    in which the tensors may come. `gradient` says that the op can be differentiated by its float
    tensors. `error` bounds the relative error of each element; with `of_largest`, relative to the
    largest element of the result, as rounding in a sum is.
    """

    op: str
    args: tuple
    kwargs: dict[str, Any]
    reference: Callable[..., Any]
    dtype: str = SAME
    tried: tuple[str, ...] = ANY
    gradient: bool = True
    error: float = 1e-6
    of_largest: bool = False
    # Tensors (by position) that keep their dtype and get no gradient: indices, masks, statistics.
    fixed: tuple[int, ...] = ()
    note: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.op}-{self.note}" if self.note else self.op


_random = np.random.default_rng(20240229)


def rows(*shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """BATCH rows of numbers that lie at least 1/64 from every integer and half-integer."""
    return numbers(BATCH, *shape, low=low, high=high)


def numbers(*shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """Distinct float32 numbers from `low` to `high`, none near a point where functions jump."""
    cells = int((high - low) * 32)
    size = int(np.prod(shape))
    picked = _random.permutation(np.arange(cells * -(-size // cells)))[:size]
    shift = 1 / 64 + (picked // cells) / 256 / (1 + size // cells)
    return (low + (picked % cells) / 32 + shift).astype(np.float32).reshape(shape)


CASES: list[Case] = []


def case(op: str, *args: Any, reference: Any = None, **settings: Any) -> None:
    """Append a row; keywords that are no field of Case are arguments of the op."""
    fields = {name: settings.pop(name) for name in list(settings) if name in _FIELDS}
    reference = reference or getattr(np, op, None) or getattr(np.fft, op)
    CASES.append(Case(op, args, settings, reference, **fields))


_FIELDS = {"dtype", "tried", "gradient", "error", "of_largest", "fixed", "note"}
A, B = rows(5), rows(5)
C = numbers(5) + np.float32(1 / 128)  # equal to no element of A, where maximum has no gradient
POSITIVE = rows(5, low=0.25, high=3.0)
UNIT = rows(5, low=-0.9, high=0.9)
BITS = _random.integers(0, 200, (BATCH, 5)).astype(np.int32)
SMALL = _random.integers(0, 6, (BATCH, 5)).astype(np.int32)
CONDITION = _random.random((BATCH, 5)) < 0.5
CUBE = rows(3, 4)
