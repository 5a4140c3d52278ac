"""Categories as JAX's sparse tensors."""

import jax.numpy as jnp
import numpy as np


def sparsified(backend, x):
    """A BCOO of the elements of `x` that are not zero; of all of them in compiled code."""
    from jax.experimental.sparse import BCOO  # importing JAX does not bring it along

    return BCOO.fromdense(x, nse=None if backend.concrete(x) else x.size)


def sparse_one_hot(backend, x, classes, axis, dtype, without=None):
    """A BCOO of ones at the classes `x`, along a new axis; less axis `without`, their maximum."""
    from jax.experimental.sparse import BCOO  # importing JAX does not bring it along

    axis %= x.ndim + 1
    places = np.indices(x.shape, np.int32).reshape(x.ndim, x.size)
    columns = [*jnp.asarray(places), jnp.clip(x.reshape(-1), 0, classes - 1).astype(jnp.int32)]
    columns.insert(axis, columns.pop())
    shape = [*x.shape[:axis], classes, *x.shape[axis:]]
    real = ((x >= 0) & (x < classes)).reshape(-1)
    if without is None:
        indices = jnp.stack(columns, 1)
        return BCOO((backend.cast(real, dtype), indices), shape=tuple(shape), unique_indices=True)
    del columns[without], shape[without]
    indices = jnp.stack(columns, 1)
    counts = BCOO((real.astype(jnp.int32), indices), shape=tuple(shape))
    counts = counts.sum_duplicates(nse=x.size)
    data = backend.cast(counts.data > 0, dtype)
    return BCOO((data, counts.indices), shape=tuple(shape), unique_indices=True)
