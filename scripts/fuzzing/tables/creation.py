"""Rows of ops: making tensors, dtypes."""

import numpy as np

from ....framework import dtypes, ops
from ..draws import ANY, COMPLEX, FLOATS, INTEGERS, REAL, Draw, name_of
from ..makers import unary
from ..rows import Call, row

ALONE = {"meet": None, "symbolic": False, "compiled": ()}


def _named(place):
    return lambda call: call.kwargs.get("dtype") or "float32"


NAMED = {"dtype": _named(0), **ALONE}


def _sized(draw: Draw) -> Call:
    return Call([draw.shape()], {"dtype": draw.pick(None, *ANY)})


for name, value in (("zeros", 0), ("ones", 1), ("empty", 0)):
    row(name, _sized, lambda shape, dtype=None, v=value: np.full(shape, v), **NAMED)


def _filled(draw: Draw) -> Call:
    return Call([draw.shape(), draw.pick(0, 1, 5)], {"dtype": draw.pick(None, *REAL[:-1])})


row("full", _filled, lambda s, v, dtype=None: np.full(s, v), **NAMED)


def _alike(draw: Draw) -> Call:
    return Call([draw.array(draw.shape(), draw.dtype(ANY))], {"dtype": draw.pick(None, *ANY)})


def _kept(call: Call):
    return call.kwargs.get("dtype") or name_of(call.args[0])


for name, value in (("zeros_like", 0), ("ones_like", 1), ("empty_like", 0)):
    row(name, _alike, lambda x, dtype=None, v=value: np.full(x.shape, v), meet=None, dtype=_kept)
row("full_like", lambda draw: Call([draw.array(draw.shape(), draw.dtype(REAL[:-1])), 3]),
    lambda x, v: np.full(x.shape, v), operands=(0,))  # fmt: skip


def _square(draw: Draw) -> Call:
    return Call([draw.size(), draw.pick(None, draw.size())],
                {"k": draw.whole(-4, 4), "dtype": draw.pick(None, *REAL)})  # fmt: skip


row("eye", _square, lambda n, m, k, dtype: np.eye(n, m, k), **NAMED)
row("tri", _square, lambda n, m, k, dtype: np.tri(n, m, k), **NAMED)
row("identity", lambda draw: Call([draw.size()], {"dtype": draw.pick(None, *REAL)}),
    lambda n, dtype: np.identity(n), **NAMED)  # fmt: skip


def _lines(draw: Draw) -> Call:
    count = draw.whole(1, 3)
    return Call([draw.array((draw.size(),), draw.dtype(ANY)) for _ in range(count)],
                {"indexing": draw.pick("xy", "ij")})  # fmt: skip


row("meshgrid", _lines, lambda *x, indexing: list(np.meshgrid(*x, indexing=indexing)), meet=None,
    dtype=lambda call: tuple(map(name_of, call.args)))  # fmt: skip


def _counted(draw: Draw) -> Call:
    step = draw.pick(1, 2, -1, 3)
    start = draw.whole(-5, 5)
    return Call([start, start + draw.whole(-2, 9) * step, step],
                {"dtype": draw.pick(None, "float32", "int64", "float16", "int8")})  # fmt: skip


def _arange_dtype(call: Call):
    return call.kwargs["dtype"] or "int32"


row("arange", _counted, lambda *a, dtype: np.arange(*a), **{**ALONE, "dtype": _arange_dtype})


def _spaced(draw: Draw) -> Call:
    shape = draw.shape(0, 2)
    if draw.chance(0.4):
        ends = [draw.pick(-1.5, 0, 2), draw.pick(3, 0.25)]
    else:
        kind = draw.dtype(("float32", "float64", "int32"))
        ends = [draw.array(shape, kind, "small"), draw.array(draw.alike(shape), kind, "small")]
    return Call([*ends, draw.pick(0, 1, 2, 5)], {"endpoint": draw.chance(0.7)})


def _ends(*ends):
    return np.abs(ends[0]).astype(float) + np.abs(ends[1])


def _float_of(call: Call):
    names = [name_of(x) for x in call.args[:2] if isinstance(x, np.ndarray)]
    return dtypes.floating(dtypes.result_type(*names)) if names else "float32"


