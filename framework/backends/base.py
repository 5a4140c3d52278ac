"""The contract of a backend, and the kernels that are derived from its primitives.

Kernels get tensors of this backend, already promoted to a common dtype by the op that calls them;
axes are as the caller gave them. Names are those of the public ops.
"""

import math
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from .. import dtypes
from . import registry


class Backend:
    """Base of all backends. `contract.REQUIRED` lists what a subclass must give."""

    name: str
    tensor_types: tuple[type, ...] = ()
    float_types: frozenset = frozenset()  # native dtype objects, floating and complex
    layer_base: type | None = None  # mixed into the class of a layer created on this backend
    differentiable = True
    compiles = False  # whether inference is compiled anew for each set of input shapes
    symbolic = False

    if TYPE_CHECKING:
        # The primitives (`contract.REQUIRED`): every backend has them, the base has not.
        def __getattr__(self, name: str) -> Any: ...

    # Conversion -------------------------------------------------------------------------------

    def asarray(self, x: Any, dtype: str | None = None) -> Any:
        """`x` (native, NumPy, scalar or nested list) as a native tensor, in `dtype` if given."""
        raise NotImplementedError

    def dtype(self, x: Any) -> str:
        """The name of a native tensor's dtype."""
        raise NotImplementedError

    def shape(self, x: Any) -> tuple:
        """The shape; ints, and where a graph does not know a dimension, a scalar tensor."""
        return tuple(x.shape)

    def static_shape(self, x: Any) -> tuple[int | None, ...]:
        """The shape as far as it is known without running anything."""
        return tuple(x.shape)

    def activate(self) -> Any:
        """Make this backend current for the thread; returns what was current before."""
        before = registry.state.backend
        registry.state.backend = self
        return before

    # Weights ----------------------------------------------------------------------------------

    def make_value(self, array: Any, dtype: str, trainable: bool, layout: str | None) -> Any:
        """The native box (or tensor) that holds a variable, made from `array`.

        `layout` names what the tensor is ("dense", "conv", "depthwise" or None), so that the
        backend may store it in the order that its kernels like; its logical shape stays.
        """
        raise NotImplementedError

    def set_value(self, box: Any, value: Any) -> Any:
        """Put a native tensor into `box`; returns the box that now holds it."""
        return value

    def eagerly(self) -> AbstractContextManager:
        """A context in which tensors are real, even while something is being traced."""
        return nullcontext()

    def read(self, box: Any) -> Any:
        """The tensor that a box holds."""
        return box

    # Derived arrays ---------------------------------------------------------------------------

    def full_like(self, x, value, dtype):
        return self.full(self.shape(x), value, dtype)

    # Derived arithmetic -----------------------------------------------------------------------

    def mean(self, x, axis=None, keepdims=False):
        total = self.sum(x, axis, keepdims)
        return self.divide(total, self._count(x, axis))

    def var(self, x, axis=None, keepdims=False):
        centred = self.subtract(x, self.mean(x, axis, True))
        return self.mean(self.square(centred), axis, keepdims)

    def std(self, x, axis=None, keepdims=False):
        return self.sqrt(self.var(x, axis, keepdims))

    def _count(self, x, axis):
        shape = self.shape(x)
        axes = range(len(shape)) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
        sizes = [shape[a] for a in axes]
        if all(isinstance(size, int) for size in sizes):
            return math.prod(sizes)
        count = self.cast(self.asarray(1, "int32"), self.dtype(x))
        for size in sizes:
            count = self.multiply(count, self.cast(self.asarray(size), self.dtype(x)))
        return count

    def reciprocal(self, x):
        return self.divide(1.0, x)

    def clip(self, x, x_min, x_max):
        return self.minimum(self.maximum(x, x_min), x_max)

    def logical_xor(self, x1, x2):
        return self.not_equal(x1, x2)

    def logsumexp(self, x, axis=None, keepdims=False):
        top = self.max(x, axis, True)
        # An infinite maximum would give inf - inf.
        top = self.stop_gradient(self.where(self.isfinite(top), top, 0.0))
        total = self.log(self.sum(self.exp(self.subtract(x, top)), axis, True))
        total = self.add(total, top)
        return total if keepdims else self.squeeze(total, axis)

    def expand_dims(self, x, axis):
        axes = axis if isinstance(axis, tuple) else (axis,)
        rank = len(self.shape(x)) + len(axes)
        places = {a % rank for a in axes}
        rest = iter(self.shape(x))
        return self.reshape(x, tuple(1 if i in places else next(rest) for i in range(rank)))

    def squeeze(self, x, axis=None):
        shape, known = self.shape(x), self.static_shape(x)
        if axis is None:
            places = {i for i, n in enumerate(known) if n == 1}
        else:
            axes = axis if isinstance(axis, tuple) else (axis,)
            places = {a % len(shape) for a in axes}
        return self.reshape(x, tuple(n for i, n in enumerate(shape) if i not in places))

    def swapaxes(self, x, axis1, axis2):
        order = list(range(len(self.static_shape(x))))
        order[axis1], order[axis2] = order[axis2], order[axis1]
        return self.transpose(x, tuple(order))

    def moveaxis(self, x, source, destination):
        rank = len(self.static_shape(x))
        source = [s % rank for s in ((source,) if isinstance(source, int) else source)]
        target = [
            d % rank for d in ((destination,) if isinstance(destination, int) else destination)
        ]
        order = [a for a in range(rank) if a not in source]
        for place, axis in sorted(zip(target, source, strict=True)):
            order.insert(place, axis)
        return self.transpose(x, tuple(order))

    def one_hot(self, x, num_classes, axis, dtype):
        classes = self.arange(0, num_classes, 1, self.dtype(x))
        hot = self.cast(self.equal(self.expand_dims(x, -1), classes), dtype)
        return hot if axis == -1 else self.moveaxis(hot, -1, axis)

    # Derived activations ----------------------------------------------------------------------

    def relu(self, x):
        return self.maximum(x, 0)

    def relu6(self, x):
        return self.clip(x, 0, 6)

    def leaky_relu(self, x, negative_slope):
        return self.where(self.greater(x, 0), x, self.multiply(x, negative_slope))

    def elu(self, x, alpha):
        low = self.expm1(self.minimum(x, 0))
        return self.where(self.greater(x, 0), x, self.multiply(low, alpha))

    def silu(self, x):
        return self.multiply(x, self.sigmoid(x))

    def gelu(self, x, approximate):
        if approximate:
            cubic = self.add(x, self.multiply(self.multiply(self.square(x), x), 0.044715))
            inner = self.tanh(self.multiply(cubic, math.sqrt(2 / math.pi)))
        else:
            inner = self.erf(self.multiply(x, math.sqrt(0.5)))
        return self.multiply(self.multiply(x, 0.5), self.add(inner, 1.0))

    def softplus(self, x):
        tail = self.log1p(self.exp(self.negative(self.absolute(x))))
        return self.add(self.maximum(x, 0), tail)

    def softmax(self, x, axis):
        top = self.max(x, axis, True)
        power = self.exp(self.subtract(x, self.stop_gradient(top)))
        return self.divide(power, self.sum(power, axis, True))

    def log_softmax(self, x, axis):
        return self.subtract(x, self.logsumexp(x, axis, True))

    # Derived neural-network kernels -----------------------------------------------------------

    def dense(self, x, kernel, bias):
        y = self.matmul(x, kernel)
        return y if bias is None else self.add(y, bias)

    def layer_normalization(self, x, gamma, beta, axis, epsilon):
        x, gamma, beta, back = self._widened(x, gamma, beta)
        centred = self.subtract(x, self.mean(x, axis, True))
        scale = self.rsqrt(self.add(self.mean(self.square(centred), axis, True), epsilon))
        return back(self._affine(self.multiply(centred, scale), gamma, beta, axis))

    def rms_normalization(self, x, gamma, axis, epsilon):
        x, gamma, _, back = self._widened(x, gamma, None)
        scale = self.rsqrt(self.add(self.mean(self.square(x), axis, True), epsilon))
        return back(self._affine(self.multiply(x, scale), gamma, None, axis))

    def batch_normalization(self, x, mean, variance, axis, beta, gamma, epsilon):
        mean, variance, gamma, beta = self._along((mean, variance, gamma, beta), x, axis)
        scale = self.rsqrt(self.add(variance, epsilon))
        scale = scale if gamma is None else self.multiply(scale, gamma)
        shift = self.negative(self.multiply(mean, scale))
        shift = shift if beta is None else self.add(shift, beta)
        return self.add(self.multiply(x, scale), shift)

    def conv_batch_norm(
        self,
        x,
        kernel,
        bias,
        mean,
        variance,
        gamma,
        beta,
        epsilon,
        conv,
        depth,
        activation,
        shortcut,
    ):
        """activation(normalized(convolution(x)) + shortcut), at inference.

        `conv` holds the keyword arguments of the convolution, `depth` says that it is depthwise,
        `activation` is a kernel's name or None.
        """
        y = (self.depthwise_conv if depth else self.conv)(x, kernel, **conv)
        y = y if bias is None else self.add(y, bias)
        y = self.batch_normalization(y, mean, variance, -1, beta, gamma, epsilon)
        return self.finished(y, activation, shortcut)

    def finished(self, y, activation, shortcut):
        """activation(y + shortcut), either of which may be None."""
        y = y if shortcut is None else self.add(y, shortcut)
        return y if activation is None else getattr(self, activation)(y)

    def _widened(self, x, gamma, beta):
        """Statistics of half-precision inputs are taken in float32."""
        name = self.dtype(x)
        if name not in ("float16", "bfloat16"):
            return x, gamma, beta, lambda y: y
        wide = [None if t is None else self.cast(t, "float32") for t in (x, gamma, beta)]
        return *wide, lambda y: self.cast(y, name)

    def _along(self, vectors, x, axis):
        """Vectors (or None) in a shape that broadcasts along `axis` of `x`."""
        rank = len(self.static_shape(x))
        if axis % rank == rank - 1:
            return vectors
        sizes = tuple(-1 if i == axis % rank else 1 for i in range(rank))
        return tuple(None if v is None else self.reshape(v, sizes) for v in vectors)

    def _affine(self, x, gamma, beta, axis):
        gamma, beta = self._along((gamma, beta), x, axis)
        x = x if gamma is None else self.multiply(x, gamma)
        return x if beta is None else self.add(x, beta)

    def attention(self, query, key, value, mask, bias, scale, is_causal):
        """softmax(q k^T * scale + bias) v over (batch, length, heads, dim) tensors."""
        q, k, v = (self.transpose(t, (0, 2, 1, 3)) for t in (query, key, value))
        scores = self.multiply(self.matmul(q, self.transpose(k, (0, 1, 3, 2))), scale)
        if bias is not None:
            scores = self.add(scores, bias)
        mask = self.attention_mask(query, key, mask, is_causal)
        if mask is not None:
            # Finite, so that a row with nothing to attend to gives numbers and not NaN.
            low = {"float16": -6e4}.get(self.dtype(scores), -1e30)
            scores = self.where(mask, scores, low)
        weights = self.softmax(scores, -1)
        return self.transpose(self.matmul(weights, v), (0, 2, 1, 3))

    def attention_mask(self, query, key, mask, is_causal):
        """The boolean mask, joined with the causal one (aligned to the top left)."""
        if not is_causal:
            return mask
        rows = self.arange(0, self.shape(query)[1], 1, "int32")
        columns = self.arange(0, self.shape(key)[1], 1, "int32")
        causal = self.greater_equal(self.expand_dims(rows, 1), columns)
        return causal if mask is None else self.logical_and(mask, causal)

    # Random -----------------------------------------------------------------------------------

    def random_uniform(self, seed, shape, dtype):
        """Uniform draws in [0, 1): the top 24 bits of each 32-bit word, times 2^-24."""
        bits = self.random_bits(seed, shape, 24)
        return self.cast(self.multiply(bits, 2.0**-24), dtype)

    def random_normal(self, seed, shape, dtype):
        """Standard normal draws by Box and Muller, one pair of words for each element."""
        pairs = self.random_bits(seed, (2, *shape), 24)
        first, second = (self.take(pairs, i, 0) for i in (0, 1))
        # (n + 1) / 2^24 lies in (0, 1], where the logarithm is finite.
        radius = self.sqrt(
            self.multiply(self.log(self.multiply(self.add(first, 1.0), 2.0**-24)), -2.0)
        )
        angle = self.multiply(second, 2 * math.pi * 2.0**-24)
        return self.cast(self.multiply(radius, self.cos(angle)), dtype)

    # Programs ---------------------------------------------------------------------------------

    def jit(self, function):
        """`function`, compiled where the backend has a compiler that pays."""
        return function

    def placement(self, layer: Any) -> AbstractContextManager | None:
        """A context in which new tensors go where the layer's weights lie; None if they do so."""
        return None

    def inference(self) -> AbstractContextManager:
        """A context in which no gradients are wanted, and kernels may be chosen for that."""
        return nullcontext()

    def inference_function(self, layer):
        """`f(*args, **kwargs)`: the layer's outputs, compiled, without gradients."""
        return layer

    def abstract(self, function, given):
        """Shapes and dtypes of `function(*tensors)` for inputs of the Specs `given`.

        Nothing is computed where the backend can trace. Returns a nested structure of
        `Spec(shape, dtype)` in place of tensors.
        """
        raise NotImplementedError


