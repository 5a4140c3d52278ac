"""Rows of ops: products of matrices and tensors."""

from typing import Any

import numpy as np

from ....framework import dtypes
from ..draws import COMPLEX, FLOATS, NUMBERS, Draw, name_of
from ..makers import binary
from ..rows import Call, row

KINDS = (*NUMBERS, *COMPLEX)


def _pair(draw: Draw) -> tuple[str, str]:
    one = draw.dtype(KINDS)
    return one, one if draw.chance(0.7) else draw.dtype(KINDS)


def _met(call: Call) -> str:
    names = [name_of(x) for x in call.args if isinstance(x, np.ndarray)]
    return "int32" if set(names) == {"int8"} else dtypes.result_type(*names)


def _whole(function):
    """Two of int8 are multiplied in int32."""

    def reference(x, y, *args, **kwargs):
        if x.dtype == y.dtype == np.int8:
            x, y = x.astype(np.int32), y.astype(np.int32)
        return function(x, y, *args, **kwargs)

    return reference


def _matrices(draw: Draw) -> Call:
    one, other = _pair(draw)
    m, k, n = draw.size(), draw.size(), draw.size()
    outer = draw.shape(0, 2)
    first = () if draw.chance(0.2) else (m,)
    last = () if draw.chance(0.2) else (n,)
    shapes = ((*outer, *first, k) if first else (k,), (*draw.alike(outer), k, *last) if last
        else (k,))  # fmt: skip
    return Call([draw.array(shapes[0], one, "tame"), draw.array(shapes[1], other, "tame")])


def _size(function):
    return lambda x, y, *a, **k: function(np.abs(x).astype(float), np.abs(y).astype(float), *a, **k)


def _smooth(make):
    def smooth(draw: Draw) -> Call:
        call = make(draw)
        args: list[Any] = [
            draw.array(x.shape, "float64", "tame") if isinstance(x, np.ndarray) else x
            for x in call.args
        ]
        return Call(args, call.kwargs)

    return smooth


row("matmul", _matrices, _whole(np.matmul), dtype=_met, size=_size(np.matmul), gradient=(0, 1),
    smooth=_smooth(_matrices))  # fmt: skip


def _dotted(draw: Draw) -> Call:
    one, other = _pair(draw)
    k = draw.size()
    x = draw.array((*draw.shape(0, 2), k), one, "tame")
    last = draw.pick((), (draw.size(),))
    y = draw.array((k,) if not last else (*draw.shape(0, 1), k, *last), other, "tame")
    if draw.chance(0.15):
        y = draw.array((), other, "tame")
    return Call([x, y])


row("dot", _dotted, np.dot, size=_size(np.dot))


def _inner(draw: Draw) -> Call:
    one, other = _pair(draw)
    k = draw.size()
    return Call([draw.array((*draw.shape(0, 2), k), one, "tame"),
                 draw.array((*draw.shape(0, 1), k), other, "tame")])  # fmt: skip


row("inner", _inner, np.inner, size=_size(np.inner))


def _flat(draw: Draw) -> Call:
    one, other = _pair(draw)
    shape = draw.shape()
    return Call([draw.array(shape, one, "tame"), draw.array(shape, other, "tame")])


row("vdot", _flat, np.vdot, size=_size(np.vdot))
row("outer", binary(KINDS, "tame", scalars=False), np.outer, size=_size(np.outer))
row("kron", binary(KINDS, "tame", scalars=False), np.kron, size=_size(np.kron))


def _tensors(draw: Draw) -> Call:
    one, other = _pair(draw)
    shared = draw.shape(0, 2)
    x = draw.array((*draw.shape(0, 1), *shared), one, "tame")
    y = draw.array((*shared, *draw.shape(0, 1)), other, "tame")
    return Call([x, y, len(shared)])


row("tensordot", _tensors, np.tensordot, operands=(0, 1), size=_size(np.tensordot), meet="same",
    dtype=lambda call: dtypes.result_type(*map(name_of, call.args[:2])),
    gradient=(0, 1), smooth=_smooth(_tensors))  # fmt: skip


def _vectors(draw: Draw) -> Call:
    one = draw.dtype((*FLOATS, "int32", "int64"))
    shape = (*draw.shape(0, 2), 3)
    return Call([draw.array(shape, one, "tame"), draw.array((*draw.alike(shape[:-1]), 3), one,
        "tame")])  # fmt: skip


# Of 2 elements the product is another one than of 3.
row("cross", _vectors, np.cross, open=False,
    size=lambda x, y: np.abs(x).max(initial=0).astype(float) * np.abs(
    y).max(initial=0) * np.ones(np.broadcast_shapes(x.shape, y.shape)))  # fmt: skip


def _summed(draw: Draw) -> Call:
    one, other = _pair(draw)
    i, j, k = draw.size(), draw.size(), draw.size()
    text = draw.pick("ij,jk->ik", "ij,jk->", "...j,jk->...k", "ij,jk->kji", "ij,jk")
    return Call([text, draw.array((i, j), one, "tame"), draw.array((j, k), other, "tame")])


def _einsum(text, x, y):
    return _whole(lambda x, y: np.einsum(text, x, y))(x, y)


row("einsum", _summed, _einsum, operands=(1, 2), dtype=lambda call: _met(call), size=lambda t, x, y:
    np.einsum(t, np.abs(x).astype(float), np.abs(y).astype(float)), gradient=(1, 2),
    smooth=_smooth(_summed))  # fmt: skip


def _diagonal(draw: Draw) -> Call:
    n = draw.size()
    x = draw.array((draw.size(), n, n), draw.dtype((*FLOATS, "int32")), "tame")
    return Call([draw.pick("bii->b", "bii->bi", "bij->bji", "bij->j"), x])


row("einsum", _diagonal, np.einsum, operands=(1,), size=lambda t, x: np.einsum(t, np.abs(x).astype(
    float)))  # fmt: skip


def _layer(draw: Draw) -> Call:
    kinds = [draw.dtype(FLOATS)] * 3
    if draw.chance(0.3):
        kinds[draw.whole(0, 2)] = draw.dtype(FLOATS)
    m, n = draw.size(1), draw.size(1)
    args = [draw.array((*draw.shape(1, 2), m), kinds[0], "tame"), draw.array((m, n), kinds[1],
        "tame")]  # fmt: skip
    if draw.chance(0.6):
        args.append(draw.array((n,), kinds[2], "tame"))
    return Call(args)


def _dense(x, kernel, bias=0.0):
    return x @ kernel + bias


row("dense", _layer, _dense, size=lambda *a: _dense(*map(np.abs, a)), gradient=(0, 1, 2))
