"""Rows of ops: order, counting, running totals."""

import numpy as np

from ....framework import dtypes
from ...references import arrays as by_hand
from ...references import signal as by_signal
from ..draws import COMPLEX, FLOATS, INTEGERS, NUMBERS, REAL, Draw, name_of
from ..makers import reduction
from ..rows import Call, row


def _along(choices, values="wild", axes=True, filled=False):
    """A tensor of one axis or more, and an axis or none."""

    def make(draw: Draw) -> Call:
        shape = draw.shape(1, 3, int(filled))
        call = Call([draw.array(shape, draw.dtype(choices), values)])
        if axes and draw.chance(0.8):
            call.kwargs["axis"] = draw.pick(None, draw.axis(len(shape)))
        return call

    return make


def _stable(x, axis=-1):
    return np.argsort(x, axis, kind="stable")


row("sort", _along(REAL), lambda x, axis=-1: np.sort(x, axis))
row("argsort", _along(REAL), _stable, dtype="int32")
row("argsort", _along(REAL, "ties"), _stable, dtype="int32")


def _kth(draw: Draw) -> Call:
    call = _along(REAL, "ties", filled=True)(draw)
    call.args.append(0)
    return call


row("argpartition", _kth, lambda x, k, axis=-1: _stable(x, axis), dtype="int32", operands=(0,))


def _lined(draw: Draw) -> Call:
    one = draw.dtype((*FLOATS, *INTEGERS))
    other = one if draw.chance(0.6) else draw.dtype((*FLOATS, *INTEGERS))
    line = np.sort(draw.array((draw.size(),), one, draw.pick("ties", "tame", "wild")))
    x = draw.array(draw.shape(), other, draw.pick("ties", "wild"))
    return Call([line, x], {"side": draw.pick("left", "right")})


def _searched(line, x, side="left"):
    return np.searchsorted(line, x, side)


row("searchsorted", _lined, _searched, dtype="int32", operands=(0, 1))


def _binned(draw: Draw) -> Call:
    call = _lined(draw)
    return Call([call.args[1], call.args[0]])


row("digitize", _binned, lambda x, line: np.searchsorted(line, x, "right"), dtype="int32")


def _best(draw: Draw) -> Call:
    shape = draw.shape(1)
    x = draw.array(shape, draw.dtype((*FLOATS, *INTEGERS)), draw.pick("ties", "tame"))
    return Call([x, draw.whole(0, shape[-1])])


def _top_k(x, k):
    wide = -x.astype(object) if x.dtype.kind in "iu" else -x
    order = np.argsort(wide, -1, kind="stable")[..., :k]
    return [np.take_along_axis(x, order, -1), order]


row("top_k", _best, _top_k, operands=(0,), dtype=("met", "int32"))


def _running(function, dtype_argument=False):
    def reference(x, axis=None, dtype=None):
        if x.dtype.kind in "biu":
            kind = "int32" if x.dtype.kind == "b" else x.dtype.name
            return function(x, axis, dtype=kind)
        return function(x, axis)

    return reference


NUMERIC = (*REAL, *COMPLEX)
row("cumsum", _along(NUMERIC, "tame"), _running(np.cumsum), meet="number",
    size=lambda x, axis=None: np.cumsum(np.abs(x), axis), gradient=(0,),
    smooth=_along(("float64",), "tame", filled=True))  # fmt: skip
row("cumprod", _along(NUMERIC, "tame"), _running(np.cumprod), meet="number", error=32,
    gradient=(0,), smooth=_along(("float64",), "small", filled=True))  # fmt: skip


def _holed(draw: Draw) -> Call:
    call = _along(REAL, "tame")(draw)
    x = call.args[0]
    if name_of(x) in FLOATS:
        x[draw.random.random(x.shape) < 0.3] = np.nan
    return call


row("nancumsum", _holed, _running(np.nancumsum), meet="number",
    size=lambda x, axis=None: np.nancumsum(np.abs(x), axis))  # fmt: skip
row("nancumprod", _holed, _running(np.nancumprod), meet="number", error=32)
row("count_nonzero", reduction((*REAL, *COMPLEX), "small", keepdims=False),
    lambda x, axis=None: np.count_nonzero(x, axis), dtype="int32")  # fmt: skip


def _among(draw: Draw) -> Call:
    one = draw.dtype((*FLOATS, *INTEGERS, "bool"))
    other = one if draw.chance(0.6) else draw.dtype((*FLOATS, *INTEGERS))
    many = (draw.pick(20, 30),) if draw.chance(0.3) else draw.shape()
    values = draw.pick("ties", "wild")
    return Call([draw.array(draw.shape(), one, values), draw.array(many, other, values)],
                {"invert": True} if draw.chance(0.3) else {})  # fmt: skip


def _isin(x, y, invert=False):
    found = (x[..., None] == y.reshape(-1)).any(-1)
    return ~found if invert else found


row("isin", _among, _isin, dtype="bool")


