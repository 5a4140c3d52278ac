"""Rows of ops: shapes, orders of axes, repetition."""

import numpy as np

from ..draws import ANY, NUMBERS, REAL, Draw, name_of
from ..makers import unary
from ..rows import Call, row

SLOPE = {"gradient": (0,)}


def _numbers(draw: Draw, least: int = 0, most: int = 3, smallest: int = 0) -> np.ndarray:
    return draw.array(draw.shape(least, most, smallest), draw.dtype(ANY), "wild")


def _reshaped(draw: Draw) -> Call:
    x = _numbers(draw)
    count = x.size
    sizes = [n for n in range(1, count + 1) if count % n == 0] or [0]
    first = draw.pick(*sizes)
    shape: list[int] = [first, count // first if first else draw.pick(0, 3)]
    if count and draw.chance(0.4):
        shape[draw.whole(0, 1)] = -1
    if draw.chance(0.3):
        shape.insert(draw.whole(0, 2), 1)
    return Call([x, tuple(shape)])


row("reshape", _reshaped, lambda x, s: x.reshape(s), operands=(0,), **SLOPE)
row("ravel", unary(ANY), np.ravel)
row("ndim", unary(ANY), np.ndim, dtype=None, symbolic=False, compiled=())
row("size", unary(ANY), np.size, dtype=None, symbolic=False, compiled=())
row("shape", unary(ANY), lambda x: list(x.shape), dtype=None, symbolic=False, compiled=())
row("copy", unary(ANY), np.copy)
row("stop_gradient", unary(ANY), np.copy)


def _viewed(draw: Draw) -> Call:
    x = draw.array(draw.shape(1, 3), draw.dtype(tuple(n for n in ANY if n != "bool")), "tame")
    width = x.dtype.itemsize
    same = [n for n in ("float32", "int32", "int16", "uint8", "float16", "int64", "complex64")
            if (np.dtype(n).itemsize <= width)]  # fmt: skip
    return Call([x, draw.pick(*same)])


def _view(x, dtype):
    return np.ascontiguousarray(x).view(dtype)


def _bits(draw: Draw) -> Call:
    """Integers only, so that the reference need not round them."""
    x = draw.array(draw.shape(1, 3), draw.dtype(("int32", "int64", "uint16", "uint8")), "wild")
    narrow = [n for n in ("int8", "uint8", "int16", "uint32", "int64")
              if np.dtype(n).itemsize <= x.dtype.itemsize]  # fmt: skip
    return Call([x, draw.pick(*narrow)])


row("view", _bits, _view, meet=None, dtype=lambda call: call.args[1])
row("view", _viewed, None, meet=None, dtype=lambda call: call.args[1])


def _ordered(draw: Draw) -> Call:
    x = _numbers(draw)
    if draw.chance(0.3):
        return Call([x])
    order = [int(a) for a in draw.random.permutation(x.ndim)]
    return Call([x], {"axes": tuple(a - x.ndim if draw.chance(0.3) else a for a in order)})


row("transpose", _ordered, lambda x, axes=None: np.transpose(x, axes), **SLOPE)


def _two_axes(draw: Draw) -> Call:
    x = _numbers(draw, 1)
    return Call([x, draw.axis(x.ndim), draw.axis(x.ndim)])


row("swapaxes", _two_axes, np.swapaxes, operands=(0,))
row("moveaxis", _two_axes, np.moveaxis, operands=(0,))


def _widened(draw: Draw) -> Call:
    x = _numbers(draw)
    if draw.chance(0.6):
        return Call([x, draw.whole(-x.ndim - 1, x.ndim)])
    rank = x.ndim + 2
    axes = draw.random.permutation(rank)[:2]
    return Call([x, tuple(int(a) - (rank if draw.chance(0.3) else 0) for a in axes)])


row("expand_dims", _widened, np.expand_dims, operands=(0,))


def _narrow(draw: Draw) -> Call:
    x = _numbers(draw)
    ones = [i for i, n in enumerate(x.shape) if n == 1]
    if not ones or draw.chance(0.3):
        return Call([x])
    return Call([x, draw.pick(*ones) - (x.ndim if draw.chance(0.3) else 0)])


row("squeeze", _narrow, np.squeeze, operands=(0,), symbolic=False)


def _broadcast(draw: Draw) -> Call:
    shape = draw.shape()
    return Call([draw.array(draw.alike(shape), draw.dtype(ANY), "wild"), shape])


row("broadcast_to", _broadcast, np.broadcast_to, operands=(0,), **SLOPE)


def _padded(draw: Draw) -> Call:
    mode = draw.pick("constant", "constant", "reflect", "symmetric", "edge", "wrap")
    x = _numbers(draw, 1, 3, 0 if mode == "constant" else 1)
    pairs = []
    for n in x.shape:
        most = {"constant": 3, "edge": 4, "reflect": n - 1}.get(mode, n)
        pairs.append((draw.whole(0, most), draw.whole(0, most)))
    call = Call([x, tuple(pairs)], {"mode": mode})
    if mode == "constant" and draw.chance(0.5):
        call.kwargs["constant_values"] = 1 if name_of(x) != "bool" else True
    return call


def _pad(x, pairs, mode, **kwargs):
    return np.pad(x, pairs, mode, **kwargs)


row("pad", _padded, _pad, operands=(0,), **SLOPE)


def _flipped(draw: Draw) -> Call:
    x = _numbers(draw)
    return Call([x], {"axis": draw.axes(x.ndim)})


row("flip", _flipped, lambda x, axis: np.flip(x, axis))
row("fliplr", unary(ANY, "wild", 2), np.fliplr)
row("flipud", unary(ANY, "wild", 1), np.flipud)


def _turned(draw: Draw) -> Call:
    x = _numbers(draw, 2)
    first, second = (int(a) for a in draw.random.permutation(x.ndim)[:2])
    return Call([x, draw.whole(-3, 5)], {"axes": (first, second)})


row("rot90", _turned, lambda x, k, axes: np.rot90(x, k, axes), operands=(0,))


def _tiled(draw: Draw) -> Call:
    x = _numbers(draw)
    return Call([x, tuple(draw.whole(0, 3) for _ in range(draw.whole(1, x.ndim + 1)))])


row("tile", _tiled, np.tile, operands=(0,), **SLOPE)


def _repeated(draw: Draw) -> Call:
    x = _numbers(draw, 1)
    axis = draw.pick(None, draw.axis(x.ndim))
    count = x.size if axis is None else x.shape[axis]
    each = [draw.whole(0, 3) for _ in range(count)]
    many = draw.pick(0, 1, 2, 3) if draw.chance(0.6) or count == 1 else each
    return Call([x, many], {"axis": axis})


row("repeat", _repeated, lambda x, n, axis: np.repeat(x, n, axis), operands=(0,), **SLOPE)


def _rolled(draw: Draw) -> Call:
    x = _numbers(draw, 1)
    if draw.chance(0.3):
        return Call([x, draw.whole(-7, 7)])
    if draw.chance(0.6):
        return Call([x, draw.whole(-7, 7)], {"axis": draw.axis(x.ndim)})
    axes = tuple(range(x.ndim))
    return Call([x, tuple(draw.whole(-4, 4) for _ in axes)], {"axis": axes})


row("roll", _rolled, lambda x, s, axis=None: np.roll(x, s, axis), operands=(0,), **SLOPE)


def _differences(draw: Draw) -> Call:
    x = draw.array(draw.shape(1), draw.dtype((*REAL, "complex64")), "tame")
    return Call([x, draw.whole(0, 3)], {"axis": draw.axis(x.ndim)})


def _diff(x, n, axis):
    size = np.full(np.diff(x, n, axis).shape, np.abs(x).max(initial=0).astype(float))
    return 2**n * size


row("diff", _differences, np.diff, operands=(0,), size=_diff, **SLOPE)


def _matrix(draw: Draw) -> Call:
    x = _numbers(draw, 2)
    return Call([x, draw.whole(-4, 4)])


row("tril", _matrix, np.tril, operands=(0,), **SLOPE)
row("triu", _matrix, np.triu, operands=(0,), **SLOPE)


def _vector(draw: Draw) -> Call:
    x = _numbers(draw, 1, 2)
    return Call([x, draw.whole(-4, 4)])


row("diag", _vector, np.diag, operands=(0,))
row("diagflat", _vector, np.diagflat, operands=(0,))


def _diagonals(draw: Draw) -> Call:
    x = draw.array(draw.shape(2), draw.dtype((*NUMBERS, "bool", "complex64")), "tame")
    first, second = (int(a) for a in draw.random.permutation(x.ndim)[:2])
    return Call([x, draw.whole(-4, 4), first, second])


row("diagonal", _diagonals, np.diagonal, operands=(0,))


def _trace(x, *args):
    if x.dtype.kind in "biu":
        narrow = {"bool": "int32", "int8": "int32", "int16": "int32"}
        narrow |= {"uint8": "uint32", "uint16": "uint32"}
        return np.trace(x, *args, dtype=narrow.get(x.dtype.name, x.dtype.name))
    return np.trace(x, *args)


row("trace", _diagonals, _trace, operands=(0,), dtype="sum",
    size=lambda x, *a: np.trace(np.abs(x).astype(float), *a))  # fmt: skip


def _powers(draw: Draw) -> Call:
    x = draw.array((draw.size(),), draw.dtype(NUMBERS), "small")
    return Call([x], {"N": draw.pick(0, 1, 3, 4), "increasing": draw.chance(0.5)})


row("vander", _powers, lambda x, N, increasing: np.vander(x, N, increasing).astype(x.dtype),
    **SLOPE)  # fmt: skip


def _patterned(draw: Draw) -> Call:
    x = draw.array((draw.size(1), draw.size(1), 2 * draw.size(1)), draw.dtype(ANY), "tame")
    return Call([x, draw.pick("a b (c d) -> (a d) c b", "a b (d c) -> b a d c")], {"d": 2})


def _rearranged(x, pattern, d):
    a, b, n = x.shape
    if pattern.startswith("a b (c d)"):
        y = x.reshape(a, b, n // d, d)
        return y.transpose(0, 3, 2, 1).reshape(a * d, n // d, b)
    return x.reshape(a, b, d, n // d).transpose(1, 0, 2, 3)


row("rearrange", _patterned, _rearranged, operands=(0,))
