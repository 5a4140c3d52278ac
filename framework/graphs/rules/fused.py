"""Operators that rewritings put together; see `graphs/rewriting`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import ops
from ...ops.dispatch import together
from ...ops.spatial import checked_padding, groups_of
from ..calls import Call, dtype_of, rank_of, shape_of
from ..registry import RULES, rule
from ..rewriting.layouts import WRAPPED
from ..rewriting.net import OWN
from . import normalization, pooling  # noqa: F401 (whose rules are wrapped here)
from .convolution import arranged, pads_of, window, within


@rule("LayerNorm", domain=OWN, weights=(1, 2))
def _layer(call: Call, x: Any, scale: Any, shift: Any) -> Any:
    """Layer normalization along one axis, with factors that meet the last."""
    axis, epsilon = call.axis(call.get("axis"), rank_of(x)), call.get("epsilon")
    if axis == rank_of(x) - 1 and shape_of(scale)[0] == shape_of(x)[axis]:
        return ops.layer_normalization(x, scale, shift, axis=-1, epsilon=epsilon)
    mean, variance = ops.moments(x, axis, keepdims=True)
    y = ops.divide(ops.subtract(x, mean), ops.sqrt(ops.add(variance, epsilon)))
    return ops.add(ops.multiply(y, scale), shift)


@rule("RMSNorm", domain=OWN, weights=(1,))
def _root_mean_square(call: Call, x: Any, scale: Any) -> Any:
    """RMS normalization along the last axis, with a factor for each of its elements."""
    epsilon = call.get("epsilon")
    if shape_of(scale)[0] == shape_of(x)[-1]:
        return ops.rms_normalization(x, scale, axis=-1, epsilon=epsilon)
    mean = ops.mean(ops.square(x), -1, keepdims=True)
    return ops.multiply(ops.divide(x, ops.sqrt(ops.add(mean, epsilon))), scale)


@rule("Attention", domain=OWN)
def _attention(call: Call, query: Any, key: Any, value: Any, mask: Any = None) -> Any:
    """softmax(query key * scale + mask) value: query (…, n, d), key (…, d, m), value (…, m, e)."""
    scale, rank = call.get("scale"), rank_of(query)
    alike = rank == 4 and shape_of(query)[:2] == shape_of(key)[:2] == shape_of(value)[:2]
    if alike and shape_of(value)[3] == shape_of(query)[3]:
        if mask is not None:
            mask = ops.reshape(mask, (*(1,) * (4 - rank_of(mask)), *shape_of(mask)))
        found = ops.dot_product_attention(
            ops.transpose(query, (0, 2, 1, 3)),
            ops.transpose(key, (0, 3, 1, 2)),
            ops.transpose(value, (0, 2, 1, 3)),
            bias=mask,
            scale=scale,
        )
        return ops.transpose(found, (0, 2, 1, 3))
    scores = ops.multiply(ops.matmul(query, key), scale)
    scores = scores if mask is None else ops.add(scores, mask)
    return ops.matmul(ops.softmax(scores, -1), value)


@rule("Dense", domain=OWN, weights=(1, 2))
def _dense(call: Call, x: Any, kernel: Any, bias: Any) -> Any:
    """activation(x kernel + bias): x (…, in), kernel (in, out) or turned, bias (out,)."""
    kernel = ops.transpose(kernel) if call.get("turned", 0) else kernel
    backend, (x, kernel, bias) = together(x, kernel, bias)
    return backend.dense_block(x, kernel, bias, call.get("activation"))


@rule("ConvBlock", domain=OWN, weights=(1, 2, 3, 4, 5, 6))
def _conv_block(
    call: Call,
    x: Any,
    kernel: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    gamma: Any,
    beta: Any,
    shortcut: Any,
) -> Any:
    """A convolution with what follows it, by the backend's kernel for that."""
    rank, last = rank_of(kernel), bool(call.get("channels_last", 0))
    if rank_of(x) != rank:
        raise call.wrong(f"a kernel of {rank} axes meets a tensor of {rank_of(x)}")
    x = x if last else ops.transpose(x, (0, *range(2, rank), 1))
    x, strides, pads, dilations = _padded(call, x, kernel)
    channels = shape_of(x)[-1]
    depthwise = 1 < call.get("group", 1) == channels
    kernel = kept(call, 1, kernel, lambda k: arranged(call, k, channels)[0])
    bias = kept(call, 2, bias, lambda b: ops.reshape(b, (-1,)))
    activation = call.get("activation")
    fits = shortcut is None or rank_of(shortcut) == rank
    inner = shortcut if fits else None
    if inner is not None and not last:
        inner = ops.transpose(inner, (0, *range(2, rank), 1))
    vectors = (bias, mean, variance, gamma, beta)
    backend, (x, kernel, inner, *vectors) = together(x, kernel, inner, *vectors)
    settings: dict[str, Any] = {
        "strides": tuple(strides),
        "padding": checked_padding(pads),
        "dilation": tuple(dilations),
    }
    if not depthwise:
        settings["groups"] = groups_of(x, kernel)
    y = backend.conv_batch_norm(
        *(x, kernel, *vectors, call.get("epsilon", 0.0), settings, depthwise),
        *(activation if fits else None, inner),
    )
    y = y if last else ops.transpose(y, (0, rank - 1, *range(1, rank - 1)))
    if fits:
        return y
    y = ops.add(y, shortcut)
    return y if activation is None else backend.finished(y, activation, None)


