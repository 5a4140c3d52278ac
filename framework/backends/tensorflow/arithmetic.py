"""Elementwise kernels in TensorFlow that differ from its own: ties, remainders, divisors."""

from typing import Any

import tensorflow as tf
from tensorflow.python.eager import record

_HALVES = {tf.float16: tf.float32, tf.bfloat16: tf.float32}


def extremum(function, wins):
    """tf.maximum or tf.minimum; operands that are equal share the gradient, as on JAX and torch."""

    @tf.custom_gradient
    def shared(x1, x2):
        def gradient(upstream):
            half = tf.cast(0.5, upstream.dtype)
            part = tf.where(x1 == x2, half, tf.cast(wins(x1, x2), upstream.dtype))
            # Where an operand is NaN neither wins; what comes out is NaN, whichever is blamed.
            first, second = upstream * part, upstream * (1 - part)
            return _reduced(first, x1), _reduced(second, x2)

        return function(x1, x2), gradient

    def kernel(x1, x2):
        dtype = getattr(x1, "dtype", None) or x2.dtype
        # The wrapper costs 0.1 ms for each eager call: only where somebody is recording.
        if not dtype.is_floating or (tf.executing_eagerly() and not record.could_possibly_record()):
            return function(x1, x2)
        return shared(tf.convert_to_tensor(x1, dtype), tf.convert_to_tensor(x2, dtype))

    return kernel


def _reduced(gradient, x):
    """`gradient`, of the broadcast operand, in the shape of the operand."""
    if x.shape.is_fully_defined() and x.shape == gradient.shape:
        return gradient
    ours, theirs = tf.shape(x), tf.shape(gradient)
    axes = tf.raw_ops.BroadcastGradientArgs(s0=ours, s1=theirs).r0
    return tf.reshape(tf.reduce_sum(gradient, axes), ours)


def in_dtype(x, dtype):
    """A tensor cast, or a Python number read, in `dtype`; tf.cast reads numbers in 32 bits."""
    return tf.cast(x, dtype) if isinstance(x, tf.Tensor | tf.Variable) else tf.constant(x, dtype)


def floor_divide(x1, x2):
    """The quotient that goes with the remainder; floor(x1 / x2) can be one too large."""
    dtype = getattr(x1, "dtype", None) or x2.dtype
    if not dtype.is_floating:
        return tf.math.floordiv(x1, x2)
    wide = _HALVES.get(dtype, dtype)
    x1, x2 = (tf.stop_gradient(in_dtype(x, wide)) for x in (x1, x2))
    rest = tf.truncatemod(x1, x2)
    below = (rest != 0) & ((rest < 0) != (x2 < 0))
    quotient = tf.round((x1 - rest) / x2) - tf.cast(below, wide)
    return tf.cast(tf.where(x2 == 0, x1 / x2, quotient), dtype)


def fmod(x1, x2):
    """The remainder of x1 / x2 with the sign of x1."""
    dtype = x1.dtype
    if dtype.is_unsigned:
        return tf.math.floormod(x1, x2)
    wide = dtype if dtype in (tf.float32, tf.float64, tf.int32, tf.int64) else tf.float32
    if dtype.is_integer and wide is tf.float32:
        wide = tf.int64 if dtype.size >= 4 else tf.int32
    x1, x2 = tf.cast(x1, wide), tf.cast(x2, wide)
    y: Any = _fmod(x1, x2) if dtype.is_floating else tf.truncatemod(x1, x2)
    return tf.cast(y, dtype)


@tf.custom_gradient
def _fmod(x1, x2):
    def gradient(upstream):
        turns = (x1 - y) / x2
        return _reduced(upstream, x1), _reduced(-upstream * tf.round(turns), x2)

    y = tf.truncatemod(x1, x2)
    return y, gradient


def nextafter(x1, x2):
    """The next number from x1 towards x2; in half precision by the bits, which grow with it."""
    dtype = x1.dtype
    if dtype not in _HALVES:
        return tf.math.nextafter(x1, x2)
    x1, x2 = x1 + tf.zeros_like(x2), x2 + tf.zeros_like(x1)
    bits, zero = tf.bitcast(x1, tf.int16), tf.zeros([], dtype)
    y = tf.bitcast(tf.where((x2 > x1) == (x1 > zero), bits + 1, bits - 1), dtype)
    tiny = tf.bitcast(tf.ones([], tf.int16), dtype)
    y = tf.where(x1 == zero, tf.where(x2 < x1, -tiny, tiny), y)
    y = tf.where(x1 == x2, x2, y)
    return tf.where(tf.math.is_nan(x1) | tf.math.is_nan(x2), x1 + x2, y)


def gcd(x1, x2):
    """The greatest common divisor, by Euclid."""
    return tf.cast(_common(_size(x1), _size(x2)), x1.dtype)


