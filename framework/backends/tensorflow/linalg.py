"""Linear algebra on TensorFlow, where its functions are not the kernels already."""

# The kernels belong to a backend, whose other kernels they call.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import record


class TensorflowLinalg:
    """Kernels of linear algebra."""

    def concrete(self, x):
        return tf.executing_eagerly() and hasattr(x, "numpy")

    def cholesky(self, x):
        y = tf.linalg.cholesky(x)
        if self.concrete(y) and np.isnan(y.numpy()).any():
            raise np.linalg.LinAlgError("the matrix is not positive definite.")
        return y

    def det(self, x):
        # TensorFlow's own derivative inverts the matrix, and fails where it is singular.
        det = tf.linalg.det
        if x.shape[-1] == 0:
            return det(x)
        if tf.executing_eagerly():
            y = det(x)
            if not record.could_possibly_record() or tf.reduce_all(y != 0):
                return y
            return self.det_with_singular(x, det)
        regular = tf.reduce_all(det(tf.stop_gradient(x)) != 0)
        return tf.cond(regular, lambda: det(x), lambda: self.det_with_singular(x, det))

    def slogdet(self, x):
        sign, logarithm = tf.linalg.slogdet(x)
        return sign, tf.math.real(logarithm)

    def qr(self, x, mode):
        return tf.linalg.qr(x, full_matrices=mode == "complete")

    def inv(self, x):
        x, unknown = _solvable(x)
        return tf.linalg.inv(x) + unknown

    def solve(self, a, b):
        a, unknown = _solvable(a)
        return tf.linalg.solve(*_in_one_batch(a, b)) + unknown

    def solve_triangular(self, a, b, lower):
        return tf.linalg.triangular_solve(*_in_one_batch(a, b), lower=lower)

    def svd(self, x, full_matrices):
        s, u, v = tf.linalg.svd(x, full_matrices=full_matrices)
        return u, s, tf.linalg.adjoint(v)

    def eigh(self, x):
        values, vectors = tf.linalg.eigh(x)
        return tf.math.real(values), vectors  # complex ones, of complex matrices

    def svdvals(self, x):
        return tf.linalg.svd(x, compute_uv=False)

    def pinv(self, x, rcond):
        @tf.custom_gradient
        def inverse(x):
            y = _pinv(x, rcond)

            def backward(up):
                return _pinv_gradient(x, self.pinv(x, rcond), up)

            return y, backward

        return inverse(x)

    def lu(self, x):
        rows, columns = self.shape(x)[-2:]
        factors, order = tf.linalg.lu(_squared(x))
        known = isinstance(rows, int) and isinstance(columns, int)
        size = min(rows, columns) if known else tf.minimum(rows, columns)
        return factors[..., :rows, :columns], _pivots(order)[..., :size]


def _solvable(x):
    """`x` with the identity in the place of matrices that hold NaN or infinities, and what to add
    to results: NaN for these. TensorFlow calls such matrices singular.
    """
    parts = [tf.math.real(x), tf.math.imag(x)] if x.dtype.is_complex else [x]
    finite = tf.reduce_all(tf.stack([tf.math.is_finite(p) for p in parts]), [0, -2, -1], True)[0]
    zero = tf.zeros([], x.dtype)
    one = tf.eye(tf.shape(x)[-1], dtype=x.dtype)
    return tf.where(finite, x, one), tf.where(finite, zero, tf.cast(np.nan, x.dtype))


def _in_one_batch(a, b):
    """Both with the leading axes that they have in common by broadcasting."""
    if a.shape.is_fully_defined() and a.shape[:-2] == b.shape[:-2]:
        return a, b
    batch = tf.broadcast_dynamic_shape(tf.shape(a)[:-2], tf.shape(b)[:-2])
    return tuple(tf.broadcast_to(x, tf.concat([batch, tf.shape(x)[-2:]], 0)) for x in (a, b))


