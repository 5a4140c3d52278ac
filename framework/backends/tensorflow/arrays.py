"""Picking, placing and casting on TensorFlow's tensors."""

from typing import Any

import numpy as np
import tensorflow as tf

from . import indexing

_WIDER = {
    tf.bool: tf.int32,
    tf.int8: tf.int32,
    tf.int16: tf.int32,
    tf.uint8: tf.int32,
    tf.uint16: tf.int32,
    tf.uint32: tf.int64,
    tf.bfloat16: tf.float32,
    tf.float16: tf.float32,
}
_SCATTER = {
    None: tf.tensor_scatter_nd_update,
    "add": tf.tensor_scatter_nd_add,
    "max": tf.tensor_scatter_nd_max,
    "min": tf.tensor_scatter_nd_min,
}


_SIGNED = {tf.uint16: tf.int16, tf.uint32: tf.int32, tf.uint64: tf.int64}


def moved(function):
    """A kernel that moves elements and computes nothing: unsigned ones move as signed ones do."""

    def kernel(x, *args, **kwargs):
        signed = _SIGNED.get(x.dtype)
        if signed is None:
            return function(x, *args, **kwargs)
        return tf.bitcast(function(tf.bitcast(x, signed), *args, **kwargs), x.dtype)

    return kernel


def in_order(x):
    """`x` in a dtype that TensorFlow searches, with the same order of its elements."""
    if x.dtype == tf.uint64:
        return tf.bitcast(x, tf.int64) ^ tf.int64.min
    return tf.cast(x, _WIDER[x.dtype]) if x.dtype in _WIDER else x


class ArrayKernels:
    """Kernels of arrays that are no plain renames."""

    get_item = staticmethod(indexing.get_item)

    def nonzero(self, x):
        x = x if x.dtype == tf.bool else tf.not_equal(x, tf.zeros([], x.dtype))
        return tuple(tf.unstack(tf.where(x), num=len(x.shape), axis=1))

    def searchsorted(self, line, values, side):
        line, values = in_order(line), in_order(values)
        shape = tf.shape(values)
        if line.dtype.is_floating:
            # NaN, which stands at the end of the line, is larger than everything else.
            nan = tf.math.is_nan(line)
            every = tf.shape(line)[0]
            real = every - tf.reduce_sum(tf.cast(nan, tf.int32))
            line = tf.where(nan, tf.constant(np.inf, line.dtype), line)
            places = tf.searchsorted(line, tf.reshape(values, [-1]), side)
            places = tf.reshape(tf.minimum(places, real), shape)
            places = tf.where(tf.math.is_nan(values), real if side == "left" else every, places)
        else:
            places = tf.reshape(tf.searchsorted(line, tf.reshape(values, [-1]), side), shape)
        return tf.ensure_shape(places, values.shape)

    def scatter(self, x, indices, updates, reduction):
        # A negative index counts from the end, as in NumPy.
        if indices.dtype not in (tf.int32, tf.int64):
            indices = tf.cast(indices, tf.int32)
        sizes = tf.shape(x, indices.dtype)[: indices.shape[-1]]
        indices = tf.where(indices < 0, indices + sizes, indices)
        deep = indices.shape[-1]
        updates = tf.broadcast_to(
            updates, tf.concat([tf.shape(indices)[:-1], tf.shape(x)[deep:]], 0)
        )
        if reduction == "mul":
            return _multiplied(x, indices, updates)
        if x.dtype == tf.bool and reduction is not None:
            x, updates = tf.cast(x, tf.int32), tf.cast(updates, tf.int32)
            return tf.cast(_SCATTER[reduction](x, indices, updates), tf.bool)
        return _SCATTER[reduction](x, indices, updates)

    def bitcast(self, x, dtype):
        native = tf.as_dtype(dtype)
        old, new = x.dtype.size, native.size
        if old < new:
            x = tf.reshape(x, tf.concat([tf.shape(x)[:-1], [-1, new // old]], 0))
        y = tf.bitcast(x, native)
        if old <= new:
            return y
        known = x.shape.as_list()
        y = tf.reshape(y, tf.concat([tf.shape(x)[:-1], [-1]], 0))
        return tf.ensure_shape(y, [*known[:-1], known[-1] and known[-1] * old // new])

    def softmax(self, x, axis):
        if (x.shape.rank or 0) > 5:  # oneDNN's kernel refuses more axes
            return super().softmax(x, axis)  # pyright: ignore
        return tf.nn.softmax(x, axis)

    def diag(self, x, k):
        return tf.linalg.diag(x, k=k)

    def diagonal(self, x, offset, axis1, axis2):
        rank = len(x.shape)
        order = [a for a in range(rank) if a not in (axis1, axis2)]
        x = tf.transpose(x, [*order, axis1, axis2])
        rows, columns = x.shape[-2], x.shape[-1]
        if (rows is not None and offset <= -rows) or (columns is not None and offset >= columns):
            return tf.zeros(tf.concat([tf.shape(x)[:-2], [0]], 0), x.dtype)
        if rows is None or columns is None:  # the diagonal may lie outside
            inside: Any = (..., slice(max(-offset, 0), None), slice(max(offset, 0), None))
            return tf.linalg.diag_part(x[inside])
        return tf.linalg.diag_part(x, k=offset)

    def listed(self, x):
        return super().listed(x) if tf.executing_eagerly() else x  # pyright: ignore

    def count_length(self, x, least):
        if tf.executing_eagerly():
            return super().count_length(x, least)  # pyright: ignore
        longest = tf.reduce_max(tf.concat([tf.reshape(x, [-1]), tf.constant([-1], x.dtype)], 0)) + 1
        return tf.maximum(tf.cast(longest, tf.int32), least)


def _multiplied(x, indices, updates):
    """The product with all updates of a place, which TensorFlow has no kernel for."""
    sizes = tf.shape(x)
    deep = indices.shape[-1]
    lead, rest = sizes[:deep], sizes[deep:]
    steps = tf.math.cumprod(lead, exclusive=True, reverse=True)
    flat = tf.reduce_sum(tf.cast(indices, tf.int32) * steps, -1)
    updates = tf.reshape(updates, tf.concat([[-1], rest], 0))
    product = tf.math.unsorted_segment_prod(updates, tf.reshape(flat, [-1]), tf.reduce_prod(lead))
    return x * tf.reshape(product, sizes)
