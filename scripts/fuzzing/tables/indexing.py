"""Rows of ops: taking, putting, choosing."""

import operator

import numpy as np

from ....framework import dtypes
from ...references import kernels
from ..draws import ANY, FLOATS, INTEGERS, NUMBERS, Draw, name_of
from ..makers import unary
from ..rows import Call, row

WHOLE = ("int32", "int64", "int8", "uint8", "int16", "uint32")


def _places(draw: Draw, size: int, shape: tuple[int, ...]) -> np.ndarray:
    """Indices of an axis, at times negative ones."""
    dtype = draw.dtype(WHOLE)
    low = -size if not dtype.startswith("u") and draw.chance(0.5) else 0
    return draw.random.integers(low, size, shape).astype(dtype)


def _chosen(draw: Draw) -> Call:
    shape = draw.shape()
    kinds = draw.dtype(ANY), draw.dtype(ANY)
    other = kinds[0] if draw.chance(0.6) else kinds[1]
    condition = draw.array(draw.alike(shape), draw.pick("bool", "bool", "int32", "float32"),
                           "small")  # fmt: skip
    return Call([condition, draw.array(shape, kinds[0]), draw.array(draw.alike(shape), other)])


def _where(condition, x, y):
    return np.where(condition.astype(bool), x, y)


def _smooth_choice(draw: Draw) -> Call:
    shape = draw.shape(0, 2, 1)
    return Call([draw.array(shape, "bool"), draw.array(shape, "float64", "tame"),
                 draw.array(draw.alike(shape), "float64", "tame")])  # fmt: skip


row("where", _chosen, _where, operands=(1, 2), gradient=(1, 2), smooth=_smooth_choice)
row("nonzero", unary((*NUMBERS, "bool"), "small", 1), lambda x: list(np.nonzero(x)),
    dtype="int32", by_value=True, compiled=())  # fmt: skip
row("where", unary((*NUMBERS, "bool"), "small", 1), lambda x: list(np.nonzero(x)),
    dtype="int32", by_value=True, compiled=())  # fmt: skip


def _cases(draw: Draw) -> Call:
    shape = draw.shape()
    count = draw.whole(1, 3)
    kinds = [draw.dtype((*NUMBERS, "bool")) for _ in range(count)]
    conditions = [draw.array(shape, "bool") for _ in range(count)]
    return Call([conditions, [draw.array(draw.alike(shape), k) for k in kinds], draw.pick(0, 1)])


def _select(conditions, choices, default):
    return np.select([np.broadcast_to(c, np.broadcast_shapes(*(x.shape for x in
        [*conditions, *choices]))) for c in conditions], choices, default)  # fmt: skip


def _met(call: Call) -> str:
    return dtypes.result_type(*map(name_of, call.args[1]), int)


row("select", _cases, None, meet=None, dtype=_met)
row("select", _cases, _select, meet="same", operands=(1, 2), dtype=_met)


def _taken(draw: Draw) -> Call:
    x = draw.array(draw.shape(1, 3, 1), draw.dtype(ANY))
    axis = draw.pick(None, draw.axis(x.ndim))
    size = x.size if axis is None else x.shape[axis]
    places = draw.whole(-size, size - 1) if draw.chance(0.2) else _places(
        draw, size, draw.shape(0, 2))  # fmt: skip
    return Call([x, places], {"axis": axis})


def _smooth_taken(draw: Draw) -> Call:
    x = draw.array(draw.shape(1, 3, 1), "float64", "tame")
    axis = draw.axis(x.ndim)
    return Call([x, _places(draw, x.shape[axis], draw.shape(0, 2, 1))], {"axis": axis})


row("take", _taken, lambda x, i, axis: np.take(x, i, axis), operands=(0,), gradient=(0,),
    smooth=_smooth_taken)  # fmt: skip


def _matched(draw: Draw) -> Call:
    shape = draw.shape(1, 3, 1)
    axis = draw.axis(len(shape))
    others = [1 if draw.chance(0.2) else n for n in shape]
    others[axis] = draw.size()
    x = draw.array(shape, draw.dtype(ANY))
    return Call([x, _places(draw, shape[axis], tuple(others))], {"axis": axis})


row("take_along_axis", _matched, lambda x, i, axis: np.take_along_axis(x, i, axis),
    operands=(0,), gradient=(0,), symbolic=False)  # fmt: skip


def _numbered(draw: Draw) -> Call:
    shape = draw.shape(1, 3, 1)
    count = int(np.prod(shape))
    return Call([_places(draw, min(count, 127), draw.shape()), shape])


def _unravel(i, shape):
    count = int(np.prod(shape))
    i = np.asarray(i, np.int64)
    return list(np.unravel_index(np.where(i < 0, i + count, i), shape))


row("unravel_index", _numbered, _unravel, operands=(0,))


def _block(draw: Draw, shape: tuple[int, ...]) -> tuple[list[int], list[int]]:
    starts, sizes = [], []
    for n in shape:
        start = draw.whole(0, n)
        starts.append(start)
        sizes.append(draw.whole(0, n - start))
    return starts, sizes


def _sliced(draw: Draw) -> Call:
    x = draw.array(draw.shape(1), draw.dtype(ANY))
    starts, sizes = _block(draw, x.shape)
    if draw.chance(0.3):
        sizes = [-1 if draw.chance(0.5) else n for n in sizes]
    start = np.array(starts, "int32") if draw.chance(0.3) else tuple(starts)
    return Call([x, start, tuple(sizes)])


