"""Attention."""

from ..typing import TensorLike
from .dispatch import Tensor, promoted_all, together
from .errors import wrong
from .op import op


@op
def dot_product_attention(
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    bias: TensorLike | None = None,
    mask: TensorLike | None = None,
    scale: TensorLike | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """Computes softmax(query key^T * scale + bias) value, fused where the backend can (Vaswani et
    al. 2017).

    Shapes: query (batch, target, heads, dim), key and value (batch, source, heads, dim); mask
    (boolean, true = attend) and bias broadcast to (batch, heads, target, source). key and value may
    have fewer heads, of which each then serves several of query (Ainslie et al. 2023). `scale` is
    1 / sqrt(dim) unless given. A query that may attend to nothing gets the mean. The result has
    the shape of query, in the common dtype of query, key and value.

    `attn_logits_soft_cap` c makes c * tanh(s / c) of the scores s = query key^T * scale + bias.
    `flash_attention` True asks for a kernel that does not store the scores: an error where the
    backend has none, None leaves the choice to the backend.
    """
    backend, (query, key, value, bias, mask) = together(query, key, value, bias, mask)
    if not query.dtype == key.dtype == value.dtype:
        backend, (query, key, value) = promoted_all(query, key, value)
    _check_shapes(query, key, value)
    if mask is not None and backend.dtype(mask) != "bool":
        mask = backend.cast(mask, "bool")
    if bias is not None and bias.dtype != query.dtype:
        bias = backend.cast(bias, backend.dtype(query))
    if flash_attention and not backend.has_flash_attention:
        raise wrong("flash_attention", True, f"False or None: {backend.name} has no such kernel")
    heads, others = query.shape[2], key.shape[2]
    if heads is None or others is None:  # which only the graph will know
        groups = backend.shape(query)[2] // backend.shape(key)[2]
        key, value = backend.repeat(key, groups, 2), backend.repeat(value, groups, 2)
    elif (groups := heads // others) > 1:
        key, value = backend.repeat(key, groups, 2), backend.repeat(value, groups, 2)
    if scale is None:
        size = backend.shape(query)[-1]
        if isinstance(size, int):
            scale = size**-0.5
        else:  # which only the graph will know
            query = backend.multiply(query, backend.rsqrt(backend.cast(size, backend.dtype(query))))
            scale = 1.0
    if attn_logits_soft_cap is not None:
        cap = attn_logits_soft_cap
        return backend.capped_attention(query, key, value, mask, bias, scale, is_causal, cap)
    return backend.attention(query, key, value, mask, bias, scale, is_causal)


@op
def cached_attention(
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    keys: TensorLike,
    values: TensorLike,
    position: TensorLike,
    bias: TensorLike | None = None,
    mask: TensorLike | None = None,
    scale: TensorLike | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Computes the attention of tokens that follow those in a cache, and the cache with them.

    Shapes: query (batch, length, heads, dim); key and value (batch, length, shared, dim), of which
    each head serves heads / shared of query (Ainslie et al. 2023); the cache, `keys` and `values`,
    (batch, shared, capacity, dim); `position`, an integer, the place of the first token. `bias` is
    added to the scaled scores, and `mask` (boolean) is true where a token may attend; both
    broadcast to (batch, heads, length, capacity). `scale` is 1 / sqrt(dim) unless given. While
    tracing, the numbers of heads must be known.

    Returns the attention, of the shape of query, and the new `keys` and `values`. They may lie in
    the memory of the old ones, which must not be used afterwards.
    """
    backend, (query, key, value, keys, values, bias, mask) = together(
        query, key, value, keys, values, bias, mask
    )
    for name, x in (("query", query), ("key", key), ("keys", keys), ("values", values)):
        if len(x.shape) != 4:
            raise wrong(name, x, "4 axes")
    heads, shared = query.shape[2], keys.shape[1]
    if key.shape[2] != shared or heads % shared:
        raise wrong("key", key, f"{shared} heads, as keys, which divide the {heads} of query")
    if not hasattr(position, "__index__"):
        _, (position,) = together(position, backend=backend)
    dtype = keys.dtype
    if not query.dtype == key.dtype == value.dtype == dtype:
        query, key, value = (backend.cast(x, backend.dtype(keys)) for x in (query, key, value))
    if bias is not None and bias.dtype != dtype:
        bias = backend.cast(bias, backend.dtype(keys))
    scale = query.shape[3] ** -0.5 if scale is None else scale
    return backend.cached_attention(query, key, value, keys, values, position, bias, mask, scale)


@op
def turn_halves(x: TensorLike, cos: TensorLike, sin: TensorLike) -> Tensor:
    """Returns x * cos + (x with its halves exchanged) * sin, along the last axis.

    With cosines and sines of angles, of which the sines of the first half have the other sign, it
    turns each pair (x[i], x[i + size / 2]): rotary positions (Su et al. 2021).
    """
    backend, (x, cos, sin) = promoted_all(x, cos, sin)
    size = x.shape[-1]
    if size is not None and size % 2:
        raise wrong("x", x, "an even size along the last axis")
    return backend.turn_halves(x, cos, sin)


def _check_shapes(query, key, value) -> None:
    """An error for other ranks than four, and for heads of key that do not serve all of query."""
    if not len(query.shape) == len(key.shape) == len(value.shape) == 4:
        for name, x in (("query", query), ("key", key), ("value", value)):
            if len(x.shape) != 4:
                raise wrong(name, x, "4 axes: (batch, length, heads, dim)")
    heads, served = key.shape[2], query.shape[2]
    if heads != served and (not heads or served % heads):
        raise wrong("key", key, f"as many heads as query, {served}, or a divisor of it")
