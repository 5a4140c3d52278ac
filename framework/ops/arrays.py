"""Making, shaping, joining and indexing tensors, as NumPy and Keras define it."""

from typing import Any

import numpy as np

from .. import dtypes
from ..backends import registry
from .dispatch import Tensor, classify, common_backend, numeric, promoted_all, tensor, together


def convert_to_tensor(x, dtype=None) -> Tensor:
    """`x` as a tensor of its backend (of the current one, if it is no tensor yet).

    Python ints become int32, floats the default float; NumPy arrays keep their dtype.
    """
    backend, x = tensor(x)
    return x if dtype is None else _cast(backend, x, dtype)


array = convert_to_tensor


def convert_to_numpy(x) -> np.ndarray:
    """`x` as a NumPy array; may share memory with it, so treat the result as read-only."""
    if isinstance(x, np.ndarray):
        return x
    backend, x = tensor(x)
    return backend.to_numpy(x)


def is_tensor(x) -> bool:
    """Whether `x` is a tensor of a backend, or a symbolic one."""
    owner = classify(type(x))
    if isinstance(owner, registry.Kind):
        return owner is registry.HOST and registry.current().name == "numpy"
    return True


def shape(x) -> tuple:
    """The shape of `x`: ints, None in a symbolic tensor where unknown, scalars in a TF graph."""
    backend, x = tensor(x)
    return backend.shape(x)


def ndim(x) -> int:
    """The number of axes of `x`."""
    backend, x = tensor(x)
    return len(backend.static_shape(x))


def cast(x, dtype) -> Tensor:
    """`x` in another dtype. Floats become integers by cutting off the fraction."""
    backend, x = tensor(x)
    return _cast(backend, x, dtype)


def _cast(backend, x, dtype):
    dtype = dtypes.standardize(dtype)
    return x if backend.dtype(x) == dtype else backend.cast(x, dtype)


def stop_gradient(x) -> Tensor:
    """`x`, through which no gradient flows."""
    backend, x = tensor(x)
    return backend.stop_gradient(x)


def copy(x) -> Tensor:
    """A tensor with the same contents and memory of its own."""
    backend, x = tensor(x)
    return backend.copy(x)


def _sizes(shape) -> tuple:
    return (shape,) if isinstance(shape, int | np.integer) else tuple(shape)


def zeros(shape, dtype=None) -> Tensor:
    """A tensor of zeros."""
    return registry.current().zeros(_sizes(shape), dtypes.standardize(dtype))


def ones(shape, dtype=None) -> Tensor:
    """A tensor of ones."""
    return registry.current().full(_sizes(shape), 1, dtypes.standardize(dtype))


def full(shape, fill_value, dtype=None) -> Tensor:
    """A tensor of one value, in the default float unless `dtype` or a tensor value says more."""
    backend = common_backend((fill_value,))
    if dtype is None and not isinstance(fill_value, bool | int | float):
        dtype = backend.dtype(tensor(fill_value)[1])
    return backend.full(_sizes(shape), fill_value, dtypes.standardize(dtype))


def _like(x, dtype):
    backend, x = tensor(x)
    return backend, x, backend.dtype(x) if dtype is None else dtypes.standardize(dtype)


def zeros_like(x, dtype=None) -> Tensor:
    """Zeros in the shape (and dtype) of `x`."""
    backend, x, dtype = _like(x, dtype)
    return backend.full_like(x, 0, dtype)


def ones_like(x, dtype=None) -> Tensor:
    """Ones in the shape (and dtype) of `x`."""
    backend, x, dtype = _like(x, dtype)
    return backend.full_like(x, 1, dtype)


def full_like(x, fill_value, dtype=None) -> Tensor:
    """One value in the shape (and dtype) of `x`."""
    backend, x, dtype = _like(x, dtype)
    return backend.full_like(x, fill_value, dtype)


