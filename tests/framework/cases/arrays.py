"""Rows of ops: shapes, joining, indexing."""

from __future__ import annotations

import operator

import numpy as np

from isozoo.scripts.references import kernels as by_hand

from .table import (
    BITS,
    CONDITION,
    CUBE,
    FLOATS,
    NOBOOL,
    NUMBERS,
    SMALL,
    A,
    B,
    C,
    case,
    numbers,
    rows,
)

case("reshape", CUBE, (-1, 6), reference=lambda x, shape: x.reshape(shape))
case("reshape", CUBE[:4], (2, 4, 6), reference=lambda x, shape: x.reshape(shape), note="full")
case("ravel", CUBE)
case("transpose", CUBE)
case("transpose", CUBE, axes=(0, 2, 1), note="axes")
case("transpose", CUBE, axes=(-1, 0, -2), note="negative")
case("swapaxes", CUBE, -1, 1)
case("moveaxis", CUBE, 0, -1)
case("moveaxis", CUBE, (0, -1), (1, 0), note="several")
case("expand_dims", CUBE, -1)
case("expand_dims", CUBE, (1, -1), note="several")
case("expand_dims", CUBE, [0, 2], reference=lambda x, a: np.expand_dims(x, tuple(a)), note="list")
case("squeeze", rows(1, 3, 1))
case("squeeze", rows(1, 3, 1), axis=-1, note="axis")
case("squeeze", rows(1, 3, 1), axis=(1, 3), note="several")
case("broadcast_to", numbers(3, 1), (2, 3, 4))
case("concatenate", [A, B, rows(2)], axis=1)
case("concatenate", [A, B], axis=-1, note="negative")
case("concatenate", [A, SMALL], axis=1, tried=(), dtype="float32", note="mixed", gradient=False)
case("stack", [A, B])
case("stack", [A, B, A], axis=-1, note="last")
case("unstack", CUBE, axis=1, reference=lambda x, axis: list(np.moveaxis(x, axis, 0)))
case("unstack", CUBE, num=4, axis=-1, reference=lambda x, num, axis: list(np.moveaxis(x, axis, 0)),
     note="last")  # fmt: skip
case("split", numbers(2, 6), 3, axis=1)
case("split", CUBE, [1, 2], axis=1, note="places")
case("split", numbers(2, 6), (2, 2, 9), axis=-1, note="empty")
case("pad", CUBE, ((0, 0), (1, 2), (0, 2)))
case("pad", CUBE[:2], 1, note="int")
case("pad", CUBE[:2], (1, 1), constant_values=5, tried=NUMBERS, note="value")
for mode in ("reflect", "symmetric", "edge", "wrap"):
    case("pad", CUBE, ((0, 0), (1, 2), (0, 2)), mode=mode, note=mode)
case("pad", numbers(3), ((3, 4),), mode="edge", note="wide-edge")
case("flip", CUBE)
case("flip", CUBE, axis=-1, note="axis")
case("flip", CUBE, axis=(0, 2), note="several")
case("tile", A[:3], (2, 2))
case("tile", A[:3], (2, 1, 2), note="more")
case("tile", A[:3], (2,), note="fewer")
case("repeat", CUBE, 2, axis=1)
case("repeat", CUBE[:2], 3, note="flat")
case("repeat", CUBE, [1, 0, 2], axis=1, note="each")
case("roll", CUBE, 2, axis=1)
case("roll", CUBE[:2], -3, note="flat")
case("roll", CUBE, (1, -1), axis=(1, 2), note="several")
case("where", CONDITION, A, B, fixed=(0,))
case("where", CONDITION, A, 0.5, fixed=(0,), tried=FLOATS, note="scalar")
case("where", SMALL, A, C, fixed=(0,), note="numbers")
case("where", CONDITION, 1, 0, dtype="int32", tried=(), gradient=False, note="scalars")
PLACES = np.array([[2, -1, 0], [1, 1, -3]], np.int32)
case("take", CUBE, PLACES, axis=1, fixed=(1,))
case("take", CUBE, 1, axis=1, note="int")
case("take", CUBE, -1, axis=-1, note="last")
case("take", numbers(5, 4), PLACES, axis=0, fixed=(1,), note="table")
case("take", numbers(5, 4), PLACES, fixed=(1,), note="flat")
case("take", numbers(5, 4), [0, -2], axis=1, note="list")
ORDER = np.argsort(CUBE, 1).astype(np.int32)
case("take_along_axis", CUBE, ORDER, axis=1, fixed=(1,))
case("take_along_axis", CUBE, ORDER - 3, axis=1, fixed=(1,), note="negative")
case("take_along_axis", numbers(6), np.array([3, 0, -1]), axis=None, fixed=(1,), note="flat")
case("slice", CUBE[:4], (1, 0, 2), (2, 3, 1), reference=lambda x, s, n: x[1:3, 0:3, 2:3])
case("slice_update", CUBE[:4], (1, 0, 2), numbers(2, 3, 1), reference=by_hand.slice_update)
case("slice_update", CUBE, (0, 1, 0), rows(1, 4), reference=by_hand.slice_update, note="batch")
case("scatter_add", numbers(5), np.array([[0], [3], [0], [-1]]), numbers(4), fixed=(1,),
     tried=NUMBERS, reference=by_hand.scatter_add)  # fmt: skip
case("scatter_add", numbers(5, 2), np.array([[0], [3], [0]]), numbers(3, 2), fixed=(1,),
     tried=NUMBERS, reference=by_hand.scatter_add, note="rows")  # fmt: skip
case("sort", CUBE)
case("sort", CUBE, axis=1, note="axis")
case("argsort", SMALL, dtype="int32", reference=lambda x: np.argsort(x, -1, kind="stable"),
     gradient=False)  # fmt: skip
case("argsort", CUBE, axis=1, dtype="int32", gradient=False, tried=NUMBERS, note="axis")


def _top_k(x, k, **_):
    order = np.argsort(-x, -1, kind="stable")[..., :k]
    return np.take_along_axis(x, order, -1), order


case("top_k", SMALL, 3, reference=_top_k, dtype="mixed", tried=(), gradient=False)
case("top_k", CUBE, 2, reference=_top_k, dtype="mixed", tried=(), gradient=False, note="floats")
case("top_k", BITS.astype(np.uint8), 2, reference=lambda x, k: _top_k(x.astype(int), k),
     dtype="mixed", tried=(), gradient=False, note="unsigned")  # fmt: skip
for name in ("tril", "triu"):
    case(name, CUBE)
    case(name, CUBE, k=1, note="above")
    case(name, CUBE, k=-2, note="below")
for name in ("cumsum", "cumprod"):
    case(name, CUBE, axis=1, dtype=NOBOOL, of_largest=True)
    case(name, CUBE[:2], dtype=NOBOOL, of_largest=True, note="flat")

case("get_item", CUBE, (slice(None), 1, slice(0, 2)), reference=operator.getitem)
case("get_item", CUBE, (Ellipsis, None, -1), reference=operator.getitem, note="newaxis")