def _padded(
    call: Call, x: Any, kernel: Any
) -> tuple[Any, list[int], list[tuple[int, int]], list[int]]:
    """x (batch, *spatial, channels) cut where a pad is negative, strides, pads and dilations."""
    rank, sizes = rank_of(x) - 2, shape_of(x)[1:-1]
    size, strides, dilations = window(call, rank, shape_of(kernel)[2:])
    channels, groups = shape_of(x)[-1], call.get("group", 1)
    if isinstance(channels, int) and channels != shape_of(kernel)[1] * groups:
        raise call.wrong(
            f"{channels} channels meet a kernel for {groups} groups of {shape_of(kernel)[1]}"
        )
    pads = pads_of(call, sizes, size, strides, dilations)
    if any(n < 0 for pair in pads for n in pair):
        cuts = [slice(max(-low, 0), -max(-high, 0) or None) for low, high in pads]
        x = ops.get_item(x, (slice(None), *cuts))
        pads = [(max(low, 0), max(high, 0)) for low, high in pads]
    within(call, shape_of(x)[1:-1], pads)
    return x, strides, pads, dilations


@rule("BatchNormalization", domain=OWN, weights=(1, 2, 3, 4))
def _batch(call: Call, x: Any, scale: Any, bias: Any, mean: Any, variance: Any) -> Any:
    """Normalization by given statistics, of channels that stand last."""
    normalization.check_channels(call, shape_of(x)[-1], (scale, bias, mean, variance))
    epsilon = call.get("epsilon", 1e-5)
    if dtype_of(x) == dtype_of(scale) == dtype_of(mean):
        return ops.batch_normalization(x, mean, variance, -1, bias, scale, epsilon)
    factor = ops.multiply(scale, ops.rsqrt(ops.add(variance, epsilon)))
    y = ops.add(ops.multiply(x, factor), ops.subtract(bias, ops.multiply(mean, factor)))
    return ops.cast(y, dtype_of(x))


def _wrap(name: str) -> None:
    """Makes a rule for channels that stand last of ONNX's own, which has them behind the batch.

    On torch the transposes are views of the memory that its kernels take; XLA joins them with what
    stands around them.
    """
    inner = RULES["", name]

    @rule(name, domain=OWN, weights=inner.weights, numbers=inner.numbers)
    def compute(call: Call, x: Any, *rest: Any) -> Any:
        rank = rank_of(x)
        found = inner.function(call, ops.transpose(x, (0, rank - 1, *range(1, rank - 1))), *rest)
        found = found[0] if isinstance(found, tuple) else found
        return ops.transpose(found, (0, *range(2, rank), 1))


for _name in WRAPPED:
    _wrap(_name)


def kept(call: Call, place: int, x: Any, make: Callable[[Any], Any]) -> Any:
    """A weight in another form, which is the same object at the next call: torch's kernels for
    inference keep what they make of a weight with it."""
    model = call.run.model
    if x is None:
        return None
    if model is None or call.backend.name != "torch" or call.backend.is_tracing(x):
        return make(x)
    if x.is_inference():  # which nothing tells when it is written to
        return make(x)
    views = model._cache.setdefault("views", {})
    name, version = call.node.inputs[place], x._version
    held = views.get(name)
    if held is None or held[0] is not x or held[1] != version:
        made = make(x)
        if made.grad_fn is not None:  # a graph of gradients is for one call
            return made
        held = views[name] = (x, version, made)
    return held[2]
