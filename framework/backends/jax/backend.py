"""The JAX backend."""

# Kernels stand here as plain renames of the framework's functions, where the base has methods.
# pyright: reportAssignmentType=false

from contextlib import suppress
from functools import cache, partial
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jax import lax

from ... import dtypes
from ...containers import TrackedDict, TrackedList, TrackedOrderedDict
from ..base import Backend, native_order, specs
from . import attention, ctc, encoding, neural, precision, random, scalars, windows
from .arrays import ArrayKernels
from .control import JaxControl
from .distribution import JaxDistribution, gathered, spread
from .image import JaxImages
from .kept import keep_compiled
from .linalg import JaxLinalg
from .ordered import packed, unpacked
from .renames import Renamed
from .scalars import WIDE as _WIDE
from .signal import JaxSignal
from .transforms import JaxTransforms


def _axis(axis):
    return tuple(axis) if isinstance(axis, list) else axis


def _same_dtype(function):
    """A reduction that answers in the dtype of its input."""

    def reduce(self, x, axis=None, keepdims=False):
        return function(x, _axis(axis), keepdims=keepdims, dtype=x.dtype)

    return reduce


def _places(start):
    """Where a block begins, in one dtype, as JAX wants it."""
    return tuple(v if isinstance(v, int) else v.astype(jnp.int32) for v in start)


@jax.jit
def _rows(x, indices):
    # JAX fills up with NaN, but counts negative numbers from the end.
    indices = jnp.where(indices < 0, np.iinfo(np.int32).max, indices)
    return jnp.take(x, indices, 0, mode="fill")


def wide(function):
    """A kernel that JAX has for 64-bit tensors, but only where its x64 switch is on."""

    def kernel(x, *args, **kwargs):
        if x.dtype not in _WIDE:
            return function(x, *args, **kwargs)
        with jax.enable_x64(True):
            return function(x, *args, **kwargs)

    return kernel


def _position(function, extreme):
    """jnp.argmax or jnp.argmin, for 64 bits, too: compiled, JAX has these with its switch alone."""

    def first(x, axis, keepdims):
        if x.dtype not in _WIDE:
            return function(x, axis, keepdims=keepdims)
        return jnp.argmax(x == extreme(x, axis, keepdims=True), axis, keepdims=keepdims)

    return first


_argmax = _position(jnp.argmax, wide(jnp.max))
_argmin = _position(jnp.argmin, wide(jnp.min))


@jax.custom_jvp
def _absolute(x):
    """|x|, whose derivative at 0 is 0, as on the other backends; JAX takes 1."""
    return jnp.abs(x)


_absolute.defjvp(lambda x, moved: (jnp.abs(x[0]), jnp.sign(x[0]) * moved[0]))


def _exp2(x):
    """2^x of float32 numbers.

    XLA multiplies x by ln 2, and the rounding of a large product shows in the result. What is left
    of x beside an integer is at most a half; the integer's power is put together from its bits, in
    two halves, so that neither leaves the normal numbers.
    """
    whole = lax.stop_gradient(jnp.clip(jnp.round(x), -252, 252))
    half = whole.astype(jnp.int32) >> 1
    other = whole.astype(jnp.int32) - half
    first, second = (lax.bitcast_convert_type((n + 127) << 23, jnp.float32) for n in (half, other))
    near = jnp.abs(x) < 252
    power = jnp.exp2(jnp.where(near, x - whole, 0)) * first * second
    return jnp.where(near, power, jnp.exp2(jnp.where(near, 0, x)))


def _of_sizes(function):
    """A kernel of the sizes of integers; JAX's own do not end at the least integer of a dtype."""

    def kernel(self, x1, x2):
        if not jnp.issubdtype(x1.dtype, jnp.signedinteger):
            return function(x1, x2)
        sizes = [jnp.abs(x).astype(self._native["u" + self.dtype(x)]) for x in (x1, x2)]
        return function(*sizes).astype(x1.dtype)

    return kernel


def _reduce(function):
    def reduce(self, x, axis=None, keepdims=False):
        return function(x, _axis(axis), keepdims=keepdims)

    return reduce


@cache
def _register_containers():
    """Let JAX see into the containers that layers keep; what it makes of them are plain ones."""
    register = jax.tree_util.register_pytree_with_keys

    def items(x):
        return [(jax.tree_util.SequenceKey(i), value) for i, value in enumerate(x)], None

    register(TrackedList, items, lambda _, values: list(values))
    for cls, ordered in ((TrackedDict, sorted), (TrackedOrderedDict, list)):

        def pairs(x, ordered=ordered):
            keys = ordered(x)
            return [(jax.tree_util.DictKey(key), x[key]) for key in keys], tuple(keys)

        made = cls.plain_type
        register(cls, pairs, lambda keys, values, made=made: made(zip(keys, values, strict=True)))