def arange(start, stop=None, step=1, dtype=None) -> Tensor:
    """Numbers from `start` (0 when only one bound is given) below `stop`, `step` apart.

    int32 for ints, the default float for floats, unless `dtype` says otherwise.
    """
    if stop is None:
        start, stop = 0, start
    start, stop, step = (v.item() if isinstance(v, np.generic) else v for v in (start, stop, step))
    backend = common_backend((start, stop, step))
    if dtype is None:
        kinds = (
            type(v) if isinstance(v, int | float) else backend.dtype(v) for v in (start, stop, step)
        )
        dtype = dtypes.result_type(*kinds)
    return backend.arange(start, stop, step, dtypes.standardize(dtype))


def linspace(start, stop, num: int = 50, endpoint: bool = True, dtype=None) -> Tensor:
    """`num` evenly spaced numbers from `start` to `stop` (Python scalars)."""
    return registry.current().linspace(start, stop, num, endpoint, dtypes.standardize(dtype))


def eye(N: int, M: int | None = None, k: int = 0, dtype=None) -> Tensor:
    """Ones on diagonal `k` of an N by M matrix."""
    return registry.current().eye(N, N if M is None else M, k, dtypes.standardize(dtype))


def reshape(x, newshape) -> Tensor:
    """`x` in another shape; one size may be -1."""
    backend, x = tensor(x)
    return backend.reshape(x, _sizes(newshape))


def ravel(x) -> Tensor:
    """`x` with one axis."""
    backend, x = tensor(x)
    return backend.reshape(x, (-1,))


def transpose(x, axes=None) -> Tensor:
    """`x` with its axes in another order; reversed when `axes` is None."""
    backend, x = tensor(x)
    return backend.transpose(x, axes)


def swapaxes(x, axis1: int, axis2: int) -> Tensor:
    """`x` with two axes exchanged."""
    backend, x = tensor(x)
    return backend.swapaxes(x, axis1, axis2)


def moveaxis(x, source, destination) -> Tensor:
    """`x` with the axes `source` moved to `destination`."""
    backend, x = tensor(x)
    return backend.moveaxis(x, source, destination)


def expand_dims(x, axis) -> Tensor:
    """`x` with new axes of length 1 at `axis`."""
    backend, x = tensor(x)
    return backend.expand_dims(x, tuple(axis) if isinstance(axis, list) else axis)


def squeeze(x, axis=None) -> Tensor:
    """`x` without the axes `axis` (all those of length 1, when None)."""
    backend, x = tensor(x)
    return backend.squeeze(x, tuple(axis) if isinstance(axis, list) else axis)


def broadcast_to(x, shape) -> Tensor:
    """`x` repeated along axes of length 1 until it has `shape`."""
    backend, x = tensor(x)
    return backend.broadcast_to(x, _sizes(shape))


def concatenate(xs, axis: int = 0) -> Tensor:
    """Tensors joined along an existing axis."""
    backend, xs = promoted_all(*xs)
    return backend.concatenate(xs, axis)


def stack(x, axis: int = 0) -> Tensor:
    """Tensors joined along a new axis."""
    backend, x = promoted_all(*x)
    return backend.stack(x, axis)


