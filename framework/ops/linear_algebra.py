"""Linear algebra on the last two axes; all axes before them are batches.

Integers are computed in the default float, float16 and bfloat16 in float32 and rounded at the end.
A matrix for which there is no result (singular, not positive definite) is an error where the
backend can see its values; inside a compiled program the result has NaN or infinities.
"""

from typing import Any

from .. import dtypes
from ..backends.base import Spec
from ..typing import TensorLike
from .checks import axis_in, matrices, of_rank, one_of
from .dispatch import Tensor, floating, promoted_all, tensor
from .errors import wrong
from .op import op, shaped

_HALVES = ("float16", "bfloat16")


def _widened(x: Any) -> tuple[Any, Tensor, str | None]:
    """The backend, `x` in a dtype that has linear algebra, and the dtype to come back to."""
    backend, x = floating(x)
    name = backend.dtype(x)
    if name in _HALVES:
        return backend, backend.cast(x, "float32"), name
    return backend, x, None


def _narrowed(backend: Any, half: str | None, *results: Tensor) -> Any:
    """Results in the dtype of the operand: one, or a tuple of several."""
    if half is not None:
        results = tuple(backend.cast(x, half) for x in results)
    return results if results[1:] else results[0]


@op
def cholesky(x: TensorLike, upper: bool = False) -> Tensor:
    """Returns the triangular L with positive diagonal for which x = L L^H; with `upper`, U with x =
    U^H U.

    x: (..., M, M), Hermitian and positive definite; only its lower (with `upper`, its upper)
    triangle is read, as in NumPy. An error if x is not positive definite.
    """
    backend, x, half = _widened(x)
    matrices(backend, x, "x", square=True)
    factor = backend.cholesky(backend.hermitian(x, upper))
    return _narrowed(backend, half, backend.adjoint(factor) if upper else factor)


@op
def cholesky_inverse(x: TensorLike, upper: bool = False) -> Tensor:
    """Returns the inverse of the matrix whose Cholesky factor is `x`: (L L^H)^-1, or (U^H U)^-1.

    x: (..., M, M), of which only the lower (with `upper`, the upper) triangle is read.
    """
    backend, x, half = _widened(x)
    matrices(backend, x, "x", square=True)
    return _narrowed(backend, half, backend.cholesky_inverse(x, upper))


