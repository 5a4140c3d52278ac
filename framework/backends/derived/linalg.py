"""Linear algebra from primitives, and the signs and orders that make its results unique."""

import numpy as np

from .primitives import Primitives

# A component this large beside the largest of its vector decides the vector's sign. Comparing
# with the largest itself would leave the sign of (1, -1) / sqrt(2) to rounding.
_LEADING = 0.3
# How much the imaginary part counts in the order of eigenvalues: enough to part conjugates.
_TILT = 2.0**-10


class Linalg(Primitives):
    """Kernels of linear algebra that follow from others."""

    def concrete(self, x) -> bool:
        """Whether `x` has values that Python may look at: it is not being traced."""
        return True

    def adjoint(self, x):
        """The conjugate transpose of the last two axes."""
        x = self.swapaxes(x, -1, -2)
        return self.conj(x) if self.dtype(x).startswith("complex") else x

    def hermitian(self, x, upper=False):
        """The Hermitian matrix of which `x` has the lower (or upper) triangle."""
        x = self.adjoint(x) if upper else x
        return self.add(self.tril(x, 0), self.adjoint(self.tril(x, -1)))

    def normal_eigh(self, x):
        values, vectors = self.eigh(x)
        return values, self.multiply(vectors, self.turn(vectors, -2))

    def normal_eig(self, x):
        values, vectors = self.eig(x)
        key = self.add(self.real(values), self.multiply(self.imag(values), _TILT))
        if 0 in self.static_shape(x):
            return values, vectors
        order = self.argsort(key, -1)
        values = self.take_along_axis(values, order, -1)
        rows = self.broadcast_to(self.expand_dims(order, -2), self.shape(vectors))
        vectors = self.take_along_axis(vectors, rows, -1)
        return values, self.multiply(vectors, self.turn(vectors, -2))

    def normal_svd(self, x, full_matrices):
        rows, columns = self.static_shape(x)[-2:]
        # Squares have no further vectors, and JAX differentiates only without them.
        u, s, v = self.svd(x, full_matrices and rows != columns)
        if rows is None or columns is None or rows >= columns:
            turn = self.turn(u, -2)
            back = self.adjoint(turn)
            size = self.static_shape(v)[-2]
            return self.multiply(u, turn), s, self.multiply(v, back[..., :size, :])
        turn = self.turn(v, -1)
        back = self.adjoint(turn)
        size = self.static_shape(u)[-1]
        return self.multiply(u, back[..., :size]), s, self.multiply(v, turn)

    def turn(self, vectors, axis):
        """Factors of absolute value 1 that make the leading component of each vector positive."""
        if 0 in self.static_shape(vectors):
            shape = list(self.shape(vectors))
            shape[axis] = 1
            return self.full(shape, 1, self.dtype(vectors))
        size = self.absolute(vectors)
        leading = self.greater_equal(size, self.multiply(self.max(size, axis, True), _LEADING))
        count = self.cumsum(self.cast(leading, "int32"), axis)
        first = self.logical_and(leading, self.equal(count, 1))
        # A sum, since TensorFlow's XLA gives a wrong shape to a product with what it has looked up.
        others = self.full_like(vectors, 0, self.dtype(vectors))
        found = self.stop_gradient(self.sum(self.where(first, vectors, others), axis, True))
        if not self.dtype(vectors).startswith("complex"):
            return self.sign(found)
        return self.divide(self.conj(found), self.cast(self.absolute(found), self.dtype(found)))

    def unit_like(self, x):
        """The unit matrices of the shape of `x`, (..., M, M)."""
        return self.triu(self.tril(self.full_like(x, 1, self.dtype(x)), 0), 0)

    def det_with_singular(self, x, det):
        """det(x) with derivatives that are right where a matrix is singular: its cofactors.

        There, in the bases of the singular vectors, which are taken for constants, x is diagonal,
        and all but its last row and column are regular or the cofactors are 0. So no derivative
        divides by 0.
        """
        singular = self.equal(det(self.stop_gradient(x)), 0)
        place = self.expand_dims(singular, (-2, -1))
        unit = self.unit_like(self.stop_gradient(x))
        usual = det(self.where(place, unit, x))
        x = self.where(place, x, unit)
        u, _, v = map(self.stop_gradient, self.svd(self.stop_gradient(x), False))
        turned = self.matmul(self.matmul(self.adjoint(u), x), self.adjoint(v))
        lead, last = turned[..., :-1, :-1], turned[..., -1:, -1:]
        row, column = turned[..., -1:, :-1], turned[..., :-1, -1:]
        regular = self.not_equal(det(self.stop_gradient(lead)), 0)
        lead = self.where(
            self.expand_dims(regular, (-2, -1)), lead, self.unit_like(self.stop_gradient(lead))
        )
        rest = self.subtract(last, self.matmul(row, self.solve(lead, column)))
        y = self.multiply(det(lead), rest[..., 0, 0])
        y = self.multiply(y, self.multiply(det(u), det(v)))
        y = self.where(regular, y, self.full_like(y, 0, self.dtype(y)))
        return self.where(singular, y, usual)

    def cholesky_inverse(self, factor, upper):
        inverse = self.solve_triangular(factor, self.unit_like(factor), not upper)
        other = self.adjoint(inverse)
        return self.matmul(inverse, other) if upper else self.matmul(other, inverse)

    def cutoff(self, x):
        """max(M, N) of matrices (…, M, N) times the rounding unit."""
        rows, columns = self.shape(x)[-2:]
        if type(rows) is int and type(columns) is int:
            return max(rows, columns) * self.epsilon(x)
        rows, columns = (self.cast(self.asarray(n), "int32") for n in (rows, columns))
        size = self.cast(self.maximum(rows, columns), self.part_dtype(x))
        return self.multiply(size, self.epsilon(x))

    def part_dtype(self, x):
        """The dtype of the real part."""
        return {"complex64": "float32", "complex128": "float64"}.get(self.dtype(x), self.dtype(x))

    def matrix_rank(self, x, tol):
        s = self.svdvals(x)
        if tol is None:
            tol = self.multiply(self.max(s, -1, True), self.cutoff(x))
        elif not isinstance(tol, int | float):
            tol = self.expand_dims(self.cast(tol, self.dtype(s)), -1)
        return self.sum(self.cast(self.greater(s, tol), "int32"), -1)

    def epsilon(self, x) -> float:
        """The distance from 1 to the next number of the dtype of `x`."""
        return float(np.finfo(self.dtype(x)).eps)

    # Norms

    def vector_norm(self, x, ord, axis, keepdims):
        if ord is None or ord == 2:
            return self.length(x, axis, keepdims)
        size = self.absolute(x)
        if ord == float("inf"):
            return self.max(size, axis, keepdims)
        if ord == float("-inf"):
            return self.min(size, axis, keepdims)
        if ord == 0:
            return self.sum(self.cast(self.not_equal(size, 0), self.dtype(size)), axis, keepdims)
        if ord == 1:
            return self.sum(size, axis, keepdims)
        return self.power(self.sum(self.power(size, ord), axis, keepdims), 1 / ord)

    def matrix_norm(self, x, ord, axes, keepdims):
        rows, columns = axes
        if ord is None or ord == "fro":
            return self.length(x, axes, keepdims)
        if ord in ("nuc", 2, -2):
            s = self.svdvals(self.moveaxis(x, axes, (-2, -1)))
            reduce = {"nuc": self.sum, 2: self.max, -2: self.min}[ord]
            y = reduce(s, -1, False)
            return self.expand_dims(y, tuple(sorted(axes))) if keepdims else y
        inner, outer = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = self.sum(self.absolute(x), inner, True)
        y = (self.max if ord > 0 else self.min)(sums, outer, True)
        return y if keepdims else self.squeeze(y, axes)

    def length(self, x, axis, keepdims):
        """The root of the sum of |x|^2; its gradient at 0 is 0, not NaN."""
        x = self.absolute(x) if self.dtype(x).startswith("complex") else x
        total = self.sum(self.square(x), axis, keepdims)
        zero = self.equal(total, 0)
        root = self.sqrt(self.where(zero, self.full_like(total, 1, self.dtype(total)), total))
        return self.where(zero, total, root)

    def cdist(self, x, y):
        apart = self.subtract(self.expand_dims(x, -2), self.expand_dims(y, -3))
        return self.length(apart, -1, False)
