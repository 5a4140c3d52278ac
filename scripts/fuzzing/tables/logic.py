"""Rows of ops: comparisons, logic and bits."""

import numpy as np

from ..draws import ANY, COMPLEX, FLOATS, INTEGERS, REAL, Draw
from ..makers import binary, unary
from ..rows import Call, row

TWO = {"operands": (0, 1)}
BOOL = {"dtype": "bool"}


def _near(draw: Draw) -> Call:
    """Operands many of whose elements are equal."""
    return binary(ANY, draw.pick("ties", "small", "wild"))(draw)


for name in ("equal", "not_equal"):
    row(name, _near, getattr(np, name), **TWO, **BOOL)
for name in ("less", "less_equal", "greater", "greater_equal"):
    row(name, binary(REAL, "ties"), getattr(np, name), **TWO, **BOOL)
    row(name, binary(REAL, "wild"), getattr(np, name), **TWO, **BOOL)
for name in ("logical_and", "logical_or", "logical_xor"):
    row(name, binary(ANY, "small"), getattr(np, name), **TWO, **BOOL)
row("logical_not", unary(ANY, "small"), np.logical_not, **BOOL)
row("logical_not", unary(REAL, "wild"), np.logical_not, **BOOL)
for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    row(name, binary((*INTEGERS, "bool")), getattr(np, name), **TWO)
for name in ("bitwise_not", "bitwise_invert"):
    row(name, unary((*INTEGERS, "bool")), np.invert)


def _shift(function):
    """Shifts in Python's integers: by any number that is not negative; by a negative one as by
    the number of bits and more."""

    def reference(x, y):
        kind = np.result_type(x, y)
        bits = 8 * kind.itemsize
        span, low = 2**bits, int(np.iinfo(kind).min)

        def one(a: int, b: int) -> int:
            b = min(int(b), bits) if b >= 0 else bits
            return (function(int(a), b) - low) % span + low

        return np.asarray(np.frompyfunc(one, 2, 1)(x, y)).astype(kind)

    return reference


for side in ("left", "right"):
    made = _shift((lambda a, b: a << b) if side == "left" else (lambda a, b: a >> b))
    for name in (f"{side}_shift", f"bitwise_{side}_shift"):
        row(name, binary((*INTEGERS, "bool"), "wild"), made, meet="number", **TWO)
        row(name, binary((*INTEGERS, "bool"), "wild", "small"), made, meet="number", **TWO)
for name in ("isnan", "isinf", "isfinite", "isreal"):
    row(name, unary(ANY), getattr(np, name), **BOOL)
for name in ("isposinf", "isneginf"):
    row(name, unary(REAL), getattr(np, name), meet="float", **BOOL)


def _signbit(x):
    return np.signbit(x) if x.dtype.kind == "f" else x < 0


row("signbit", unary((*FLOATS, *INTEGERS)), _signbit, **BOOL)


def _close(draw: Draw) -> Call:
    shape = draw.shape()
    x = draw.array(shape, draw.dtype((*FLOATS, *COMPLEX, *INTEGERS)), draw.pick("wild", "small"))
    y = x if draw.chance(0.5) else draw.array(draw.alike(shape), draw.dtype(REAL), "small")
    return Call([x, y], {"equal_nan": True} if draw.chance(0.5) else {})


def _isclose(x, y, equal_nan=False):
    if x.dtype.kind in "bui":
        x, y = x.astype(np.float64), y.astype(np.float64)
    return np.isclose(x, y, equal_nan=equal_nan)


row("isclose", _close, _isclose, **TWO, **BOOL)
row("allclose", _close, lambda *a, **k: np.all(_isclose(*a, **k)), **TWO, **BOOL)
