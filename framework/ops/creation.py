"""Making tensors, as NumPy and Keras define it."""

from .. import dtypes
from ..backends import registry
from ..backends.registry import SCALAR, owner_of
from ..typing import DType, Shape, TensorLike
from .casting import cast_to, converted
from .checks import count_of, fits
from .dispatch import Tensor, common_backend, sizes, tensor, together
from .errors import wrong
from .op import op


@op
def array(x: TensorLike, dtype: DType = None) -> Tensor:
    """Returns `x` as a tensor, as `convert_to_tensor` makes it."""
    return converted(x, dtype)


@op
def copy(x: TensorLike) -> Tensor:
    """Returns a tensor with the same contents and memory of its own."""
    backend, x = tensor(x)
    return backend.copy(x)


@op
def zeros(shape: Shape, dtype: DType = None) -> Tensor:
    """Returns a tensor of zeros."""
    return _zeros(shape, dtype)


def _zeros(shape, dtype):
    backend, shape, dtype = registry.current(), sizes(shape), dtypes.standardize(dtype)
    if dtype in dtypes.STORED:
        return _filled(backend, shape, 0, dtype)
    return backend.zeros(shape, dtype)


def _filled(backend, shape, value, dtype: str):
    if dtype in dtypes.STORED:
        return backend.cast_to_storage(backend.full(shape, value, "float32"), dtype)
    return backend.full(shape, value, dtype)


def _filled_like(backend, x, value, dtype: str):
    if dtype in dtypes.STORED:
        return backend.cast_to_storage(backend.full_like(x, value, "float32"), dtype)
    return backend.full_like(x, value, dtype)


@op
def ones(shape: Shape, dtype: DType = None) -> Tensor:
    """Returns a tensor of ones."""
    return _filled(registry.current(), sizes(shape), 1, dtypes.standardize(dtype))


@op
def empty(shape: Shape, dtype: DType = None) -> Tensor:
    """Returns a tensor for contents to come; it holds zeros, so that all backends give the same."""
    return _zeros(shape, dtype)


@op
def full(shape: Shape, fill_value: TensorLike, dtype: DType = None) -> Tensor:
    """Returns a tensor of one value, or of values that broadcast to `shape`.

    In the default float, unless `dtype` or the dtype of a tensor value says otherwise.
    """
    backend = common_backend((fill_value,))
    if dtype is None and owner_of(fill_value) is not SCALAR:
        dtype = backend.dtype(tensor(fill_value)[1])
    dtype = dtypes.standardize(dtype)
    if owner_of(fill_value) is SCALAR:
        fits(fill_value, dtype, "fill_value")
        return _filled(backend, sizes(shape), fill_value, dtype)
    return backend.broadcast_to(cast_to(backend, tensor(fill_value)[1], dtype), sizes(shape))


def _like(x, dtype):
    backend, x = tensor(x)
    return backend, x, backend.dtype(x) if dtype is None else dtypes.standardize(dtype)


@op
def zeros_like(x: TensorLike, dtype: DType = None) -> Tensor:
    """Returns zeros in the shape (and dtype) of `x`."""
    backend, x, dtype = _like(x, dtype)
    return _filled_like(backend, x, 0, dtype)


@op
def ones_like(x: TensorLike, dtype: DType = None) -> Tensor:
    """Returns ones in the shape (and dtype) of `x`."""
    backend, x, dtype = _like(x, dtype)
    return _filled_like(backend, x, 1, dtype)


@op
def empty_like(x: TensorLike, dtype: DType = None) -> Tensor:
    """Returns a tensor for contents to come, in the shape (and dtype) of `x`; it holds zeros."""
    backend, x, dtype = _like(x, dtype)
    return _filled_like(backend, x, 0, dtype)


@op
def full_like(x: TensorLike, fill_value: TensorLike, dtype: DType = None) -> Tensor:
    """Returns one value, or values that broadcast, in the shape (and dtype) of `x`."""
    if owner_of(fill_value) is SCALAR:
        backend, x, dtype = _like(x, dtype)
        fits(fill_value, dtype, "fill_value")
        return _filled_like(backend, x, fill_value, dtype)
    backend, (x, fill_value) = together(x, fill_value)
    dtype = backend.dtype(x) if dtype is None else dtypes.standardize(dtype)
    return backend.broadcast_to(cast_to(backend, fill_value, dtype), backend.shape(x))


@op
def eye(N: int, M: int | None = None, k: int = 0, dtype: DType = None) -> Tensor:
    """Returns ones on diagonal `k` of an N by M matrix."""
    rows, columns = _rectangle(N, M)
    return registry.current().eye(rows, columns, _diagonal(k), dtypes.standardize(dtype))


@op
def identity(n: int, dtype: DType = None) -> Tensor:
    """Returns ones on the diagonal of an n by n matrix."""
    n = count_of(n, "n")
    return registry.current().eye(n, n, 0, dtypes.standardize(dtype))


@op
def tri(N: int, M: int | None = None, k: int = 0, dtype: DType = None) -> Tensor:
    """Returns ones on diagonal `k` of an N by M matrix and below it."""
    (rows, columns), k, backend = _rectangle(N, M), _diagonal(k), registry.current()
    down = backend.reshape(backend.arange(k, k + rows, 1, "int32"), (rows, 1))
    across = backend.arange(0, columns, 1, "int32")
    return backend.cast(backend.greater_equal(down, across), dtypes.standardize(dtype))


def _rectangle(rows, columns) -> tuple[int, int]:
    rows = count_of(rows, "N")
    return rows, rows if columns is None else count_of(columns, "M")


def _diagonal(k) -> int:
    if isinstance(k, bool) or not hasattr(k, "__index__"):
        raise wrong("k", k, "an integer, the number of a diagonal")
    return k.__index__()


@op
def meshgrid(*x: TensorLike, indexing: str = "xy") -> list[Tensor]:
    """Returns the coordinates of a grid: one tensor for each axis, all of the grid's shape.

    Each of `x` lists the coordinates along one axis. With "xy" the first two axes change places.
    """
    if indexing not in ("xy", "ij"):
        raise wrong("indexing", indexing, '"xy" or "ij"')
    if not x:
        return []
    backend, axes = together(*x)
    axes = [backend.reshape(line, (-1,)) for line in axes]
    rank = len(axes)
    order = list(range(rank))
    if indexing == "xy" and rank > 1:
        order[:2] = [1, 0]
    grid: list = [None] * rank
    for line, place in zip(axes, order, strict=True):
        grid[place] = backend.shape(line)[0]
    across = [tuple(-1 if i == place else 1 for i in range(rank)) for place in order]
    return [
        backend.broadcast_to(backend.reshape(line, sizes), tuple(grid))
        for line, sizes in zip(axes, across, strict=True)
    ]
