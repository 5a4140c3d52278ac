"""TensorFlow's sparse tensors: SparseTensor, and IndexedSlices, which store whole slices."""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from ..sparse import SparseBackend, positions


class TensorflowSparse(SparseBackend):
    """Kernels on `tf.SparseTensor` and `tf.IndexedSlices`, eager or in a graph."""

    sparse_types = (tf.SparseTensor, tf.IndexedSlices)

    def densify(self, x):
        if x.dtype == tf.bool:  # which do not add up
            return self.densify(_like(x, tf.cast(x.values, tf.int32))) > 0
        if isinstance(x, tf.IndexedSlices):
            return tf.convert_to_tensor(_like(x, x.values))  # pyright: ignore[reportArgumentType]
        if not len(x.shape):
            return tf.reduce_sum(x.values)  # there is at most one
        dense = tf.scatter_nd(x.indices, x.values, x.dense_shape)
        return tf.ensure_shape(dense, x.shape)

    def static_shape(self, x):
        if not isinstance(x, self.sparse_types):
            return self.full_backend.static_shape(x)
        return tuple(_static(x).as_list())

    def shape(self, x):
        if not isinstance(x, self.sparse_types):
            return self.full_backend.shape(x)
        static = _static(x).as_list()
        return tuple(x.dense_shape[i] if n is None else n for i, n in enumerate(static))

    def on_values(self, x, function):
        x = _unique(x)
        return _like(x, function(x.values))

    def entries(self, x: Any) -> tuple[Any, Any, Any]:
        """Places (n, rank), elements (n), and which of these are real: fillings are not."""
        if isinstance(x, tf.IndexedSlices):
            x = tf.sparse.from_dense(self.densify(x))
        return x.indices, x.values, tf.ones(tf.shape(x.values), tf.bool)

    # Two tensors

    def union(self, name, x1, x2):
        kernel = getattr(self.full_backend, name)
        if not _alike(x1, x2):
            return super().union(name, x1, x2)
        x1, x2 = _unique(x1), _unique(x2)
        second_there, _ = self._look_up(x2, x1)
        first_there, taken = self._look_up(x1, x2)
        more, new = kernel(first_there, x2.values), tf.logical_not(taken)
        values = tf.concat([kernel(x1.values, second_there), tf.boolean_mask(more, new)], 0)
        indices = tf.concat([x1.indices, tf.boolean_mask(x2.indices, new)], 0)
        return _like(x1, values, indices)

    def _look_up(self, x, other):
        """The values of `x` at the stored places of `other`, and where there is one."""
        places, found = positions(self.full_backend, _ids(x), _ids(other), tf.searchsorted)
        values = tf.gather(x.values, places)
        mask = tf.reshape(found, tf.concat([tf.shape(found), [1] * (len(values.shape) - 1)], 0))
        return tf.where(mask, values, tf.zeros([], values.dtype)), found

    def multiply(self, x1, x2):
        if not isinstance(x1, self.sparse_types):
            x1, x2 = x2, x1
        if _alike(x1, x2):
            x1, x2 = _unique(x1), _unique(x2)
            values, found = self._look_up(x2, x1)
            product = tf.boolean_mask(self.full_backend.multiply(x1.values, values), found)
            return _like(x1, product, tf.boolean_mask(x1.indices, found))
        if isinstance(x2, self.sparse_types) or _outgrows(x2, x1):
            return self.full_backend.multiply(self._densified(x1), self._densified(x2))
        return _like(x1, self.full_backend.multiply(x1.values, _at(x2, x1)))

    def divide(self, x1, x2):
        if isinstance(x2, self.sparse_types) or _outgrows(x2, x1):
            return self.full_backend.divide(self._densified(x1), self._densified(x2))
        quotient = self.full_backend.divide(self.densify(x1), x2)  # 0 / 0 is no zero
        if isinstance(x1, tf.IndexedSlices):
            rows = tf.range(tf.shape(quotient, tf.int64)[0])
            return tf.IndexedSlices(quotient, rows, _sizes(quotient.shape))
        return _with_shape(tf.sparse.from_dense(quotient), quotient.shape)

    def matmul(self, x1, x2):
        first, second = (isinstance(x, tf.SparseTensor) for x in (x1, x2))
        if first and not second and len(x1.shape) == len(x2.shape) == 2 and _multiplies(x1.dtype):
            product = tf.sparse.sparse_dense_matmul(x1, x2)
            return tf.ensure_shape(product, (x1.shape[0], x2.shape[1]))
        product = self.full_backend.matmul(self._densified(x1), self._densified(x2))
        if first and second:
            return _with_shape(tf.sparse.from_dense(product), product.shape)
        return product

    # Shapes and sums

    def reshape(self, x, shape):
        if isinstance(x, tf.IndexedSlices):
            return self.full_backend.reshape(self.densify(x), shape)
        size = math.prod(x.shape.as_list()) if x.shape.is_fully_defined() else None
        made = tf.sparse.reshape(x, shape)
        if size is not None and all(isinstance(n, int) for n in shape):
            rest = -math.prod(shape) if -1 in shape else 0
            return _with_shape(made, [size // rest if n == -1 and rest else n for n in shape])
        return made

    def transpose(self, x, axes=None):
        if isinstance(x, tf.IndexedSlices):
            return self.full_backend.transpose(self.densify(x), axes)
        rank = len(x.shape)
        axes = list(range(rank))[::-1] if axes is None else [a % rank for a in axes]
        return _with_shape(tf.sparse.transpose(x, axes), [x.shape[a] for a in axes])

    def expand_dims(self, x, axis):
        return self.reshape(x, tuple(tf.expand_dims(tf.zeros(x.shape, tf.bool), axis).shape))

    def squeeze(self, x, axis=None):
        return self.reshape(x, tuple(tf.squeeze(tf.zeros(x.shape, tf.bool), axis).shape))

    def sum(self, x, axis=None, keepdims=False):
        if isinstance(x, tf.IndexedSlices):
            return self.full_backend.sum(self.densify(x), axis, keepdims)
        rank = len(x.shape)
        axes = range(rank) if axis is None else ((axis,) if isinstance(axis, int) else axis)
        axes = sorted(a % rank for a in axes)
        if not axes:
            return x
        total = tf.sparse.reduce_sum(x, axes, keepdims=keepdims, output_is_sparse=True)
        sizes = [(1 if i in axes else n) for i, n in enumerate(x.shape)]
        return _with_shape(total, [n for i, n in enumerate(sizes) if keepdims or i not in axes])

    def concatenate(self, xs, axis):
        if not all(isinstance(x, tf.SparseTensor) for x in xs):
            return self.full_backend.concatenate([self._densified(x) for x in xs], axis)
        return tf.sparse.concat(axis, list(xs))


class TensorflowRagged(SparseBackend):
    """Kernels on `tf.RaggedTensor`: rows of different lengths; where needed, zeros fill up."""

    sparse_types = (tf.RaggedTensor,)

    def is_sparse(self, x):
        """Never: what rows lack is not stored, but zeros are."""
        return False

    def densify(self, x):
        return x.to_tensor()

    def static_shape(self, x):
        return tuple(x.shape.as_list())

    shape = static_shape

    def on_values(self, x, function):
        return x.with_flat_values(function(x.flat_values))

    def take(self, x, indices, axis):
        """Zeros where the rows of ragged `indices` have ended."""
        taken = self.full_backend.take(self._densified(x), self._densified(indices), axis)
        if not isinstance(indices, tf.RaggedTensor):
            return taken
        real = tf.ones_like(indices, tf.bool).to_tensor()
        behind = 0 if axis is None else len(x.shape) - 1 - axis % len(x.shape)
        mask = tf.reshape(real, tf.concat([tf.shape(real), [1] * behind], 0))
        return tf.where(mask, taken, tf.zeros([], taken.dtype))


def _multiplies(dtype):
    """Whether TensorFlow has a product of a sparse and a dense matrix of this dtype."""
    return dtype in (tf.float32, tf.float64, tf.int32, tf.complex64, tf.complex128)


def _static(x):
    """The shape as far as it is known; users give that of IndexedSlices in many forms."""
    if isinstance(x, tf.SparseTensor):
        return x.shape
    if isinstance(x.dense_shape, tf.Tensor):
        return tf.TensorShape(tf.get_static_value(x.dense_shape))
    return tf.TensorShape(x.dense_shape)


def _sizes(shape):
    return tf.constant(np.array(shape.as_list(), np.int64))


def _with_shape(x, shape):
    """A SparseTensor that knows its shape, as far as `shape` is known."""
    shape = tf.TensorShape(shape)
    if not shape.is_fully_defined():
        return x
    return tf.SparseTensor(x.indices, x.values, _sizes(shape))


def _like(x, values, indices=None):
    """A sparse tensor of the kind and the shape of `x`, with other values and places."""
    sizes = x.dense_shape
    if _static(x).is_fully_defined():
        sizes = _sizes(_static(x))
    if isinstance(x, tf.IndexedSlices):
        return tf.IndexedSlices(values, x.indices if indices is None else indices, sizes)
    if indices is None:
        return tf.SparseTensor(x.indices, values, sizes)
    return tf.sparse.reorder(tf.SparseTensor(indices, values, sizes))


def _unique(x):
    """`x` with each place stored once; a SparseTensor has no other."""
    if isinstance(x, tf.SparseTensor):
        return x
    places, groups = tf.unique(x.indices)
    values = tf.math.unsorted_segment_sum(x.values, groups, tf.size(places))
    return _like(x, values, places)


def _alike(x1, x2):
    """Whether both are sparse in the same way, so that their places can be compared."""
    if type(x1) is not type(x2) or not isinstance(x1, TensorflowSparse.sparse_types):
        return False
    return _static(x1).is_compatible_with(_static(x2))


def _ids(x):
    """One number for each stored place."""
    if isinstance(x, tf.IndexedSlices):
        return x.indices
    strides = tf.math.cumprod(x.dense_shape, exclusive=True, reverse=True)
    return tf.reduce_sum(x.indices * strides, -1)


def _rank(x):
    return 0 if isinstance(x, bool | int | float | complex) else len(x.shape)


def _outgrows(x, sparse):
    """Whether broadcasting with `x` makes `sparse` larger."""
    if not _rank(x):
        return False
    shape = _static(sparse)
    return tf.broadcast_static_shape(x.shape, shape).as_list() != shape.as_list()


def _at(x, sparse):
    """The elements (or slices) of a dense tensor or number at the stored places of `sparse`."""
    if not _rank(x):
        return x
    x = tf.broadcast_to(x, sparse.dense_shape)
    if isinstance(sparse, tf.IndexedSlices):
        return tf.gather(x, sparse.indices)
    return tf.gather_nd(x, sparse.indices)
