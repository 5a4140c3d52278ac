"""Rows of ops: joining and cutting."""

import numpy as np

from ..draws import ANY, Draw
from ..rows import Call, row


def _kinds(draw: Draw, count: int) -> list[str]:
    one = draw.dtype(ANY)
    return [one if draw.chance(0.8) else draw.dtype(ANY) for _ in range(count)]


def _joined(least: int = 1, axis: int | None = None):
    def make(draw: Draw) -> Call:
        shape = list(draw.shape(least))
        place = draw.axis(len(shape)) if axis is None else min(axis, len(shape) - 1)
        parts = []
        for kind in _kinds(draw, draw.whole(1, 3)):
            shape[place] = draw.size()
            parts.append(draw.array(tuple(shape), kind))
        call = Call([parts])
        if axis is None:
            call.kwargs["axis"] = draw.pick(place, place, None)
        return call

    return make


def _smooth(draw: Draw) -> Call:
    call = _joined()(draw)
    parts = [draw.array(x.shape, "float64", "tame") for x in call.args[0]]
    return Call([parts], call.kwargs)


row("concatenate", _joined(), lambda xs, axis: np.concatenate(xs, axis), gradient=(0,),
    smooth=_smooth)  # fmt: skip


def _stacked(draw: Draw) -> Call:
    shape = draw.shape()
    parts = [draw.array(shape, kind) for kind in _kinds(draw, draw.whole(1, 3))]
    return Call([parts], {"axis": draw.whole(-len(shape) - 1, len(shape))})


row("stack", _stacked, lambda xs, axis: np.stack(xs, axis))


def _appended(draw: Draw) -> Call:
    call = _joined()(draw)
    parts = call.args[0]
    return Call([parts[0], parts[-1]], call.kwargs)


row("append", _appended, np.append)
row("vstack", _joined(2, 0), lambda xs: np.vstack(xs))
row("hstack", _joined(1, 1), lambda xs: np.hstack(xs))
row("dstack", _joined(3, 2), lambda xs: np.dstack(xs))


def _cut(name: str):
    least, place = {"hsplit": (1, 1), "vsplit": (2, 0), "dsplit": (3, 2)}.get(name, (1, None))

    def make(draw: Draw) -> Call:
        shape = draw.shape(least)
        axis = draw.axis(len(shape)) if place is None else min(place, len(shape) - 1)
        n = shape[axis]
        parts = draw.pick(*[k for k in range(1, max(n, 1) + 1) if n % k == 0])
        if draw.chance(0.4):
            parts = sorted(draw.whole(0, n) for _ in range(draw.whole(1, 3)))
        if name == "array_split":
            parts = draw.whole(1, 4)
        call = Call([draw.array(shape, draw.dtype(ANY)), parts])
        if place is None:
            call.kwargs["axis"] = axis
        return call

    return make


for name in ("split", "array_split", "hsplit", "vsplit", "dsplit"):
    row(name, _cut(name), getattr(np, name), operands=(0,))


def _sliced(draw: Draw) -> Call:
    shape = draw.shape(1)
    return Call([draw.array(shape, draw.dtype(ANY))], {"axis": draw.axis(len(shape))})


row("unstack", _sliced, lambda x, axis: list(np.moveaxis(x, axis, 0)), symbolic=False, open=False)
