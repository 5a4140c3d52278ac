"""Evenly spaced numbers and coordinates, as NumPy and Keras define them."""

from typing import Any

import numpy as np

from .. import dtypes
from ..backends import registry
from ..backends.registry import ARRAY, SCALAR, SEQUENCE, owner_of
from ..typing import DType, TensorLike
from .checks import axis_in, count_of, fits, rank_of
from .dispatch import Tensor, common_backend, flattened, float_promoted, promoted_all
from .errors import wrong
from .op import op


@op
def arange(
    start: TensorLike,
    stop: TensorLike | None = None,
    step: TensorLike | None = None,
    dtype: DType = None,
) -> Tensor:
    """Returns numbers from `start` (0 when only one bound is given) below `stop`, `step` (1) apart.

    int32 for ints, the default float for floats, unless `dtype` says otherwise. There are
    ceil((stop - start) / step) of them; the bounds are scalars.
    """
    if stop is None:
        start, stop = 0, start
    bounds = [_number(v) for v in (start, stop, 1 if step is None else step)]
    backend = common_backend(bounds)
    if dtype is None:
        kinds = (type(v) if type(v) in _NUMBERS else backend.dtype(v) for v in bounds)
        dtype = dtypes.result_type(*kinds)
    dtype = dtypes.standardize(dtype)
    if not all(type(v) in _NUMBERS for v in bounds):
        return backend.arange(*bounds, dtype)
    if bounds[2] == 0:
        raise wrong("step", step, "a number other than zero")
    if all(type(v) is int for v in bounds):
        return _whole(backend, bounds, dtype)
    # The count by float64, as NumPy has it, not by the rounded bounds of a narrower dtype.
    return backend.asarray(np.arange(*bounds), dtype)


_NUMBERS = (bool, int, float)
_ARRAYS = (np.ndarray, np.generic)  # a union of them torch.compile cannot trace


def _number(x: Any) -> Any:
    return x.item() if isinstance(x, np.generic) else x


def _whole(backend, bounds: list[int], dtype: str) -> Tensor:
    start, stop, step = bounds
    places = range(start, stop, step)
    if not places:
        return backend.zeros((0,), dtype)
    fits(places[0], dtype, "start")
    fits(places[-1], dtype, "stop")
    if max(abs(start), abs(stop), abs(step)) < 2**31:
        return backend.arange(start, stop, step, dtype)
    native = "uint64" if dtype == "uint64" else "int64"
    return backend.asarray(np.asarray(places, native), dtype)


@op
def linspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DType = None,
    axis: int = 0,
) -> Tensor | tuple[Tensor, Tensor]:
    """Returns `num` evenly spaced numbers from `start` to `stop`, which is the last with
    `endpoint`.

    The bounds are numbers or tensors that broadcast; the numbers lie along the new axis `axis`.
    In the bounds' float dtype, unless `dtype` says otherwise; an integer `dtype` rounds down.
    With `retstep` the result is a pair with the distance between two numbers, NaN if there are
    none.
    """
    points, low, high, backend, dtype = _start(start, stop, num, dtype)
    y, step = _line(backend, low, high, points, endpoint, axis, dtype)
    return (y, step) if retstep else y


@op
def logspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    base: TensorLike = 10,
    dtype: DType = None,
    axis: int = 0,
) -> Tensor:
    """Computes base ** linspace(start, stop, num): numbers whose logarithms are evenly spaced."""
    points, low, high, backend, dtype = _start(start, stop, num, dtype)
    if isinstance(low, np.ndarray) and _on_host(base):
        place = axis_in(low.ndim + 1, axis)
        powers = np.logspace(low, high, points, endpoint, np.asarray(base)[()], axis=place)
        return _rounded(backend, powers, dtype)
    exponents, _ = _line(backend, low, high, points, endpoint, axis, _exact(dtype))
    _, base, exponents = float_promoted(base, exponents)
    return _to(backend, backend.power(base, exponents), dtype)


