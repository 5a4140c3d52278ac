"""Where tokens of decoders stand, and which of them attend to which."""

from __future__ import annotations

from typing import Any

from ..framework import ops
from ..framework.typing import Tensor


def of_texts(
    token_ids: Tensor, padding_mask: Tensor | None, window: int | None = None
) -> tuple[Tensor, Tensor | None]:
    """Returns the places of the tokens of whole texts, and where each may attend.

    Args:
        token_ids: integers (batch, length).
        padding_mask: 1 for a token, 0 for padding, (batch, length); all are tokens if None.
        window: how many tokens each attends to, itself among them; all before it if None.

    Returns:
        Places int32, (length,) or (batch, length): padding is not counted. A mask of booleans that
        broadcasts to (batch, 1, length, length); None where all that do not come after a token may
        be attended to.
    """
    length = ops.shape(token_ids)[1]
    places = ops.arange(length, dtype="int32")
    if padding_mask is None and window is None:
        return places, None
    rows = ops.expand_dims(places, 1)
    causal = _within(places, rows, window)
    if padding_mask is None:
        return places, ops.expand_dims(causal, (0, 1))
    real = ops.cast(padding_mask, "int32")
    counted = ops.maximum(ops.subtract(ops.cumsum(real, axis=1), 1), 0)
    mask = ops.logical_and(causal, ops.expand_dims(ops.cast(real, "bool"), (1, 2)))
    # Padding attends to itself, for a row must attend to something.
    return counted, ops.logical_or(mask, ops.equal(rows, places))


def of_cache(
    length: Any, capacity: int, position: Tensor, starts: Tensor, window: int | None = None
) -> tuple[Tensor, Tensor]:
    """Returns the places of tokens that follow those in a cache, and where each may attend.

    Args:
        length: how many tokens follow.
        capacity: of the cache.
        position: int32 scalar, the place of the first of them in the cache.
        starts: int32 (batch,), where each row's text begins: before it there is padding.
        window: see `of_texts`.

    Returns:
        Places int32 (batch, length), counted from where the text begins; booleans (batch, 1,
        length, capacity), true where a token may attend.
    """
    places = ops.add(ops.arange(length, dtype="int32"), position)
    columns = ops.arange(capacity, dtype="int32")
    rows = ops.expand_dims(places, 1)
    begun = ops.greater_equal(columns, ops.expand_dims(starts, (1, 2)))
    mask = ops.logical_and(_within(columns, rows, window), begun)
    mask = ops.expand_dims(ops.logical_or(mask, ops.equal(columns, rows)), 1)
    return ops.maximum(ops.subtract(places, ops.expand_dims(starts, 1)), 0), mask


def _within(columns: Tensor, rows: Tensor, window: int | None) -> Tensor:
    """Whether a column is not after a row, and in its window."""
    causal = ops.less_equal(columns, rows)
    if window is None:
        return causal
    return ops.logical_and(causal, ops.greater(columns, ops.subtract(rows, window)))
