"""Rows of ops: arithmetic of one and of two operands."""

import math

import numpy as np

from ....framework import dtypes
from ..draws import ANY, COMPLEX, FLOATS, INTEGERS, NUMBERS, REAL, Draw, name_of
from ..makers import binary, smooth_binary, smooth_unary, unary
from ..rows import Call, row

TWO = {"operands": (0, 1)}
SMOOTH = {"gradient": (0, 1), "smooth": smooth_binary()}


def _modulus(*xs):
    """The sum of the sizes of what is added."""
    return sum(np.abs(np.asarray(x)).astype(float) for x in xs)


for name in ("add", "subtract", "multiply"):
    choices = (*NUMBERS, *COMPLEX, *(() if name == "subtract" else ("bool",)))
    made = _modulus if name != "multiply" else (lambda x, y: _modulus(x) * _modulus(y))
    row(name, binary(choices), getattr(np, name), size=made, **TWO, **SMOOTH)
for name in ("divide", "true_divide"):
    row(name, binary((*REAL, *COMPLEX), "wild"), np.divide, meet="float", **TWO,
        gradient=(0, 1), smooth=smooth_binary("apart", "positive"))  # fmt: skip


def _divided(function):
    def reference(x, y):
        if np.asarray(x).dtype.kind in "iu":
            y = np.asarray(y)
            safe = function(x, np.where(y == 0, 1, y).astype(y.dtype))
            return np.where(y == 0, 0, safe).astype(np.asarray(safe).dtype)
        return function(x, y)

    return reference


def _quotients(draw: Draw) -> Call:
    """Numbers whose quotients no rounding moves over an integer."""
    call = binary(REAL, "small" if draw.chance(0.5) else "tame")(draw)
    return call


for name, function in (("floor_divide", np.floor_divide), ("mod", np.mod), ("fmod", np.fmod)):
    row(name, binary((*INTEGERS, "bool"), "wild"), _divided(function), meet="number", **TWO)
    row(name, binary(FLOATS, "small"), function, **TWO)
    row(name, binary(FLOATS, "ties"), function, **TWO)
row("divide_no_nan", binary(REAL, "ties"),
    lambda x, y: np.where(y == 0, 0, x / np.where(y == 0, 1, y)), meet="float", **TWO,
    gradient=(0, 1), smooth=smooth_binary("apart", "positive"))  # fmt: skip


def _whole_power(x, y):
    """Integers modulo the dtype's size; 1 / x truncated where the power is negative."""
    kind = np.result_type(x, y)
    if kind.kind == "f":  # in which uint64 meets signed integers
        return np.power(x.astype(kind), y.astype(kind))
    low = int(np.iinfo(kind).min)
    span = 2 ** (8 * kind.itemsize)

    def one(a, b):
        a, b = int(a), int(b)
        if b < 0:
            return 0 if abs(a) != 1 else a ** (b & 1)
        return (pow(a, b, span) - low) % span + low

    return np.asarray(np.frompyfunc(one, 2, 1)(x, y)).astype(kind)


row("power", binary((*INTEGERS, "bool"), "small", "small"), _whole_power, meet="number", **TWO)
row("power", binary(FLOATS, "positive", "tame"), np.power, **TWO, error=64,
    gradient=(0, 1), smooth=smooth_binary("positive", "tame"))  # fmt: skip
row("power", binary(FLOATS, "small", "small"), np.power, **TWO, error=64)


def _same_on_nan(function):
    return lambda x, y: function(x, y)


for name in ("maximum", "minimum", "fmax", "fmin"):
    row(name, binary(REAL), getattr(np, name), **TWO, **SMOOTH)
row("hypot", binary(REAL), np.hypot, meet="float", **TWO, gradient=(0, 1),
    smooth=smooth_binary("ties"))  # fmt: skip
for name in ("logaddexp", "logaddexp2"):
    row(name, binary(REAL), getattr(np, name), meet="float", **TWO, size=lambda x, y:
        np.maximum(np.abs(x), np.abs(y)) + 1, gradient=(0, 1),
        smooth=smooth_binary("ties"))  # fmt: skip
row("heaviside", binary(REAL), lambda x, y: np.where(np.isnan(x), x, np.heaviside(x, y)),
    meet="float", **TWO)  # fmt: skip
row("arctan2", binary(REAL), np.arctan2, meet="float", **TWO, gradient=(0, 1),
    smooth=smooth_binary("apart", "positive"))  # fmt: skip