class JaxBackend(
    Renamed,
    JaxImages,
    ArrayKernels,
    JaxControl,
    JaxTransforms,
    JaxLinalg,
    JaxSignal,
    JaxDistribution,
    Backend,
):
    """Kernels on `jax.Array` and on tracers.

    64-bit dtypes are JAX's explicit ones: what is asked for by name has them, what JAX makes by
    default stays 32 bits wide.
    """

    name = "jax"
    compiles = functional = True
    tensor_types = (jax.Array, jax.core.Tracer)

    def __init__(self):
        # Without this JAX narrows what is asked for, with a warning. An error stays one.
        if jax.config.jax_explicit_x64_dtypes.name == "WARN":  # pyright: ignore
            jax.config.update("jax_explicit_x64_dtypes", "allow")
        names = (*dtypes.ALL, *dtypes.STORED)
        self._native = {name: np.dtype(getattr(jnp, name)) for name in names if name != "bool"}
        self._native["bool"] = np.dtype(bool)
        self._names = {native: name for name, native in self._native.items()}
        inexact = (*dtypes.FLOATS, *dtypes.COMPLEX)
        self.float_types = frozenset(self._native[name] for name in inexact)
        self.stored_types = frozenset(self._native[name] for name in dtypes.STORED)
        _register_containers()

    def tree_flatten(self, x):
        """The leaves of a tree of JAX, and its form."""
        return jax.tree_util.tree_flatten(x)

    def owner(self, cls):
        if not cls.__module__.startswith("jax.experimental.sparse"):
            return super().owner(cls)
        from .sparse import JaxSparse  # importing JAX does not bring it along

        if self._sparse is None:
            self._sparse = JaxSparse(self)
        return self._sparse if issubclass(cls, JaxSparse.sparse_types) else None

    _sparse: Any = None

    def is_unrelated_error(self, error):
        kinds = (
            jax.errors.JAXTypeError,
            jax.errors.JAXIndexError,
            jax.errors.UnexpectedTracerError,
            jax.errors.JaxRuntimeError,
        )
        return isinstance(error, kinds)

    # Conversion

    def asarray(self, x, dtype=None):
        if dtype is None:
            if isinstance(x, np.ndarray | np.generic):
                x = native_order(np.asarray(x))
                return jnp.asarray(x, x.dtype)  # a dtype that is asked for is not narrowed
            return x if isinstance(x, jax.Array) else jnp.asarray(x)
        native = self._native[dtype]
        if isinstance(x, jax.Array):
            return x if x.dtype == native else x.astype(native)
        if native in _WIDE and isinstance(x, int | float | complex | list | tuple):
            # JAX would read the numbers in 32 bits. Tracers among them are no numbers.
            with suppress(jax.errors.TracerArrayConversionError):
                x = np.asarray(x, native)
        return jnp.asarray(x, native)

    def to_numpy(self, x):
        return gathered(x) if spread(x) else np.asarray(x)

    def dtype(self, x):
        return self._names[x.dtype]

    def cast(self, x, dtype):
        return x.astype(self._native[dtype])

    # Arrays

    def zeros(self, shape, dtype):
        return jnp.zeros(shape, self._native[dtype])

    def full(self, shape, value, dtype):
        return jnp.full(shape, value, self._native[dtype])

    def arange(self, start, stop, step, dtype):
        return jnp.arange(start, stop, step, dtype=self._native[dtype])

    def eye(self, rows, columns, k, dtype):
        return jnp.eye(rows, columns, k, dtype=self._native[dtype])

    def split(self, x, sections, axis):
        if not isinstance(sections, int):
            sections = [min(place, x.shape[axis]) for place in sections]
        return jnp.split(x, sections, axis)

    def repeat(self, x, repeats, axis=None):
        return jnp.repeat(x, np.asarray(repeats) if isinstance(repeats, list) else repeats, axis)

    def pad(self, x, pads, mode, value):
        if mode == "constant":
            # As a tensor: JAX reads a Python number in 32 bits.
            return jnp.pad(x, pads, mode, constant_values=self.asarray(value, self.dtype(x)))
        return jnp.pad(x, pads, mode)

    def take(self, x, indices, axis):
        if axis is None:
            x, axis = x.reshape(-1), 0
        y = jnp.take(x, indices, axis)
        if y.size or jnp.size(indices):
            return y
        # JAX takes nothing from nothing in another shape.
        axis %= x.ndim
        return y.reshape(x.shape[:axis] + jnp.shape(indices) + x.shape[axis + 1 :])

    def rows_at(self, x, indices):
        return _rows(x, indices)

    def slice(self, x, start, shape):
        start, shape = list(start), list(shape)
        for axis, length in enumerate(shape):
            if not isinstance(length, int) and length != x.shape[axis]:
                # JAX cannot tell whether a symbolic length fits: what lies beyond becomes NaN.
                places = start[axis] + jnp.arange(length)
                x = jnp.take(x, places, axis, mode="fill")
                start[axis] = 0
        return lax.dynamic_slice(x, _places(start), shape)

    def slice_update(self, x, start, updates):
        return lax.dynamic_update_slice(x, updates, _places(start))

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

    where = staticmethod(scalars.where)

    def exp2(self, x):
        if x.dtype in _WIDE:
            return jnp.exp2(x)
        wide, back = self.in_single(x)
        return back(_exp2(wide))

    def absolute(self, x):
        traced = isinstance(x, jax.core.Tracer) and jnp.issubdtype(x.dtype, jnp.floating)
        return _absolute(x) if traced else jnp.abs(x)

    gcd = _of_sizes(jnp.gcd)
    lcm = _of_sizes(jnp.lcm)

    # Reductions

    sum = _same_dtype(jnp.sum)
    prod = _same_dtype(jnp.prod)
    mean = _reduce(jnp.mean)
    max = _reduce(wide(jnp.max))
    min = _reduce(wide(jnp.min))
    log10 = staticmethod(wide(jnp.log10))
    ldexp = staticmethod(wide(jnp.ldexp))
    all = _reduce(jnp.all)
    any = _reduce(jnp.any)

    # Products

    def matmul(self, x1, x2):
        return jnp.matmul(x1, x2, precision=precision.of_product(x1, x2))

    def einsum(self, subscripts, *operands):
        return jnp.einsum(subscripts, *operands, precision=precision.of_product(*operands))

    def argmax(self, x, axis=None, keepdims=False):
        return self._first(_argmax, x, axis, keepdims)

    def argmin(self, x, axis=None, keepdims=False):
        return self._first(_argmin, x, axis, keepdims)

    def _first(self, function, x, axis, keepdims):
        if self.dtype(x) in dtypes.FLOATS:
            return self._first_float(x, function is _argmax, axis, keepdims)
        return function(x, axis, keepdims).astype(jnp.int32)

    @partial(jax.jit, static_argnums=(0, 2, 3, 4))
    def _first_float(self, x, largest, axis, keepdims):
        # XLA takes the smallest numbers for 0, so their bits are compared.
        function = _argmax if largest else _argmin
        bits = self.ordered_bits(x, largest)
        return function(bits, axis, keepdims).astype(jnp.int32)

    def clip(self, x, x_min, x_max):
        if isinstance(x_min, float) and isinstance(x_max, float) and x.dtype not in _WIDE:
            return jnp.clip(x, x_min, x_max)
        return super().clip(x, x_min, x_max)

    # Neural-network kernels

    conv = staticmethod(neural.conv)
    conv_transpose = staticmethod(windows.conv_transpose)
    has_sparse_tensors = True
    sparse_one_hot = encoding.sparse_one_hot
    sparsified = encoding.sparsified
    ctc_loss = ctc.ctc_loss
    ctc_beam_search = ctc.ctc_beam_search
    depthwise_conv = staticmethod(neural.depthwise_conv)
    pool = staticmethod(neural.pool)

    def attention(self, query, key, value, mask, bias, scale, is_causal):
        def whole(query, key, value):
            return super(JaxBackend, self).attention(
                query, key, value, mask, bias, scale, is_causal
            )

        if mask is not None or bias is not None or is_causal:
            return whole(query, key, value)
        if not attention.suits(query, key, value):
            return whole(query, key, value)
        blocks = partial(attention.in_blocks, scale=scale)
        return lax.platform_dependent(query, key, value, cpu=blocks, default=whole)

    random_words = staticmethod(random.random_words)
    random_uniform = staticmethod(random.random_uniform)
    random_normal = staticmethod(random.random_normal)
    random_dropout = staticmethod(random.random_dropout)

    # JAX's own take their constants in 32 bits, and their functions with them.

    def gelu(self, x, approximate):
        if x.dtype in _WIDE:
            return super().gelu(x, approximate)
        return jax.nn.gelu(x, approximate=approximate)

    def selu(self, x):
        return super().selu(x) if x.dtype in _WIDE else jax.nn.selu(x)

    def celu(self, x, alpha):
        return super().celu(x, alpha) if x.dtype in _WIDE else jax.nn.celu(x, alpha)

    def logsumexp(self, x, axis=None, keepdims=False):
        return jax.nn.logsumexp(x, _axis(axis), keepdims=keepdims)

    def rfft(self, x, length):
        return jnp.fft.rfft(x, length)

    def irfft(self, x, length):
        return jnp.fft.irfft(x, length)

    # Weights and programs

    def make_value(self, array, dtype, trainable, memory_format):
        native = self._native[dtype]
        return jnp.array(self._as_kept(array, native), native)

    def adopt_value(self, array, dtype, trainable, memory_format):
        native = self._native[dtype]
        return jnp.asarray(self._as_kept(array, native), native)

    def _as_kept(self, array, native):
        # JAX would compile a conversion for each shape anew: 20 ms each, of hundreds of weights.
        return array.astype(native, copy=False) if isinstance(array, np.ndarray) else array

    def is_traced_constant(self, held, read):
        return isinstance(read, jax.core.Tracer) and not isinstance(held, jax.core.Tracer)

    def peek(self, x):
        if isinstance(x, jax.core.Tracer) or any(d.platform != "cpu" for d in x.devices()):
            return None
        return np.asarray(x)

    def is_tracing(self, x):
        return isinstance(x, jax.core.Tracer)

    def compiles_steps(self):
        return True

    def eagerly(self):
        return jax.ensure_compile_time_eval()

    def set_value(self, box, value):
        # A copy: an array made from NumPy's may share its memory, the variable's is its own.
        made = jnp.array(value, box.dtype)
        return self.distribute(made, box.sharding) if spread(box) else made

    def abstract(self, function, given):
        found = []

        def traced(*tensors):
            # What comes in is 32 bits wide here, whatever was asked for.
            wanted = zip(tensors, given, strict=True)
            tensors = [x if s.sparse else self.asarray(x, s.dtype) for x, s in wanted]
            found.append(specs(self, out := function(*tensors)))
            return out

        jax.eval_shape(traced, *map(self._described, given))
        return found[-1]

    def _described(self, spec):
        described = jax.ShapeDtypeStruct(spec.shape, self._native[spec.dtype])
        if not spec.sparse:
            return described
        from jax.experimental.sparse import BCOO

        return jax.eval_shape(lambda x: BCOO.fromdense(x, nse=2), described)

    def exporter(self):
        from . import exporting

        return exporting

    def function_for_tensorflow(self, fn, specs, kwargs):
        return self.exporter().for_tensorflow(fn, specs, kwargs)

    def move(self, layer, kind, index):
        try:
            device = jax.devices(kind)[index or 0]
        except (RuntimeError, IndexError) as error:
            seen = ", ".join(map(str, jax.devices()))
            raise ValueError(f"There is no device {kind}:{index or 0}; JAX sees {seen}.") from error
        for variable in layer.variables:
            variable.replace_native(jax.device_put(variable.native, device))

    def device_name(self, native):
        if native is None:
            return jax.default_backend()
        return ", ".join(sorted(f"{d.platform}:{d.id}" for d in native.devices()))

    def device(self, kind, index):
        return jax.default_device(jax.devices(kind)[index or 0])

    def seed(self, seed):
        """JAX has no seed of its own: each draw is given its key."""

    def inference_function(self, target):
        keep_compiled()

        consumed = target.consumed

        @partial(jax.jit, donate_argnums=0)
        def run(taken, trainable, state, args, kwargs):
            for place, x in zip(consumed, taken, strict=True):
                args = (*args[:place], x, *args[place + 1 :])
            out, after = target.stateless_call(trainable, state, *args, **kwargs)
            # By place: seeds of draws that are made in inference too.
            changed = {
                i: new
                for i, (new, old) in enumerate(zip(after, state, strict=True))
                if new is not None and new is not old
            }
            return packed(out), changed

        def infer(*args, **kwargs):
            taken = [args[place] for place in consumed]
            args = tuple(None if i in consumed else x for i, x in enumerate(args))
            out, changed = run(taken, *target.state_values(), args, kwargs)
            if changed:
                others = target.model.non_trainable_variables
                for place, value in changed.items():
                    others[place].replace_native(value)
            return unpacked(out)

        return infer