row("linspace", _spaced, lambda a, b, n, endpoint: np.linspace(a, b, n, endpoint), meet=None,
    dtype=_float_of, size=lambda a, b, n, endpoint: np.max(_ends(a, b), initial=0))  # fmt: skip


def _exponents(draw: Draw) -> Call:
    return Call([draw.pick(-1, 0.5, 0), draw.pick(2, 1.5), draw.pick(1, 2, 5)],
                {"endpoint": draw.chance(0.7), "base": draw.pick(2, 10)})  # fmt: skip


row("logspace", _exponents, lambda a, b, n, **k: np.logspace(a, b, n, **k), dtype="float32",
    **ALONE)  # fmt: skip


def _factors(draw: Draw) -> Call:
    return Call([draw.pick(1, 0.5, 2.0), draw.pick(8, 100.0), draw.pick(1, 2, 5)],
                {"endpoint": draw.chance(0.7)})  # fmt: skip


row("geomspace", _factors, lambda a, b, n, **k: np.geomspace(a, b, n, **k), dtype="float32",
    **ALONE)  # fmt: skip
for name in ("bartlett", "blackman", "hamming", "hanning"):
    row(name, lambda draw: Call([draw.pick(0, 1, 2, 5, 8)]), getattr(np, name), dtype="float32",
        size="largest", **ALONE)  # fmt: skip
row("kaiser", lambda draw: Call([draw.pick(0, 1, 2, 5, 8), draw.pick(0, 2.5, 14.0)]), np.kaiser,
    dtype="float32", size="largest", **ALONE)  # fmt: skip


def _converted(draw: Draw) -> Call:
    """Numbers that every dtype holds after the fraction is gone."""
    one = draw.dtype((*REAL, *COMPLEX))
    x = draw.array(draw.shape(), one, "positive")
    return Call([x, draw.pick(*REAL)])


def _cast(x, dtype):
    x = x.real if x.dtype.kind == "c" else x
    if dtype == "bool":
        return x != 0
    return np.trunc(x).astype(np.int64) if dtype in INTEGERS else x


row("cast", _converted, _cast, meet=None, dtype=lambda call: call.args[1])


def _far(draw: Draw) -> Call:
    return Call([draw.array(draw.shape(), draw.dtype((*FLOATS, *INTEGERS))), draw.pick(*INTEGERS)])


def _saturated(x, dtype):
    low, high = dtypes.LIMITS[dtype]
    clip = np.frompyfunc(
        lambda v: 0 if v != v else low if v <= low else high if v >= high else int(v), 1, 1
    )
    return np.asarray(clip(x)).astype(dtype)


row("saturate_cast", _far, _saturated, meet=None, dtype=lambda call: call.args[1])


def _nearest(x, dtype):
    if x.dtype.kind == "f":
        return _saturated(x, dtype)
    return x.astype(dtype)


row("cast", _far, _nearest, meet=None, dtype=lambda call: call.args[1])
for name in ("convert_to_tensor", "array"):
    row(name, unary(ANY), np.array)
row("convert_to_numpy", unary(ANY), np.array, symbolic=False, compiled=())
row("is_tensor", unary(ANY), lambda x: True, dtype="bool", symbolic=False, compiled=())


def _named_array(draw: Draw) -> Call:
    kind = draw.dtype(ANY)
    return Call([draw.array((2,), kind), kind])


row("dtype", _named_array, lambda x, name: True, function=lambda x, name: ops.dtype(x) == name,
    **{**ALONE, "dtype": "bool"})  # fmt: skip
row("view_as_complex", lambda draw: Call([draw.array((*draw.shape(0, 2), 2), draw.dtype(FLOATS),
    "tame")]), lambda x: x[..., 0] + 1j * x[..., 1], meet=None, dtype=lambda call:
    "complex128" if name_of(call.args[0]) == "float64" else "complex64")  # fmt: skip
row("view_as_real", unary(COMPLEX), lambda x: np.stack([x.real, x.imag], -1), dtype="real")
row("polar", lambda draw: Call([draw.array((s := draw.shape()), k := draw.dtype(FLOATS), "tame"),
    draw.array(draw.alike(s), k, "tame")]), lambda r, t: r * np.exp(1j * t), meet=None,
    dtype=lambda call: "complex128" if name_of(call.args[0]) == "float64" else "complex64",
    size=lambda r, t: np.abs(r) + 0 * t)  # fmt: skip
