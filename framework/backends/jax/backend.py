"""The JAX backend."""

# Kernels stand here as plain renames of the framework's functions, where the base has methods.
# pyright: reportAssignmentType=false

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jax import lax

from ... import dtypes
from ..base import Backend, Spec, native_order
from . import neural


def _axis(axis):
    return tuple(axis) if isinstance(axis, list) else axis


def _same_dtype(function):
    """A reduction that answers in the dtype of its input."""

    def reduce(self, x, axis=None, keepdims=False):
        return function(x, _axis(axis), keepdims=keepdims, dtype=x.dtype)

    return reduce


def _reduce(function):
    def reduce(self, x, axis=None, keepdims=False):
        return function(x, _axis(axis), keepdims=keepdims)

    return reduce


class JaxBackend(Backend):
    """Kernels on `jax.Array` and on tracers. 64-bit dtypes need JAX's own x64 switch."""

    name = "jax"
    compiles = True
    tensor_types = (jax.Array, jax.core.Tracer)

    def __init__(self):
        self._native = {name: np.dtype(getattr(jnp, name)) for name in dtypes.ALL if name != "bool"}
        self._native["bool"] = np.dtype(bool)
        self._names = {native: name for name, native in self._native.items()}
        inexact = (*dtypes.FLOATS, *dtypes.COMPLEX)
        self.float_types = frozenset(self._native[name] for name in inexact)

    # Conversion

    def asarray(self, x, dtype=None):
        if dtype is None:
            return x if isinstance(x, jax.Array) else jnp.asarray(self._narrow(x))
        native = self._canonical(dtype)
        if isinstance(x, jax.Array):
            return x if x.dtype == native else x.astype(native)
        return jnp.asarray(x, native)

    def _canonical(self, dtype):
        return jax.dtypes.canonicalize_dtype(self._native[dtype])

    def _narrow(self, x):
        """64-bit NumPy data in the width that JAX is set to, without its warning."""
        if isinstance(x, np.ndarray | np.generic):
            x = native_order(np.asarray(x))
            return np.asarray(x, jax.dtypes.canonicalize_dtype(x.dtype))
        return x

    def to_numpy(self, x):
        return np.asarray(x)

    def dtype(self, x):
        return self._names[x.dtype]

    def cast(self, x, dtype):
        return x.astype(self._canonical(dtype))

    # Arrays

    def zeros(self, shape, dtype):
        return jnp.zeros(shape, self._canonical(dtype))

    def full(self, shape, value, dtype):
        return jnp.full(shape, value, self._canonical(dtype))

    def arange(self, start, stop, step, dtype):
        return jnp.arange(start, stop, step, dtype=self._canonical(dtype))

    def linspace(self, start, stop, num, endpoint, dtype):
        return jnp.linspace(start, stop, num, endpoint=endpoint, dtype=self._canonical(dtype))

    def eye(self, rows, columns, k, dtype):
        return jnp.eye(rows, columns, k, dtype=self._canonical(dtype))

    reshape = staticmethod(jnp.reshape)
    transpose = staticmethod(jnp.transpose)
    broadcast_to = staticmethod(jnp.broadcast_to)
    concatenate = staticmethod(jnp.concatenate)
    stack = staticmethod(jnp.stack)
    flip = staticmethod(jnp.flip)
    tile = staticmethod(jnp.tile)
    where = staticmethod(jnp.where)
    take_along_axis = staticmethod(jnp.take_along_axis)
    roll = staticmethod(jnp.roll)
    tril = staticmethod(jnp.tril)
    triu = staticmethod(jnp.triu)
    copy = staticmethod(jnp.copy)

    def split(self, x, sections, axis):
        if not isinstance(sections, int):
            sections = [min(place, x.shape[axis]) for place in sections]
        return jnp.split(x, sections, axis)

    def repeat(self, x, repeats, axis=None):
        return jnp.repeat(x, np.asarray(repeats) if isinstance(repeats, list) else repeats, axis)

    def pad(self, x, pads, mode, value):
        if mode == "constant":
            return jnp.pad(x, pads, mode, constant_values=value)
        return jnp.pad(x, pads, mode)

    def take(self, x, indices, axis):
        return jnp.take(x, indices, axis)

    def slice(self, x, start, shape):
        return lax.dynamic_slice(x, start, shape)

    def slice_update(self, x, start, updates):
        return lax.dynamic_update_slice(x, updates, start)

    def scatter_add(self, x, indices, updates):
        return x.at[tuple(jnp.moveaxis(indices, -1, 0))].add(updates)

    def sort(self, x, axis):
        return jnp.sort(x, axis, stable=True)

    def argsort(self, x, axis):
        return jnp.argsort(x, axis, stable=True).astype(jnp.int32)

    def top_k(self, x, k, sorted):
        return tuple(lax.top_k(x, k))

    def cumsum(self, x, axis):
        return jnp.cumsum(x, axis, dtype=x.dtype)

    def cumprod(self, x, axis):
        return jnp.cumprod(x, axis, dtype=x.dtype)

    stop_gradient = staticmethod(lax.stop_gradient)

    # Elementwise

    add = staticmethod(jnp.add)
    subtract = staticmethod(jnp.subtract)
    multiply = staticmethod(jnp.multiply)
    divide = staticmethod(jnp.true_divide)
    floor_divide = staticmethod(jnp.floor_divide)
    mod = staticmethod(jnp.mod)
    power = staticmethod(jnp.power)
    maximum = staticmethod(jnp.maximum)
    minimum = staticmethod(jnp.minimum)
    arctan2 = staticmethod(jnp.arctan2)
    equal = staticmethod(jnp.equal)
    not_equal = staticmethod(jnp.not_equal)
    less = staticmethod(jnp.less)
    less_equal = staticmethod(jnp.less_equal)
    greater = staticmethod(jnp.greater)
    greater_equal = staticmethod(jnp.greater_equal)
    logical_and = staticmethod(jnp.logical_and)
    logical_or = staticmethod(jnp.logical_or)
    logical_not = staticmethod(jnp.logical_not)
    bitwise_and = staticmethod(jnp.bitwise_and)
    bitwise_or = staticmethod(jnp.bitwise_or)
    bitwise_xor = staticmethod(jnp.bitwise_xor)
    bitwise_not = staticmethod(jnp.bitwise_not)
    left_shift = staticmethod(jnp.left_shift)
    right_shift = staticmethod(jnp.right_shift)
    negative = staticmethod(jnp.negative)
    absolute = staticmethod(jnp.absolute)
    sign = staticmethod(jnp.sign)
    square = staticmethod(jnp.square)
    sqrt = staticmethod(jnp.sqrt)
    rsqrt = staticmethod(lax.rsqrt)
    exp = staticmethod(jnp.exp)
    expm1 = staticmethod(jnp.expm1)
    log = staticmethod(jnp.log)
    log1p = staticmethod(jnp.log1p)
    log2 = staticmethod(jnp.log2)
    log10 = staticmethod(jnp.log10)
    sin = staticmethod(jnp.sin)
    cos = staticmethod(jnp.cos)
    tan = staticmethod(jnp.tan)
    arcsin = staticmethod(jnp.arcsin)
    arccos = staticmethod(jnp.arccos)
    arctan = staticmethod(jnp.arctan)
    sinh = staticmethod(jnp.sinh)
    cosh = staticmethod(jnp.cosh)
    tanh = staticmethod(jnp.tanh)
    arcsinh = staticmethod(jnp.arcsinh)
    arccosh = staticmethod(jnp.arccosh)
    arctanh = staticmethod(jnp.arctanh)
    erf = staticmethod(lax.erf)
    sigmoid = staticmethod(lax.logistic)
    floor = staticmethod(jnp.floor)
    ceil = staticmethod(jnp.ceil)
    round = staticmethod(jnp.round)
    isnan = staticmethod(jnp.isnan)
    isinf = staticmethod(jnp.isinf)
    isfinite = staticmethod(jnp.isfinite)
    real = staticmethod(jnp.real)
    imag = staticmethod(jnp.imag)
    conj = staticmethod(jnp.conj)

    # Reductions

    sum = _same_dtype(jnp.sum)
    prod = _same_dtype(jnp.prod)
    mean = _reduce(jnp.mean)
    max = _reduce(jnp.max)
    min = _reduce(jnp.min)
    all = _reduce(jnp.all)
    any = _reduce(jnp.any)

    def argmax(self, x, axis=None, keepdims=False):
        return jnp.argmax(x, axis, keepdims=keepdims).astype(jnp.int32)

    def argmin(self, x, axis=None, keepdims=False):
        return jnp.argmin(x, axis, keepdims=keepdims).astype(jnp.int32)

    # Products

    matmul = staticmethod(jnp.matmul)
    einsum = staticmethod(jnp.einsum)

    # Neural-network kernels

    relu = staticmethod(jax.nn.relu)
    relu6 = staticmethod(jax.nn.relu6)
    silu = staticmethod(jax.nn.silu)
    softmax = staticmethod(jax.nn.softmax)
    log_softmax = staticmethod(jax.nn.log_softmax)
    softplus = staticmethod(jax.nn.softplus)
    conv = staticmethod(neural.conv)
    depthwise_conv = staticmethod(neural.depthwise_conv)
    pool = staticmethod(neural.pool)
    random_bits = staticmethod(neural.random_bits)

    def gelu(self, x, approximate):
        return jax.nn.gelu(x, approximate=approximate)

    def logsumexp(self, x, axis=None, keepdims=False):
        return jax.nn.logsumexp(x, _axis(axis), keepdims=keepdims)

    def rfft(self, x, length):
        return jnp.fft.rfft(x, length)

    def irfft(self, x, length):
        return jnp.fft.irfft(x, length)

    # Weights and programs

    def make_value(self, array, dtype, trainable, layout):
        return jnp.array(array, self._canonical(dtype))

    def adopt_value(self, array, dtype, trainable, layout):
        return jnp.asarray(array, self._canonical(dtype))

    def eagerly(self):
        return jax.ensure_compile_time_eval()

    def set_value(self, box, value):
        # A copy: an array made from NumPy's may share its memory, the variable's is its own.
        return jnp.array(value, box.dtype)

    def abstract(self, function, given):
        inputs = [jax.ShapeDtypeStruct(spec.shape, self._canonical(spec.dtype)) for spec in given]
        out = jax.eval_shape(function, *inputs)
        return jax.tree.map(lambda leaf: Spec(leaf.shape, self._names[np.dtype(leaf.dtype)]), out)

    def value_and_grad(self, function):
        def differentiated(*inputs):
            return jax.value_and_grad(function, argnums=tuple(range(len(inputs))))(*inputs)

        return differentiated

    jit = staticmethod(jax.jit)

    def inference_function(self, layer):
        @jax.jit
        def run(trainable, state, args, kwargs):
            return layer.stateless_call(trainable, state, *args, **kwargs)[0]

        def infer(*args, **kwargs):
            return run(*layer.state_values(), args, kwargs)

        return infer
