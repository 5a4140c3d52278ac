"""Shaping, joining and cutting tensors, as NumPy and Keras define it."""

import numpy as np

from .dispatch import Tensor, promoted_all, sizes, tensor
from .op import op


@op
def reshape(x, newshape) -> Tensor:
    """`x` in another shape; one size may be -1.

    So may a None, as the unknown size of a symbolic tensor is.
    """
    backend, x = tensor(x)
    return backend.reshape(x, tuple(-1 if n is None else n for n in sizes(newshape)))


@op
def ravel(x) -> Tensor:
    """`x` with one axis."""
    backend, x = tensor(x)
    return backend.reshape(x, (-1,))


@op
def transpose(x, axes=None) -> Tensor:
    """`x` with its axes in another order; reversed when `axes` is None."""
    backend, x = tensor(x)
    return backend.transpose(x, axes)


@op
def swapaxes(x, axis1: int, axis2: int) -> Tensor:
    """`x` with two axes exchanged."""
    backend, x = tensor(x)
    return backend.swapaxes(x, axis1, axis2)


@op
def moveaxis(x, source, destination) -> Tensor:
    """`x` with the axes `source` moved to `destination`."""
    backend, x = tensor(x)
    return backend.moveaxis(x, source, destination)


@op
def expand_dims(x, axis) -> Tensor:
    """`x` with new axes of length 1 at `axis`."""
    backend, x = tensor(x)
    return backend.expand_dims(x, tuple(axis) if isinstance(axis, list) else axis)


@op
def squeeze(x, axis=None) -> Tensor:
    """`x` without the axes `axis` (all those of length 1, when None)."""
    backend, x = tensor(x)
    return backend.squeeze(x, tuple(axis) if isinstance(axis, list) else axis)


@op
def broadcast_to(x, shape) -> Tensor:
    """`x` repeated along axes of length 1 until it has `shape`."""
    backend, x = tensor(x)
    return backend.broadcast_to(x, sizes(shape))


@op
def concatenate(xs, axis: int = 0) -> Tensor:
    """Tensors joined along an existing axis."""
    backend, xs = promoted_all(*xs)
    return backend.concatenate(xs, axis)


@op
def stack(x, axis: int = 0) -> Tensor:
    """Tensors joined along a new axis."""
    backend, x = promoted_all(*x)
    return backend.stack(x, axis)


@op
def unstack(x, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The slices of `x` along `axis`, without that axis."""
    backend, x = tensor(x)
    count = backend.static_shape(x)[axis] if num is None else num
    return [backend.take(x, i, axis) for i in range(count)]


@op
def split(x, indices_or_sections, axis: int = 0) -> list[Tensor]:
    """`x` cut along `axis` into equal parts (int) or at the given positions."""
    backend, x = tensor(x)
    cuts = indices_or_sections
    return list(backend.split(x, cuts if isinstance(cuts, int) else list(cuts), axis))


@op
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


@op
def flip(x, axis=None) -> Tensor:
    """`x` in reverse order along `axis` (all axes, when None)."""
    backend, x = tensor(x)
    return backend.flip(x, axis)


@op
def tile(x, repeats) -> Tensor:
    """`x` laid out `repeats` times along each axis."""
    backend, x = tensor(x)
    return backend.tile(x, sizes(repeats))


@op
def repeat(x, repeats, axis=None) -> Tensor:
    """Each element of `x` repeated along `axis`."""
    backend, x = tensor(x)
    return backend.repeat(x, repeats, axis)


@op
def roll(x, shift, axis=None) -> Tensor:
    """`x` shifted along `axis`; what leaves one end enters at the other."""
    backend, x = tensor(x)
    return backend.roll(x, shift, axis)
