"""Rows of ops: counting, telling apart, placing, diagonals, windows."""

from __future__ import annotations

import numpy as np

from isozoo.scripts.references import arrays as by_hand

from .table import (
    BITS,
    CONDITION,
    CUBE,
    FLOATS,
    INTEGERS,
    NUMBERS,
    SMALL,
    A,
    B,
    case,
    numbers,
)

EYE = {"tried": (), "gradient": False}
case("empty", (2, 3), dtype="float32", reference=np.zeros)
case("empty_like", A, gradient=False, reference=np.zeros_like)
case("identity", 4, dtype="float32")
case("tri", 3, dtype="float32")
case("tri", 3, 5, 1, dtype="float32", note="above")
case("tri", 4, 2, -2, dtype="float32", note="below")
case("full", (2, 3), numbers(3), tried=(), note="values")
case("full_like", CUBE, numbers(4), fixed=(1,), gradient=False, tried=(), note="values")
case("meshgrid", numbers(3), numbers(4), reference=lambda *x: list(np.meshgrid(*x)))
case(
    "meshgrid",
    numbers(3),
    numbers(4),
    numbers(2),
    indexing="ij",
    note="ij",
    reference=lambda *x, indexing: list(np.meshgrid(*x, indexing=indexing)),
)
case("logspace", 0, 3, 7, dtype="float32")
case("logspace", -1.0, 2, 5, endpoint=False, base=2, dtype="float32", note="open")
case(
    "logspace",
    numbers(3),
    numbers(3),
    4,
    dtype="float32",
    axis=-1,
    tried=(),
    note="tensors",
    error=3e-6,
)
case("geomspace", 1, 1000, 4, dtype="float32")
case("geomspace", -0.5, -64.0, 6, endpoint=False, dtype="float32", note="open")
case(
    "geomspace",
    numbers(3, low=1, high=2),
    numbers(3, low=3, high=9),
    5,
    dtype="float32",
    tried=(),
    note="tensors",
)
case(
    "linspace",
    numbers(3),
    numbers(2, 1),
    5,
    dtype="float32",
    tried=(),
    of_largest=True,
    note="tensors",
)
case(
    "linspace",
    CUBE,
    2.0,
    4,
    endpoint=False,
    axis=-1,
    dtype="float32",
    tried=(),
    of_largest=True,
    note="last",
)
case("linspace", 0, 3, 5, retstep=True, dtype="float32", tried=(), note="step")
for name in ("bartlett", "blackman", "hamming", "hanning"):
    case(name, 9, dtype="float32", of_largest=True)
    case(name, 1, dtype="float32", note="one")
case("kaiser", 8, 5.5, dtype="float32", of_largest=True)

SQUARE = numbers(4, 4)
for name in ("diag", "diagflat"):
    case(name, numbers(4))
    case(name, numbers(3), k=2, note="above")
    case(name, numbers(3), k=-1, note="below")
case("diag", SQUARE, k=1, note="of")
case("diag", SQUARE, k=-7, gradient=False, tried=(), note="none")
case("diagonal", CUBE)
case("diagonal", CUBE, offset=1, axis1=2, axis2=-2, note="negative")
case("diagonal", CUBE, offset=-1, axis1=1, axis2=2, note="below")
TRACE = {"reference": by_hand.trace, "of_largest": True, "tried": FLOATS}
case("trace", CUBE, axis1=1, axis2=2, **TRACE)
case("trace", CUBE, offset=-1, axis1=-1, axis2=1, note="below", **TRACE)
case("trace", SMALL.astype(np.uint8), dtype="uint32", tried=(), gradient=False, note="bytes")
case("vander", numbers(5))
case("vander", numbers(5), N=3, increasing=True, note="rising")
case(
    "vander",
    SMALL[:, 0],
    N=4,
    tried=("int64", "uint8"),
    gradient=False,
    note="whole",
)

case("append", A, B, axis=0, tried=NUMBERS)
case("append", A, CUBE, note="flat")
case("vstack", [A, B])
case("vstack", [A[0], B[0]], note="vectors")
case("hstack", [A, CUBE[:, :, 0]])
case("hstack", [A[0], B[1, :3]], note="vectors")
case("dstack", [A, B])
case("dstack", [A[0], B[0]], note="vectors")
case("concatenate", [A, CUBE], axis=None, note="flat")
case("array_split", CUBE, 2, axis=-1)
case("array_split", A[:5], 3, note="uneven")
case("hsplit", CUBE, 3)
case("hsplit", numbers(6), 2, note="vector")
case("vsplit", SQUARE, [1, 3])
case("dsplit", CUBE, [1, 1], reference=lambda x, cuts: list(np.dsplit(x, cuts)))
case("fliplr", CUBE)
case("flipud", CUBE)
for k in (1, 2, 3, 4, -1):
    case("rot90", CUBE, k, axes=(1, 2), note=str(k))
