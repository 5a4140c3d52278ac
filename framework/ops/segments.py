"""Reductions of the rows of a tensor by segments.

`data` is (n, ...), `segment_ids` integers (n,) in any order: row i belongs to segment
`segment_ids[i]`. The result is (num_segments, ...), in the dtype of the data, booleans counting as
int32. Rows whose id is negative or not below `num_segments` are in no segment. `num_segments` None
is the largest id and one, which a compiled program on JAX and torch cannot know. `sorted` says that
the ids ascend, and changes nothing but the time it takes.
"""

from typing import Any

from ..backends.base import Spec
from ..typing import TensorLike
from .checks import count_of, of_integers, of_rank
from .dispatch import Tensor, numeric, together
from .errors import InvalidArgumentError, wrong
from .op import shaped


def _operands(data: Any, segment_ids: Any) -> tuple[Any, Tensor, Tensor]:
    backend, (data, segment_ids) = together(data, segment_ids)
    of_rank(backend, segment_ids, "segment_ids", 1)
    of_integers(backend, segment_ids, "segment_ids")
    rows, ids = backend.static_shape(data)[:1], backend.static_shape(segment_ids)
    if not rows or None not in (*rows, *ids) and rows != ids:
        raise wrong("segment_ids", segment_ids, f"one id for each row of data, {rows}")
    return backend, data, segment_ids


def _spec(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False):
    backend, data, _ = _operands(data, segment_ids)
    number = None if num_segments is None else count_of(num_segments, "num_segments")
    name = backend.dtype(data)
    return Spec((number, *backend.static_shape(data)[1:]), "int32" if name == "bool" else name)


def _reduce(kind: str, data: Any, segment_ids: Any, num_segments: int | None, sorted: bool):
    backend, data, ids = _operands(data, segment_ids)
    _, data = numeric(data)
    if num_segments is not None:
        number = count_of(num_segments, "num_segments")
    elif backend.countable(ids):
        number = backend.count_segments(ids)
    else:
        raise InvalidArgumentError(
            "argument `num_segments`: got None; expected a number, since the ids have no values "
            "while a program is traced. Give num_segments=..."
        )
    name = backend.dtype(data)
    if name not in ("float16", "bfloat16"):
        return backend.segment_reduce(kind, data, ids, number, sorted)
    data = backend.cast(data, "float32")
    return backend.cast(backend.segment_reduce(kind, data, ids, number, sorted), name)


@shaped(_spec)
def segment_sum(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Returns the sum of each segment; 0 of one without rows."""
    return _reduce("sum", data, segment_ids, num_segments, sorted)


@shaped(_spec)
def segment_max(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Returns the largest row of each segment, element by element.

    A segment without rows has -inf, or the smallest integer. Equal elements share the gradient.
    """
    return _reduce("max", data, segment_ids, num_segments, sorted)


@shaped(_spec)
def segment_min(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Returns the smallest row of each segment, element by element.

    A segment without rows has inf, or the largest integer. Equal elements share the gradient.
    """
    return _reduce("min", data, segment_ids, num_segments, sorted)


@shaped(_spec)
def segment_prod(
    data: TensorLike, segment_ids: TensorLike, num_segments: int | None = None, sorted: bool = False
) -> Tensor:
    """Returns the product of each segment; 1 of one without rows."""
    return _reduce("prod", data, segment_ids, num_segments, sorted)
