"""Rows of ops: sums, extremes, moments and what passes over NaN."""

import numpy as np

from ....framework import dtypes
from ..draws import ANY, COMPLEX, FLOATS, INTEGERS, NUMBERS, REAL, Draw, name_of
from ..makers import reduction
from ..rows import Call, row


def _smooth(values: str = "apart"):
    return reduction(("float64",), values, filled=True)


def _share(function):
    """The size of a sum: that of the sum of absolute values."""
    return lambda x, *a, **k: function(np.abs(x), *a, **k)


def _spread(x, axis=None, keepdims=False):
    """The size by which the error of a moment is measured."""
    return np.mean(np.abs(x) ** 2, axis, keepdims=keepdims) + 0 * np.mean(np.abs(x), axis,
        keepdims=keepdims)  # fmt: skip


def _in_dtype(function):
    """A NumPy sum in the dtype of the op: of at least 32 bits."""

    def reference(x, axis=None, **kwargs):
        if x.dtype.kind in "biu":
            narrow = {"bool": "int32", "int8": "int32", "int16": "int32"}
            narrow |= {"uint8": "uint32", "uint16": "uint32"}
            kwargs["dtype"] = narrow.get(x.dtype.name, x.dtype.name)
        return function(x, axis, **kwargs)

    return reference


SLOPE = {"gradient": (0,), "smooth": _smooth()}
SUMMED = (*REAL, *COMPLEX)
row("sum", reduction(SUMMED, "tame"), _in_dtype(np.sum), dtype="sum", size=_share(np.sum), **SLOPE)
row("prod", reduction(SUMMED, "tame"), _in_dtype(np.prod), dtype="sum", error=32,
    gradient=(0,), smooth=_smooth("small"))  # fmt: skip
row("nansum", reduction(REAL, "wild"), _in_dtype(np.nansum), dtype="sum",
    size=_share(np.nansum))  # fmt: skip
row("nanprod", reduction(FLOATS, "tame"), _in_dtype(np.nanprod), dtype="sum", error=32)
row("mean", reduction(SUMMED, "tame"), np.mean, meet="float", size=_share(np.mean), **SLOPE)


def _var(x, axis=None, keepdims=False):
    return np.var(x, axis, keepdims=keepdims)


row("var", reduction(REAL, "tame"), _var, meet="float", size=_spread, **SLOPE)
row("std", reduction(REAL, "tame"), np.std, meet="float", error=64,
    size=lambda *a, **k: np.sqrt(_spread(*a, **k)))  # fmt: skip
for name in ("var", "std"):
    row(name, reduction(COMPLEX, "tame"), getattr(np, name), dtype="real", error=64,
        size=lambda *a, **k: np.maximum(_spread(*a, **k), 1e-2))  # fmt: skip
for name in ("max", "min", "amax", "amin", "ptp"):
    row(name, reduction(NUMBERS if name == "ptp" else REAL), getattr(np, name), gradient=(0,),
        smooth=_smooth("ties"))  # fmt: skip


def _initial(draw: Draw) -> Call:
    call = reduction(NUMBERS)(draw)
    call.kwargs["initial"] = draw.pick(2, 0)
    return call


for name in ("max", "min"):
    row(name, _initial, getattr(np, name))
for name in ("all", "any"):
    row(name, reduction(ANY, "small"), getattr(np, name), dtype="bool")
for name in ("argmax", "argmin"):
    row(name, reduction(REAL, "wild", "one"), getattr(np, name), dtype="int32")
    row(name, reduction(REAL, "ties", "one"), getattr(np, name), dtype="int32")