case("rot90", SQUARE, note="square")
case("diff", CUBE)
case("diff", CUBE, n=2, axis=1, tried=NUMBERS, note="twice")
case("diff", CUBE[:3], n=4, axis=0, tried=(), gradient=False, note="none")

case(
    "where",
    CONDITION[:3],
    dtype="int32",
    reference=lambda x: list(np.where(x)),
    **EYE,
    note="places",
)
case("select", [CONDITION, SMALL > 2], [A, B], 0.5, fixed=(0,), tried=FLOATS)
case("select", [CONDITION, SMALL > 2], [A, B], fixed=(0,), tried=NUMBERS, note="default")
PLACES = np.array([[0, 2], [3, -1], [0, 2]], np.int32)
case(
    "scatter",
    PLACES[:, :1] % 4,
    numbers(3, 5),
    (4, 5),
    reference=by_hand.scatter,
    fixed=(0,),
    tried=NUMBERS,
)
case(
    "scatter",
    abs(PLACES),
    numbers(3),
    (4, 5),
    reference=by_hand.scatter,
    fixed=(0,),
    tried=NUMBERS,
    note="deep",
)
APART = np.array([[0, 2], [3, -1], [1, 1]], np.int32)
case(
    "scatter_update", numbers(4, 5), APART, numbers(3), reference=by_hand.scatter_update, fixed=(1,)
)
case(
    "scatter_update",
    numbers(4, 5),
    APART[:, :1],
    numbers(3, 5),
    reference=by_hand.scatter_update,
    fixed=(1,),
    note="rows",
)
for name in ("add", "max", "min", "mul"):
    case(
        "scatter_update",
        numbers(4, 5),
        PLACES,
        numbers(3),
        name,
        reference=by_hand.scatter_update,
        fixed=(1,),
        tried=NUMBERS,
        gradient=name == "add",
        note=name,
    )
case(
    "scatter_update",
    numbers(4, 5),
    PLACES[:, :1],
    numbers(3, 5),
    "mul",
    note="mul-rows",
    reference=by_hand.scatter_update,
    fixed=(1,),
    gradient=False,
)
case(
    "unravel_index",
    SMALL,
    (3, 4),
    tried=("int64", "uint8"),
    gradient=False,
    reference=lambda x, shape: list(np.unravel_index(x, shape)),
)
case(
    "get_item",
    CUBE,
    (slice(None, None, -1), 1, slice(None, None, -2)),
    note="backwards",
    reference=lambda x, key: x[key],
)
case("get_item", CUBE, (slice(None), [2, 0, -1]), reference=lambda x, key: x[key], note="list")
case("get_item", CUBE, (..., [[1], [-2]], [2, 0]), reference=lambda x, key: x[key], note="lists")
case("get_item", CUBE, ([1, 0], slice(1), [3, 1]), reference=lambda x, key: x[key], note="apart")
case("view", A, "int32", dtype="int32", reference=lambda x, d: x.astype(np.float32).view(d), **EYE)
case(
    "view",
    A[:, :4],
    "float64",
    dtype="float64",
    tried=(),
    gradient=False,
    note="wider",
    reference=lambda x, d: x.astype(np.float32).view(d),
)
case(
    "view",
    A,
    "uint16",
    dtype="uint16",
    tried=(),
    gradient=False,
    note="narrower",
    reference=lambda x, d: x.astype(np.float32).view(d),
)
case(
    "view_as_complex",
    CUBE[..., :2],
    dtype="complex64",
    tried=(),
    gradient=False,
    reference=lambda x: x[..., 0] + 1j * x[..., 1],
)
case(
    "view_as_real",
    (A + 1j * B).astype(np.complex64),
    dtype="float32",
    tried=(),
    gradient=False,
    reference=lambda x: np.stack([x.real, x.imag], -1),
)
case(
    "saturate_cast",
    A * 200,
    "uint8",
    dtype="uint8",
    gradient=False,
    tried=FLOATS,
    reference=lambda x, _: np.clip(np.trunc(x), 0, 255),
)
case(
    "saturate_cast",
    BITS - 100,
    "int8",
    dtype="int8",
    gradient=False,
    tried=("int64",),
    reference=lambda x, _: np.clip(x, -128, 127),
    note="whole",
)
case(
    "cast",
    A * 1e9,
    "int8",
    dtype="int8",
    gradient=False,
    tried=(),
    note="overflow",
    reference=lambda x, _: np.clip(np.trunc(x), -128, 127),
)

for name in ("sort", "argsort"):
    case(
        name,
        A[:5],
        axis=None,
        gradient=False,
        tried=(),
        note="flat",
        dtype="int32" if name == "argsort" else "same",
    )
case("argpartition", A, 2, dtype="int32", gradient=False, reference=lambda x, k: np.argsort(x))
LINE = np.sort(numbers(9))
for side in ("left", "right"):
    case("searchsorted", LINE, A, side, dtype="int32", gradient=False, tried=FLOATS, note=side)
    case(
        "searchsorted",
        np.array([0, 2, 2, 3, 5]),
        SMALL,
        side,
        dtype="int32",
        gradient=False,
        tried=NUMBERS,
        note=f"ties-{side}",
    )
