"""Categories as TensorFlow's sparse tensors."""

import tensorflow as tf


def sparsified(backend, x):
    """A SparseTensor of the elements of `x` that are not zero."""
    return tf.sparse.from_dense(x)


def sparse_one_hot(backend, x, classes, axis, dtype, without=None):
    """A SparseTensor of ones at the classes `x`, along a new axis; less axis `without`, their
    maximum.
    """
    rank = len(x.shape)
    axis %= rank + 1
    places = tf.where((x >= 0) & (x < classes))
    columns = tf.unstack(places, rank, axis=1)
    columns.insert(axis, tf.cast(tf.gather_nd(x, places), tf.int64))
    sizes = list(backend.shape(x))
    sizes.insert(axis, classes)
    if without is not None:
        del columns[without], sizes[without]
    sizes = [tf.cast(n, tf.int64) for n in sizes] if _unknown(sizes) else sizes
    indices = tf.stack(columns, 1)
    if without is not None:
        indices = _distinct(indices, sizes)
    values = tf.cast(tf.ones(tf.shape(indices)[:1], tf.int32), dtype)
    return tf.sparse.reorder(tf.SparseTensor(indices, values, sizes))


def _unknown(sizes):
    return any(not isinstance(n, int) for n in sizes)


def _distinct(indices, sizes):
    """Rows of `indices`, each once."""
    flat = indices[:, 0]
    for place in range(1, len(sizes)):
        flat = flat * sizes[place] + indices[:, place]
    flat, columns = tf.unique(flat).y, []
    for size in reversed(sizes[1:]):
        columns.insert(0, flat % size)
        flat //= size
    return tf.stack([flat, *columns], 1)
