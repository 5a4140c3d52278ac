"""Operators that rewritings put together; see `graphs/rewriting`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ... import ops
from ...ops.dispatch import together
from ...ops.spatial import checked_padding, groups_of
from ..calls import Call, rank_of, shape_of
from ..registry import rule
from ..rewriting.net import OWN
from .convolution import arranged, padded


@rule("LayerNorm", domain=OWN, weights=(1, 2))
def _layer(call: Call, x: Any, scale: Any, shift: Any) -> Any:
    """Layer normalization along one axis, with factors that meet the last."""
    axis, epsilon = call.axis(call.get("axis"), rank_of(x)), call.get("epsilon")
    if axis == rank_of(x) - 1 and shape_of(scale)[0] == shape_of(x)[axis]:
        return ops.layer_normalization(x, scale, shift, axis=-1, epsilon=epsilon)
    mean, variance = ops.moments(x, axis, keepdims=True)
    y = ops.divide(ops.subtract(x, mean), ops.sqrt(ops.add(variance, epsilon)))
    return ops.add(ops.multiply(y, scale), shift)


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
    x, strides, pads, dilations = padded(call, x, kernel)
    channels = shape_of(x)[1]
    depthwise = 1 < call.get("group", 1) == channels
    kernel = _kept(call, 1, kernel, lambda k: arranged(call, k, channels)[0])
    bias = _kept(call, 2, bias, lambda b: ops.reshape(b, (-1,)))
    activation = call.get("activation")
    fits = shortcut is None or rank_of(shortcut) == rank_of(x)
    inner = shortcut if fits else None
    x = ops.transpose(x, (0, 2, 3, 1))
    inner = None if inner is None else ops.transpose(inner, (0, 2, 3, 1))
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
    y = ops.transpose(y, (0, 3, 1, 2))
    if fits:
        return y
    y = ops.add(y, shortcut)
    return y if activation is None else getattr(ops, activation)(y)


def _kept(call: Call, place: int, x: Any, make: Callable[[Any], Any]) -> Any:
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
