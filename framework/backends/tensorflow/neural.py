"""Products, convolution, pooling and padding in TensorFlow, channels last."""

import math
from typing import Any

import tensorflow as tf

from ..base import Backend, explicit_pads
from .distribution import by_rows, on_a_mesh, on_each_device


def matmul(x1, x2):
    """NumPy's matmul: 1-D operands are vectors, leading axes broadcast."""
    rank1, rank2 = len(x1.shape), len(x2.shape)
    if rank1 > 1 and rank2 > 1:
        if rank2 == 2 and rank1 > 2:
            return tf.tensordot(x1, x2, 1)
        return tf.matmul(x1, x2)
    return tf.experimental.numpy.matmul(x1, x2)


def dense(x, kernel, bias):
    """x (…, in) @ kernel (in, out) + bias."""
    y = matmul(x, kernel)
    return y if bias is None else y + bias


def _needs_pad(pads):
    return any(not isinstance(n, int) or n > 0 for pair in pads for n in pair)


def spatial_pads(x, kernel, strides, padding, dilation=None) -> tuple:
    """Pairs (before, behind) of each spatial axis; scalar tensors where a graph knows no size."""
    known = x.shape.as_list()[1:-1]
    if not isinstance(padding, str) and any(tf.is_tensor(n) for pair in padding for n in pair):
        return padding  # pairs of this function
    if padding != "same" or None not in known:
        return explicit_pads(padding, known, kernel, strides, dilation)
    dynamic = tf.shape(x)
    sizes = [dynamic[i] if n is None else n for i, n in enumerate(known, 1)]
    axes = zip(sizes, kernel, strides, dilation or (1,) * len(kernel), strict=True)
    totals = [tf.maximum((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0) for n, k, s, d in axes]
    return tuple((total // 2, total - total // 2) for total in totals)


def _padded(x, pads):
    return tf.pad(x, [(0, 0), *pads, (0, 0)]) if _needs_pad(pads) else x


def _pads(x, kernel, strides, padding, dilation) -> tuple[Any, Any]:
    """(x, TensorFlow's padding): explicit amounts, by the kernel where it can take them."""
    if padding in ("valid", "same"):
        return x, padding.upper()
    return _padded(x, explicit_pads(padding, x.shape[1:-1], kernel, strides, dilation)), "VALID"


def _every(strides):
    """The index of every n-th place of the spatial axes."""
    return (slice(None), *(slice(None, None, step) for step in strides))


def conv(x, kernel, strides, padding, dilation, groups):
    """Convolution of (batch, *spatial, channels) with a kernel of (*size, in / groups, out)."""
    if x.shape[0] == 0:  # TensorFlow answers no images with those that came
        return conv(tf.pad(x, [(0, 1), *[(0, 0)] * (len(x.shape) - 1)]), kernel, strides, padding,
                    dilation, groups)[:0]  # fmt: skip
    rank = len(kernel.shape) - 2
    size = kernel.shape[:rank]
    if kernel.shape[rank] == 1 < groups and rank < 3:  # which has kernels for no volumes
        kernel = tf.reshape(kernel, (*size, groups, kernel.shape[-1] // groups))
        return depthwise_conv(x, kernel, strides, padding, dilation)
    if max(strides) > 1 and max(dilation) > 1:
        # TensorFlow's kernels take one or the other: all places, then every n-th.
        x = _padded(x, spatial_pads(x, size, strides, padding, dilation))
        return conv(x, kernel, (1,) * rank, "valid", dilation, groups)[_every(strides)]
    x, how = _pads(x, size, strides, padding, dilation)
    if groups == 1:
        return _convolution(x, kernel, strides, how, dilation)
    # TensorFlow has no grouped convolution on CPU outside XLA.
    pairs = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True)
    return tf.concat([_convolution(a, k, strides, how, dilation) for a, k in pairs], -1)


def _convolution(x, kernel, strides, padding, dilation):
    # The gradient of volumes asks for the order of the axes, which has a default.
    order = "NDHWC" if len(x.shape) == 5 else None
    kernel = on_each_device(kernel)
    return by_rows(tf.nn.convolution(x, kernel, strides, padding, order, dilation))


def depthwise_conv(x, kernel, strides, padding, dilation):
    """Each channel with its own kernels: (*size, channels, multiplier)."""
    rank = len(kernel.shape) - 2
    if rank == 1:
        if padding not in ("valid", "same"):
            padding = ((0, 0), *padding)
        # The added axis gets the same stride, since the kernel knows one for both.
        image = x[:, None], kernel[None], (strides[0], *strides), padding, (1, *dilation)
        return tf.squeeze(depthwise_conv(*image), 1)
    if rank == 3:
        *size, channels, multiplier = kernel.shape.as_list()
        kernel = tf.reshape(kernel, (*size, 1, channels * multiplier))
        return conv(x, kernel, strides, padding, dilation, channels)
    size, kernel = kernel.shape[:rank], on_each_device(kernel)
    if strides[0] == strides[1] and (strides[0] == 1 or max(dilation) == 1):
        x, how = _pads(x, size, strides, padding, dilation)
        return tf.nn.depthwise_conv2d(x, kernel, (1, *strides, 1), how, dilations=dilation)
    # The kernel knows one stride for both axes, and none with dilation: all places, every n-th.
    x = _padded(x, spatial_pads(x, size, strides, padding, dilation))
    y = tf.nn.depthwise_conv2d(x, kernel, (1, 1, 1, 1), "VALID", dilations=dilation)
    return y[_every(strides)]


def conv_batch_norm(
    backend,
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
    """The derived form's result by TensorFlow's normalization of images, which it fuses.

    No gradient flows to the statistics: at inference they are constants.
    """
    if (
        mean is None
        or len(kernel.shape) != 4
        or x.dtype not in (tf.float32, tf.float16, tf.bfloat16)
        or on_a_mesh()  # where DTensor has no such op
    ):
        arguments = (x, kernel, bias, mean, variance, gamma, beta, epsilon, conv, depth)
        return Backend.conv_batch_norm(backend, *arguments, activation, shortcut)
    y = (depthwise_conv if depth else backend.conv)(x, kernel, **conv)
    # Statistics stay float32 when the images are not.
    mean, variance = tf.cast(mean, tf.float32), tf.cast(variance, tf.float32)
    scale = tf.ones_like(mean) if gamma is None else tf.cast(gamma, tf.float32)
    offset = tf.zeros_like(mean) if beta is None else tf.cast(beta, tf.float32)
    if bias is not None:  # in the offset, since a gradient flows to it and none to the mean
        offset = offset + tf.cast(bias, tf.float32) * scale * tf.math.rsqrt(variance + epsilon)
    y = tf.raw_ops.FusedBatchNormV3(
        x=y,
        scale=scale,
        offset=offset,
        mean=mean,
        variance=variance,
        epsilon=epsilon,
        is_training=False,
    ).y
    return backend.finished(y, activation, shortcut)


def pool(x, size, strides, padding, kind):
    """Window "max", "average" (padding does not count) or "sum"."""
    if any(step > n for step, n in zip(strides, size, strict=True)):
        # The kernels take no such strides: pool everywhere, then keep every n-th.
        pads = spatial_pads(x, size, strides, padding)
        return pool(x, size, (1,) * len(size), pads, kind)[_every(strides)]
    if len(size) == 3 and x.dtype == tf.float64:
        return _pool_volumes(x, size, strides, spatial_pads(x, size, strides, padding), kind)
    if padding in ("valid", "same") and kind != "sum":
        return tf.nn.pool(x, size, "MAX" if kind == "max" else "AVG", strides, padding.upper())
    pads = spatial_pads(x, size, strides, padding)
    padded = x
    if _needs_pad(pads):
        lowest = -math.inf if x.dtype.is_floating else x.dtype.min
        low = lowest if kind == "max" else 0
        padded = tf.pad(x, [(0, 0), *pads, (0, 0)], constant_values=low)
    if kind == "max":
        return tf.nn.pool(padded, size, "MAX", strides, "VALID")
    total = tf.nn.pool(padded, size, "AVG", strides, "VALID") * tf.cast(math.prod(size), x.dtype)
    if kind == "sum":
        return total
    ones = tf.ones_like(x[:1, ..., :1])
    return total / pool(ones, size, strides, padding, "sum")


def _pool_volumes(x, size, strides, pads, kind):
    """A pool of volumes as one of planes and one along the first axis: for dtypes without kernels.

    TensorFlow has none for float64 on CPUs.
    """
    if kind == "average":
        total = _pool_volumes(x, size, strides, pads, "sum")
        return total / _pool_volumes(tf.ones_like(x[:1, ..., :1]), size, strides, pads, "sum")
    batch, depth, height, width, channels = tf.unstack(tf.shape(x))
    planes = tf.reshape(x, [batch * depth, height, width, channels])
    planes = pool(planes, size[1:], strides[1:], pads[1:], kind)
    height, width = tf.unstack(tf.shape(planes)[1:3])
    columns = tf.reshape(planes, [batch, depth, height * width, channels])
    columns = pool(columns, (size[0], 1), (strides[0], 1), (pads[0], (0, 0)), kind)
    sizes = [batch, tf.shape(columns)[1], height, width, channels]
    return tf.ensure_shape(tf.reshape(columns, sizes), [*x.shape[:1], None, None, None, x.shape[4]])


def pad(x, pads, mode):
    """Mirrored, repeated or wrapped padding."""
    if mode in ("reflect", "symmetric"):
        return tf.pad(x, pads, "REFLECT" if mode == "reflect" else "SYMMETRIC")
    for axis, (low, high) in enumerate(pads):
        size = tf.shape(x)[axis]
        index = tf.range(-low, size + high)
        index = tf.clip_by_value(index, 0, size - 1) if mode == "edge" else index % size
        x = tf.gather(x, index, axis=axis)
    return x


def slice_block(x, start, shape):
    """The block of `shape` at `start`."""
    for axis, (first, size) in enumerate(zip(start, shape, strict=True)):
        if tf.is_tensor(first):
            # XLA compiles tf.slice anew for each value of its `begin`.
            x = tf.gather(x, tf.cast(first, tf.int32) + tf.range(size), axis=axis)
    return tf.slice(x, [0 if tf.is_tensor(first) else first for first in start], shape)


def slice_update(x, start, updates):
    """`x` with the block at `start` replaced; the axes that the block fills are left alone."""
    shape, block = x.shape.as_list(), updates.shape.as_list()
    axes = [i for i, (n, m) in enumerate(zip(shape, block, strict=True)) if n is None or n != m]
    if not axes:
        return updates
    if len(axes) == 1 and block[axes[0]] == 1:
        # One slot of one axis, as in a cache of attention: a select, which XLA fuses.
        index = tf.range(tf.shape(x)[axes[0]]) == tf.cast(start[axes[0]], tf.int32)
        sizes = [1] * len(shape)
        sizes[axes[0]] = -1
        return tf.where(tf.reshape(index, sizes), updates, x)
    order = axes + [i for i in range(len(shape)) if i not in axes]
    ranges = [tf.cast(start[a], tf.int32) + tf.range(tf.shape(updates)[a]) for a in axes]
    index = tf.stack(tf.meshgrid(*ranges, indexing="ij"), -1)
    moved = tf.tensor_scatter_nd_update(tf.transpose(x, order), index, tf.transpose(updates, order))
    back = [order.index(i) for i in range(len(shape))]
    return tf.transpose(moved, back)
