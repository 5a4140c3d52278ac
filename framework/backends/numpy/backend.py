"""The NumPy backend."""

# Kernels stand here as plain wrappers of functions, where the base has methods.
# pyright: reportAssignmentType=false

from contextlib import nullcontext
from functools import partial, wraps
from math import prod
from typing import Any

import numpy as np

from ... import dtypes
from .. import host_draws
from ..base import Backend, native_order, specs
from . import neural, windows
from .arrays import ArrayKernels
from .linalg import NumpyLinalg
from .renames import Renamed, quiet
from .signal import NumpySignal


def _in_single(function):
    """A kernel that computes half-precision arrays in float32, as the other backends do."""

    @wraps(function)
    def kernel(*args, **kwargs):
        half = getattr(args[0], "dtype", None) or getattr(args[-1], "dtype", None)
        # bfloat16 is of kind "V"; so much is quicker to see than a name.
        if half is None or half.itemsize != 2 or half.kind not in "fV":
            return function(*args, **kwargs)
        wide = (x.astype(np.float32) if getattr(x, "dtype", None) == half else x for x in args)
        return np.asarray(function(*wide, **kwargs)).astype(half)

    return staticmethod(kernel)


def _special(name):
    def call(x):
        import scipy.special

        return getattr(scipy.special, name)(x)

    return _in_single(call)


def _binary(ufunc):
    """A kernel of two operands; a Python scalar never widens bfloat16, as NumPy alone would."""

    return staticmethod(lambda x1, x2: ufunc(*_alike(x1, x2)))


def _alike(x1, x2):
    # By exact type: np.float64 is a float, too.
    if type(x1) in _SCALARS:
        return np.asarray(x1, x2.dtype), x2
    return x1, np.asarray(x2, x1.dtype) if type(x2) in _SCALARS else x2


_SCALARS = (bool, int, float, complex)


def _axis(axis):
    return tuple(axis) if isinstance(axis, list) else axis


def _same_dtype(function):
    """A reduction that answers in the dtype of its input."""

    def reduce(x, axis=None, keepdims=False):
        return function(x, _axis(axis), keepdims=keepdims, dtype=x.dtype)

    return reduce


# Numbers from which on a sum that NumPy takes one by one is kept in float64 on the way.
_LONG = 64


def _sum(x, axis=None, keepdims=False, dtype=None):
    """A sum. NumPy sums by halves along the last axis alone, and else loses digits with length."""
    if x.dtype == np.float32 and axis is not None and x.ndim > 1:
        axes = {n % x.ndim for n in (axis if isinstance(axis, tuple) else (axis,))}
        if x.ndim - 1 not in axes and prod(x.shape[n] for n in axes) >= _LONG:
            wide = np.add.reduce(x, axis, keepdims=keepdims, dtype=np.float64)
            return wide.astype(np.float32)
    return np.add.reduce(x, axis, keepdims=keepdims, dtype=dtype)