def unstack(x, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The slices of `x` along `axis`, without that axis."""
    backend, x = tensor(x)
    count = backend.static_shape(x)[axis] if num is None else num
    return [backend.take(x, i, axis) for i in range(count)]


def split(x, indices_or_sections, axis: int = 0) -> list[Tensor]:
    """`x` cut along `axis` into equal parts (int) or at the given positions."""
    backend, x = tensor(x)
    cuts = indices_or_sections
    return list(backend.split(x, cuts if isinstance(cuts, int) else list(cuts), axis))


def pad(x, pad_width, mode: str = "constant", constant_values=None) -> Tensor:
    """`x` with elements added around it.

    `pad_width` is a pair (before, behind) for each axis, one pair for all, or one int. `mode` is
    "constant", "reflect", "symmetric", "edge" or "wrap", as in NumPy.
    """
    backend, x = tensor(x)
    rank = len(backend.static_shape(x))
    pairs = np.broadcast_to(np.asarray(pad_width), (rank, 2)).tolist()
    value = 0 if constant_values is None else constant_values
    return backend.pad(x, tuple(map(tuple, pairs)), mode, value)


def flip(x, axis=None) -> Tensor:
    """`x` in reverse order along `axis` (all axes, when None)."""
    backend, x = tensor(x)
    return backend.flip(x, axis)


def tile(x, repeats) -> Tensor:
    """`x` laid out `repeats` times along each axis."""
    backend, x = tensor(x)
    return backend.tile(x, _sizes(repeats))


def repeat(x, repeats, axis=None) -> Tensor:
    """Each element of `x` repeated along `axis`."""
    backend, x = tensor(x)
    return backend.repeat(x, repeats, axis)


def roll(x, shift, axis=None) -> Tensor:
    """`x` shifted along `axis`; what leaves one end enters at the other."""
    backend, x = tensor(x)
    return backend.roll(x, shift, axis)


def where(condition, x1, x2) -> Tensor:
    """x1 where `condition` is true, x2 elsewhere."""
    backend = common_backend((condition, x1, x2))
    _, (x1, x2) = promoted_all(x1, x2, backend=backend)
    _, (condition,) = together(condition, backend=backend)
    condition = condition if backend.dtype(condition) == "bool" else backend.cast(condition, "bool")
    return backend.where(condition, x1, x2)


def take(x, indices, axis: int | None = None) -> Tensor:
    """The elements of `x` at `indices` along `axis` (of the flattened `x`, when None).

    Negative indices count from the end. One that is out of range is an error; in compiled code
    and on jax, which cannot raise there, it gives NaN or any element.
    """
    if isinstance(indices, int):
        backend, x = tensor(x)
        return backend.take(x, indices, axis)
    backend, (x, indices) = together(x, indices)
    return backend.take(x, indices, axis)


def take_along_axis(x, indices, axis: int | None = None) -> Tensor:
    """The elements of `x` at `indices`, matched position by position along `axis`."""
    backend, (x, indices) = together(x, indices)
    if axis is None:
        x, axis = backend.reshape(x, (-1,)), 0
    return backend.take_along_axis(x, indices, axis)


def slice(inputs, start_indices, shape) -> Tensor:
    """The block of `shape` at `start_indices` (ints or scalar tensors)."""
    backend, inputs = tensor(inputs)
    return backend.slice(inputs, tuple(start_indices), tuple(shape))


def slice_update(inputs, start_indices, updates) -> Tensor:
    """`inputs` with the block at `start_indices` replaced by `updates`."""
    backend, (inputs, updates) = together(inputs, updates)
    return backend.slice_update(inputs, tuple(start_indices), updates)


def scatter_add(x, indices, updates) -> Tensor:
    """`x` with `updates` added at `indices` (…, number of leading axes); repeats add up."""
    backend, (x, indices, updates) = together(x, indices, updates)
    return backend.scatter_add(x, indices, updates)


def sort(x, axis: int = -1) -> Tensor:
    """`x` in ascending order along `axis`."""
    backend, x = tensor(x)
    return backend.sort(x, axis)


def argsort(x, axis: int = -1) -> Tensor:
    """Positions (int32) that sort `x` along `axis`; equal elements keep their order."""
    backend, x = tensor(x)
    return backend.argsort(x, axis)


def top_k(x, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """The `k` largest elements along the last axis and their positions (int32).

    Of equal elements the first comes first.
    """
    backend, x = tensor(x)
    return backend.top_k(x, k, sorted)


def tril(x, k: int = 0) -> Tensor:
    """`x` with zeros above diagonal `k` of its last two axes."""
    backend, x = tensor(x)
    return backend.tril(x, k)


def triu(x, k: int = 0) -> Tensor:
    """`x` with zeros below diagonal `k` of its last two axes."""
    backend, x = tensor(x)
    return backend.triu(x, k)


def cumsum(x, axis: int | None = None) -> Tensor:
    """Running sums along `axis` (of the flattened `x`, when None)."""
    backend, x = _along(x, axis)
    return backend.cumsum(x, 0 if axis is None else axis)


def cumprod(x, axis: int | None = None) -> Tensor:
    """Running products along `axis` (of the flattened `x`, when None)."""
    backend, x = _along(x, axis)
    return backend.cumprod(x, 0 if axis is None else axis)


def _along(x: Any, axis: int | None) -> tuple[Any, Tensor]:
    backend, x = numeric(x)
    return backend, backend.reshape(x, (-1,)) if axis is None else x
