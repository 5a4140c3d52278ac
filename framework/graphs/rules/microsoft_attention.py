"""onnxruntime's attention: with weights of its own, of several heads, of grouped heads, rotary.

Definition: github.com/microsoft/onnxruntime, docs/ContribOperators.md. Inside, queries, keys and
values are (batch, places, heads, size).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...ops.joining import split
from ..calls import Call, dtype_of, rank_of, shape_of
from ..registry import rule
from .microsoft import DOMAIN


def _heads(x: Any, count: int) -> Any:
    """(batch, places, heads * size) -> (batch, places, heads, size)."""
    batch, places, width = shape_of(x)
    return ops.reshape(x, (batch, places, count, width // count))


def _swapped(x: Any) -> Any:
    """Exchanges the axes of places and heads."""
    return ops.transpose(x, (0, 2, 1, 3))


def _joined(x: Any) -> Any:
    batch, places, heads, size = shape_of(x)
    return ops.reshape(x, (batch, places, heads * size))


def _attended(
    call: Call, query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None
) -> Any:
    scale = call.get("scale", 0.0) or shape_of(query)[3] ** -0.5
    if shape_of(value)[3] == shape_of(query)[3]:
        return _joined(ops.dot_product_attention(query, key, value, bias, mask, scale))
    scores = ops.multiply(ops.matmul(_swapped(query), ops.transpose(key, (0, 2, 3, 1))), scale)
    scores = scores if bias is None else ops.add(scores, bias)
    if mask is not None:
        scores = ops.where(mask, scores, ops.full((), -1e30, dtype_of(scores)))
    return _joined(_swapped(ops.matmul(ops.softmax(scores), _swapped(value))))


def _before(places: int, held: int, behind: int = 0) -> np.ndarray:
    """Which of `held` places a query may see: those up to its own, `behind` others before it."""
    return np.arange(held) <= np.arange(places)[:, None] + behind


def _both(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return b if a is None else a
    return ops.logical_and(a, b)


def _keys_mask(call: Call, mask: Any, batch: Any, places: Any, held: Any) -> Any:
    """A mask of keys in one of its forms, as one that meets (batch, heads, places, held)."""
    if mask is None:
        return None
    shape = shape_of(mask)
    if len(shape) == 1 and shape[0] == batch:  # how many keys there are
        there = ops.less(np.arange(held, dtype=np.int32), ops.reshape(mask, (-1, 1)))
        return ops.reshape(there, (batch, 1, 1, held))
    if len(shape) == 1 and shape[0] == 2 * batch:  # where they end, and where they begin
        ends, starts = (ops.reshape(part, (-1, 1)) for part in split(mask, 2, 0))
        number = np.arange(held, dtype=np.int32)
        there = ops.logical_and(ops.less(number, ends), ops.greater_equal(number, starts))
        return ops.reshape(there, (batch, 1, 1, held))
    there = ops.not_equal(mask, 0)
    if len(shape) == 2:
        return ops.reshape(there, (batch, 1, 1, held))
    if len(shape) == 3:
        return ops.reshape(there, (batch, 1, places, held))
    raise call.wrong(f"its mask has the shape {list(shape)}, which is not known here")


@rule("Attention", domain=DOMAIN, weights=(1, 2))
def _attention(
    call: Call,
    x: Any,
    weights: Any,
    bias: Any = None,
    mask: Any = None,
    past: Any = None,
    added: Any = None,
    past_length: Any = None,
) -> Any:
    y = ops.matmul(x, weights)
    y = y if bias is None else ops.add(y, bias)
    return self_attended(call, y, mask, past, added)


def self_attended(call: Call, y: Any, mask: Any, past: Any, added: Any = None) -> tuple[Any, Any]:
    """Returns what attention gives, and the keys and values for a later call if these are wanted.

    Args:
        call: of the node, which has the number of heads.
        y: queries, keys and values side by side, (batch, places, widths).
        mask: in one of the forms of `_keys_mask`, or None.
        past: (2, batch, heads, places before, size), or None.
        added: what is added to the scores, or None.
    """
    if call.get("do_rotary", 0) or call.get("past_present_share_buffer", 0):
        raise call.wrong("rotation and shared buffers are not known here")
    heads, widths = call.get("num_heads"), call.get("qkv_hidden_sizes")
    if not widths:
        widths = [shape_of(y)[2] // 3] * 3
    parts = split(y, [widths[0], widths[0] + widths[1]], -1)
    query, key, value = (_heads(part, heads) for part in parts)
    batch, places = shape_of(y)[:2]
    if past is not None:
        old_key, old_value = (ops.squeeze(part, 0) for part in split(past, 2, 0))
        key = ops.concatenate([_swapped(old_key), key], 1)
        value = ops.concatenate([_swapped(old_value), value], 1)
    held = shape_of(key)[1]
    there = _keys_mask(call, mask, batch, places, held)
    if call.get("unidirectional", 0):
        there = _both(there, _before(places, held, held - places))
    present = None
    if call.wants(1):
        present = ops.stack([_swapped(key), _swapped(value)], 0)
    return _attended(call, query, key, value, added, there), present


@rule("MultiHeadAttention", domain=DOMAIN, weights=(3,))
def _multi_head(
    call: Call,
    query: Any,
    key: Any = None,
    value: Any = None,
    bias: Any = None,
    mask: Any = None,
    added: Any = None,
    past_key: Any = None,
    past_value: Any = None,
    *rest: Any,
) -> Any:
    heads, crossed = call.get("num_heads"), False
    if any(x is not None for x in rest):
        raise call.wrong("past lengths and indirections of a cache are not known here")
    if rank_of(query) == 5:  # (batch, places, heads, 3, size)
        query, key, value = (ops.squeeze(x, 3) for x in split(query, 3, 3))
    elif key is None:
        raise call.wrong("it has no keys")
    else:
        query = _heads(query, heads)
        if rank_of(key) == 5:  # (batch, places, heads, 2, size)
            key, value = (ops.squeeze(x, 3) for x in split(key, 2, 3))
        elif rank_of(key) == 4:  # of another sequence, projected before: (batch, heads, places, …)
            crossed, key, value = True, _swapped(key), _swapped(value)
        else:
            key, value = _heads(key, heads), _heads(value, heads)
    if bias is not None:
        width = heads * shape_of(query)[3]
        parts = split(bias, [width, 2 * width], 0)
        rows = [ops.reshape(part, (1, 1, heads, -1)) for part in parts]
        query = ops.add(query, rows[0])
        if not crossed:
            key, value = ops.add(key, rows[1]), ops.add(value, rows[2])
    if past_key is not None and past_value is not None:
        key = ops.concatenate([_swapped(past_key), key], 1)
        value = ops.concatenate([_swapped(past_value), value], 1)
    (batch, places), held = shape_of(query)[:2], shape_of(key)[1]
    there = _keys_mask(call, mask, batch, places, held)
    if call.get("unidirectional", 0):
        there = _both(there, _before(places, held, held - places))
    y = _attended(call, query, key, value, added, there)
    return y, _swapped(key), _swapped(value)


def rotated(x: Any, cosines: Any, sines: Any, interleaved: bool) -> Any:
    """Returns vectors turned in planes (Su et al. 2021); what is beyond the planes stays.

    Args:
        x: (batch, places, heads, size).
        cosines: (batch or 1, places, planes).
        sines: as the cosines.
        interleaved: whether neighbours make a plane, and not a half and the other.
    """
    planes = shape_of(cosines)[-1]
    shape = (shape_of(cosines)[0], shape_of(cosines)[1], 1, planes)
    cosines, sines = ops.reshape(cosines, shape), ops.reshape(sines, shape)
    rest = ops.get_item(x, (..., slice(2 * planes, None)))
    if interleaved:
        first = ops.get_item(x, (..., slice(0, 2 * planes, 2)))
        second = ops.get_item(x, (..., slice(1, 2 * planes, 2)))
    else:
        first = ops.get_item(x, (..., slice(0, planes)))
        second = ops.get_item(x, (..., slice(planes, 2 * planes)))
    turned = [
        ops.subtract(ops.multiply(first, cosines), ops.multiply(second, sines)),
        ops.add(ops.multiply(first, sines), ops.multiply(second, cosines)),
    ]
    if interleaved:
        whole = ops.reshape(ops.stack(turned, -1), (*shape_of(x)[:3], 2 * planes))
    else:
        whole = ops.concatenate(turned, -1)
    return ops.concatenate([whole, rest], -1) if shape_of(x)[3] != 2 * planes else whole


@rule("RotaryEmbedding", domain=DOMAIN)
def _rotary(call: Call, x: Any, positions: Any, cosines: Any, sines: Any) -> Any:
    if call.get("is_packed_batching", 0):
        raise call.wrong("packed batches are not known here")
    apart = rank_of(x) == 4  # (batch, heads, places, size)
    shape = shape_of(x)
    if apart:
        inner = _swapped(x)
    else:
        width = call.get("rotary_embedding_dim", 0)
        heads = call.get("num_heads", 0)
        if not (width and heads):
            heads = shape[2] // (2 * shape_of(cosines)[1])
        inner = _heads(x, heads)
    places = shape_of(inner)[1]
    if rank_of(positions) == 1:  # that of the first
        positions = ops.add(ops.reshape(positions, (1, 1)), np.arange(places)[None])
    cosines, sines = ops.take(cosines, positions, 0), ops.take(sines, positions, 0)
    inner = rotated(inner, cosines, sines, bool(call.get("interleaved", 0)))
    inner = ops.multiply(inner, call.get("scale", 1.0)) if call.get("scale", 1.0) != 1 else inner
    return _swapped(inner) if apart else ops.reshape(inner, shape)


@rule("GroupQueryAttention", domain=DOMAIN)
def _grouped(
    call: Call,
    query: Any,
    key: Any,
    value: Any,
    past_key: Any,
    past_value: Any,
    lengths: Any,
    total: Any,
    cosines: Any = None,
    sines: Any = None,
    positions: Any = None,
    added: Any = None,
    sink: Any = None,
    *rest: Any,
) -> Any:
    """Attention whose keys are kept: `lengths` are the places of each row, less one."""
    heads, groups = call.get("num_heads"), call.get("kv_num_heads")
    if any(x is not None for x in rest):
        raise call.wrong("quantized caches are not known here")
    if key is None:  # all three in one
        batch, places, width = shape_of(query)
        size = width // (heads + 2 * groups)
        ends = [heads * size, (heads + groups) * size]
        query, key, value = split(query, ends, -1)
    query, key, value = _heads(query, heads), _heads(key, groups), _heads(value, groups)
    batch, places = shape_of(query)[:2]
    held = 0 if past_key is None else shape_of(past_key)[2]
    known = isinstance(total, np.ndarray)
    whole = max(held, int(total.reshape(()))) if known else held + places
    # How many places of each row were there before.
    before = ops.subtract(ops.cast(ops.reshape(lengths, (-1, 1)), "int32"), places - 1)
    if (known and whole == places) or not held:
        before = ops.zeros_like(before)  # a prompt, perhaps with padding behind it
    at = ops.add(before, np.arange(places, dtype=np.int32)[None])
    if call.get("do_rotary", 0):
        where = at if positions is None else positions
        cosines, sines = ops.take(cosines, where, 0), ops.take(sines, where, 0)
        turn = bool(call.get("rotary_interleaved", 0))
        query, key = (rotated(x, cosines, sines, turn) for x in (query, key))
    key, value = _swapped(key), _swapped(value)
    if held:
        key = _kept(past_key, key, before, whole)
        value = _kept(past_value, value, before, whole)
    there = ops.less_equal(np.arange(whole, dtype=np.int32), ops.expand_dims(at, -1))
    window = call.get("local_window_size", -1)
    if window > 0:
        first = ops.expand_dims(ops.subtract(at, window), -1)
        there = ops.logical_and(there, ops.greater(np.arange(whole, dtype=np.int32), first))
    y = _weighed(call, query, key, value, ops.expand_dims(there, 1), added, sink)
    return y, key, value


def _kept(past: Any, new: Any, before: Any, whole: int) -> Any:
    """Keys or values (batch, heads, places, size) with the new ones behind those of each row."""
    held, places = shape_of(past)[2], shape_of(new)[2]
    number = np.arange(whole, dtype=np.int32)[None]
    fresh = ops.clip(ops.subtract(number, before), 0, places - 1)
    source = ops.where(ops.less(number, before), number, ops.add(fresh, held))
    source = ops.reshape(source, (shape_of(new)[0], 1, whole, 1))
    return ops.take_along_axis(ops.concatenate([past, new], 2), source, 2)


def _weighed(
    call: Call, query: Any, key: Any, value: Any, there: Any, added: Any, sink: Any
) -> Any:
    softcap, smooth = call.get("softcap", 0.0), call.get("smooth_softmax", 0)
    key, value = _swapped(key), _swapped(value)
    if not softcap and not smooth == 1 and sink is None:
        return _attended(call, query, key, value, added, there)
    scale = call.get("scale", 0.0) or shape_of(query)[3] ** -0.5
    count = shape_of(query)[2] // shape_of(key)[2]
    key, value = (ops.repeat(x, count, 2) if count > 1 else x for x in (key, value))
    scores = ops.multiply(ops.matmul(_swapped(query), ops.transpose(key, (0, 2, 3, 1))), scale)
    if softcap:
        scores = ops.multiply(ops.tanh(ops.divide(scores, softcap)), softcap)
    scores = scores if added is None else ops.add(scores, added)
    scores = ops.where(there, scores, ops.full((), -1e30, dtype_of(scores)))
    if sink is not None or smooth == 1:  # one more place, whose value is nothing
        rows = shape_of(scores)
        extra = ops.zeros((1, rows[1], 1, 1), dtype_of(scores))
        extra = extra if sink is None else ops.reshape(sink, (1, rows[1], 1, 1))
        extra = ops.broadcast_to(extra, (*rows[:3], 1))
        shares = ops.softmax(ops.concatenate([scores, extra], -1))
        shares = ops.get_item(shares, (..., slice(0, rows[3])))
    else:
        shares = ops.softmax(scores)
    return _joined(_swapped(ops.matmul(shares, _swapped(value))))