@op
def geomspace(
    start: TensorLike,
    stop: TensorLike,
    num: int = 50,
    endpoint: bool = True,
    dtype: DType = None,
    axis: int = 0,
) -> Tensor:
    """Returns `num` numbers from `start` to `stop`, each the same multiple of the one before.

    The bounds have the same sign and are not zero.
    """
    points, low, high, backend, dtype = _start(start, stop, num, dtype)
    if isinstance(low, np.ndarray):
        if registry.state.inferring:  # NumPy's stand-ins are zeros
            low, high = np.ones_like(low), np.ones_like(high)
        if not (low * high > 0).all():
            raise wrong("start", start, "bounds of one sign, neither of them zero")
        place = axis_in(low.ndim + 1, axis)
        return _rounded(backend, np.geomspace(low, high, points, endpoint, axis=place), dtype)
    exact = _exact(dtype)
    low, high = (backend.cast(v, exact) for v in (low, high))
    ratio = backend.log(backend.divide(high, low))
    zero = backend.full_like(ratio, 0, exact)
    powers, _ = _line(backend, zero, ratio, points, endpoint, axis, exact)
    low = backend.expand_dims(low, axis_in(rank_of(backend, ratio) + 1, axis))
    return _to(backend, backend.multiply(low, backend.exp(powers)), dtype)


def _start(start, stop, num, dtype):
    """The number of points, both bounds, where they live, and the dtype of the result.

    Bounds that are known now are NumPy arrays, others tensors; both of one shape.
    """
    points = count_of(num, "num")
    if _on_host(start) and _on_host(stop):
        backend = common_backend(())
        low, high = np.asarray(start), np.asarray(stop)
        kinds = [_kind(v) for v in (start, stop)]
        wide = np.complex128 if "c" in (low.dtype.kind, high.dtype.kind) else np.float64
        low, high = np.broadcast_arrays(low.astype(wide), high.astype(wide))
    else:
        backend, (low, high) = promoted_all(start, stop)
        kinds = [backend.dtype(low)]
        shape = backend.shape(backend.equal(low, high))
        low, high = (backend.broadcast_to(v, shape) for v in (low, high))
    result = dtypes.result_type(*kinds, float) if dtype is None else dtypes.standardize(dtype)
    return points, low, high, backend, result


def _kind(x: Any) -> Any:
    if owner_of(x) is SCALAR:
        return type(x)
    return x.dtype if hasattr(x, "dtype") else dtypes.result_type(*map(type, flattened(x)))


def _on_host(x) -> bool:
    """Whether numbers are known now, so that NumPy may compute with them in float64."""
    kind = owner_of(x)
    if kind is SEQUENCE:
        return all(_on_host(v) for v in x)
    return kind is SCALAR or kind is ARRAY or isinstance(x, _ARRAYS)


def _exact(dtype: str) -> str:
    """The dtype in which points of `dtype` are computed."""
    return dtype if dtype in ("float64", *dtypes.COMPLEX) else "float32"


def _line(backend, low, high, points: int, endpoint: bool, axis: int, dtype: str):
    """Points along a line, and the distance of two."""
    exact = _exact(dtype)
    if isinstance(low, np.ndarray):
        place = axis_in(low.ndim + 1, axis)
        y, step = np.linspace(low, high, points, endpoint=endpoint, retstep=True, axis=place)
        return _rounded(backend, y, dtype), backend.asarray(np.asarray(step), exact)
    low, high = (backend.cast(v, exact) for v in (low, high))
    rank = rank_of(backend, low)
    place = axis_in(rank + 1, axis)
    gaps = points - 1 if endpoint else points
    width = backend.subtract(high, low)
    step = backend.multiply(width, 1 / gaps if gaps > 0 else float("nan"))
    steps = backend.reshape(
        backend.cast(backend.arange(0, points, 1, "int32"), exact),
        tuple(-1 if i == place else 1 for i in range(rank + 1)),
    )
    low, high, width = (backend.expand_dims(v, place) for v in (low, high, width))
    y = backend.add(low, backend.multiply(backend.divide(steps, float(max(gaps, 1))), width))
    if endpoint and points > 1:  # the last one exactly
        y = backend.where(backend.equal(steps, float(points - 1)), high, y)
    return _to(backend, y, dtype), step


def _to(backend, y, dtype: str):
    if dtype in dtypes.LIMITS:
        y = backend.floor(y)
    return y if backend.dtype(y) == dtype else backend.cast(y, dtype)


def _rounded(backend, y: np.ndarray, dtype: str) -> Tensor:
    """Points of the host as a tensor; rounded down where `dtype` holds integers."""
    return backend.asarray(np.floor(y) if dtype in dtypes.LIMITS else y, dtype)
