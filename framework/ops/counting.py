"""Counting elements and telling them apart, as NumPy and Keras define it."""

from collections.abc import Sequence
from typing import Any

from .. import dtypes
from ..backends.base import Spec
from ..typing import Axis, TensorLike
from .checks import axis_of, count_of, of_integers, of_rank, rank_of
from .dispatch import Tensor, numeric, promoted_all, tensor, together
from .errors import wrong
from .op import op, shaped
from .reductions import sum as _sum


@op
def count_nonzero(x: TensorLike, axis: Axis = None) -> Tensor:
    """Returns the number (int32) of elements that are not zero, over `axis` (all axes, when
    None).
    """
    backend, x = tensor(x)
    true = x if backend.dtype(x) == "bool" else backend.cast(x, "bool")
    return _sum(backend.cast(true, "int32"), axis)


@op
def isin(
    x1: TensorLike, x2: TensorLike, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Tells whether each element of `x1` is among those of `x2` (not among them, with `invert`).

    `assume_unique` promises that neither has an element twice; nothing depends on it.
    """
    backend, (x, among) = promoted_all(x1, x2)
    among = backend.reshape(among, (-1,))
    found = _found(backend, x, among)
    return backend.logical_not(found) if invert else found


def _found(backend, x, among):
    count = backend.static_shape(among)[0]
    few = count is not None and count <= 16
    if few or backend.dtype(among) in dtypes.COMPLEX:
        return backend.any(backend.equal(backend.expand_dims(x, -1), among), -1, False)
    line = backend.sort(among, 0)
    places = backend.searchsorted(line, x, "left")
    count = backend.cast(backend.asarray(backend.shape(line)[0]), backend.dtype(places))
    places = backend.minimum(places, backend.subtract(count, 1))
    return backend.equal(backend.take(line, places, 0), x)


def _counts(x, weights=None, minlength=0, sparse=False) -> Spec:
    pairs = [tensor(v) for v in (x, weights) if v is not None]
    shape = pairs[0][0].static_shape(pairs[0][1])
    stored = sparse or any(owner.is_sparse(v) for owner, v in pairs)
    return Spec((*shape[:-1], None), _counted(pairs, minlength), stored)


def _counted(pairs, minlength) -> str:
    """The dtype of the counts; InvalidArgumentError for what cannot be counted."""
    (backend, x), *weighted = pairs
    of_integers(backend, x, "x")
    of_rank(backend, x, "x", 1, 2)
    count_of(minlength, "minlength")
    if not weighted:
        return "int32"
    other, weights = weighted[0]
    sizes = zip(backend.static_shape(x), other.static_shape(weights), strict=False)
    if any(None not in pair and pair[0] != pair[1] for pair in sizes):
        raise wrong("weights", weights, f"one weight for each element of x, {tuple(x.shape)}")
    return dtypes.result_type(*(owner.dtype(v) for owner, v in pairs))


@shaped(_counts)
def bincount(
    x: TensorLike, weights: TensorLike | None = None, minlength: int = 0, sparse: bool = False
) -> Tensor:
    """Counts how often each of the numbers 0, 1, 2 ... occurs in `x`, or the sum of its `weights`.

    `x` holds integers from 0 on, (length) or (batch, length). There are max(x) + 1 counts, at
    least `minlength`; where jax or torch compiles, which must know their number, `minlength` of
    them, and no number may be larger. int32, or the common dtype of `x` and `weights`.

    Of a sparse `x` the stored elements are counted. The counts are sparse if `sparse` asks for it
    or one of the tensors is: on jax and tensorflow alone.
    """
    backend, (x, weights) = together(x, weights)
    if sparse and not backend.has_sparse_tensors:
        raise wrong("sparse", sparse, f"False: {backend.name} has no sparse tensors here")
    given = [(backend, v) for v in (x, weights) if v is not None]
    dtype = _counted(given, minlength)
    sparse = sparse or any(backend.is_sparse(v) for _, v in given)
    full = backend.full_backend or backend
    if backend.is_sparse(x):
        rows, x, weights = _stored(backend, full, x, weights)
        counts = _counts_of(full, x, weights, minlength, dtype, rows)
    else:
        weights = backend.densify(weights) if backend.is_sparse(weights) else weights
        counts = _counts_of(full, x, weights, minlength, dtype)
    return full.sparsified(counts) if sparse else counts


def _stored(backend, full, x, weights):
    """Of a sparse `x`: the row of each stored element (with their number), if it has rows, the
    elements, and their weights.
    """
    sizes = backend.shape(x)
    places, values, real = backend.entries(x)
    columns = [full.take(places, i, 1) for i in range(len(sizes))]
    if weights is None:
        weights = full.full_like(values, 1, "int32")
    else:
        weights = backend.densify(weights) if backend.is_sparse(weights) else weights
        weights = full.get_item(weights, tuple(columns))
    weights = full.where(real, weights, full.full_like(weights, 0, full.dtype(weights)))
    return (columns[0], sizes[0]) if len(sizes) > 1 else None, values, weights


def _counts_of(backend, x, weights, minlength, dtype, rows=None):
    x = backend.cast(x, "int64" if _large(backend, x) else "int32")
    weights = backend.full_like(x, 1, dtype) if weights is None else backend.cast(weights, dtype)
    length = backend.count_length(x, minlength)
    if rows is None and len(backend.static_shape(x)) == 2:
        count = backend.shape(x)[0]
        row = backend.reshape(backend.arange(0, count, 1, "int32"), (-1, 1))
        rows = backend.broadcast_to(row, backend.shape(x)), count
    sums = backend.cast(weights, _sum_dtype(dtype))
    if rows is None:
        shape, places = (length,), backend.expand_dims(x, -1)
    else:
        row, count = rows
        shape = (count, length)
        places = backend.stack([backend.cast(row, backend.dtype(x)), x], -1)
    zeros = backend.full(shape, 0, _sum_dtype(dtype))
    return backend.cast(backend.scatter(zeros, places, sums, "add"), dtype)


def _large(backend, x) -> bool:
    return backend.dtype(x) in ("int64", "uint32", "uint64")


def _sum_dtype(dtype: str) -> str:
    """The dtype in which weights are summed: not all frameworks add booleans."""
    return "int32" if dtype == "bool" else dtype


@op
def histogram(
    x: TensorLike, bins: int = 10, range: Sequence[float] | None = None
) -> tuple[Tensor, Tensor]:
    """Returns the number (int32) of elements in each of `bins` equal bins, and the bins' edges.

    `range` is a pair of the first and the last edge; the smallest and the largest element of the
    vector `x`, when None. A bin holds its lower edge, the last one both. What lies outside, and
    NaN, is not counted. The edges (bins + 1) are in the float dtype of `x`.
    """
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
        expected = "a number. Argument `bins` should be a non-negative integer, and not 0"
        raise wrong("bins", bins, expected)
    if range is not None and (not isinstance(range, tuple | list) or len(range) != 2):
        raise wrong("range", range, "a pair. Argument `range` must be a tuple of two elements")
    if range is not None and not range[0] <= range[1]:
        rule = "The second element of `range` must be greater than the first, or equal to it"
        raise wrong("range", range, f"a rising pair. {rule}")
    backend, x = numeric(x)
    if rank_of(backend, x) != 1:
        raise wrong("x", x, "a vector. Input tensor must be 1-dimensional")
    dtype = dtypes.floating(backend.dtype(x))
    x = backend.cast(x, dtype)
    low, high = _ends(backend, x, range)
    edges = _edges(backend, low, high, bins)
    place = backend.cast(backend.searchsorted(edges, x, "right"), "int32")
    last = backend.cast(backend.equal(x, high), "int32")
    place = backend.subtract(backend.subtract(place, last), 1)
    inside = backend.logical_and(backend.greater_equal(x, low), backend.less_equal(x, high))
    place = backend.expand_dims(
        backend.where(inside, place, backend.full_like(place, 0, "int32")), -1
    )
    zeros = backend.zeros((bins,), "int32")
    return backend.scatter(zeros, place, backend.cast(inside, "int32"), "add"), edges


def _ends(backend, x, range) -> tuple[Any, Any]:
    dtype = backend.dtype(x)
    if range is not None or backend.static_shape(x)[0] == 0:
        low, high = (0.0, 1.0) if range is None else map(float, range)
        if low == high:
            low, high = low - 0.5, high + 0.5
        return backend.asarray(low, dtype), backend.asarray(high, dtype)
    low, high = backend.min(x), backend.max(x)
    half = backend.cast(backend.equal(low, high), dtype)
    half = backend.multiply(half, 0.5)
    return backend.subtract(low, half), backend.add(high, half)


def _edges(backend, low, high, bins: int):
    steps = backend.cast(backend.arange(0, bins + 1, 1, "int32"), backend.dtype(low))
    width = backend.divide(backend.subtract(high, low), float(bins))
    edges = backend.add(low, backend.multiply(steps, width))
    return backend.where(backend.equal(steps, float(bins)), high, edges)


def _unique_shapes(
    x,
    sorted=True,
    return_index=False,
    return_inverse=False,
    return_counts=False,
    axis=None,
    size=None,
    fill_value=None,
):
    place = None if axis is None else axis_of(*tensor(x), axis)
    values = (size,) if place is None else (*x.shape[:place], size, *x.shape[place + 1 :])
    made = [Spec(values, x.dtype)]
    if return_index:
        made.append(Spec((size,), "int32"))
    if return_inverse:
        made.append(Spec(x.shape if place is None else (x.shape[place],), "int32"))
    if return_counts:
        made.append(Spec((size,), "int32"))
    return made[0] if len(made) == 1 else tuple(made)


@shaped(_unique_shapes)
def unique(
    x: TensorLike,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: TensorLike | None = None,
) -> Tensor | tuple[Tensor, ...]:
    """Returns the elements of `x` in ascending order, each once; along `axis`, its slices.

    Args:
        x: tensor. NaN equals nothing, so each NaN is an element of its own.
        sorted: whether the order matters; it is always ascending.
        return_index: whether to return where each element occurs first, int32.
        return_inverse: whether to return which of the elements each one of `x` is, int32, in the
            shape of `x`, or (length of `axis`).
        return_counts: whether to return how often each element occurs, int32.
        axis: the axis whose slices are told apart; None for single elements.
        size: the number of elements to return, which compiled code must know: the first ones, or
            all and then `fill_value`, with the count 0 and the index of the first one.
        fill_value: 0 if None.
    """
    backend, x = tensor(x)
    place = None if axis is None else axis_of(backend, x, axis)
    count = None if size is None else count_of(size, "size")
    values, *others = backend.unique(x, place, count, 0 if fill_value is None else fill_value)
    wanted = zip((return_index, return_inverse, return_counts), others, strict=True)
    made = (values, *(y for asked, y in wanted if asked))
    return made[0] if len(made) == 1 else made