class Spec:
    """The shape and the dtype of a tensor that does not exist."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape, dtype: str) -> None:
        self.shape = tuple(shape)
        self.dtype = dtype

    def __eq__(self, other) -> bool:
        return isinstance(other, Spec) and (self.shape, self.dtype) == (other.shape, other.dtype)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        return f"Spec(shape={self.shape}, dtype={self.dtype!r})"


def specs(backend, out):
    """`out`, nested, with a Spec in the place of each tensor or number."""
    if out is None:
        return None
    if isinstance(out, dict):
        return {key: specs(backend, value) for key, value in out.items()}
    if isinstance(out, list | tuple):
        parts = [specs(backend, value) for value in out]
        return type(out)(*parts) if hasattr(out, "_fields") else type(out)(parts)
    if isinstance(out, bool | int | float | complex):
        return Spec((), dtypes.result_type(type(out)))
    return Spec(backend.static_shape(out), backend.dtype(out))


def native_order(x):
    """A NumPy array with its bytes in the order of this machine, as the frameworks want them."""
    return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))


def same_pads(size: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Padding of one axis so that its output has ceil(size / stride) elements.

    The odd element goes behind, as TensorFlow defines "same".
    """
    reach = (kernel - 1) * dilation + 1
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def explicit_pads(padding, sizes, kernel, strides, dilation=None):
    """Pairs (before, behind) of each spatial axis for "valid", "same" or explicit pairs."""
    if padding == "valid":
        return tuple((0, 0) for _ in kernel)
    if padding == "same":
        dilation = dilation or (1,) * len(kernel)
        axes = zip(sizes, kernel, strides, dilation, strict=True)
        return tuple(same_pads(*axis) for axis in axes)
    return tuple((int(low), int(high)) for low, high in padding)


def spec_of(dtype: str, shape) -> Spec:
    """A Spec with a standard dtype name."""
    return Spec(shape, dtypes.standardize(dtype))
