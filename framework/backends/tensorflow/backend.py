"""The TensorFlow backend."""

# Kernels stand here as plain renames of the framework's functions, where the base has methods.
# pyright: reportAssignmentType=false

import math
from functools import wraps
from typing import Any

import numpy as np
import tensorflow as tf

from ... import dtypes
from ..base import Backend, specs
from . import (
    arithmetic,
    attention,
    ctc,
    datasets,
    encoding,
    indexing,
    neural,
    precision,
    processes,
    random,
    windows,
)
from .arrays import ArrayKernels, in_order, moved
from .control import TensorflowControl
from .distribution import (
    TensorflowDistribution,
    as_one_device_has_it,
    on_mesh_of,
    sharded_program,
)
from .image import TensorflowImages
from .layer import TensorflowLayer
from .linalg import TensorflowLinalg
from .renames import Renamed
from .signal import TensorflowSignal
from .sparse import TensorflowRagged, TensorflowSparse
from .text import TensorflowText
from .transforms import TensorflowTransforms

_NATIVE = {name: tf.as_dtype(name) for name in (*dtypes.ALL, *dtypes.STORED, dtypes.TEXT)}
_NAMES = {native: name for name, native in _NATIVE.items()}
_SCALARS = {_NATIVE[name] for name in ("bfloat16", *dtypes.STORED)}


def _reduce(function, wider=None):
    """A reduction, in the dtypes of the table `wider` where TensorFlow's own is none or worse."""

    def reduce(self, x, axis=None, keepdims=False):
        if not wider or x.dtype not in wider:
            return function(x, axis, keepdims)
        return tf.cast(function(tf.cast(x, wider[x.dtype]), axis, keepdims), x.dtype)

    return reduce


def _in_turn(function):
    """A sum or mean, of float32 axis by axis where the last one stays.

    In one go TensorFlow adds such numbers one by one, which loses digits with their number (10
    roundings of 19,200, where one after the other leaves 1) and takes two to three times as long.
    """

    def reduce(x, axis=None, keepdims=False):
        rank = x.shape.rank
        if x.dtype is not tf.float32 or rank is None or not isinstance(axis, tuple | list):
            return function(x, axis, keepdims)
        axes = {n % rank for n in axis if isinstance(n, int) and -rank <= n < rank}
        if len(axes) < len(axis) or rank - 1 in axes:
            return function(x, axis, keepdims)
        for n in sorted(axes, reverse=True):
            x = function(x, n, keepdims)
        return x

    return reduce


def _plain(function):
    """A kernel without TensorFlow's trailing `name` argument in its way."""
    return staticmethod(function)


def _through(function, wider):
    """A kernel that computes the dtypes of the table `wider` that TensorFlow has it for."""

    @wraps(function)
    def kernel(x1, *others, **kwargs):
        dtype = getattr(x1, "dtype", None) or others[0].dtype
        if not hasattr(x1, "dtype") and others:
            # In a graph TensorFlow would give a Python number in front a dtype of its own.
            x1 = tf.convert_to_tensor(x1, dtype)
        if dtype not in wider:
            return function(x1, *others, **kwargs)
        operands = [
            tf.cast(x, wider[dtype])
            if isinstance(x, bool) or getattr(x, "dtype", None) == dtype
            else x
            for x in (x1, *others)
        ]
        y = function(*operands, **kwargs)
        return tf.cast(y, dtype) if y.dtype == wider[dtype] else y

    return staticmethod(kernel)


_BOOLEAN = {tf.bool: tf.uint8}
_HALVES = {tf.float16: tf.float32, tf.bfloat16: tf.float32}
_UNSIGNED = {tf.uint8: tf.int32, tf.uint16: tf.int32, tf.uint32: tf.int64, tf.uint64: tf.int64}
_SHORT = {tf.bool: tf.int32, tf.int8: tf.int32, tf.int16: tf.int32, **_UNSIGNED}


