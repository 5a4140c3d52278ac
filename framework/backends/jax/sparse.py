"""JAX's sparse tensors: BCOO, with single elements or whole slices stored."""

import math
from typing import Any

import jax.numpy as jnp
from jax.experimental import sparse as jax_sparse
from jax.experimental.sparse import BCOO

from ..sparse import SparseBackend, positions


class JaxSparse(SparseBackend):
    """Kernels on BCOO. In compiled code the number of stored elements cannot depend on values."""

    sparse_types = (BCOO,)

    def densify(self, x):
        if x.dtype == bool:  # which do not add up
            return _bcoo(x.data.astype(jnp.int32), x.indices, x.shape).todense() > 0
        return x.todense()

    def shape(self, x):
        return tuple(x.shape)

    static_shape = shape

    def on_values(self, x, function):
        x = _unique(x)
        return _bcoo(function(x.data), x.indices, x.shape, unique=True)

    def entries(self, x: Any) -> tuple[Any, Any, Any]:
        """Places (n, rank), elements (n), and which of these are real: fillings are not."""
        x = _single(x)
        return x.indices, x.data, (x.indices < jnp.asarray(x.shape, x.indices.dtype)).all(-1)

    # Two tensors

    def union(self, name, x1, x2):
        kernel = getattr(self.full_backend, name)
        if not _alike(x1, x2):
            return super().union(name, x1, x2)
        x1, x2 = _unique(x1), _unique(x2)
        second_there, _ = self._look_up(x2, x1)
        first_there, taken = self._look_up(x1, x2)
        more = kernel(first_there, x2.data)
        more = jnp.where(_like(taken, more), jnp.zeros((), more.dtype), more)
        data = jnp.concatenate([kernel(x1.data, second_there), more])
        return _bcoo(data, jnp.concatenate([x1.indices, x2.indices]), x1.shape)

    def _look_up(self, x, other):
        """The values of `x` at the stored places of `other`, and where there is one."""
        places, found = positions(self.full_backend, _ids(x), _ids(other), jnp.searchsorted)
        values = jnp.take(x.data, places, 0)
        return jnp.where(_like(found, values), values, jnp.zeros((), values.dtype)), found

    def multiply(self, x1, x2):
        if not isinstance(x1, BCOO):
            x1, x2 = x2, x1
        if _alike(x1, x2):
            x1, x2 = _unique(x1), _unique(x2)
            return _bcoo(x1.data * self._look_up(x2, x1)[0], x1.indices, x1.shape, unique=True)
        if isinstance(x2, BCOO) or _outgrows(x2, x1):
            return self.full_backend.multiply(self._densified(x1), self._densified(x2))
        return _bcoo(self.full_backend.multiply(x1.data, _at(x2, x1)), x1.indices, x1.shape)

    def divide(self, x1, x2):
        if isinstance(x2, BCOO) or _outgrows(x2, x1):
            return self.full_backend.divide(self._densified(x1), self._densified(x2))
        # 0 / 0 is no zero, so all is stored.
        quotient = self.full_backend.divide(x1.todense(), x2)
        return self._stored(quotient, x1.n_dense)

    def _stored(self, x, n_dense=0):
        """A sparse tensor that stores all of `x`."""
        count = math.prod(x.shape[: x.ndim - n_dense])
        return BCOO.fromdense(x, nse=count, n_dense=n_dense)

    def matmul(self, x1, x2):
        if isinstance(x1, BCOO) and isinstance(x2, BCOO):
            return self._stored(self.full_backend.matmul(x1.todense(), x2.todense()))
        if all(x.ndim == 2 and not getattr(x, "n_batch", 0) for x in (x1, x2)):
            return x1 @ x2
        return self.full_backend.matmul(self._densified(x1), self._densified(x2))

    # Shapes and sums

    def reshape(self, x, shape):
        x = _single(x)
        return x.reshape(shape) if x is not None else self._densely("reshape", x, shape)

    def transpose(self, x, axes=None):
        axes = tuple(range(x.ndim))[::-1] if axes is None else tuple(a % x.ndim for a in axes)
        return jax_sparse.bcoo_transpose(_single(x), permutation=axes)

    def expand_dims(self, x, axis):
        return self.reshape(x, jnp.expand_dims(jnp.empty(x.shape, bool), axis).shape)

    def squeeze(self, x, axis=None):
        return self.reshape(x, jnp.squeeze(jnp.empty(x.shape, bool), axis).shape)

    def sum(self, x, axis=None, keepdims=False):
        axes = range(x.ndim) if axis is None else ((axis,) if isinstance(axis, int) else axis)
        axes = tuple(sorted(a % x.ndim for a in axes))
        total = jax_sparse.bcoo_reduce_sum(_single(x), axes=axes)
        if not keepdims:
            return total
        return total.reshape(tuple(1 if i in axes else n for i, n in enumerate(x.shape)))

    def concatenate(self, xs, axis):
        if not all(isinstance(x, BCOO) for x in xs):
            return self.full_backend.concatenate([self._densified(x) for x in xs], axis)
        return jax_sparse.bcoo_concatenate([_single(x) for x in xs], dimension=axis % xs[0].ndim)


def _bcoo(data, indices, shape, unique=False):
    return BCOO((data, indices), shape=tuple(shape), unique_indices=unique)


def _unique(x):
    """`x` with each place stored once."""
    return x if x.unique_indices else x.sum_duplicates(nse=x.nse)


def _single(x):
    """`x` without batch and dense axes: every element stored for itself."""
    if x.n_batch or x.n_dense:
        return jax_sparse.bcoo_update_layout(x, n_batch=0, n_dense=0)
    return x


def _alike(x1, x2):
    """Whether both are sparse, and in a way that their places can be compared."""
    if not (isinstance(x1, BCOO) and isinstance(x2, BCOO)) or x1.n_batch or x2.n_batch:
        return False
    return x1.shape == x2.shape and x1.n_dense == x2.n_dense


def _ids(x):
    """One number for each stored place; those outside the tensor, which fill up, get their own."""
    sizes = x.shape[: x.n_sparse]
    strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    ids = (x.indices * jnp.asarray(strides, x.indices.dtype)).sum(-1)
    outside = (x.indices >= jnp.asarray(sizes, x.indices.dtype)).any(-1)
    return jnp.where(outside, math.prod(sizes) + jnp.arange(x.nse, dtype=ids.dtype), ids)


def _like(mask, values):
    return mask.reshape(mask.shape + (1,) * (values.ndim - mask.ndim))


def _outgrows(x, sparse):
    """Whether broadcasting with `x` makes `sparse` larger, or cannot be matched to its places."""
    shape = jnp.shape(x)
    grown = jnp.broadcast_shapes(shape, sparse.shape) != tuple(sparse.shape)
    return bool(shape) and (grown or bool(sparse.n_batch))


def _at(x, sparse):
    """The elements (or slices) of a dense tensor or number at the stored places of `sparse`."""
    if not jnp.shape(x):
        return x
    x = jnp.broadcast_to(x, sparse.shape)
    return x[tuple(jnp.moveaxis(sparse.indices, -1, 0))]