def _next(draw: Draw) -> Call:
    return binary(FLOATS, "tame", scalars=False)(draw)


def _next_reference(x, y):
    return np.nextafter(x, y)


for dtype in FLOATS:
    row("nextafter", binary((dtype,), "tame", scalars=False),
        _next_reference if dtype == "float64" else None)  # fmt: skip


def _shifted(draw: Draw) -> Call:
    shape = draw.shape()
    y = draw.array(draw.alike(shape), draw.dtype(INTEGERS), draw.pick("small", "wild"))
    return Call([draw.array(shape, draw.dtype(REAL)), y])


def _ldexp(x, y):
    y = np.asarray(y, dtype=object)
    y = np.asarray(np.clip(y, -9999, 9999)).astype(np.int64)
    return np.ldexp(x.astype(np.float64), y)


row("ldexp", _shifted, _ldexp, meet="float", operands=(0,))


def _whole(function):
    def reference(x, y):
        kind = np.result_type(x, y)
        span, low = 2 ** (8 * kind.itemsize), int(np.iinfo(kind).min)
        wrap = np.frompyfunc(lambda a, b: (function(int(a), int(b)) - low) % span + low, 2, 1)
        return np.asarray(wrap(x, y)).astype(kind)

    return reference


row("gcd", binary((*INTEGERS, "bool")), _whole(math.gcd), meet="number", **TWO)
row("lcm", binary((*INTEGERS, "bool")), _whole(math.lcm), meet="number", **TWO)
row("negative", unary((*NUMBERS, *COMPLEX)), np.negative, gradient=(0,))
for name in ("absolute", "abs"):
    row(name, unary(ANY), np.abs, dtype="real", gradient=(0,), smooth=smooth_unary())
row("fabs", unary(REAL), np.abs, meet="float", gradient=(0,), smooth=smooth_unary())


def _finite(draw: Draw) -> Call:
    x = draw.array(draw.shape(), draw.dtype(ANY))
    if draw.chance(0.5):
        return Call([x])
    return Call([x, 1.5], {"posinf": draw.pick(None, 7.0), "neginf": draw.pick(None, -7.0)})


def _nan_to_num(call: Call):
    x = call.args[0]
    name = name_of(x)
    part = {"complex64": "float32", "complex128": "float64"}.get(name, name)
    return x, dtypes.LARGEST.get(part)


def _finite_reference(most):
    def reference(x, nan=0.0, posinf=None, neginf=None):
        if x.dtype.kind not in "fc":
            return x
        posinf = most if posinf is None else posinf
        return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=-most if neginf is None else neginf)

    return reference


for choices, kind in (
    (("float32", "complex64"), "float32"),
    (("float64", "complex128"), "float64"),
    (("float16",), "float16"),
    (("bfloat16",), "bfloat16"),
    ((*INTEGERS, "bool"), "float32"),
):

    def _with(draw: Draw, choices=choices) -> Call:
        call = _finite(draw)
        call.args[0] = draw.array(draw.shape(), draw.dtype(choices))
        return call

    row("nan_to_num", _with, _finite_reference(dtypes.LARGEST[kind]), operands=(0,))
row("sign", unary(NUMBERS), np.sign)
row("square", unary((*REAL, *COMPLEX), "wild"), np.square, meet="number", gradient=(0,),
    smooth=smooth_unary())  # fmt: skip
row("reciprocal", unary((*REAL, *COMPLEX)), lambda x: 1 / x, meet="float", gradient=(0,),
    smooth=smooth_unary("positive"))  # fmt: skip


def _bounds(draw: Draw) -> Call:
    shape = draw.shape()
    dtype = draw.dtype(REAL)
    x = draw.array(shape, dtype)
    if draw.chance(0.5):
        whole = dtype not in FLOATS or draw.chance(0.3)
        return Call([x, *((1, 5) if whole else (-0.5, 2.5))])
    low = draw.array(draw.alike(shape), dtype, "small")
    return Call([x, low, low + np.asarray(2).astype(low.dtype)])


def _smooth_bounds(draw: Draw) -> Call:
    x = draw.array(draw.shape(1, 2, 1), "float64", "apart")
    return Call([x, draw.array(x.shape, "float64", "apart") - 0.6, 0.7])


row("clip", _bounds, lambda x, a, b: np.minimum(np.maximum(x, a), b), meet="number",
    operands=(0, 1, 2), gradient=(0, 1), smooth=_smooth_bounds, kinks=True)  # fmt: skip
