"""Kernels on the sparse tensors of a backend.

A sparse tensor stays sparse where zeros stay zeros: in functions with f(0) = 0, sums, products with
anything, and changes of shape. Everything else is computed on the dense tensor. What is not stored
counts as zero; a product takes it for zero whatever the other factor is there, infinities and NaN
included.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from .derived.arrays import Arrays

# Kernels of one tensor with f(0) = 0, applied to what is stored.
ON_VALUES = (
    "absolute arcsin arcsinh arctan arctanh ceil conj copy erf expm1 fabs floor imag log1p "
    "negative rad2deg deg2rad real relu relu6 leaky_relu elu round sign silu sin sinh sqrt square "
    "stop_gradient tan tanh trunc cbrt gelu cast saturated"
).split()
# Kernels of two tensors with f(0, 0) = 0.
UNION = "add subtract maximum minimum".split()


class SparseBackend(ABC):
    """Base: the backend that owns sparse tensors of `dense`, and computes densely what it must."""

    symbolic = False
    sparse_types: tuple[type, ...] = ()

    def __init__(self, dense: Any) -> None:
        self.full_backend = dense
        self.name = dense.name

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.full_backend, name)
        if not callable(found):
            return found

        def densely(*args, **kwargs):
            return found(*map(self._densified, args), **kwargs)

        return densely

    def _densified(self, x: Any) -> Any:
        if isinstance(x, self.sparse_types):
            return self.densify(x)
        if isinstance(x, list | tuple) and any(isinstance(v, self.sparse_types) for v in x):
            return type(x)(map(self._densified, x))
        return x

    def is_sparse(self, x: Any) -> bool:
        """Whether `x` is a sparse tensor of this backend."""
        return isinstance(x, self.sparse_types)

    @abstractmethod
    def densify(self, x: Any) -> Any:
        """The same tensor with its zeros stored."""

    @abstractmethod
    def on_values(self, x: Any, function: Callable[[Any], Any]) -> Any:
        """`function` of each stored value, where f(0) = 0."""

    def union(self, name: str, x1: Any, x2: Any) -> Any:
        """The kernel `name` of two tensors, at least one of them sparse, where f(0, 0) = 0."""
        return getattr(self.full_backend, name)(self._densified(x1), self._densified(x2))

    def dtype(self, x):
        """The name of the dtype."""
        return self.full_backend.dtype(x)

    def asarray(self, x, dtype=None):
        """`x` as a tensor; a sparse one stays so."""
        if not isinstance(x, self.sparse_types):
            return self.full_backend.asarray(x, dtype)
        return x if dtype is None else self.cast(x, dtype)

    def full_like(self, x, value, dtype):
        """A constant; zeros stay sparse."""
        if value != 0:
            return self.full_backend.full_like(self.densify(x), value, dtype)
        return self.on_values(x, lambda values: self.full_backend.full_like(values, 0, dtype))

    def mean(self, x, axis=None, keepdims=False):
        """Over all elements, those that are not stored included."""
        if not self.is_sparse(x):
            return self.full_backend.mean(x, axis, keepdims)
        total, count = self.sum(x, axis, keepdims), Arrays._count(self, x, axis)  # pyright: ignore
        if not self.is_sparse(total):
            return self.full_backend.divide(total, count)
        return self.on_values(total, lambda values: self.full_backend.divide(values, count))


def _value_kernel(name: str):
    def kernel(self, x, *args, **kwargs):
        function = getattr(self.full_backend, name)
        if not isinstance(x, self.sparse_types):
            return function(x, *args, **kwargs)
        return self.on_values(x, lambda values: function(values, *args, **kwargs))

    kernel.__name__ = name
    return kernel


def _union_kernel(name: str):
    return lambda self, x1, x2: self.union(name, x1, x2)


for _name in UNION:
    setattr(SparseBackend, _name, _union_kernel(_name))
for _name in ON_VALUES:
    setattr(SparseBackend, _name, _value_kernel(_name))


def positions(dense: Any, have: Any, wanted: Any, search: Callable) -> tuple[Any, Any]:
    """Where each of `wanted` ids stands in `have` (unique ids), and whether it does."""
    order = dense.argsort(have, 0)
    ranked = dense.take(have, order, 0)
    places = dense.minimum(search(ranked, wanted), dense.shape(have)[0] - 1)
    found = dense.equal(dense.take(ranked, places, 0), wanted)
    return dense.take(order, places, 0), found
