"""Attention in one operator."""

from __future__ import annotations

from typing import Any

from .... import ops
from ...calls import Call, dtype_of, rank_of, shape_of
from .binding import aten


@aten("scaled_dot_product_attention", pure=False)
def _attention(
    call: Call,
    query: Any,
    key: Any,
    value: Any,
    mask: Any = None,
    dropout: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """softmax(query key^T scale + mask) value: query (…, heads, target, dim), key and value
    (…, heads, source, dim); mask broadcasts to (…, heads, target, source)."""
    rank, outer = rank_of(query), shape_of(query)[:-3]
    parts = [_of_rank_4(x) for x in (query, key, value)]
    if mask is not None and rank_of(mask) > 4:
        mask = _of_rank_4(mask)
    turned = [ops.transpose(x, (0, 2, 1, 3)) for x in parts]
    boolean = mask is not None and dtype_of(mask) == "bool"
    found = ops.dot_product_attention(
        *turned,
        bias=None if boolean else mask,
        mask=mask if boolean else None,
        scale=scale,
        is_causal=is_causal,
    )
    found = ops.transpose(found, (0, 2, 1, 3))
    if rank == 4:
        return found
    return ops.reshape(found, (*outer, *shape_of(found)[4 - min(rank, 3) :]))


def _of_rank_4(x: Any) -> Any:
    """(…, heads, length, dim) as (batch, heads, length, dim)."""
    rank, shape = rank_of(x), shape_of(x)
    if rank == 4:
        return x
    if rank < 4:
        return ops.reshape(x, (*(1,) * (4 - rank), *shape))
    return ops.reshape(x, (-1, *shape[-3:]))
