"""The shape of tensors, and the order of their axes and elements, as NumPy and Keras define it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..backends.base import Spec
from ..backends.registry import owner_of
from ..typing import Axis, DType, Ints, Shape, TensorLike
from .checks import axis_in, axis_of, count_of, one_of, rank_of
from .conversion import convert_to_numpy
from .dispatch import Tensor, sizes, tensor
from .errors import wrong
from .op import op, shaped


def ndim(x: TensorLike) -> int:
    """Returns the number of axes of `x`."""
    backend, x = tensor(x)
    return rank_of(backend, x)


@op
def size(x: TensorLike) -> Any:
    """Returns the number of elements of `x`: an int, a scalar tensor in a TF graph that does not
    know.
    """
    backend, x = tensor(x)
    return backend.size(x)


def _reshaped(x, newshape) -> Spec | None:
    """Of a shape that is symbolic itself only the number of axes is known."""
    backend, x = tensor(x)
    if _is_symbolic(newshape):
        return Spec((None,) * newshape.shape[0], backend.dtype(x))
    shape = sizes(newshape)
    if not any(map(_is_symbolic, shape)):
        return None
    return Spec((None if _is_symbolic(n) or n == -1 else n for n in shape), backend.dtype(x))


def _is_symbolic(x) -> bool:
    return getattr(owner_of(x), "symbolic", False)


@shaped(_reshaped)
def reshape(x: TensorLike, newshape: Shape) -> Tensor:
    """Returns `x` in another shape, which may be a tensor; one size may be -1.

    So may a None, as the unknown size of a symbolic tensor is.
    """
    backend, x = tensor(x)
    if hasattr(newshape, "shape"):
        return backend.reshape(x, _listed(newshape))
    shape = tuple(-1 if n is None else n for n in sizes(newshape))
    for i, n in enumerate(shape):
        if type(n) is int and n < 0:
            _unknown(shape, i)
    return backend.reshape(x, shape)


def _unknown(shape: tuple, place: int) -> None:
    """Only one size may be left open, and only by -1."""
    if shape[place] != -1:
        expected = f"a non-negative integer for each size, or -1, in newshape={shape}"
        raise wrong("newshape", shape, expected)
    if any(type(n) is int and n == -1 for n in shape[:place]):
        raise wrong("newshape", shape, f"at most one unknown dimension in newshape={shape}")


def _listed(shape):
    """A shape given as a tensor: its numbers, where they are known now."""
    backend, shape = tensor(shape)
    return backend.listed(shape)


@op
def ravel(x: TensorLike) -> Tensor:
    """Returns `x` with one axis."""
    backend, x = tensor(x)
    return backend.reshape(x, (-1,))


@op
def view(x: TensorLike, dtype: DType = None) -> Tensor:
    """Returns the same bits read as another dtype; the length of the last axis changes with its
    width.
    """
    backend, x = tensor(x)
    before = backend.dtype(x)
    dtype = before if dtype is None else dtypes.standardize(dtype)
    if dtype == before:
        return x
    if "bool" in (before, dtype):
        raise wrong("dtype", dtype, f"a dtype with another meaning of the bits of {before}")
    old, new = (dtypes.ITEMSIZES[name] for name in (before, dtype))
    if (old != new or "complex" in before + dtype) and not rank_of(backend, x):
        raise wrong("x", x, f"a tensor of at least 1 axis, to be read as {dtype}")
    last = backend.static_shape(x)[-1] if old != new else 0
    if last is not None and last * old % new:
        raise wrong("x", x, f"a last axis of a multiple of {new // old} elements, for {dtype}")
    return _bits(backend, x, before, dtype)


def _bits(backend, x, before: str, dtype: str):
    """The bits of `x` read as `dtype`; complex numbers are pairs of floats."""
    outer = backend.shape(x)[:-1]
    if before in dtypes.COMPLEX:
        x = backend.stack([backend.real(x), backend.imag(x)], -1)
        x = backend.reshape(x, (*outer, -1))
        before = backend.dtype(x)
    part = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
    x = x if part == before else backend.bitcast(x, part)
    if part == dtype:
        return x
    pairs = backend.reshape(x, (*outer, -1, 2))
    return backend.complex_from(*(backend.get_item(pairs, (..., i)) for i in (0, 1)))


@op
def transpose(x: TensorLike, axes: Sequence[int] | None = None) -> Tensor:
    """Returns `x` with its axes in another order; reversed when `axes` is None."""
    backend, x = tensor(x)
    if axes is None:
        return backend.transpose(x, None)
    order = tuple(axes)
    rank = rank_of(backend, x)
    if sorted(order) == list(range(rank)):
        return backend.transpose(x, order)
    if len(order) != rank:
        raise wrong(
            "axes", axes, f"{rank} axes: it must be a list of the same length as the input shape"
        )
    if len({_turned(rank, axis) for axis in order}) < rank:
        raise wrong("axes", axes, f"a valid permutation of the axes, not axes={list(order)}")
    return backend.transpose(x, order)


def _turned(rank: int, axis) -> int:
    if isinstance(axis, bool) or not hasattr(axis, "__index__") or not -rank <= axis < rank:
        raise wrong(
            "axes", axis, f"axes of x. Each axis in `axes` must be an integer in [-{rank}, {rank})"
        )
    return axis.__index__() % rank


@op
def swapaxes(x: TensorLike, axis1: int, axis2: int) -> Tensor:
    """Returns `x` with two axes exchanged."""
    backend, x = tensor(x)
    return backend.swapaxes(
        x, axis_of(backend, x, axis1, "axis1"), axis_of(backend, x, axis2, "axis2")
    )


@op
def moveaxis(x: TensorLike, source: Ints, destination: Ints) -> Tensor:
    """Returns `x` with the axes `source` moved to `destination`."""
    backend, x = tensor(x)
    source, destination = (
        _axes(backend, x, source, "source"),
        _axes(backend, x, destination, "destination"),
    )
    if len(source) != len(destination):
        raise wrong("destination", destination, f"as many axes as in `source`, {len(source)}")
    return backend.moveaxis(x, source, destination)


def _axes(backend, x, axes, name: str) -> tuple[int, ...]:
    """One axis or several, from the front, each once."""
    several = axes if isinstance(axes, list | tuple) else (axes,)
    found = tuple(axis_of(backend, x, axis, name) for axis in several)
    if len(set(found)) != len(found):
        raise wrong(name, axes, "each axis once")
    return found


@op
def expand_dims(x: TensorLike, axis: Ints) -> Tensor:
    """Returns `x` with new axes of length 1 at `axis`, an axis of the result or several."""
    backend, x = tensor(x)
    if isinstance(axis, int):
        return backend.expand_dims(x, axis_in(rank_of(backend, x) + 1, axis))
    rank = rank_of(backend, x) + len(axis)
    places = tuple(axis_in(rank, a) for a in axis)
    if len(set(places)) != len(places):
        raise wrong("axis", axis, "each axis once")
    return backend.expand_dims(x, places)


@op
def squeeze(x: TensorLike, axis: Axis = None) -> Tensor:
    """Returns `x` without the axes `axis` (all those of length 1, when None)."""
    backend, x = tensor(x)
    if axis is None:
        return backend.squeeze(x, None)
    known = backend.static_shape(x)
    if type(axis) is int and -len(known) <= axis < len(known) and known[axis] == 1:
        return backend.squeeze(x, axis)
    axes = _axes(backend, x, axis, "axis")
    if any(known[a] not in (1, None) for a in axes):
        raise wrong("axis", axis, f"axes of length 1 of a tensor of shape {known}")
    return backend.squeeze(x, axes)


@op
def broadcast_to(x: TensorLike, shape: Shape) -> Tensor:
    """Returns `x` repeated along axes of length 1 until it has `shape`."""
    backend, x = tensor(x)
    return backend.broadcast_to(x, sizes(shape))


_ARRAYS = (np.ndarray, np.generic)  # a union of them torch.compile cannot trace
_MODES = ("constant", "reflect", "symmetric", "edge", "wrap")


@op
def pad(
    x: TensorLike,
    pad_width: int | Sequence[Any],
    mode: str = "constant",
    constant_values: TensorLike | None = None,
) -> Tensor:
    """Returns `x` with elements added around it.

    `pad_width` is a pair (before, behind) for each axis, one pair for all, or one int. `mode` is
    "constant", "reflect", "symmetric", "edge" or "wrap", as in NumPy; `constant_values` (0) is
    what "constant" adds.
    """
    backend, x = tensor(x)
    one_of(mode, "mode", *_MODES)
    if constant_values is not None and mode != "constant":
        only = "Argument `constant_values` can only be provided when `mode == 'constant'`"
        raise wrong("constant_values", constant_values, f"None, as mode is {mode!r}. {only}")
    rank = rank_of(backend, x)
    pairs = _pairs(pad_width, rank)
    if pairs is None:
        raise wrong("pad_width", pad_width, f"an integer, a pair, or one for each of {rank} axes")
    if any(n < 0 for pair in pairs for n in pair):
        raise wrong("pad_width", pad_width, "numbers that are not negative")
    value = 0 if constant_values is None else constant_values
    return backend.pad(x, pairs, mode, value)


def _pairs(width, rank: int) -> tuple[tuple[int, int], ...] | None:
    """(before, behind) for each axis; None where `width` says something else."""
    if hasattr(width, "shape"):
        width = convert_to_numpy(width).tolist()
    if hasattr(width, "__index__"):
        return ((width.__index__(),) * 2,) * rank
    whole: list[Any] = [v.__index__() if hasattr(v, "__index__") else _pair(v) for v in width]
    if len(whole) in (1, 2) and all(type(v) is int for v in whole):
        return ((whole[0], whole[-1]),) * rank
    whole = whole * rank if len(whole) == 1 else whole
    return tuple(whole) if len(whole) == rank and all(type(v) is tuple for v in whole) else None


def _pair(width) -> tuple[int, int] | None:
    numbers = [v.__index__() for v in width]
    return (numbers[0], numbers[-1]) if len(numbers) in (1, 2) else None


@op
def flip(x: TensorLike, axis: Axis = None) -> Tensor:
    """Returns `x` in reverse order along `axis` (all axes, when None)."""
    backend, x = tensor(x)
    axes = tuple(range(rank_of(backend, x))) if axis is None else _axes(backend, x, axis, "axis")
    return backend.flip(x, axes)


@op
def fliplr(x: TensorLike) -> Tensor:
    """Returns `x` in reverse order along its second axis."""
    backend, x = tensor(x)
    _at_least(backend, x, 2)
    return backend.flip(x, (1,))


@op
def flipud(x: TensorLike) -> Tensor:
    """Returns `x` in reverse order along its first axis."""
    backend, x = tensor(x)
    _at_least(backend, x, 1)
    return backend.flip(x, (0,))


def _at_least(backend, x, rank: int, name: str = "x") -> None:
    if rank_of(backend, x) < rank:
        raise wrong(name, x, f"a tensor of at least {rank} {'axis' if rank == 1 else 'axes'}")


@op
def rot90(array: TensorLike, k: int = 1, axes: Sequence[int] = (0, 1)) -> Tensor:
    """Returns `array` turned `k` times by 90 degrees, from the first of two `axes` towards the
    second.
    """
    backend, x = tensor(array)
    _at_least(backend, x, 2, "array")
    if not isinstance(axes, list | tuple) or len(axes) != 2:
        raise wrong("axes", axes, "two axes")
    first, second = _axes(backend, x, axes, "axes")
    turns = k % 4
    if turns == 0:
        return x
    if turns == 2:
        return backend.flip(x, (first, second))
    x = backend.flip(x, (second,)) if turns == 1 else x
    x = backend.swapaxes(x, first, second)
    return backend.flip(x, (second,)) if turns == 3 else x


@op
def tile(x: TensorLike, repeats: Ints) -> Tensor:
    """Returns `x` laid out `repeats` times along each axis, the last ones when there are fewer."""
    backend, x = tensor(x)
    return backend.tile(x, sizes(repeats))


@op
def repeat(x: TensorLike, repeats: TensorLike, axis: Axis = None) -> Tensor:
    """Returns each element of `x` repeated along `axis` (of the flattened `x`, when None).

    `repeats` is one number, or one for each element along the axis.
    """
    backend, x = tensor(x)
    if axis is None:
        x, axis = backend.reshape(x, (-1,)), 0
    if isinstance(repeats, _ARRAYS):
        repeats = repeats.tolist()
    if isinstance(repeats, list | tuple) and len(repeats) == 1:
        repeats = repeats[0]
    if isinstance(repeats, int):
        repeats = count_of(repeats, "repeats")
    return backend.repeat(x, repeats, axis_of(backend, x, axis))


@op
def roll(x: TensorLike, shift: Ints, axis: Axis = None) -> Tensor:
    """Returns `x` shifted along `axis`; what leaves one end enters at the other.

    The flattened `x` is shifted when `axis` is None; several shifts belong to several axes.
    """
    backend, x = tensor(x)
    if axis is not None:
        several = axis if isinstance(axis, list | tuple) else (axis,)
        axes = tuple(axis_of(backend, x, a) for a in several)
        shifts = tuple(shift) if isinstance(shift, list | tuple) else (shift,) * len(axes)
        if len(shifts) != len(axes):
            raise wrong("shift", shift, f"as many as in `axis`, {len(axes)}")
        return backend.roll(x, shifts, axes)
    return backend.roll(x, shift, None)


@op
def diff(a: TensorLike, n: int = 1, axis: int = -1) -> Tensor:
    """Returns differences of neighbours along `axis`, taken `n` times; of booleans, whether they
    differ.
    """
    backend, a = tensor(a)
    if not rank_of(backend, a):
        raise wrong("a", a, "a tensor of at least 1 axis")
    before = (slice(None),) * axis_of(backend, a, axis)
    kernel = backend.not_equal if backend.dtype(a) == "bool" else backend.subtract
    for _ in range(count_of(n, "n")):
        behind = backend.get_item(a, (*before, slice(1, None)))
        a = kernel(behind, backend.get_item(a, (*before, slice(None, -1))))
    return a