def _logsumexp(x, axis=None, keepdims=False):
    if x.size == 0 and 0 in (x.shape if axis is None else np.asarray(x.shape)[list(
        axis if isinstance(axis, tuple) else (axis,))]):  # fmt: skip
        return np.full(np.sum(x, axis, keepdims=keepdims).shape, -np.inf)
    top = np.max(x, axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    total = np.log(np.sum(np.exp(x - top), axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, tuple(range(x.ndim)) if axis is None else axis)


row("logsumexp", reduction(REAL, "wild"), _logsumexp, meet="float",
    size=lambda x, *a, **k: _logsumexp(x, *a, **k) + 1, **SLOPE)  # fmt: skip


def _extreme(function, fill):
    """NaN only where there is nothing else."""

    def reference(x, axis=None, keepdims=False):
        if x.dtype.kind != "f":
            return function(x, axis, keepdims=keepdims)
        y = function(np.where(np.isnan(x), fill, x), axis, keepdims=keepdims)
        return np.where(np.isnan(x).all(axis, keepdims=keepdims), np.nan, y)

    return reference


row("nanmax", reduction(REAL), _extreme(np.max, -np.inf))
row("nanmin", reduction(REAL), _extreme(np.min, np.inf))


def _position(function, fill):
    def reference(x, axis=None, keepdims=False):
        if x.dtype.kind != "f":
            return function(x, axis, keepdims=keepdims)
        y = function(np.where(np.isnan(x), fill, x), axis, keepdims=keepdims)
        return np.where(np.isnan(x).all(axis, keepdims=keepdims), -1, y)

    return reference


row("nanargmax", reduction(REAL, "wild", "one"), _position(np.argmax, -np.inf), dtype="int32")
row("nanargmin", reduction(REAL, "wild", "one"), _position(np.argmin, np.inf), dtype="int32")


def _holed(draw: Draw) -> Call:
    call = reduction(REAL, "tame")(draw)
    x = call.args[0]
    if name_of(x) in FLOATS:
        x[draw.random.random(x.shape) < 0.3] = np.nan
    return call


row("nanmean", _holed, np.nanmean, meet="float", size=_share(np.nanmean))
row("nanvar", _holed, np.nanvar, meet="float", size=lambda x, *a, **k:
    np.nanmean(np.square(x, dtype=float), *a, **k), error=16)  # fmt: skip
row("nanstd", _holed, np.nanstd, meet="float", size=lambda x, *a, **k:
    np.sqrt(np.nanmean(np.square(x, dtype=float), *a, **k)), error=256)  # fmt: skip


def _averaged(draw: Draw) -> Call:
    shape = draw.shape()
    dtype = draw.dtype(REAL)
    x = draw.array(shape, dtype, "tame")
    if draw.chance(0.3) or not shape:
        return Call([x], {"axis": draw.axes(len(shape))})
    other = dtype if draw.chance(0.6) else draw.dtype((*FLOATS, *INTEGERS))
    if draw.chance(0.5):
        axis = draw.axis(len(shape))
        return Call([x], {"axis": axis, "weights": draw.array((shape[axis],), other, "positive")})
    return Call([x], {"axis": draw.axes(len(shape)), "weights": draw.array(shape, other,
        "positive")})  # fmt: skip


def _average(x, axis=None, weights=None):
    if weights is None:
        return np.mean(x, axis)
    weights = weights.astype(float)
    if weights.ndim == 1 and isinstance(axis, int):
        weights = weights.reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])
    return np.sum(x * weights, axis) / np.sum(np.broadcast_to(weights, x.shape), axis)


def _averaged_in(call: Call) -> str:
    names = [name_of(x) for x in (call.args[0], call.kwargs.get("weights")) if x is not None]
    return dtypes.floating(dtypes.result_type(*names))


row("average", _averaged, _average, meet=None, dtype=_averaged_in, error=16,
    size=lambda x, **k: _average(np.abs(x), **k))  # fmt: skip


def _shares(scale: float, dtypes_: tuple, lost: bool):
    def make(draw: Draw) -> Call:
        call = reduction(dtypes_, "tame")(draw)
        x = call.args[0]
        if name_of(x) in FLOATS and draw.chance(0.6 if lost else 0.2):
            x[draw.random.random(x.shape) < 0.2] = np.nan
        if scale:
            q = draw.pick(0.0, 0.25, 0.5, 0.9, 1.0, [0.25, 0.75], [[0.0], [1.0]])
            call.args.append(float(q * scale) if isinstance(q, float) else
                             (np.asarray(q) * scale).tolist())  # fmt: skip
            call.kwargs["method"] = draw.pick("linear", "lower", "higher", "midpoint", "nearest")
        return call

    return make


def _quantile(function):
    def reference(x, *args, **kwargs):
        axis = kwargs.get("axis")
        empty = x.size == 0 and np.prod([x.shape[a] for a in (range(x.ndim) if axis is None else
            axis if isinstance(axis, tuple) else (axis,))], dtype=int) == 0  # fmt: skip
        if empty:
            shape = np.sum(x, axis, keepdims=kwargs.get("keepdims", False)).shape
            return np.full((*np.shape(args[0] if args else 0.0), *shape), np.nan)
        return function(x, *args, **kwargs)

    return reference


def _all_of(x, *args, **kwargs):
    axis, keepdims = kwargs.get("axis"), kwargs.get("keepdims", False)
    top = np.nanmax(np.where(np.isnan(x), 0, x), axis, keepdims=keepdims, initial=0)
    return np.broadcast_to(top, (*np.shape(args[0] if args else 0.0), *np.shape(top)))


for lost, prefix in ((False, ""), (True, "nan")):
    for name, scale in (("quantile", 1.0), ("percentile", 100.0), ("median", 0.0)):
        row(prefix + name, _shares(scale, (*FLOATS, *INTEGERS), lost),
            _quantile(getattr(np, prefix + name)), meet="float", operands=(0,),
            size=_all_of)  # fmt: skip


def _curve(draw: Draw) -> Call:
    shape = draw.shape(1)
    y = draw.array(shape, draw.dtype(REAL), "tame")
    kwargs = {"axis": draw.axis(len(shape))}
    if draw.chance(0.4):
        kwargs["dx"] = 0.5
    return Call([y], kwargs)


row("trapezoid", _curve, np.trapezoid, meet="float", size=lambda y, **k: np.max(np.abs(y),
    initial=0) * 8, gradient=(0,))  # fmt: skip


def _lines(draw: Draw) -> Call:
    return Call([draw.array((draw.whole(2, 3), draw.whole(4, 6)), draw.dtype(FLOATS), "apart")])


row("corrcoef", _lines, np.corrcoef, meet="float", size="largest", error=256)


def _pair(draw: Draw) -> Call:
    kind = draw.dtype((*FLOATS, "int32"))
    sizes = draw.size(1), draw.size(1)
    return Call([draw.array((n,), kind, "tame") for n in sizes],
                {"mode": draw.pick("valid", "same", "full")})  # fmt: skip


row("correlate", _pair, np.correlate, meet="float", size="largest", error=32)
