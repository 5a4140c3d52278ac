"""Picking, placing and casting on JAX's arrays."""

import jax.core
import jax.numpy as jnp
import numpy as np
from jax import lax

_REDUCE = {None: "set", "add": "add", "max": "max", "min": "min", "mul": "multiply"}


class ArrayKernels:
    """Kernels of arrays that are no plain renames."""

    def searchsorted(self, line, values, side):
        return jnp.searchsorted(line, values, side)

    def scatter(self, x, indices, updates, reduction):
        places = x.at[tuple(jnp.moveaxis(indices, -1, 0))]
        return getattr(places, _REDUCE[reduction])(updates)

    def saturated(self, x, dtype):
        return x.astype(self._native[dtype])  # XLA's conversion saturates  # pyright: ignore

    def bitcast(self, x, dtype):
        native = self._native[dtype]  # pyright: ignore
        old, new = x.dtype.itemsize, native.itemsize
        if old < new:
            x = x.reshape(*x.shape[:-1], -1, new // old)
        y = lax.bitcast_convert_type(x, native)
        return y.reshape(*y.shape[:-2], -1) if old > new else y

    def count_length(self, x, least):
        if isinstance(x, jax.core.Tracer) and least:
            return least
        return super().count_length(x, least)  # pyright: ignore

    def get_item(self, x, key):
        keys = key if isinstance(key, tuple) else (key,)
        _inside(x, keys)
        return x[
            tuple(
                np.asarray(k, None if len(k) else int) if isinstance(k, list) else k for k in keys
            )
        ]


def _inside(x, keys) -> None:
    """IndexError for a known place that does not exist; JAX would take the nearest one."""
    axes = sum(k is not None and k is not Ellipsis for k in keys)
    axis = 0
    for k in keys:
        if k is Ellipsis:
            axis += x.ndim - axes
        elif type(k) is int:
            if axis < x.ndim and not -x.shape[axis] <= k < x.shape[axis]:
                raise IndexError(f"index {k} is out of range for {x.shape[axis]} elements.")
            axis += 1
        elif k is not None:
            axis += k.ndim if getattr(k, "dtype", None) == np.bool_ else 1