class TensorflowBackend(
    Renamed,
    TensorflowImages,
    ArrayKernels,
    TensorflowControl,
    TensorflowDistribution,
    TensorflowTransforms,
    TensorflowLinalg,
    TensorflowSignal,
    Backend,
):
    """Kernels on `tf.Tensor`, eager or in a graph."""

    name = "tensorflow"
    layer_base = TensorflowLayer
    compiles = has_text = True
    text_kernels = TensorflowText
    datasets = datasets
    tensor_types = (tf.Tensor, tf.Variable)
    float_types = frozenset(_NATIVE[name] for name in (*dtypes.FLOATS, *dtypes.COMPLEX))

    def __init__(self):
        self._sides = (TensorflowSparse(self), TensorflowRagged(self))

    def owner(self, cls):
        found = (side for side in self._sides if issubclass(cls, side.sparse_types))
        return next(found, None) or super().owner(cls)

    def is_unrelated_error(self, error):
        kinds = (tf.errors.ResourceExhaustedError, tf.errors.AbortedError, tf.errors.CancelledError)
        return isinstance(error, kinds) or type(error).__name__ == "OperatorNotAllowedInGraphError"

    # Conversion

    def asarray(self, x, dtype=None):
        native = None if dtype is None else _NATIVE[dtype]
        if isinstance(x, tf.Tensor | tf.Variable):
            return tf.convert_to_tensor(x) if native is None else tf.cast(x, native)
        if isinstance(x, np.ndarray | np.generic) and native is not None:
            x = np.asarray(x, native.as_numpy_dtype)
        return tf.convert_to_tensor(x, native)  # pyright: ignore[reportArgumentType]

    def to_numpy(self, x):
        x = as_one_device_has_it(x)
        # A single number of ml_dtypes' is no array to NumPy.
        return np.asarray(x if x.shape.rank or x.dtype not in _SCALARS else x.numpy())

    def dtype(self, x):
        return _NAMES[x.dtype]

    def cast(self, x, dtype):
        if dtype == "bool" and x.dtype.is_complex:  # TensorFlow looks at the real part alone
            return tf.not_equal(x, 0)
        return tf.cast(x, _NATIVE[dtype])

    def shape(self, x):
        static = x.shape.as_list()
        if None not in static:
            return tuple(static)
        dynamic = tf.shape(x)
        return tuple(dynamic[i] if n is None else n for i, n in enumerate(static))

    def static_shape(self, x):
        return tuple(x.shape.as_list())

    # Arrays

    def zeros(self, shape, dtype):
        return tf.zeros(shape, _NATIVE[dtype])

    def full(self, shape, value, dtype):
        if isinstance(value, bool | int | float | complex):
            value = np.asarray(value)  # TensorFlow knows no whole numbers of 64 bits
        return tf.fill(shape, self.asarray(value, dtype))

    def arange(self, start, stop, step, dtype):
        native = _NATIVE[dtype]
        if dtype in ("int32", "int64", "float32", "float64"):
            return tf.range(start, stop, step, native)
        wide = tf.int64 if dtypes.is_integer(dtype) else tf.float32
        return tf.cast(tf.range(start, stop, step, wide), native)

    def eye(self, rows, columns, k, dtype):
        return tf.constant(np.eye(rows, columns, k), _NATIVE[dtype])

    def transpose(self, x, axes=None):
        # TensorFlow takes negative axes, but cannot differentiate through them.
        return tf.transpose(x, None if axes is None else [a % len(x.shape) for a in axes])

    def flip(self, x, axis=None):
        axes = tuple(range(len(x.shape))) if axis is None else axis
        return tf.reverse(x, [axes] if isinstance(axes, int) else list(axes))

    def tile(self, x, repeats):
        lead = len(repeats) - len(x.shape)
        if lead > 0:
            x = tf.reshape(x, tf.concat([[1] * lead, tf.shape(x)], 0))
        return moved(tf.tile)(x, (1,) * -lead + tuple(repeats))

    def repeat(self, x, repeats, axis=None):
        y = moved(tf.repeat)(x, repeats, axis)
        if axis is None or not isinstance(repeats, list | tuple | np.ndarray):
            return y
        each, sizes = np.asarray(repeats), x.shape.as_list()
        count = each.sum() if each.size > 1 else sizes[axis] and sizes[axis] * each.sum()
        sizes[axis] = count and int(count)
        return tf.ensure_shape(y, sizes)

    def roll(self, x, shift, axis=None):
        if axis is None:
            return tf.reshape(tf.roll(tf.reshape(x, [-1]), shift, 0), tf.shape(x))
        size = x.shape[axis] if isinstance(axis, int) and isinstance(shift, int) else None
        if size:
            # By parts, which DTensor, LiteRT and TensorFlow.js have; they have no operator for it.
            cut = size - shift % size
            back, front = tf.split(x, [cut, size - cut], axis)
            return tf.concat([front, back], axis)
        return tf.roll(x, shift, axis)

    def split(self, x, sections, axis):
        if isinstance(sections, tf.Tensor):
            return indexing.split_at(x, sections, axis)
        if not isinstance(sections, int):
            size = x.shape[axis]
            if size is None:
                return indexing.split_at(x, tf.constant(sections, tf.int32), axis)
            edges = [0, *(min(s, size) for s in sections), size]
            sections = [b - a for a, b in zip(edges, edges[1:], strict=False)]
        return tf.split(x, sections, axis)

    def pad(self, x, pads, mode, value):
        if mode == "constant":
            if not tf.is_tensor(value):  # which TensorFlow would read in 32 bits
                value = np.asarray(value, x.dtype.as_numpy_dtype)
            return tf.pad(x, pads, constant_values=tf.cast(value, x.dtype))
        return neural.pad(x, pads, mode)

    def take(self, x, indices, axis):
        if axis is None:
            x, axis = tf.reshape(x, [-1]), 0
        axis %= len(x.shape)
        # A negative index counts from the end, as in NumPy; tf.gather refuses it.
        size: Any = self.shape(x)[axis]
        if isinstance(indices, int):
            indices = indices if indices >= 0 else indices + size
        else:
            if indices.dtype not in (tf.int32, tf.int64):
                indices = tf.cast(indices, tf.int32)
            indices = tf.where(indices < 0, indices + tf.cast(size, indices.dtype), indices)
        return tf.gather(x, indices, axis=axis)

    def saved_model(self, path):
        """What a SavedModel holds. It is a program: the user has named it."""
        return tf.saved_model.load(path)

    def variables_of(self, function):
        """The variables that an endpoint of a SavedModel computes with."""
        found = getattr(function, "variables", None)
        if found is None:  # a polymorphic function: those of each of its traces
            traces = getattr(function, "concrete_functions", ())
            found = [variable for trace in traces for variable in trace.variables]
        return list(found)

    def rows_at(self, x, indices):
        if self.is_tracing(indices) or "CPU" not in indices.device:
            return super().rows_at(x, indices)
        if indices.dtype not in (tf.int32, tf.int64):
            indices = tf.cast(indices, tf.int32)
        return tf.gather(x, indices)

    def take_along_axis(self, x, indices, axis):
        return indexing.take_along_axis(x, indices, axis)

    def tril(self, x, k=0):
        return self.where(self._below(x, k), x, tf.zeros([], x.dtype))

    def triu(self, x, k=0):
        return self.where(self._below(x, k - 1), tf.zeros([], x.dtype), x)

    def _below(self, x, k):
        """Whether each place of the last two axes lies on diagonal `k` or below it."""
        sizes = tf.shape(x)
        return tf.range(sizes[-2])[:, None] + k >= tf.range(sizes[-1])

    def slice(self, x, start, shape):
        return neural.slice_block(x, start, shape)

    def slice_update(self, x, start, updates):
        return neural.slice_update(x, start, updates)

    def sort(self, x, axis):
        if x.dtype == tf.uint64:
            return tf.bitcast(tf.sort(in_order(x), axis) ^ tf.int64.min, tf.uint64)
        if not x.dtype.is_floating:
            return self._sort(x, axis)
        return self.take_along_axis(x, self.argsort(x, axis), axis)  # tf.sort misplaces NaN

    _sort = _through(tf.sort, _SHORT)

    def argsort(self, x, axis):
        x = in_order(x)
        if not x.dtype.is_floating:
            return tf.argsort(x, axis, stable=True)
        # NaN goes last, as in NumPy: a second stable sort, by whether the element is one.
        nan = tf.math.is_nan(x)
        order = tf.argsort(tf.where(nan, tf.constant(math.inf, x.dtype), x), axis, stable=True)
        nan = tf.cast(self.take_along_axis(nan, order, axis), tf.int32)
        return self.take_along_axis(order, tf.argsort(nan, axis, stable=True), axis)

    def top_k(self, x, k, sorted):
        if x.dtype == tf.bool:
            values, places = tf.math.top_k(tf.cast(x, tf.int32), k, sorted)
            return tf.cast(values, tf.bool), places
        return tuple(tf.math.top_k(x, k, sorted))

    cumsum = _plain(tf.cumsum)
    cumprod = _plain(arithmetic.cumprod)

    def squeeze(self, x, axis=None):
        return tf.squeeze(x, axis)

    def expand_dims(self, x, axis):
        return tf.expand_dims(x, axis) if isinstance(axis, int) else super().expand_dims(x, axis)

    # Elementwise

    add = _through(tf.add, _BOOLEAN)
    multiply = _through(tf.multiply, _BOOLEAN)
    subtract = _through(tf.subtract, {})
    divide = _through(tf.divide, {})
    mod = _through(tf.math.floormod, {})
    equal = _through(tf.equal, {})
    not_equal = _through(tf.not_equal, {})
    power = _through(tf.pow, _UNSIGNED)
    maximum = _through(arithmetic.extremum(tf.maximum, tf.greater), _BOOLEAN)
    minimum = _through(arithmetic.extremum(tf.minimum, tf.less), _BOOLEAN)
    floor_divide = _through(arithmetic.floor_divide, {})
    fmod = _plain(arithmetic.fmod)
    gcd = _plain(arithmetic.gcd)
    lcm = _plain(arithmetic.lcm)
    nextafter = _plain(arithmetic.nextafter)
    i0 = _plain(arithmetic.i0)
    isnan = _plain(arithmetic.isnan)
    isinf = _plain(arithmetic.isinf)
    isfinite = _plain(arithmetic.isfinite)
    less = _through(tf.less, _BOOLEAN)
    less_equal = _through(tf.less_equal, _BOOLEAN)
    greater = _through(tf.greater, _BOOLEAN)
    greater_equal = _through(tf.greater_equal, _BOOLEAN)
    bitwise_and = _through(tf.bitwise.bitwise_and, _BOOLEAN)
    bitwise_or = _through(tf.bitwise.bitwise_or, _BOOLEAN)
    bitwise_xor = _through(tf.bitwise.bitwise_xor, _BOOLEAN)
    negative = _through(tf.negative, _UNSIGNED)
    absolute = _plain(arithmetic.absolute)
    sign = _plain(arithmetic.sign)
    where = _plain(arithmetic.where)

    def bitwise_not(self, x):
        return tf.logical_not(x) if x.dtype == tf.bool else tf.bitwise.invert(x)

    def log2(self, x):
        return tf.math.log(x) / math.log(2)

    def log10(self, x):
        return tf.math.log(x) / math.log(10)

    def round(self, x, decimals=0):
        if not decimals:
            return tf.round(x)
        factor = 10.0**decimals
        return tf.round(x * factor) / factor

    # Reductions

    sum = _reduce(_in_turn(tf.reduce_sum), _HALVES)
    prod = _reduce(tf.reduce_prod, _HALVES)
    mean = _reduce(_in_turn(tf.reduce_mean), _HALVES)
    max = _reduce(tf.reduce_max, _BOOLEAN)
    min = _reduce(tf.reduce_min, _BOOLEAN)
    all = _reduce(tf.reduce_all)
    any = _reduce(tf.reduce_any)

    def argmax(self, x, axis=None, keepdims=False):
        return self._first(tf.argmax, x, axis, keepdims)

    def argmin(self, x, axis=None, keepdims=False):
        return self._first(tf.argmin, x, axis, keepdims)

    def _first(self, function, x, axis, keepdims):
        if axis is None:
            y = self._first(function, tf.reshape(x, [-1]), 0, False)
            return tf.reshape(y, [1] * len(x.shape)) if keepdims else y
        if x.dtype.is_floating:  # TensorFlow overlooks NaN, the first of which is the answer
            x = self.ordered_bits(x, function is tf.argmax)
        y = function(x, axis, tf.int32)
        return tf.expand_dims(y, axis) if keepdims else y

    # Products

    matmul = _through(neural.matmul, _SHORT)
    dense = _plain(neural.dense)

    def einsum(self, subscripts, *operands):
        return self._einsum(*operands, subscripts=arithmetic.explicit(subscripts))

    _einsum = _through(lambda *operands, subscripts: tf.einsum(subscripts, *operands), _SHORT)

    # Neural-network kernels

    conv = _plain(neural.conv)
    conv_transpose = windows.conv_transpose
    has_sparse_tensors = True
    sparse_one_hot = encoding.sparse_one_hot
    sparsified = encoding.sparsified
    ctc_loss = ctc.ctc_loss
    ctc_beam_search = ctc.ctc_beam_search
    across_replicas = _plain(windows.across_replicas)
    depthwise_conv = _plain(neural.depthwise_conv)
    conv_batch_norm = neural.conv_batch_norm
    pool = _plain(neural.pool)

    def attention(self, query, key, value, mask, bias, scale, is_causal):
        plain = mask is None and bias is None and not is_causal
        if plain and attention.suits(query, key, value):
            return attention.in_blocks(query, key, value, scale)
        return super().attention(query, key, value, mask, bias, scale, is_causal)

    random_words = staticmethod(random.random_words)
    random_uniform = staticmethod(random.random_uniform)
    random_normal = staticmethod(random.random_normal)
    random_dropout = staticmethod(random.random_dropout)
    GraphKeys = random.GraphKeys
    in_data_pipeline = staticmethod(random.in_data_pipeline)

    def gelu(self, x, approximate):
        if x.dtype == tf.float64:  # TensorFlow's takes its constants in 32 bits
            return super().gelu(x, approximate)
        return tf.nn.gelu(x, approximate)

    def logsumexp(self, x, axis=None, keepdims=False):
        return tf.reduce_logsumexp(x, axis, keepdims)

    # Weights and programs

    def make_value(self, array, dtype, trainable, memory_format):
        return tf.Variable(self.asarray(array, dtype), trainable=trainable)

    adopt_value = make_value

    def set_trainable(self, native, trainable):
        # What a GradientTape asks when it sees the variable; it has no public setter.
        native._trainable = trainable
        return native

    def peek(self, x):
        return None if self.is_tracing(x) or "CPU" not in x.device else x.numpy()

    def is_tracing(self, x):
        return not hasattr(x, "numpy")

    def eagerly(self):
        return tf.init_scope()

    def set_value(self, box, value):
        box.assign(value)
        return box

    def read(self, box):
        if not isinstance(box, tf.Variable):
            return box
        # What computes it runs behind: so it may be here that another process is missed.
        return processes.with_others(box.value)() if processes.joined() else box.value()

    def abstract(self, function, given):
        # The graph of a tf.function without its signature, its checks and its callable: a third
        # of the time, for what is made of each symbolic call two or three times.
        with tf.__internal__.FuncGraph("abstract").as_default():
            return specs(self, function(*map(_placeholder, given)))

    def exporter(self):
        from . import exporting

        return exporting

    def move(self, layer, kind, index):
        with self.device(kind, index):
            for variable in layer.variables:
                made = tf.Variable(variable.native, trainable=variable.trainable)
                variable.replace_native(made)

    def device_name(self, native):
        return "cpu" if native is None else native.device.rpartition("device:")[2].lower()

    def device(self, kind, index):
        found = tf.config.list_logical_devices(kind.upper())
        if (index or 0) >= len(found):
            raise ValueError(
                f"There is no device {kind}:{index or 0}; TensorFlow sees {len(found)} of the kind."
            )
        return tf.device(found[index or 0].name)

    def seed(self, seed):
        tf.random.set_seed(seed)

    def inference_function(self, target):
        made = []

        def infer(*args, **kwargs):
            if not made and (mesh := on_mesh_of(target.variables)) is not None:
                made.append(sharded_program(target, target.variables, mesh))
            if not made:  # when the model is built, so that its weights are known
                by_xla = not _convolves(target) and _all_support_xla(target)
                made.append(_compiled(target, by_xla))
            with precision.arithmetic():
                return made[0](*args, **kwargs)

        return infer


def _placeholder(spec):
    """A tensor of the graph under way that stands for one of these sizes and this dtype."""
    make = tf.compat.v1.sparse_placeholder if spec.sparse else tf.compat.v1.placeholder
    return make(_NATIVE[spec.dtype], spec.shape)


def _compiled(target, by_xla):
    return tf.function(
        lambda *args, **kwargs: target(*args, **kwargs), autograph=False, jit_compile=by_xla
    )


def _all_support_xla(target):
    """Whether no layer of what is compiled, a model or a method of one, refuses XLA."""
    return all(layer.supports_jit for layer in getattr(target, "model", target)._flatten_layers())


def _convolves(target):
    """Whether what is compiled has convolutions (a method of a model: over images).

    On CPU TensorFlow's own graph runs them faster than XLA: ResNet-50 in 93 against 115 ms,
    EfficientNet-Lite0 in 18 against 190, Whisper's encoder and decoder in 264 against 283 (2 cores,
    batch 1). Whisper's decoding step alone takes 15 ms by XLA, 23 by the graph.
    """
    kinds = ("conv", "depthwise")
    axes = 4 if isinstance(target.method, str) else 3
    return any(v.memory_format in kinds and v.ndim >= axes for v in target.variables)
