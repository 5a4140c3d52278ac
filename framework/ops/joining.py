"""Joining and cutting tensors, as NumPy and Keras define it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..typing import Ints, TensorLike
from .checks import axis_in, axis_of, rank_of
from .conversion import convert_to_numpy
from .dispatch import Tensor, promoted_all, tensor
from .errors import wrong
from .op import op, shaped


def _several(xs):
    """The tensors of a list, or those along the first axis of one tensor, promoted."""
    if isinstance(xs, list | tuple):
        if not xs:
            raise wrong("xs", xs, "at least one tensor")
        return promoted_all(*xs)
    backend, x = tensor(xs)
    if not rank_of(backend, x):
        raise wrong("xs", xs, "a list of tensors")
    count = backend.static_shape(x)[0]
    return backend, [backend.get_item(x, i) for i in range(count)]


@op
def concatenate(xs: Sequence[TensorLike], axis: int | None = 0) -> Tensor:
    """Returns tensors joined along an existing axis; flattened before, when `axis` is None."""
    backend, xs = _several(xs)
    return _joined(backend, xs, axis)


def _joined(backend, xs, axis):
    if axis is None:
        xs, axis = [backend.reshape(x, (-1,)) for x in xs], 0
    return backend.concatenate(xs, axis_of(backend, xs[0], axis))


@op
def stack(x: TensorLike, axis: int = 0) -> Tensor:
    """Returns tensors of one shape joined along a new axis."""
    backend, x = _several(x)
    return backend.stack(x, axis_in(rank_of(backend, x[0]) + 1, axis))


@op
def append(x1: TensorLike, x2: TensorLike, axis: int | None = None) -> Tensor:
    """Returns `x2` behind `x1` along `axis`; both flattened, when None."""
    backend, xs = promoted_all(x1, x2)
    return _joined(backend, xs, axis)


@op
def vstack(xs: Sequence[TensorLike]) -> Tensor:
    """Returns tensors joined along the first axis; a vector counts as one row."""
    backend, xs = _several(xs)
    return backend.concatenate([_at_least_2d(backend, x) for x in xs], 0)


@op
def hstack(xs: Sequence[TensorLike]) -> Tensor:
    """Returns tensors joined along the second axis, vectors along their only one."""
    backend, xs = _several(xs)
    xs = [x if rank_of(backend, x) else backend.reshape(x, (1,)) for x in xs]
    return backend.concatenate(xs, min(1, rank_of(backend, xs[0]) - 1))


@op
def dstack(xs: Sequence[TensorLike]) -> Tensor:
    """Returns tensors joined along the third axis; a vector counts as (1, n, 1), a matrix as (m, n,
    1).
    """
    backend, xs = _several(xs)
    wide = []
    for x in xs:
        x = _at_least_2d(backend, x)
        wide.append(backend.expand_dims(x, -1) if rank_of(backend, x) == 2 else x)
    return backend.concatenate(wide, 2)


def _at_least_2d(backend, x):
    rank = rank_of(backend, x)
    if rank >= 2:
        return x
    return backend.expand_dims(x, 0) if rank else backend.reshape(x, (1, 1))


def _slices(x, num=None, axis: int = 0) -> Any:
    """The number of slices must be known, so that they can be listed."""
    backend, x = tensor(x)
    shape = backend.static_shape(x)
    if num is None and shape[axis_of(backend, x, axis)] is None:
        expected = f"the number of slices. Cannot infer argument `num` from shape {shape}"
        raise wrong("num", num, expected)


@shaped(_slices)
def unstack(x: TensorLike, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """Returns the slices of `x` along `axis`, without that axis.

    `num` of them, where a graph needs it.
    """
    backend, x = tensor(x)
    _slices(x, num, axis)
    place = axis_of(backend, x, axis)
    count = backend.static_shape(x)[place]
    if None not in (count, num) and count != num:
        raise wrong("num", num, f"{count}, the size of axis {axis}, or None")
    return [backend.take(x, i, place) for i in range(count or num or 0)]


@op
def split(x: TensorLike, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Returns `x` cut along `axis` into equal parts (int) or at the given positions (several
    ints).
    """
    backend, x = tensor(x)
    return _cut(backend, x, indices_or_sections, axis_of(backend, x, axis))


def _cut(backend, x, cuts, axis):
    if hasattr(cuts, "shape") and not (isinstance(cuts, np.ndarray) or backend.concrete(cuts)):
        return list(backend.split(x, cuts, axis))
    if not hasattr(cuts, "__index__") or hasattr(cuts, "shape"):
        return list(backend.split(x, [_position(c) for c in _listed(cuts)], axis))
    cuts, size = cuts.__index__(), backend.static_shape(x)[axis]
    if cuts < 1 or (size is not None and size % cuts):
        raise wrong(
            "indices_or_sections", cuts, f"a number that divides {size}, the size of axis {axis}"
        )
    return list(backend.split(x, cuts, axis))


def _listed(cuts):
    if hasattr(cuts, "shape"):
        return convert_to_numpy(cuts).reshape(-1).tolist()
    return cuts


def _position(cut) -> int:
    if not hasattr(cut, "__index__"):
        raise wrong("indices_or_sections", cut, "an integer, or several in a list")
    return cut.__index__()


@op
def array_split(x: TensorLike, indices_or_sections: int, axis: int = 0) -> list[Tensor]:
    """Returns `x` cut along `axis` into parts of nearly one size; the first ones are longer by
    one.
    """
    backend, x = tensor(x)
    place, parts = axis_of(backend, x, axis), indices_or_sections
    if isinstance(parts, bool) or not hasattr(parts, "__index__") or parts.__index__() < 1:
        raise wrong("indices_or_sections", parts, "a positive integer")
    size = backend.static_shape(x)[place]
    if size is None:
        size = backend.shape(x)[place]  # a scalar, which only the graph will know
        each, longer = size // parts, size % parts
        places = [i * each + backend.minimum(longer, i) for i in range(1, parts)]
        if not places:
            return [x]
        return list(backend.split(x, backend.stack(places, 0), place))
    each, longer = divmod(size, parts)
    return list(backend.split(x, [i * each + min(i, longer) for i in range(1, parts)], place))


@op
def hsplit(x: TensorLike, indices_or_sections: Ints) -> list[Tensor]:
    """Returns `x` cut along its second axis, a vector along its only one. See `split`."""
    backend, x = tensor(x)
    rank = rank_of(backend, x)
    if not rank:
        raise wrong("x", x, "a tensor of at least 1 axis")
    return _cut(backend, x, indices_or_sections, min(1, rank - 1))


@op
def vsplit(x: TensorLike, indices_or_sections: Ints) -> list[Tensor]:
    """Returns `x` cut along its first axis. See `split`."""
    backend, x = tensor(x)
    return _cut(backend, x, indices_or_sections, _axis_beyond(backend, x, 0, 2))


@op
def dsplit(x: TensorLike, indices_or_sections: Ints) -> list[Tensor]:
    """Returns `x` cut along its third axis. See `split`."""
    backend, x = tensor(x)
    return _cut(backend, x, indices_or_sections, _axis_beyond(backend, x, 2, 3))


def _axis_beyond(backend, x, axis: int, least: int) -> int:
    if rank_of(backend, x) < least:
        raise wrong("x", x, f"a tensor of at least {least} axes")
    return axis
