"""Attention."""

from .dispatch import Tensor, together
from .op import op


@op
def dot_product_attention(
    query, key, value, bias=None, mask=None, scale=None, is_causal: bool = False
) -> Tensor:
    """softmax(query key^T * scale + bias) value, fused where the backend can (Vaswani et al. 2017).

    Shapes: query (batch, target, heads, dim), key and value (batch, source, heads, dim); mask
    (boolean, true = attend) and bias broadcast to (batch, heads, target, source). `scale` is
    1 / sqrt(dim) unless given. A query that may attend to nothing gets the mean. The result has
    the shape of query.
    """
    backend, (query, key, value, bias, mask) = together(query, key, value, bias, mask)
    if mask is not None and backend.dtype(mask) != "bool":
        mask = backend.cast(mask, "bool")
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    return backend.attention(query, key, value, mask, bias, scale, is_causal)
