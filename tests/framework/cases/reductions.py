"""Rows of ops: reductions and products."""

from __future__ import annotations

import numpy as np
import scipy.special

from .table import (
    ANY,
    CUBE,
    FLOAT,
    FLOATS,
    NUMBERS,
    SAME,
    SMALL,
    SUM,
    A,
    B,
    C,
    case,
    numbers,
    rows,
)

AXES = ({}, {"axis": 1}, {"axis": -1, "keepdims": True}, {"axis": (0, 2)}, {"axis": [1, 2]})
_TUPLES = {name: getattr(np, name) for name in ("sum", "prod", "mean", "var", "std", "max", "min")}
_TUPLES |= {"amax": np.max, "amin": np.min, "logsumexp": scipy.special.logsumexp}


def _along(function):
    def reference(x, axis=None, **kwargs):
        return function(x, axis=tuple(axis) if isinstance(axis, list) else axis, **kwargs)

    return reference


for name, function in _TUPLES.items():
    rule = {"sum": SUM, "prod": SUM, "max": SAME, "min": SAME, "amax": SAME, "amin": SAME}
    for i, kwargs in enumerate(AXES[: 2 if name.startswith("am") else 5]):
        case(
            name,
            CUBE,
            reference=_along(function),
            dtype=rule.get(name, FLOAT),
            of_largest=True,
            note=str(i),
            **kwargs,
        )
for name in ("all", "any"):
    for i, kwargs in enumerate(AXES):
        reference = _along(getattr(np, name))
        case(name, SMALL[..., None], reference=reference, dtype="bool", gradient=False, note=str(i),
             **kwargs)  # fmt: skip
for name in ("argmax", "argmin"):
    for i, kwargs in enumerate(({}, {"axis": 1}, {"axis": -1, "keepdims": True})):
        case(name, CUBE, dtype="int32", gradient=False, tried=NUMBERS, note=str(i), **kwargs)
    case(name, SMALL, dtype="int32", axis=1, gradient=False, tried=ANY, note="ties")
    case(name, SMALL, dtype="int32", keepdims=True, gradient=False, tried=(), note="whole")

MATRICES = rows(3, 4)
case("matmul", MATRICES, rows(4, 2), of_largest=True, tried=NUMBERS)
case("matmul", MATRICES, numbers(4, 2), of_largest=True, tried=NUMBERS, note="shared")
case("matmul", numbers(3, 4), rows(4, 2), of_largest=True, tried=NUMBERS, note="shared-first")
case("matmul", MATRICES, numbers(4), of_largest=True, tried=NUMBERS, note="matrix-vector")
case("matmul", numbers(4), rows(4, 2), of_largest=True, tried=NUMBERS, note="vector-matrix")
case("matmul", numbers(4), numbers(4), of_largest=True, tried=NUMBERS, note="vectors")
case("matmul", rows(1, 3, 4), numbers(2, 4, 5), of_largest=True, tried=NUMBERS, note="broadcast")
case("einsum", "bij,bjk->bik", MATRICES, rows(4, 2), of_largest=True, tried=NUMBERS)
case("einsum", "...ij,jk->...ik", MATRICES, numbers(4, 2), of_largest=True, tried=NUMBERS,
     note="ellipsis")  # fmt: skip
case("einsum", "bij->b", MATRICES, of_largest=True, tried=FLOATS, note="sum")
case("einsum", "ij,ij,j", A, B, C, of_largest=True, tried=FLOATS, note="three")