def lcm(x1, x2):
    """The least common multiple: 0 where an operand is 0."""
    x, y = _size(x1), _size(x2)
    return tf.cast(x // tf.maximum(_common(x, y), tf.ones([], x.dtype)) * y, x1.dtype)


def _size(x):
    """|x| in uint64, which also holds that of the least int64."""
    return tf.cast(x if x.dtype.is_unsigned else tf.abs(tf.cast(x, tf.int64)), tf.uint64)


def _common(x, y):
    x, y = x + tf.zeros_like(y), y + tf.zeros_like(x)

    def step(x, y):
        none = y == 0
        return tf.where(none, x, y), tf.where(none, y, x % tf.where(none, tf.ones_like(y), y))

    return tf.while_loop(lambda _, y: tf.reduce_any(y != 0), step, (x, y))[0]


def explicit(subscripts):
    """Einstein's subscripts with their result, from which TensorFlow leaves out an ellipsis."""
    if "->" in subscripts:
        return subscripts
    letters = [c for c in subscripts if c.isalpha()]
    once = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    return f"{subscripts}->{'...' if '...' in subscripts else ''}{once}"


def sign(x):
    """The sign of a number; TensorFlow has none of unsigned integers."""
    return tf.cast(x != 0, x.dtype) if x.dtype.is_unsigned else tf.sign(x)


def absolute(x):
    """The absolute value; an unsigned integer is its own."""
    return x if x.dtype.is_unsigned else tf.abs(x)


def where(condition, x, y):
    """`x` where the condition holds, else `y`; TensorFlow would read a number in 32 bits."""
    if not tf.is_tensor(x):
        x = tf.convert_to_tensor(x, getattr(y, "dtype", None))
    elif not tf.is_tensor(y):
        y = tf.convert_to_tensor(y, x.dtype)
    return tf.where(condition, x, y)


def isfinite(x):
    """Whether a number, or both parts of a complex number, are finite."""
    if x.dtype.is_complex:
        return tf.math.is_finite(tf.math.real(x)) & tf.math.is_finite(tf.math.imag(x))
    return tf.math.is_finite(x)


def isinf(x):
    """Whether a number, or a part of a complex number, is infinite."""
    if x.dtype.is_complex:
        return tf.math.is_inf(tf.math.real(x)) | tf.math.is_inf(tf.math.imag(x))
    return tf.math.is_inf(x)


def cumprod(x, axis):
    """The products of all elements up to each; its gradient is right where elements are 0."""
    if tf.executing_eagerly() and not record.could_possibly_record():
        return tf.math.cumprod(x, axis)
    return _cumprod(x, axis % len(x.shape))


def _cumprod(x, axis):
    @tf.custom_gradient
    def product(x):
        def gradient(upstream):
            # By x_i: the product before i, times upstream_i + x_(i+1) (upstream_(i+1) + x_(i+2) (
            # ...)). Nothing is divided by.
            factors = tf.math.conj(x)
            before = _cumprod(_moved(factors, axis, 1, 1), axis)
            return before * _recurrence(_moved(factors, axis, -1, 0), upstream, axis)

        return tf.math.cumprod(x, axis), gradient

    return product(x)


def _moved(x, axis, places, value):
    """`x` moved along `axis` by `places`, towards the front where negative; `value` follows."""
    lead = tf.one_hot(axis, len(x.shape), dtype=tf.int32)
    front, back = lead * tf.maximum(places, 0), lead * tf.maximum(-places, 0)
    padded = tf.pad(x, tf.stack([front, back], 1), constant_values=tf.cast(value, x.dtype))
    return tf.ensure_shape(tf.slice(padded, back, tf.shape(x)), x.shape)


def _recurrence(factors, terms, axis):
    """y_i = terms_i + factors_i y_(i+1) along `axis`, in log2(size) steps."""

    def step(reach, factors, terms):
        terms = terms + factors * _moved(terms, axis, -reach, 0)
        return 2 * reach, factors * _moved(factors, axis, -reach, 0), terms

    size = terms.shape[axis]
    if size is None:
        size = tf.shape(terms)[axis]
        start = (tf.constant(1), factors, terms)
        return tf.while_loop(lambda n, *_: n < size, step, start, maximum_iterations=31)[-1]
    reach = 1
    while reach < size:  # XLA takes no sizes that change in a loop
        reach, factors, terms = step(reach, factors, terms)
    return terms


def isnan(x):
    """Whether a number, or a part of a complex number, is NaN."""
    if x.dtype.is_complex:
        return tf.math.is_nan(tf.math.real(x)) | tf.math.is_nan(tf.math.imag(x))
    return tf.math.is_nan(x)


def i0(x):
    """The modified Bessel function of order 0."""
    wide: Any = _HALVES.get(x.dtype, x.dtype)
    return tf.cast(tf.math.bessel_i0(tf.cast(x, wide)), x.dtype)
