"""Linear algebra on NumPy, where its functions are not the kernels already."""

import numpy as np


class NumpyLinalg:
    """Kernels of linear algebra; triangular systems and LU come from SciPy, matrix by matrix."""

    def hermitian(self, x, upper=False):
        # NumPy reads the lower triangle only.
        return self.adjoint(x) if upper else x  # pyright: ignore[reportAttributeAccessIssue]

    def eig(self, x):
        values, vectors = np.linalg.eig(x)
        kind = np.result_type(x.dtype, np.complex64)  # NumPy leaves real results real
        return values.astype(kind), vectors.astype(kind)

    def svd(self, x, full_matrices):
        return np.linalg.svd(x, full_matrices=full_matrices)

    def svdvals(self, x):
        return np.linalg.svd(x, compute_uv=False)

    def pinv(self, x, rcond):
        return np.linalg.pinv(x, rcond=rcond)

    def solve_triangular(self, a, b, lower):
        import scipy.linalg

        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a, b = (np.broadcast_to(x, batch + x.shape[-2:]) for x in (a, b))
        y = np.empty(b.shape, b.dtype)
        for place in np.ndindex(batch):
            if not y[place].size:
                continue
            if not np.diagonal(a[place]).all():
                y[place] = _by_substitution(a[place], b[place], lower)
            else:
                y[place] = scipy.linalg.solve_triangular(
                    a[place], b[place], lower=lower, check_finite=False
                )
        return y

    def lu(self, x):
        from scipy.linalg import get_lapack_funcs

        (factor,) = get_lapack_funcs(("getrf",), (x,))
        factors = np.empty(x.shape, x.dtype)
        pivots = np.empty((*x.shape[:-2], min(x.shape[-2:])), np.int32)
        for place in np.ndindex(x.shape[:-2]):
            if x[place].size:
                factors[place], pivots[place], _ = factor(x[place])
        return factors, pivots


def _by_substitution(a, b, lower):
    """A triangular system that SciPy refuses, since its solution is not finite."""
    y = np.array(b)
    size = len(a)
    with np.errstate(all="ignore"):
        for i in range(size) if lower else reversed(range(size)):
            known = slice(0, i) if lower else slice(i + 1, size)
            y[i] = (y[i] - a[i, known] @ y[known]) / a[i, i]
    return y
