"""Rows of ops: activation functions."""

import numpy as np
import scipy.special

from ...references import kernels, neural
from ..draws import FLOATS, REAL, Draw
from ..makers import smooth_unary, unary
from ..rows import Call, row

SLOPE = {"gradient": (0,), "smooth": smooth_unary()}


def _one(x):
    """The size of what a result is the difference of."""
    return np.abs(x) + 1


def _gelu(x, approximate=True):
    if approximate:
        inner = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
    else:
        inner = scipy.special.erf(x / np.sqrt(2))
    return np.where(x == -np.inf, np.nan, 0.5 * x * (1 + inner))


def _kept(low, high):
    """The identity between two bounds; NaN stays."""
    return lambda x: np.minimum(np.maximum(x, low), high)


def _silu(x):
    return x * scipy.special.expit(x)


_SIMPLE = {
    "relu6": _kept(0, 6),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": lambda x: neural.selu(x),
    "celu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "silu": _silu,
    "swish": _silu,
    "sigmoid": scipy.special.expit,
    "log_sigmoid": lambda x: -np.logaddexp(0, -x),
    "sparse_sigmoid": lambda x: _kept(0, 1)((x + 1) / 2),
    "hard_sigmoid": lambda x: _kept(0, 1)(x / 6 + 0.5),
    "hard_tanh": _kept(-1, 1),
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
}
_ROUNDED = ("selu", "sparse_sigmoid", "hard_sigmoid", "softplus", "sparse_plus", "tanh_shrink")
for name, function in _SIMPLE.items():
    # Where an infinity meets 0 or another, all that counts is that the backends agree.
    values = "finite" if name in ("silu", "swish", "softsign", "tanh_shrink") else "wild"
    row(name, unary(REAL, values), function, meet="float",
        size=_one if name in _ROUNDED else "each", **SLOPE)  # fmt: skip
for name in ("hard_silu", "hard_swish"):
    row(name, unary(REAL, "finite"), lambda x: x * _kept(0, 1)(x / 6 + 0.5), meet="float",
        size=lambda x: np.abs(x), **SLOPE)  # fmt: skip
row("relu", unary(REAL), lambda x: np.maximum(x, 0), meet="number", **SLOPE)
row("gelu", unary(REAL, "tame"), _gelu, meet="float", size=_one, **SLOPE)
row("gelu", lambda draw: Call([draw.array(draw.shape(), draw.dtype(FLOATS), "tame"), False]),
    _gelu, meet="float", operands=(0,), size=lambda x, a: _one(x))  # fmt: skip


def _halves(draw: Draw) -> Call:
    shape = list(draw.shape(1))
    axis = draw.axis(len(shape))
    shape[axis] = 2 * draw.pick(0, 1, 2)
    return Call([draw.array(tuple(shape), draw.dtype(REAL), "tame")], {"axis": axis})


row("glu", _halves, neural.glu, meet="float", gradient=(0,))
row("squareplus", unary(REAL, "finite"), lambda x: np.where(x < 0, 2 / (np.sqrt(x * x + 4) + np.abs(
    x)), (x + np.sqrt(x * x + 4)) / 2), meet="float", size=_one, **SLOPE)  # fmt: skip


def _bent(draw: Draw) -> Call:
    return Call([draw.array(draw.shape(), draw.dtype(REAL), draw.pick("ties", "wild")),
                 draw.pick(0.5, 0.0, 1.0)])  # fmt: skip


row("soft_shrink", _bent, lambda x, t: np.where(np.isnan(x), x, np.where(x > t, x - t, np.where(
    x < -t, x + t, 0))), meet="float", operands=(0,), size=lambda x, t: _one(x))  # fmt: skip
row("hard_shrink", _bent, lambda x, t: np.where(np.abs(x) <= t, 0, x), meet="float", operands=(0,))


def _cut(draw: Draw) -> Call:
    call = _bent(draw)
    call.args.append(draw.pick(0.25, 3.0))
    return call


row("threshold", _cut, lambda x, t, v: np.where(x <= t, v, x), meet="float", operands=(0,))


def _along(draw: Draw) -> Call:
    shape = draw.shape(1)
    axes = draw.axes(len(shape))
    axes = None if axes == () else axes
    return Call([draw.array(shape, draw.dtype(REAL), "tame")], {"axis": axes})


def _softmax(function):
    def reference(x, axis):
        if not x.size:
            return x
        places = None if axis is None else np.atleast_1d(axis) % x.ndim
        if places is None:
            places = range(x.ndim)
        return neural.several_axes(function, [int(a) for a in places])(x, axis)

    return reference


row("softmax", _along, _softmax(kernels.softmax), meet="float", gradient=(0,),
    size=lambda x, axis: 1 / 64 + 0 * x)  # fmt: skip
row("log_softmax", _along, _softmax(lambda x, axis: scipy.special.log_softmax(x, axis)),
    meet="float", gradient=(0,), size=lambda x, axis: np.max(np.abs(x), initial=1))  # fmt: skip


def _one_axis(draw: Draw) -> Call:
    shape = draw.shape(1, 3, 1)
    return Call([draw.array(shape, draw.dtype(FLOATS), "tame")], {"axis": draw.axis(len(shape))})


row("sparsemax", _one_axis, neural.sparsemax, meet="float", gradient=(0,),
    size=lambda x, axis: 1 + np.abs(x))  # fmt: skip