@op
def eig(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Returns eigenvalues (..., M) and, as columns, eigenvectors (..., M, M) of x (..., M, M):
    complex.

    In ascending order of Re + Im / 1024; the vectors have length 1, and of the components that
    come within 0.3 of its largest the first is real and positive. JAX has this on CPU only.
    """
    backend, x, _ = _widened(x)
    matrices(backend, x, "x", square=True)
    return backend.normal_eig(x)


@op
def eigh(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Returns eigenvalues (..., M), ascending, and eigenvectors (..., M, M), as columns, of
    Hermitian x.

    Only the lower triangle of x (..., M, M) is read, as in NumPy. The vectors have length 1, and of
    the components that come within 0.3 of its largest the first is real and positive. Vectors of
    equal eigenvalues are any basis of their space.
    """
    backend, x, half = _widened(x)
    matrices(backend, x, "x", square=True)
    return _narrowed(backend, half, *backend.normal_eigh(backend.hermitian(x)))


@op
def inv(x: TensorLike) -> Tensor:
    """Returns the inverse of x (..., M, M); an error if it is singular."""
    backend, x, half = _widened(x)
    matrices(backend, x, "x", square=True)
    return _narrowed(backend, half, backend.inv(x))


@op
def lu_factor(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Returns L and U in one matrix (..., M, N), and the row exchanges (int32, from 0) that lead to
    them.

    As `scipy.linalg.lu_factor`: row i of x (..., M, N) was exchanged with row `pivots[i]`, for i
    from 0; L has a unit diagonal, which is not stored. TensorFlow refuses singular matrices.
    """
    backend, x, half = _widened(x)
    matrices(backend, x, "x")
    factors, pivots = backend.lu(x)
    return _narrowed(backend, half, factors), pivots


def _unknown_rank(x) -> tuple[tuple, Any, Any, str] | None:
    """Batch sizes, M, N and the float dtype of a symbolic matrix whose min(M, N) is not known.

    Tracing would not show that, where the trial sizes are larger than the known one.
    """
    backend, x = tensor(x)
    matrices(backend, x, "x")
    *batch, rows, columns = backend.static_shape(x)
    if rows is not None and columns is not None:
        return None
    return tuple(batch), rows, columns, dtypes.floating(backend.dtype(x))


def _qr_specs(x, mode="reduced") -> tuple[Spec, ...] | None:
    found = _unknown_rank(x)
    if found is None:
        return None
    batch, rows, columns, dtype = found
    size = rows if mode == "complete" else None
    return Spec((*batch, rows, size), dtype), Spec((*batch, size, columns), dtype)


def _svd_specs(x, full_matrices=True, compute_uv=True) -> Spec | tuple[Spec, ...] | None:
    found = _unknown_rank(x)
    if found is None:
        return None
    batch, rows, columns, dtype = found
    real = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
    values = Spec((*batch, None), real)
    if not compute_uv:
        return values
    left = Spec((*batch, rows, rows if full_matrices else None), dtype)
    return left, values, Spec((*batch, columns if full_matrices else None, columns), dtype)


@shaped(_qr_specs)
def qr(x: TensorLike, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """Computes x = q r with orthonormal columns of q and triangular r, signs as LAPACK's
    reflections give.

    x: (..., M, N); with K = min(M, N) q is (..., M, K) and r (..., K, N), with mode "complete"
    (..., M, M) and (..., M, N). Differentiable for M >= N and reduced.
    """
    one_of(mode, "mode", "reduced", "complete")
    backend, x, half = _widened(x)
    matrices(backend, x, "x")
    q, r = backend.qr(x, mode)
    return _narrowed(backend, half, q, r)


@shaped(_svd_specs)
def svd(x: TensorLike, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Computes x = u diag(s) v: u (..., M, M), s (..., K) descending, v (..., N, N), K = min(M, N).

    Without `full_matrices` u is (..., M, K) and v (..., K, N); without `compute_uv` the result is s
    alone. The longer of two singular vectors has its sign so that, of the components that come
    within 0.3 of its largest, the first is real and positive. Differentiable when not full.
    """
    backend, x, half = _widened(x)
    matrices(backend, x, "x")
    if not compute_uv:
        return _narrowed(backend, half, backend.svdvals(x))
    return _narrowed(backend, half, *backend.normal_svd(x, full_matrices))


def _system(a: Any, b: Any) -> tuple[Any, Tensor, Tensor, bool, str | None]:
    """The operands of a linear system, b as a matrix, whether it was a vector, and the dtype."""
    backend, (a, b) = promoted_all(a, b)
    _, a, half = _widened(a)
    b = backend.cast(b, backend.dtype(a))
    matrices(backend, a, "a", square=True)
    one, other = backend.static_shape(a), backend.static_shape(b)
    vector = len(other) in (1, len(one) - 1)
    size = other[-1 if vector else -2] if other else None
    if not other or None not in (size, one[-1]) and size != one[-1]:
        raise wrong("b", b, f"shape (..., M) or (..., M, N), with M = {one[-1]} as in a")
    return backend, a, backend.expand_dims(b, -1) if vector else b, vector, half


@op
def solve(a: TensorLike, b: TensorLike) -> Tensor:
    """Returns the x for which a x = b; an error if `a` is singular.

    a: (..., M, M); b: (..., M) or (..., M, N), as x; b of one axis less than a (or of one) is
    vectors. Batches broadcast.
    """
    backend, a, b, vector, half = _system(a, b)
    x = backend.solve(a, b)
    return _narrowed(backend, half, backend.squeeze(x, -1) if vector else x)


@op
def solve_triangular(a: TensorLike, b: TensorLike, lower: bool = False) -> Tensor:
    """Returns the x for which a x = b, with the upper (or `lower`) triangle of a; the rest is not
    read.

    a: (..., M, M); b: (..., M) or (..., M, N), as in `solve`. A zero on the diagonal gives
    infinities or NaN.
    """
    backend, a, b, vector, half = _system(a, b)
    x = backend.solve_triangular(a, b, lower)
    return _narrowed(backend, half, backend.squeeze(x, -1) if vector else x)


@op
def lstsq(a: TensorLike, b: TensorLike, rcond: float | None = None) -> Tensor:
    """Returns the x that makes |b - a x| least, of those the shortest: (N,) or (N, K).

    a: (M, N); b: (M,) or (M, K). Singular values of a up to `rcond` times the largest count as 0;
    None is max(M, N) times the rounding unit, a negative number the rounding unit.
    """
    backend, (a, b) = promoted_all(a, b)
    _, a, half = _widened(a)
    b = backend.cast(b, backend.dtype(a))
    one, other = backend.static_shape(a), backend.static_shape(b)
    of_rank(backend, a, "a", 2)
    of_rank(backend, b, "b", 1, 2)
    if None not in (one[0], other[0]) and one[0] != other[0]:
        raise wrong("b", b, f"shape (M,) or (M, K), with M = {one[0]} as in a")
    if rcond is not None and rcond < 0:
        rcond = backend.epsilon(a)
    inverse = backend.pinv(a, _cutoff(backend, a, rcond))
    column = backend.expand_dims(b, -1) if len(other) == 1 else b
    x = backend.matmul(inverse, column)
    return _narrowed(backend, half, backend.squeeze(x, -1) if len(other) == 1 else x)


@op
def pinv(x: TensorLike, rcond: float | None = None) -> Tensor:
    """Returns the Moore-Penrose pseudoinverse (..., N, M) of x (..., M, N).

    Singular values up to `rcond` times the largest count as 0; None is max(M, N) times the rounding
    unit of the dtype.
    """
    backend, x, half = _widened(x)
    matrices(backend, x, "x")
    return _narrowed(backend, half, backend.pinv(x, _cutoff(backend, x, rcond)))


def _cutoff(backend: Any, x: Tensor, rcond: float | None) -> Any:
    if rcond is not None:
        return rcond
    return backend.cutoff(x)


@op
def matrix_rank(x: TensorLike, tol: float | None = None) -> Tensor:
    """Returns how many singular values of x (..., M, N) exceed `tol`: int32 (...).

    None is the largest singular value times max(M, N) times the rounding unit.
    """
    backend, x, _ = _widened(x)
    matrices(backend, x, "x")
    return backend.matrix_rank(x, tol)


_MATRIX_ORDERS = (None, "fro", "nuc", float("inf"), float("-inf"), 1, -1, 2, -2)


@op
def norm(x: TensorLike, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Returns the norm of vectors along one axis, or of matrices along two, as `numpy.linalg.norm`.

    Vectors: (sum of |x|^ord)^(1/ord), None is 2; inf and -inf are the extremes of |x|, 0 counts
    what is not 0. Matrices (`axis` a pair, rows first): None and "fro" the root of the sum of
    squares, "nuc" the sum of the singular values, 2 and -2 the largest and the smallest of them, 1
    and -1 the extremes of the columns' sums of |x|, inf and -inf those of the rows. `axis` None is
    all axes, which may be any number if `ord` is None. At 0 the gradient of a 2-norm is 0.
    """
    backend, x, half = _widened(x)
    rank = len(backend.static_shape(x))
    axes = tuple(range(rank)) if axis is None else _axes(axis, rank)
    if axis is None and ord is None:
        y = backend.length(x, axes, keepdims)
    elif len(axes) == 1:
        if isinstance(ord, str):
            raise wrong("ord", ord, "a number or None, for the norm of vectors")
        y = backend.vector_norm(x, ord, axes[0], keepdims)
    elif len(axes) == 2:
        one_of(ord, "ord", *_MATRIX_ORDERS)
        y = backend.matrix_norm(x, ord, axes, keepdims)
    else:
        raise wrong("axis", axis, f"one axis or two of the {rank}")
    return _narrowed(backend, half, y)


def _axes(axis: Any, rank: int) -> tuple[int, ...]:
    axes = tuple(axis) if isinstance(axis, list | tuple) else (axis,)
    axes = tuple(axis_in(rank, a) for a in axes)
    if len(set(axes)) != len(axes):
        raise wrong("axis", axis, "two different axes")
    return axes
