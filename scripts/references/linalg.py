"""Linear algebra by NumPy and SciPy, with the signs and orders that the ops promise."""

from __future__ import annotations

import numpy as np
import scipy.linalg


def positive(vectors: np.ndarray, axis: int) -> np.ndarray:
    """Factors that make the first component within 0.3 of each vector's largest positive."""
    vectors = np.moveaxis(vectors, axis, -1)
    factors = np.empty((*vectors.shape[:-1], 1), vectors.dtype)
    for place in np.ndindex(vectors.shape[:-1]):
        size = np.abs(vectors[place])
        lead = next(v for v, s in zip(vectors[place], size, strict=True) if s >= 0.3 * size.max())
        factors[place] = np.conj(lead) / np.abs(lead)
    return np.moveaxis(factors, -1, axis)


def cholesky(x: np.ndarray, upper: bool = False) -> np.ndarray:
    """NumPy's lower factor, or the upper one, of the triangle that is read."""
    lower = np.linalg.cholesky(x.swapaxes(-1, -2) if upper else x)
    return lower.swapaxes(-1, -2) if upper else lower


def cholesky_inverse(x: np.ndarray, upper: bool = False) -> np.ndarray:
    """Multiplies the factor by its adjoint, and inverts."""
    factor = np.triu(x) if upper else np.tril(x).swapaxes(-1, -2).conj()
    return np.linalg.inv(factor.swapaxes(-1, -2).conj() @ factor)


def eig(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """NumPy's, ordered by Re + Im / 1024, with the vectors' sign fixed."""
    values, vectors = np.linalg.eig(x)
    order = np.argsort(values.real + values.imag / 1024, -1)
    values = np.take_along_axis(values, order, -1)
    vectors = np.take_along_axis(vectors, order[..., None, :], -1).astype(complex)
    return values.astype(complex), vectors * positive(vectors, -2)


def eigh(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """NumPy's, with the vectors' sign fixed."""
    values, vectors = np.linalg.eigh(x)
    return values, vectors * positive(vectors, -2)


def qr(x: np.ndarray, mode: str = "reduced") -> tuple[np.ndarray, ...]:
    """NumPy's, which is LAPACK's."""
    return tuple(np.linalg.qr(x, mode))


def svd(
    x: np.ndarray, full_matrices: bool = True, compute_uv: bool = True
) -> np.ndarray | tuple[np.ndarray, ...]:
    """NumPy's, with the sign of the longer factor's vectors fixed."""
    if not compute_uv:
        return np.linalg.svd(x, compute_uv=False)
    u, s, v = np.linalg.svd(x, full_matrices)
    rows, columns = x.shape[-2:]
    if rows >= columns:
        factors = positive(u, -2)
        back = np.conj(factors).swapaxes(-1, -2)[..., : v.shape[-2], :]
        return u * factors, s, v * back
    factors = positive(v, -1)
    back = np.conj(factors).swapaxes(-1, -2)[..., : u.shape[-1]]
    return u * back, s, v * factors


def _one_by_one(function, *xs):
    results = [function(*parts) for parts in zip(*xs, strict=True)]
    if isinstance(results[0], tuple):
        return tuple(np.stack(parts) for parts in zip(*results, strict=True))
    return np.stack(results)


def lu_factor(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SciPy's, matrix by matrix."""
    return _one_by_one(scipy.linalg.lu_factor, x)


def solve_vectors(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """NumPy's, of right sides that are vectors."""
    return np.linalg.solve(a, b[..., None])[..., 0]


def solve_triangular(a: np.ndarray, b: np.ndarray, lower: bool = False) -> np.ndarray:
    """SciPy's, matrix by matrix."""
    return _one_by_one(lambda a, b: scipy.linalg.solve_triangular(a, b, lower=lower), a, b)


def lstsq(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """NumPy's solution."""
    return np.linalg.lstsq(a, b, rcond=None)[0]


def cdist(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Roots of the sums of squared differences of all pairs of rows."""
    return np.sqrt(np.square(x[..., :, None, :] - y[..., None, :, :]).sum(-1))