def _pinv(x, rcond):
    """By singular values; TensorFlow's own takes no complex numbers."""
    s, u, v = tf.linalg.svd(x)
    largest = tf.reduce_max(s, -1, keepdims=True) if s.shape[-1] != 0 else s
    kept = s > rcond * largest
    inverse = tf.where(kept, 1 / tf.where(kept, s, 1), 0)
    return tf.matmul(v * tf.cast(inverse, x.dtype)[..., None, :], u, adjoint_b=True)


def _pinv_gradient(x, y, up):
    """Of the pseudoinverse, by Golub and Pereyra (1973): no term divides by singular values.

    TensorFlow's own goes through the SVD's, which is NaN where singular values are equal.
    """
    adjoint = tf.linalg.adjoint
    beyond = adjoint(up) @ y
    before = y @ adjoint(up)
    return (
        (beyond - x @ (y @ beyond)) @ adjoint(y)
        + adjoint(y) @ (before - (before @ y) @ x)
        - adjoint(y) @ up @ adjoint(y)
    )


def _squared(x):
    """`x` with columns or rows added that leave its LU decomposition as it is."""
    rows, columns = x.shape[-2:]
    if rows is None or columns is None:
        return _squared_in_a_graph(x)
    more = abs(rows - columns)
    if not more:
        return x
    batch = tf.shape(x)[:-2]
    if columns > rows:
        added = np.eye(more, columns, columns - more)  # zero where pivots are looked for
    else:
        added = np.cos(np.outer(np.arange(1, rows + 1), np.arange(1, more + 1) * 1.7))
    added = tf.cast(added, x.dtype)
    added = tf.broadcast_to(added, tf.concat([batch, tf.shape(added)], 0))
    return tf.concat([x, added], -2 if columns > rows else -1)


def _pivots(order):
    """LAPACK's row exchanges, from the permutation that they make."""
    size = order.shape[-1]
    size = tf.shape(order)[-1] if size is None else size
    current = tf.broadcast_to(tf.range(size), tf.shape(order))
    found = tf.TensorArray(tf.int32, size)

    def step(i, current, found):
        wanted = order[..., i, None]
        place = tf.argmax(tf.cast(current == wanted, tf.int32), -1, tf.int32)
        here = tf.one_hot(i, size, dtype=tf.bool, on_value=True, off_value=False)
        there = tf.one_hot(place, size, dtype=tf.bool, on_value=True, off_value=False)
        current = tf.where(there, current[..., i, None], current)
        return i + 1, tf.where(here, wanted, current), found.write(i, place)

    start = (tf.constant(0), current, found)
    # Eigen's pivoting is a sequence of exchanges, so each step looks only at what is left.
    *_, found = tf.while_loop(lambda i, *_: i < size, step, start, maximum_iterations=size)
    places = found.stack()
    return tf.transpose(places, [*range(1, len(order.shape)), 0])


def _squared_in_a_graph(x):
    """`_squared` of sizes that are known when the graph runs."""
    rows, columns = tf.unstack(tf.shape(x)[-2:])
    below, beside = tf.maximum(columns - rows, 0), tf.maximum(rows - columns, 0)
    under = tf.eye(below, columns, dtype=x.dtype)
    under = tf.reverse(under, [-2, -1])
    places = [tf.cast(tf.range(1, n + 1), tf.float64) for n in (rows, beside)]
    more = tf.cast(tf.cos(places[0][:, None] * (places[1] * 1.7)), x.dtype)
    batch = tf.shape(x)[:-2]
    under, more = (tf.broadcast_to(y, tf.concat([batch, tf.shape(y)], 0)) for y in (under, more))
    return tf.concat([tf.concat([x, more], -1), _wide(under, beside)], -2)


def _wide(x, columns):
    """`x` with so many columns of zeros more."""
    pads = tf.concat([tf.zeros([tf.rank(x) - 1, 2], tf.int32), [[0, columns]]], 0)
    return tf.pad(x, pads)
