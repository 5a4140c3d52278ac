"""Picking and placing elements, as NumPy and Keras define it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..backends.base import Spec
from ..backends.registry import owner_of
from ..typing import Shape, TensorLike
from .casting import as_indices
from .checks import axis_of, count_of, one_of, rank_of
from .dispatch import Tensor, common_backend, promoted_all, tensor, together
from .errors import wrong
from .op import op, shaped

_WHOLE = (int, np.integer)


def _where_shape(condition, x1=None, x2=None):
    if x1 is None and x2 is None:
        return _positions_unknown(condition)
    return None


def _positions_unknown(x) -> tuple[Spec, ...]:
    return tuple(Spec((None,), "int32") for _ in range(_some_axes(*tensor(x))))


@shaped(_where_shape)
def where(
    condition: TensorLike, x1: TensorLike | None = None, x2: TensorLike | None = None
) -> Tensor | tuple[Tensor, ...]:
    """Returns x1 where `condition` is true (not zero), x2 elsewhere; all three broadcast.

    Without x1 and x2, the positions where `condition` is true, as `nonzero` gives them.
    """
    if x1 is None and x2 is None:
        return _nonzero(*tensor(condition))
    if x1 is None or x2 is None:
        expected = "a tensor: `x1` and `x2` either both should be `None`, or none of them"
        raise wrong("x2" if x2 is None else "x1", None, expected)
    backend, (condition, x1, x2) = together(condition, x1, x2, promoting=True)
    if not hasattr(condition, "dtype"):
        _, (condition,) = together(condition, backend=backend)
    _, (x1, x2) = promoted_all(x1, x2, backend=backend)
    return backend.where(_as_condition(backend, condition), x1, x2)


def _as_condition(backend, x):
    return x if backend.dtype(x) == "bool" else backend.cast(x, "bool")


@shaped(_positions_unknown)
def nonzero(x: TensorLike) -> tuple[Tensor, ...]:
    """Returns the positions of the elements that are not zero: one int32 vector for each axis of
    `x`.
    """
    return _nonzero(*tensor(x))


def _some_axes(backend, x) -> int:
    rank = rank_of(backend, x)
    if not rank:
        raise wrong("x", x, "a tensor of at least 1 axis")
    return rank


def _nonzero(backend, x):
    _some_axes(backend, x)
    return tuple(backend.cast(places, "int32") for places in backend.nonzero(x))


@op
def select(
    condlist: Sequence[TensorLike], choicelist: Sequence[TensorLike], default: TensorLike = 0
) -> Tensor:
    """Returns for each element the first choice whose condition is true; `default` where none
    is.
    """
    if not condlist or len(condlist) != len(choicelist):
        raise wrong("choicelist", choicelist, f"as many choices as conditions, {len(condlist)}")
    backend = common_backend((*condlist, *choicelist, default))
    _, (result, *choices) = promoted_all(default, *choicelist, backend=backend)
    _, conditions = together(*condlist, backend=backend)
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        result = backend.where(_as_condition(backend, condition), choice, result)
    return result


@op
def take(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Tensor:
    """Returns the elements of `x` at `indices` along `axis` (of the flattened `x`, when None).

    Negative indices count from the end. One that is out of range is an error; in compiled code
    and on jax, which cannot raise there, it gives NaN or any element.
    """
    if type(indices) is int:
        backend, x = tensor(x)
        if axis is None:
            x, axis = backend.reshape(x, (-1,)), 0
        size = backend.static_shape(x)[axis_of(backend, x, axis)]
        if size is not None and not -size <= indices < size:
            raise wrong("indices", indices, f"an index of {size} elements along axis {axis}")
        return backend.take(x, indices, axis)
    backend, (x, indices) = together(x, indices)
    if axis is not None:
        axis = axis_of(backend, x, axis)
    return backend.take(x, as_indices(backend, indices), axis)


@op
def take_along_axis(x: TensorLike, indices: TensorLike, axis: int | None = None) -> Tensor:
    """Returns the elements of `x` at `indices`, matched position by position along `axis`.

    The other axes of both broadcast. See `take` for indices that are out of range.
    """
    backend, (x, indices) = together(x, indices)
    if axis is None:
        x, indices, axis = backend.reshape(x, (-1,)), backend.reshape(indices, (-1,)), 0
    place = axis_of(backend, x, axis)
    if rank_of(backend, indices) != rank_of(backend, x):
        raise wrong("indices", indices, f"a tensor of {rank_of(backend, x)} axes, as x has")
    return backend.take_along_axis(x, as_indices(backend, indices), place)


@op
def unravel_index(indices: TensorLike, shape: Shape) -> tuple[Tensor, ...]:
    """Returns the positions in a tensor of `shape` of elements counted in order, one tensor per
    axis.

    Negative numbers count from the end. In the dtype of `indices`.
    """
    backend, x = tensor(indices)
    sizes = [count_of(n, "shape") for n in ((shape,) if isinstance(shape, int) else shape)]
    if backend.dtype(x) == "bool":
        x = backend.cast(x, "int32")
    if not backend.dtype(x).startswith("u"):
        x = backend.where(backend.less(x, 0), backend.add(x, math.prod(sizes)), x)
    places = []
    for size in reversed(sizes[1:]):
        places.append(backend.mod(x, size))
        x = backend.floor_divide(x, size)
    return tuple([x, *reversed(places)][: len(sizes)])


def _sliced(inputs, start_indices, shape) -> Spec | None:
    """Where a block begins may be symbolic; its sizes are known, but for those to the end."""
    starts = start_indices if isinstance(start_indices, list | tuple) else [start_indices]
    if not any(getattr(owner_of(v), "symbolic", False) for v in starts):
        return None
    backend, (inputs,) = together(inputs)
    lengths = _lengths(shape, backend.static_shape(inputs))
    return Spec((None if _reaches_end(n) else n for n in lengths), backend.dtype(inputs))


def _lengths(shape, known) -> tuple:
    lengths = tuple(shape.tolist() if isinstance(shape, np.ndarray) else map(_plain_size, shape))
    if len(lengths) != len(known):
        expected = f"{len(known)} sizes: the number of dimensions in `inputs` must match"
        raise wrong("shape", shape, f"{expected} the number of dimensions in `shape`")
    return lengths


def _plain_size(length: Any) -> Any:
    # Most are ints already, and looking for them in a union of types takes longer.
    return length if type(length) is int or not isinstance(length, _WHOLE) else int(length)


def _reaches_end(length: Any) -> bool:
    """Whether a size is -1; one that only a traced program knows is none."""
    return type(length) is int and length == -1


@shaped(_sliced)
def slice(inputs: TensorLike, start_indices: TensorLike, shape: Shape) -> Tensor:
    """Returns the block of `shape` at `start_indices` (ints or scalar tensors, one for each axis).

    A size of -1 reaches to the end of its axis. A block that is known to reach beyond the tensor
    is an error; in compiled code it may be moved inside, cut short or filled up (with NaN), as the
    backend has it.
    """
    backend, (inputs, start) = _block(inputs, start_indices)
    known = backend.static_shape(inputs)
    lengths = _lengths(shape, known)
    sizes = backend.shape(inputs)
    lengths = tuple(
        size - first if _reaches_end(n) else n
        for n, size, first in zip(lengths, sizes, start, strict=True)
    )
    _inside(known, start, lengths, "shape", shape)
    return backend.slice(inputs, start, lengths)


def _updated(inputs, start_indices, updates) -> Spec | None:
    if not getattr(owner_of(start_indices), "symbolic", False):
        return None
    backend, (inputs,) = together(inputs)
    return Spec(backend.static_shape(inputs), backend.dtype(inputs))


@shaped(_updated)
def slice_update(inputs: TensorLike, start_indices: TensorLike, updates: TensorLike) -> Tensor:
    """Returns `inputs` with the block at `start_indices` replaced by `updates`.

    A block that is known to reach beyond the tensor is an error; see `slice`.
    """
    backend, (inputs, start, updates) = _block(inputs, start_indices, updates)
    if rank_of(backend, updates) != rank_of(backend, inputs):
        raise wrong("updates", updates, f"a tensor of {rank_of(backend, inputs)} axes, as inputs")
    dtype = backend.dtype(inputs)
    updates = updates if backend.dtype(updates) == dtype else backend.cast(updates, dtype)
    _inside(backend.static_shape(inputs), start, backend.static_shape(updates), "updates", updates)
    return backend.slice_update(inputs, start, updates)


def _block(inputs, start, *more):
    """The tensors of a call, and where the block begins: an int or a scalar tensor per axis."""
    tensors = (inputs, *more)
    start = start.tolist() if isinstance(start, np.ndarray) else start
    places = list(start) if isinstance(start, list | tuple) else None
    firsts = places if places is not None else [start]
    backend = common_backend((*tensors, *(v for v in firsts if not hasattr(v, "__index__"))))
    _, (inputs, *more) = together(*tensors, backend=backend)
    rank = rank_of(backend, inputs)
    if places is None:
        _, (start,) = together(start, backend=backend)
        places = [backend.get_item(start, i) for i in range(backend.static_shape(start)[0])]
    if len(places) != rank:
        expected = f"{rank} places: the number of dimensions in `start_indices` must match"
        raise wrong("start_indices", start, f"{expected} the number of dimensions in `inputs`")
    return backend, (inputs, tuple(map(_plain_size, places)), *more)


def _inside(sizes, start, lengths, name, value) -> None:
    for axis, (size, first, length) in enumerate(zip(sizes, start, lengths, strict=True)):
        known = type(size) is int and type(length) is int  # which a torch.SymInt is not
        low = first if isinstance(first, int) else 0
        if known and (low < 0 or length < 0 or low + length > size):
            begins = first if isinstance(first, int) else "a tensor"
            raise wrong(
                name, value, f"a block inside of {size} elements along axis {axis}, from {begins}"
            )


@op
def scatter(indices: TensorLike, values: TensorLike, shape: Sequence[Any]) -> Tensor:
    """Returns zeros of `shape` with `values` added at `indices`.

    `indices` (..., k) are places on the first k axes, `values` (..., *shape[k:]). What is given
    for one place several times adds up. See `scatter_update` for places that do not exist.
    """
    backend, (indices, values) = together(indices, values)
    zeros = backend.zeros(tuple(shape), backend.dtype(values))
    return backend.scatter(zeros, as_indices(backend, indices), values, "add")


@op
def scatter_update(
    inputs: TensorLike, indices: TensorLike, updates: TensorLike, reduction: str | None = None
) -> Tensor:
    """Returns `inputs` with `updates` put at `indices`.

    `indices` (..., k) are places on the first k axes of `inputs`, negative ones counted from the
    end; `updates` (..., *inputs.shape[k:]). `reduction` is what becomes of the old and the new
    elements: None (the last new one stands; where a place is named several times and the backend
    works in parallel, any of them), "add", "max", "min" or "mul". A place that does not exist is
    an error; in compiled code and on jax, which cannot raise there, nothing is put.
    """
    one_of(reduction, "reduction", None, "add", "max", "min", "mul")
    backend, (inputs, indices, updates) = together(inputs, indices, updates)
    dtype = backend.dtype(inputs)
    updates = updates if backend.dtype(updates) == dtype else backend.cast(updates, dtype)
    deep = backend.static_shape(indices)[-1:]
    if not deep or (deep[0] or 0) > rank_of(backend, inputs):
        raise wrong("indices", indices, f"(..., k) with k at most {rank_of(backend, inputs)}")
    return backend.scatter(inputs, as_indices(backend, indices), updates, reduction)


@op
def scatter_add(x: TensorLike, indices: TensorLike, updates: TensorLike) -> Tensor:
    """Returns `x` with `updates`, cast to its dtype, added at `indices` (…, number of leading
    axes).

    Updates for one place several times add up. See `scatter_update` for places that do not exist.
    """
    backend, (x, indices, updates) = together(x, indices, updates)
    dtype = backend.dtype(x)
    updates = updates if backend.dtype(updates) == dtype else backend.cast(updates, dtype)
    return backend.scatter(x, as_indices(backend, indices), updates, "add")


@op
def get_item(x: TensorLike, key: Any) -> Tensor:
    """Returns x[key], as NumPy's indexing takes ints, slices, None, Ellipsis, lists and tensors.

    Slices may have negative steps. A tensor of booleans picks where it is true; its shape is that
    of the axes which it stands for.
    """
    backend, x = tensor(x)
    return backend.get_item(x, key)
