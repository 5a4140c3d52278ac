"""Convolution and pooling in JAX, channels last."""

import itertools
import math
from functools import partial

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..base import explicit_pads
from . import precision

AXES = {1: "W", 2: "HW", 3: "DHW"}


def _are_known(sizes) -> bool:
    return all(isinstance(n, int) for n in sizes)


def _pads(padding, sizes, kernel, strides, dilation=None):
    """Pairs for each spatial axis; "SAME", of which JAX knows more, where a size is symbolic."""
    if padding == "same" and not _are_known(sizes):
        return "SAME"
    return explicit_pads(padding, sizes, kernel, strides, dilation)


def conv(x, kernel, strides, padding, dilation, groups):
    """Convolution of (batch, *spatial, channels) with a kernel of (*size, in / groups, out)."""
    rank = kernel.ndim - 2
    if kernel.shape[rank] == 1 < groups:
        kernel = kernel.reshape(*kernel.shape[:rank], groups, -1)
        return depthwise_conv(x, kernel, strides, padding, dilation)
    pads = _pads(padding, x.shape[1:-1], kernel.shape[:rank], strides, dilation)
    sizes_known = _are_known(x.shape[1:-1])  # else the two ways have sizes of different form
    if groups == 1 and set(kernel.shape[:rank]) == {1} and set(pads) == {(0, 0)} and sizes_known:
        # On CPUs the same product by XLA's better kernel: 9.0 against 13.8 ms for ten layers of
        # ResNet-50. On GPUs the convolution is the better one.
        steps = (slice(None), *(slice(None, None, step) for step in strides))

        def product(x, kernel):
            kernel = kernel.reshape(kernel.shape[rank:])
            return jnp.matmul(x[steps], kernel, precision=precision.of_product(x, kernel))

        def convolution(x, kernel):
            exact = precision.of_convolution(x, kernel)
            return _convolve(x, kernel, strides, pads, dilation, groups, exact)

        if isinstance(x, jax.core.Tracer) or isinstance(kernel, jax.core.Tracer):
            return lax.platform_dependent(x, kernel, cpu=product, default=convolution)
        on_cpu = all(device.platform == "cpu" for device in x.devices())
        return (product if on_cpu else convolution)(x, kernel)
    exact = precision.of_convolution(x, kernel)
    if groups == 1 and sizes_known and _suits_columns(x, kernel, strides, pads, dilation):
        return _by_columns(x, kernel, tuple(strides), tuple(pads), tuple(dilation), exact)
    return _convolve(x, kernel, strides, pads, dilation, groups, exact)


# Elements of a kernel for each place of the output from which on a CPU multiplies columns faster
# than XLA convolves, which goes through the whole kernel once more for every few places. GFLOP/s on
# two threads, convolved and multiplied: 63 and 115 for 1280 to 1280 channels on 16x16 places (3x3,
# 57,600 elements a place), 128 and 164 on 24x24 (25,600), 66 and 89 for 640 to 640 on 8x8 (57,600),
# 107 and 119 on 16x16 (14,400), 135 and 168 for 512 to 512 on 14x14 (12,000); but 206 and 199 on
# 20x20 (5,900), and 100 and 79 for 1920 to 640 on 32x32 (10,800; one thread).
_ELEMENTS_A_PLACE = 12_000
_LARGE_KERNEL = 1 << 20


def _output_sizes(sizes, kernel, strides, pads, dilation):
    return [
        (n + sum(pad) - (k - 1) * d - 1) // s + 1
        for n, k, s, pad, d in zip(sizes, kernel, strides, pads, dilation, strict=True)
    ]