class NumpyBackend(Renamed, ArrayKernels, NumpyLinalg, NumpySignal, Backend):
    """Kernels on `numpy.ndarray`; special functions come from SciPy."""

    name = "numpy"
    tensor_types = (np.ndarray, np.generic)
    differentiable = False
    has_text = True
    hosts = True

    def __init__(self):
        import ml_dtypes

        self._native = {name: np.dtype(name) for name in dtypes.ALL if name != "bfloat16"}
        for name in ("bfloat16", *dtypes.STORED):
            self._native[name] = np.dtype(getattr(ml_dtypes, name))
        self._names = {native: name for name, native in self._native.items()}
        self.native_dtypes = frozenset(self._names)
        inexact = (*dtypes.FLOATS, *dtypes.COMPLEX)
        self.float_types = frozenset(self._native[name] for name in inexact)
        self.stored_types = frozenset(self._native[name] for name in dtypes.STORED)

    # Conversion

    def asarray(self, x, dtype=None):
        if dtype is not None:
            return np.asarray(x, self._native[dtype])
        return native_order(np.asarray(x))

    def to_numpy(self, x):
        return np.asarray(x)

    def dtype(self, x):
        return self._names[x.dtype]

    def cast(self, x, dtype):
        return np.asarray(x).astype(self._native[dtype], copy=False)

    # Arrays

    def zeros(self, shape, dtype):
        return np.zeros(shape, self._native[dtype])

    def full(self, shape, value, dtype):
        return np.full(shape, value, self._native[dtype])

    def arange(self, start, stop, step, dtype):
        return np.arange(start, stop, step).astype(self._native[dtype])

    def eye(self, rows, columns, k, dtype):
        return np.eye(rows, columns, k, dtype=self._native[dtype])

    def split(self, x, sections, axis):
        return np.split(x, sections, axis)

    def pad(self, x, pads, mode: Any, value):
        if mode == "constant":
            return np.pad(x, pads, mode, constant_values=value)
        return np.pad(x, pads, mode)

    def where(self, condition, x1, x2):
        return np.where(condition, *_alike(x1, x2))

    def take(self, x, indices, axis):
        return x.take(indices, axis)

    def rows_at(self, x, indices):
        if indices.size and indices.min() < 0:
            raise IndexError("negative numbers of rows")
        return x.take(indices, 0)

    def peek(self, x):
        return x

    # Methods, where NumPy's functions are Python that calls them.

    def transpose(self, x, axes=None):
        return x.transpose(axes)

    def expand_dims(self, x, axis):
        if not isinstance(axis, int):
            return np.expand_dims(x, axis)
        shape = x.shape
        place = axis if axis >= 0 else axis + len(shape) + 1
        return x.reshape(*shape[:place], 1, *shape[place:])

    def slice(self, x, start, shape):
        return x[tuple(slice(int(s), int(s) + n) for s, n in zip(start, shape, strict=True))]

    def slice_update(self, x, start, updates):
        out = np.copy(x)
        where = tuple(slice(int(s), int(s) + n) for s, n in zip(start, updates.shape, strict=True))
        out[where] = updates
        return out

    def sort(self, x, axis):
        return np.sort(x, axis, kind="stable")

    def argsort(self, x, axis):
        return np.argsort(x, axis, kind="stable").astype(np.int32)

    def top_k(self, x, k, sorted):
        # A stable sort of what falls where x rises keeps the first of equal values first; ~x has
        # no overflow, where -x of the smallest integer has.
        falling = ~x if x.dtype.kind in "iub" else -x
        order = np.argsort(falling, axis=-1, kind="stable")
        if x.dtype.kind not in "iub" and np.isnan(x).any():  # the largest, as in a sort
            number = ~np.isnan(np.take_along_axis(x, order, -1))
            first = np.argsort(number, axis=-1, kind="stable")
            order = np.take_along_axis(order, first, -1)
        order = order[..., :k]
        return np.take_along_axis(x, order, -1), order.astype(np.int32)

    @quiet
    def cumsum(self, x, axis):
        return np.cumsum(x, axis, dtype=x.dtype)

    @quiet
    def cumprod(self, x, axis):
        return np.cumprod(x, axis, dtype=x.dtype)

    def stop_gradient(self, x):
        return x

    # Elementwise

    add = quiet(_binary(np.add))
    subtract = quiet(_binary(np.subtract))
    multiply = quiet(_binary(np.multiply))
    divide = quiet(_binary(np.true_divide))
    floor_divide = quiet(_binary(np.floor_divide))
    mod = quiet(_binary(np.mod))
    power = quiet(_binary(np.power))
    maximum = _binary(np.maximum)
    minimum = _binary(np.minimum)
    arctan2 = _binary(np.arctan2)
    hypot = quiet(_binary(np.hypot))
    logaddexp = quiet(_in_single(np.logaddexp))
    logaddexp2 = quiet(_in_single(np.logaddexp2))
    nextafter = quiet(_binary(np.nextafter))
    fmod = quiet(_binary(np.fmod))
    sinc = quiet(_in_single(np.sinc))
    gcd = _binary(np.gcd)
    lcm = _binary(np.lcm)
    erf = _special("erf")
    erfc = _special("erfc")
    erfinv = _special("erfinv")
    sigmoid = _special("expit")
    i0 = quiet(_special("i0"))

    gelu = _in_single(neural.gelu)
    softmax = quiet(_in_single(neural.softmax))

    @quiet
    def rsqrt(self, x):
        return np.reciprocal(np.sqrt(x))

    def divided(self, kernel, x1, x2):
        return kernel(x1, x2)  # NumPy's own quotients by zero are 0

    # Reductions

    sum = quiet(_in_single(_same_dtype(_sum)))
    prod = quiet(_in_single(_same_dtype(np.multiply.reduce)))

    def max(self, x, axis=None, keepdims=False):
        return np.maximum.reduce(x, _axis(axis), keepdims=keepdims)

    def min(self, x, axis=None, keepdims=False):
        return np.minimum.reduce(x, _axis(axis), keepdims=keepdims)

    def all(self, x, axis=None, keepdims=False):
        return np.all(x, _axis(axis), keepdims=keepdims)

    def any(self, x, axis=None, keepdims=False):
        return np.any(x, _axis(axis), keepdims=keepdims)

    def argmax(self, x, axis=None, keepdims=False):
        return np.argmax(x, axis, keepdims=keepdims).astype(np.int32)

    def argmin(self, x, axis=None, keepdims=False):
        return np.argmin(x, axis, keepdims=keepdims).astype(np.int32)

    # Products

    matmul = quiet(_in_single(np.matmul))
    einsum = quiet(_in_single(partial(np.einsum, optimize="greedy")))

    # Neural-network kernels

    conv = _in_single(neural.conv)
    _conv_transpose = _in_single(windows.conv_transpose)

    def conv_transpose(self, x, kernel, strides, crops, dilation):
        return self.cropped(self._conv_transpose(x, kernel, strides, dilation), crops)

    depthwise_conv = _in_single(neural.depthwise_conv)
    pool = staticmethod(neural.pool)

    def rfft(self, x, length):
        return np.fft.rfft(x, length)

    def irfft(self, x, length):
        return np.fft.irfft(x, length)

    random_words = staticmethod(host_draws.random_words)
    random_uniform = staticmethod(host_draws.random_uniform)
    random_normal = staticmethod(host_draws.random_normal)
    random_dropout = staticmethod(host_draws.random_dropout)

    # Weights and programs

    def make_value(self, array, dtype, trainable, memory_format):
        return np.array(array, self._native[dtype], copy=True)

    def adopt_value(self, array, dtype, trainable, memory_format):
        return np.asarray(array, self._native[dtype])

    def set_value(self, box, value):
        return np.array(value, box.dtype)  # a copy: the variable's memory is its own

    def move(self, layer, kind, index):
        self.device(kind, index)  # the CPU is the only one

    def placeholder(self, shape, dtype):
        return np.broadcast_to(np.zeros((), self._native[dtype]), shape)

    def device(self, kind, index):
        if (kind, index or 0) != ("cpu", 0):
            raise ValueError("NumPy computes on the CPU alone")
        return nullcontext()

    def seed(self, seed):
        np.random.seed(seed % 2**32)

    def abstract(self, function, given):
        # NumPy cannot trace, so it runs on zeros, whose logarithms are nobody's concern. As
        # matrices they are singular: what refuses such gets ones on the diagonal.
        with np.errstate(all="ignore"):
            try:
                out = function(*(np.zeros(s.shape, self._native[s.dtype]) for s in given))
            except ValueError as error:
                if not isinstance(error.__cause__ or error, np.linalg.LinAlgError):
                    raise
                out = function(*(self._unit(s.shape, self._native[s.dtype]) for s in given))
        return specs(self, out)

    def _unit(self, shape, dtype):
        return np.zeros(shape, dtype) + (np.eye(*shape[-2:], dtype=dtype) if shape[1:] else 0)
