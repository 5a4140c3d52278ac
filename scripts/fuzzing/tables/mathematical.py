"""Rows of ops: functions of one number."""

import numpy as np
import scipy.special

from ..draws import COMPLEX, FLOATS, REAL, Draw
from ..makers import smooth_unary, unary
from ..rows import Call, row

SLOPE = {"gradient": (0,)}


def _rsqrt(x):
    return 1 / np.sqrt(x)


# name: reference, values for the gradient
_FUNCTIONS = {
    "sqrt": (np.sqrt, "positive"),
    "rsqrt": (_rsqrt, "positive"),
    "exp": (np.exp, "tame"),
    "expm1": (np.expm1, "tame"),
    "log": (np.log, "positive"),
    "log1p": (np.log1p, "positive"),
    "log2": (np.log2, "positive"),
    "log10": (np.log10, "positive"),
    "sin": (np.sin, "tame"),
    "cos": (np.cos, "tame"),
    "tan": (np.tan, "unit"),
    "arcsin": (np.arcsin, "unit"),
    "arccos": (np.arccos, "unit"),
    "arctan": (np.arctan, "tame"),
    "sinh": (np.sinh, "tame"),
    "cosh": (np.cosh, "tame"),
    "tanh": (np.tanh, "tame"),
    "arcsinh": (np.arcsinh, "tame"),
    "arccosh": (lambda x: np.arccosh(x), None),
    "arctanh": (np.arctanh, "unit"),
    "cbrt": (np.cbrt, "positive"),
    "exp2": (np.exp2, "tame"),
    "sinc": (np.sinc, "tame"),
    "i0": (scipy.special.i0, "tame"),
    "deg2rad": (np.deg2rad, "tame"),
    "rad2deg": (np.rad2deg, "tame"),
    "erf": (scipy.special.erf, "tame"),
    "erfc": (scipy.special.erfc, "tame"),
    "erfinv": (scipy.special.erfinv, "unit"),
}
# Where a function is steep, or nearly 0, the rounding of its argument shows: the error is counted
# by the argument's share in the result.
_SIZES = {
    "sin": lambda x: 1.0 + 0 * x,
    "cos": lambda x: 1.0 + 0 * x,
    "sinc": lambda x: 1.0 + 0 * x,
    "tan": lambda x: 1.0 + np.tan(x) ** 2,
    "erfc": lambda x: (1 + 2 * x**2) * scipy.special.erfc(x),
}


def _bounded(draw: Draw) -> Call:
    """Angles that no framework reduces badly, with the special numbers that have none."""
    call = unary(REAL, "tame")(draw)
    x = call.args[0]
    if x.dtype.kind not in "biu" and x.size and draw.chance(0.3):
        x.flat[0] = draw.pick(np.nan, np.inf, -np.inf, 0.0, -0.0)
    return call


for name, (function, values) in _FUNCTIONS.items():
    angles = name in ("sin", "cos", "tan", "sinc")
    row(
        name,
        _bounded if angles else unary(REAL, "wild"),
        function,
        meet="float",
        size=_SIZES.get(name, "each"),
        error=24 if name in ("erfinv", "erfc", "i0", "cbrt") else 8,
        **({"smooth": smooth_unary(values), **SLOPE} if values else {}),
    )
for name in ("exp", "log", "sqrt", "sin", "cos", "tanh", "arctan"):
    if name == "arctan":
        continue
    row(name, unary(COMPLEX, "tame"), getattr(np, name), meet="float")
for name in ("floor", "ceil", "trunc"):
    row(name, unary(REAL), getattr(np, name), meet="same" if name == "trunc" else "float")


def _round(draw: Draw) -> Call:
    """Numbers far from the middle between two that come out."""
    x = draw.array(draw.shape(), draw.dtype((*FLOATS, "int32", "int64", "uint8")), "tame")
    decimals = draw.pick(0, 0, 1, -1)
    if x.dtype.kind not in "biu":
        x = (np.round(x.astype(float) * 16) / 16 + 1 / 64).astype(x.dtype)
    return Call([x, decimals] if decimals else [x])


row("round", _round, lambda x, n=0: np.round(x, n), operands=(0,))
for name in ("real", "imag", "conjugate", "conj"):
    function = getattr(np, name)
    dtype = "met" if name.startswith("conj") else "real"
    row(name, unary((*REAL, *COMPLEX)), function, dtype=dtype)
row("angle", unary(REAL), lambda x: np.where(np.isnan(x), np.nan, np.angle(x + 0j)
    if x.dtype.kind != "f" else np.where(np.signbit(x), np.pi, 0)), meet="float")  # fmt: skip
row("angle", unary(COMPLEX, "tame"), np.angle, dtype="real")
