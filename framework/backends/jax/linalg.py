"""Linear algebra on JAX, where its functions are not the kernels already."""

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.linalg import solve_triangular

from ..derived.linalg import Linalg


class JaxLinalg:
    """Kernels of linear algebra. JAX has no errors for values: outside of a trace they are here."""

    # What takes many steps is compiled as one, outside of a program too.
    normal_eig = jax.jit(Linalg.normal_eig, static_argnums=0)
    normal_eigh = jax.jit(Linalg.normal_eigh, static_argnums=0)
    normal_svd = jax.jit(Linalg.normal_svd, static_argnums=(0, 2))

    def concrete(self, x):
        return not isinstance(x, jax.core.Tracer)

    def cholesky(self, x):
        y = lax.linalg.cholesky(x, symmetrize_input=False)
        if self.concrete(y) and bool(jnp.isnan(y).any()):
            raise np.linalg.LinAlgError("the matrix is not positive definite.")
        return y

    def eigh(self, x):
        return jnp.linalg.eigh(x, symmetrize_input=False)

    def inv(self, x):
        return self._solved(x, jnp.linalg.inv(x))

    def solve(self, a, b):
        return self._solved(a, jnp.linalg.solve(a, b))

    def _solved(self, a, y):
        if self.concrete(y) and not bool(jnp.isfinite(y).all()):
            factors = lax.linalg.lu(a)[0]
            if bool((jnp.diagonal(factors, axis1=-2, axis2=-1) == 0).any()):
                raise np.linalg.LinAlgError("the matrix is singular.")
        return y

    def solve_triangular(self, a, b, lower):
        batch = jnp.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a, b = (jnp.broadcast_to(x, batch + x.shape[-2:]) for x in (a, b))
        return solve_triangular(a, b, lower=lower)

    def svd(self, x, full_matrices):
        return jnp.linalg.svd(x, full_matrices=full_matrices)

    def svdvals(self, x):
        return jnp.linalg.svd(x, compute_uv=False)

    def pinv(self, x, rcond):
        return jnp.linalg.pinv(x, rcond=rcond)

    def lu(self, x):
        factors, pivots, _ = lax.linalg.lu(x)
        return factors, pivots