def _slice(x, starts, sizes):
    cut = zip(starts, sizes, strict=True)
    return x[tuple(slice(s, None if n == -1 else s + n) for s, n in cut)]


row("slice", _sliced, _slice, operands=(0,), by_value=True, open=False, compiled=("tensorflow",),
    symbolic=False)  # fmt: skip


def _updated(draw: Draw) -> Call:
    x = draw.array(draw.shape(1), draw.dtype(ANY))
    starts, sizes = _block(draw, x.shape)
    other = name_of(x) if draw.chance(0.7) else draw.dtype(FLOATS)
    other = name_of(x) if "int" in name_of(x) or name_of(x) == "bool" else other
    return Call([x, tuple(starts), draw.array(tuple(sizes), other, "tame")])


row("slice_update", _updated, lambda x, s, u: kernels.slice_update(x, s, u), operands=(0,),
    symbolic=False)  # fmt: skip


def _scattered(draw: Draw, filled: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What there is, places on its first axes, and updates."""
    shape = draw.shape(1, 3, 1)
    deep = draw.whole(1, len(shape))
    outer = draw.shape(1, 2)
    columns = [draw.random.integers(-n if filled else 0, n, outer) for n in shape[:deep]]
    places = np.stack(columns, -1).astype(draw.pick("int32", "int64"))
    kind = draw.dtype(NUMBERS)
    return (draw.array(shape, kind, "small"), places,
            draw.array((*outer, *shape[deep:]), kind, "small"))  # fmt: skip


def _added(draw: Draw) -> Call:
    x, places, updates = _scattered(draw)
    if draw.chance(0.3):  # of another dtype
        updates = draw.array(updates.shape, draw.dtype(NUMBERS), "positive")
    return Call([x, places, updates])


def _in_first(function):
    """The updates are cast to the dtype of the first argument."""

    def reference(x, places, updates, *args, **kwargs):
        return function(x, places, updates.astype(x.dtype), *args, **kwargs)

    return reference


def _smooth_added(draw: Draw) -> Call:
    x, places, updates = _scattered(draw)
    return Call([x.astype(np.float64), places, updates.astype(np.float64)])


# How many axes the places reach over decides what is computed.
row("scatter_add", _added, _in_first(kernels.scatter_add), operands=(0,), open=False,
    size=lambda x, places, updates: kernels.scatter_add(x, places, np.abs(updates)),
    gradient=(0, 2), smooth=_smooth_added)  # fmt: skip


def _put(draw: Draw) -> Call:
    call = _added(draw)
    reduction = draw.pick(None, "add", "max", "min", "mul")
    if reduction is None:  # each place once
        shape = call.args[0].shape
        order = draw.random.permutation(shape[0])[: draw.whole(0, shape[0])]
        call.args[1] = order[:, None].astype(draw.pick("int32", "int64"))
        kind = name_of(call.args[0])
        call.args[2] = draw.array((len(order), *shape[1:]), kind, "small")
    call.kwargs["reduction"] = reduction
    return call


def _update(x, places, updates, reduction):
    out = np.array(x)
    combine = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}
    for place in np.ndindex(places.shape[:-1]):
        at = tuple(places[place])
        new = updates[place].astype(x.dtype)
        out[at] = new if reduction is None else combine[reduction](out[at], new)
    return out


row("scatter_update", _put, _update, operands=(0,), error=32, open=False)


def _fresh(draw: Draw) -> Call:
    x, places, updates = _scattered(draw)
    return Call([places, updates, x.shape])


def _scatter(places, values, shape):
    return kernels.scatter_add(np.zeros(shape, values.dtype), places, values)


row("scatter", _fresh, _scatter, operands=(1,), gradient=(1,), open=False)


def _keyed(draw: Draw) -> Call:
    x = draw.array(draw.shape(1), draw.dtype(ANY))
    key: list = []
    for n in x.shape:
        kind = draw.pick("slice", "slice", "int", "new")
        if kind == "int" and n:
            key.append(draw.whole(-n, n - 1))
        else:
            step = draw.pick(None, 1, 2, -1)
            key.append(slice(draw.pick(None, 0, 1, -1), draw.pick(None, n, -1, 2), step))
        if kind == "new":
            key.append(None)
    if draw.chance(0.3):
        key = [..., *key[-1:]]
    return Call([x, tuple(key)])


row("get_item", _keyed, operator.getitem, operands=(0,), symbolic=False)


def _classes(draw: Draw) -> Call:
    x = draw.array(draw.shape(), draw.dtype((*INTEGERS, "bool")), "small")
    return Call([x, draw.pick(0, 1, 4)], {"axis": draw.whole(-x.ndim - 1, x.ndim)})


row("one_hot", _classes, lambda x, n, axis: kernels.one_hot(x.astype(np.int64), n, axis),
    meet=None, dtype="float32")  # fmt: skip


def _many_classes(draw: Draw) -> Call:
    x = draw.array(draw.shape(1, 2, 1), draw.dtype(INTEGERS), "small")
    return Call([x, 4])


row("multi_hot", _many_classes, lambda x, n: kernels.one_hot(x.astype(np.int64), n).max(
    1 if x.ndim > 1 else 0), meet=None, dtype="float32")  # fmt: skip