def _counted(draw: Draw) -> Call:
    shape = draw.shape(1, 2, 1)
    x = draw.array(shape, draw.dtype((*INTEGERS, "bool")), "small")
    x = np.abs(x)
    call = Call([x])
    if draw.chance(0.5):
        call.args.append(draw.array(shape, draw.dtype((*FLOATS, *INTEGERS)), "small"))
    call.kwargs["minlength"] = draw.pick(0, 8, 8, 11)
    return call


def _bincount(x, weights=None, minlength=0):
    rows = x.reshape(-1, x.shape[-1]).astype(np.int64)
    length = max(int(rows.max(initial=-1)) + 1, minlength)
    weights = np.ones(rows.shape, int) if weights is None else weights.reshape(rows.shape)
    out = np.zeros((len(rows), length), weights.dtype)
    for i, values in enumerate(rows):
        np.add.at(out[i], values, weights[i])
    return out if x.ndim == 2 else out[0]


def _count_dtype(call: Call):
    if len(call.args) == 1:
        return "int32"
    return dtypes.result_type(*map(name_of, call.args))


row("bincount", _counted, _bincount, meet=None, dtype=_count_dtype, by_value=True, open=False,
    compiled=())  # fmt: skip


def _graded(draw: Draw) -> Call:
    x = draw.array((draw.size(),), draw.dtype((*FLOATS, *INTEGERS)), "small")
    return Call([x, draw.pick(2, 4, 5)], {"range": (-4.0, 12.0)})


def _histogram(x, bins, range):
    counts, edges = np.histogram(x, bins, range)
    return [counts, edges]


row("histogram", _graded, _histogram, meet="float", operands=(0,), dtype=("int32", "met"))


def _distinct(draw: Draw) -> Call:
    shape = draw.shape(1, 3, 1)
    x = draw.array(shape, draw.dtype((*FLOATS, *INTEGERS)), "small")
    kwargs = {f"return_{k}": True for k in ("index", "inverse", "counts")}
    if draw.chance(0.4):
        kwargs["axis"] = draw.axis(len(shape))
    return Call([x], kwargs)


def _distinct_of_a_size(draw: Draw) -> Call:
    call = _distinct(draw)
    call.kwargs["size"] = draw.pick(1, 3, 9)
    return call


TOLD_APART = {"dtype": ("met", "int32", "int32", "int32"), "by_value": True}
row("unique", _distinct, by_hand.unique, **TOLD_APART, compiled=("tensorflow",))
row("unique", _distinct_of_a_size, by_hand.unique, **TOLD_APART)


def _classes(draw: Draw) -> Call:
    batch, classes = draw.size(), draw.size(1)
    x = draw.array((batch, classes), draw.dtype(FLOATS), "apart")
    targets = draw.array((batch,), draw.dtype(INTEGERS), "small") % classes
    return Call([targets.astype(targets.dtype), x, draw.whole(1, 3)])


row("in_top_k", _classes, by_signal.in_top_k, meet=None, dtype="bool")


def _segments(draw: Draw) -> Call:
    shape = draw.shape(1, 3)
    ids = draw.array((shape[0],), draw.dtype(("int32", "int64", "int8", "uint8")), "small")
    x = draw.array(shape, draw.dtype((*NUMBERS, "bool")), "tame")
    return Call([x, ids], {"num_segments": draw.pick(1, 3, 5)})


def _reduced(function, empty):
    def reference(data, ids, num_segments=None):
        kind = np.int32 if data.dtype.kind == "b" else data.dtype
        fill = empty(kind)
        rows = [data[ids == i] for i in range(num_segments)]
        made = [
            function(r, 0, dtype=kind) if function in (np.sum, np.prod) else function(r, 0)
            for r in rows
            if len(r)
        ]
        made_of = iter(made)
        return np.stack(
            [next(made_of) if len(r) else np.full(data.shape[1:], fill) for r in rows]
        ).astype(kind)

    return reference


def _lowest(kind):
    return -np.inf if np.dtype(kind).kind == "f" else np.iinfo(kind).min


def _highest(kind):
    return np.inf if np.dtype(kind).kind == "f" else np.iinfo(kind).max


def _smooth(draw: Draw) -> Call:
    call = _segments(draw)
    shape = call.args[0].shape
    return Call([draw.array(shape, "float64", "small"), call.args[1]], call.kwargs)


def _total(data, ids, num_segments=None):
    return _reduced(np.sum, lambda _: 0)(np.abs(data.astype(float)), ids, num_segments)


for name, function, empty in (
    ("sum", np.sum, lambda _: 0),
    ("prod", np.prod, lambda _: 1),
    ("max", np.max, _lowest),
    ("min", np.min, _highest),
):
    row(f"segment_{name}", _segments, _reduced(function, empty), meet="number", operands=(0,),
        size=_total if name == "sum" else "each", error=32, gradient=(0,),
        smooth=_smooth)  # fmt: skip