case("digitize", A, LINE, dtype="int32", gradient=False, tried=FLOATS)
case("digitize", SMALL, [1, 3, 4], dtype="int32", gradient=False, tried=NUMBERS, note="whole")
case("count_nonzero", SMALL - 2, dtype="int32", gradient=False)
case("count_nonzero", SMALL - 2, axis=(-1,), dtype="int32", gradient=False, tried=(), note="axis")
case("isin", SMALL, np.array([1, 4]), dtype="bool", gradient=False, tried=NUMBERS)
case(
    "isin", BITS, np.arange(0, 200, 3), dtype="bool", gradient=False, tried=("int64",), note="many"
)
case(
    "isin", A, np.concatenate([B, A[:3]]), dtype="bool", gradient=False, tried=FLOATS, note="floats"
)
case(
    "isin", SMALL, np.array([1, 4]), invert=True, dtype="bool", gradient=False, tried=(), note="not"
)
COUNTED = SMALL[:, 0]
case("bincount", COUNTED, dtype="int32", tried=("int64", "uint8"), gradient=False)
case("bincount", COUNTED, minlength=12, dtype="int32", tried=(), gradient=False, note="long")
case(
    "bincount",
    COUNTED,
    numbers(7),
    dtype="float32",
    fixed=(0,),
    tried=(),
    note="weights",
    of_largest=True,
)
case(
    "bincount",
    SMALL,
    minlength=6,
    dtype="int32",
    tried=(),
    gradient=False,
    note="rows",
    reference=lambda x, minlength: np.stack([np.bincount(r, minlength=minlength) for r in x]),
)
case(
    "histogram",
    A.reshape(-1),
    reference=by_hand.histogram,
    dtype="mixed",
    tried=(),
    gradient=False,
    of_largest=True,
)
case(
    "histogram",
    A.reshape(-1),
    4,
    (-1.0, 1.5),
    reference=by_hand.histogram,
    dtype="mixed",
    tried=(),
    gradient=False,
    of_largest=True,
    note="range",
)
case("nonzero", SMALL - 1, dtype="int32", reference=lambda x: list(np.nonzero(x)), gradient=False)
case("unique", SMALL, gradient=False, tried=NUMBERS)
case("unique", A[:4, :2], gradient=False, note="floats", tried=())
ALL = {"return_index": True, "return_inverse": True, "return_counts": True, "dtype": "mixed"}
case("unique", SMALL, reference=by_hand.unique, tried=(), gradient=False, note="all", **ALL)
case(
    "unique",
    SMALL % 2,
    axis=0,
    reference=by_hand.unique,
    tried=(),
    gradient=False,
    note="rows",
    **ALL,
)
case(
    "unique",
    SMALL[:, :3] % 2,
    axis=-1,
    reference=by_hand.unique,
    tried=(),
    gradient=False,
    note="columns",
    **ALL,
)
case(
    "unique",
    SMALL,
    size=9,
    fill_value=-1,
    reference=by_hand.unique,
    tried=(),
    gradient=False,
    note="filled",
    **ALL,
)
case("unique", SMALL, size=3, reference=by_hand.unique, tried=(), gradient=False, note="cut", **ALL)

for name in ("bitwise_invert",):
    case(name, BITS, tried=INTEGERS, gradient=False, reference=np.invert)
for name in ("bitwise_left_shift", "bitwise_right_shift"):
    case(name, BITS, SMALL, tried=("uint8", "int64"), gradient=False)
    case(name, BITS - 100, 2, tried=("int64",), gradient=False, note="scalar")
SPECIAL = np.array([[0.0, np.nan, np.inf], [-np.inf, 1.0, -0.0]], np.float32)
for name in ("isposinf", "isneginf", "signbit", "isreal"):
    case(name, SPECIAL, dtype="bool", gradient=False, tried=FLOATS)
    case(name, SMALL - 2, dtype="bool", gradient=False, tried=(), note="whole")
case(
    "isreal",
    (A + 1j * CONDITION).astype(np.complex64),
    dtype="bool",
    gradient=False,
    tried=(),
    note="complex",
)
NEAR = (A * (1 + 2e-5 * CONDITION)).astype(np.float32)
case("isclose", A, NEAR, dtype="bool", gradient=False, tried=())
case(
    "isclose",
    SMALL,
    SMALL[::-1].copy(),
    0.3,
    0.1,
    dtype="bool",
    gradient=False,
    tried=NUMBERS,
    note="loose",
)
case(
    "isclose", SPECIAL, SPECIAL, equal_nan=True, dtype="bool", gradient=False, tried=(), note="nan"
)
case("allclose", A, NEAR, dtype="bool", gradient=False, tried=())
case("allclose", A, NEAR, rtol=1e-3, dtype="bool", gradient=False, tried=(), note="loose")