def _suits_columns(x, kernel, strides, pads, dilation):
    """Whether columns pay on a CPU; they take no more memory than the kernel."""
    rank = kernel.ndim - 2
    if x.dtype != jnp.float32 or kernel.dtype != jnp.float32 or kernel.size < _LARGE_KERNEL:
        return False
    sizes = _output_sizes(x.shape[1:-1], kernel.shape[:rank], strides, pads, dilation)
    places = x.shape[0]
    if not isinstance(places, int) or min(sizes) < 1:
        return False
    places *= math.prod(sizes)
    return places <= min(kernel.size // _ELEMENTS_A_PLACE, kernel.shape[-1])


@partial(jax.jit, static_argnums=(2, 3, 4, 5))
def _by_columns(x, kernel, strides, pads, dilation, exact):
    """A convolution; on CPUs the product of what the kernel sees at each place with the kernel."""

    def columns(x, kernel):
        *size, inputs, outputs = kernel.shape
        sizes = _output_sizes(x.shape[1:-1], size, strides, pads, dilation)
        x = jnp.pad(x, ((0, 0), *pads, (0, 0)))
        seen = []
        for place in itertools.product(*map(range, size)):
            first = [p * d for p, d in zip(place, dilation, strict=True)]
            last = [f + (n - 1) * s + 1 for f, n, s in zip(first, sizes, strides, strict=True)]
            seen.append(lax.slice(x, (0, *first, 0), (x.shape[0], *last, inputs), (1, *strides, 1)))
        y = jnp.concatenate(seen, -1).reshape(-1, math.prod(size) * inputs)
        y = jnp.matmul(y, kernel.reshape(-1, outputs), precision=exact)
        return y.reshape(x.shape[0], *sizes, outputs)

    def convolved(x, kernel):
        return _convolve(x, kernel, strides, pads, dilation, 1, exact)

    return lax.platform_dependent(x, kernel, cpu=columns, default=convolved)


def _convolve(x, kernel, strides, pads, dilation, groups, exact):
    spatial = AXES[kernel.ndim - 2]
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        pads,
        rhs_dilation=dilation,
        dimension_numbers=(f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"),
        feature_group_count=groups,
        precision=exact,
    )


def depthwise_conv(x, kernel, strides, padding, dilation):
    """Each channel with its own kernels: (*size, channels, multiplier)."""
    rank = kernel.ndim - 2
    pads = _pads(padding, x.shape[1:-1], kernel.shape[:rank], strides, dilation)
    pads = pads if isinstance(pads, str) else tuple(pads)
    exact = precision.of_convolution(x, kernel)
    return _depthwise(x, kernel, tuple(strides), pads, tuple(dilation), exact)


@partial(jax.jit, static_argnums=(2, 3, 4, 5))
def _depthwise(x, kernel, strides, pads, dilation, exact):
    def grouped(x, kernel):
        *size, channels, multiplier = kernel.shape
        kernel = kernel.reshape(*size, 1, channels * multiplier)
        return _convolve(x, kernel, strides, pads, dilation, channels, exact)

    def shifted(x, kernel):
        return _shifted_sums(x, kernel, strides, pads, dilation)

    if math.prod(kernel.shape[:-2]) > _MAX_TAPS or not _are_known(x.shape[1:-1]):
        return grouped(x, kernel)
    return lax.platform_dependent(x, kernel, cpu=shifted, default=grouped)


_MAX_TAPS = 128


def _shifted_sums(x, kernel, strides, pads, dilation):
    """A depthwise convolution as the sum of shifted products, one for each place in the kernel.

    XLA fuses them on CPU, where its grouped convolution takes 15 to 50 times as long.
    """
    *size, channels, multiplier = kernel.shape
    dtype = x.dtype
    if dtype in (jnp.float16, jnp.bfloat16):
        x, kernel = x.astype(jnp.float32), kernel.astype(jnp.float32)
    counts = _output_sizes(x.shape[1:-1], size, strides, pads, dilation)
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    inner = [low for low, _ in pads]
    total = jnp.zeros((), x.dtype)
    for place in itertools.product(*map(range, size)):
        first = [p * d for p, d in zip(place, dilation, strict=True)]
        last = [f + (c - 1) * s + 1 for f, c, s in zip(first, counts, strides, strict=True)]
        taken = x
        if any(map(any, pads)) and all(
            f >= low and end <= n - high
            for f, end, n, (low, high) in zip(first, last, x.shape[1:-1], pads, strict=True)
        ):
            ends = [n - high for n, (_, high) in zip(x.shape[1:-1], pads, strict=True)]
            taken = _inside(x, inner, ends)
            first, last = ([n - i for n, i in zip(t, inner, strict=True)] for t in (first, last))
        part = lax.slice(taken, (0, *first, 0), (x.shape[0], *last, channels), (1, *strides, 1))
        total = total + part[..., None] * kernel[place]
    return total.reshape(x.shape[0], *counts, channels * multiplier).astype(dtype)


def _inside(x, first, last):
    """The elements that were padded, cut out of what the padding made.

    XLA would take what was there before, and compute that once more inside the sum: of a chain of
    such convolutions with shortcuts each computed all before it again, 35 of 54 ms in PP-OCR's
    recognizer. It does not look through this change of shape, which costs nothing.
    """
    *outer, width, channels = x.shape
    flat = x.reshape(*outer, width * channels)
    low = (0, *first[:-1], first[-1] * channels)
    high = (x.shape[0], *last[:-1], last[-1] * channels)
    sizes = [end - start for start, end in zip(first, last, strict=True)]
    return lax.slice(flat, low, high).reshape(x.shape[0], *sizes, channels)


def pool(x, size, strides, padding, kind):
    """Window "max", "average" (padding does not count) or "sum"."""
    pads = _pads(padding, x.shape[1:-1], size, strides)
    pads = pads if isinstance(pads, str) else ((0, 0), *pads, (0, 0))
    window, steps = (1, *size, 1), (1, *strides, 1)
    if kind == "max":
        real = jnp.issubdtype(x.dtype, jnp.inexact)
        low = -jnp.inf if real else jnp.iinfo(x.dtype).min
        return lax.reduce_window(x, np.asarray(low, x.dtype), lax.max, window, steps, pads)
    # A constant even under jit: JAX has the derivative for these starting values alone.
    zero = np.asarray(0, x.dtype)
    total = lax.reduce_window(x, zero, lax.add, window, steps, pads)
    if kind == "sum":
        return total
    ones = jnp.ones((1, *x.shape[1:-1], 1), x.dtype)
    return total / lax.reduce_window(ones, zero, lax.add, window, steps, pads)
