"""A convolution, the normalization behind it, an activation and a shortcut, as one kernel."""

from __future__ import annotations

from typing import Any

from ..framework import ops
from ..framework.configs import plain_class
from ..framework.context import state
from ..framework.core.keras_tensor import KerasTensor
from ..framework.layers import BatchNormalization, Conv1D, Conv2D, DepthwiseConv2D, Layer
from ..framework.ops.dispatch import Tensor, together
from ..framework.ops.errors import wrong
from ..framework.ops.op import op
from ..framework.ops.spatial import checked_padding, groups_of

_FUSIBLE = (Conv1D, Conv2D, DepthwiseConv2D, BatchNormalization)
_ACTIVATIONS = (None, "relu", "relu6")


def conv_norm(
    conv: Any,
    norm: BatchNormalization,
    x: Tensor,
    activation: str | None = None,
    shortcut: Any = None,
) -> Tensor:
    """Computes `activation(norm(conv(x)) + shortcut)`.

    At inference one kernel does it, where the backend has one, and where both layers are the
    framework's own with nothing around their calls: no hooks of torch, no observer. Else they are
    called one after the other.

    Args:
        conv: a convolution without an activation, channels last.
        norm: the normalization behind it.
        x: what the convolution takes, such as (batch, height, width, in).
        activation: "relu", "relu6" or None.
        shortcut: a tensor like the result, or None.

    Raises:
        InvalidArgumentError: another activation, or channels that do not fit.
    """
    symbolic = isinstance(x, KerasTensor)  # of a model, whose layers must be found
    if symbolic or conv.resolve_training() or not (_is_fusible(conv) and _is_fusible(norm)):
        y = norm(conv(x))
        y = y if shortcut is None else ops.add(y, shortcut)
        return y if activation is None else getattr(ops, activation)(y)
    return _fused(x, conv, norm, activation, shortcut)


def _is_fusible(layer: Layer) -> bool:
    """Whether a layer is one of ours with nothing around its call: what a kernel may stand for."""
    plain = layer.built and plain_class(type(layer)) in _FUSIBLE
    return plain and state.observer is None and not layer._native_hooks()


@op
def _fused(x: Tensor, conv: Any, norm: Any, activation: Any, shortcut: Any) -> Tensor:
    """activation(norm(conv(x)) + shortcut) of the layers' weights."""
    if activation not in _ACTIVATIONS:
        raise wrong("activation", activation, "'relu', 'relu6' or None")
    backend, (x, kernel, bias, mean, variance, gamma, beta, shortcut) = together(
        x,
        conv.kernel,
        conv.bias,
        norm.moving_mean,
        norm.moving_variance,
        norm.gamma,
        norm.beta,
        shortcut,
    )
    settings = {
        "strides": conv.strides,
        "padding": checked_padding(conv.window_padding),
        "dilation": conv.dilation_rate,
    }
    if not conv.depthwise:
        settings["groups"] = groups_of(x, kernel)
    return backend.conv_batch_norm(
        x,
        kernel,
        bias,
        mean,
        variance,
        gamma,
        beta,
        norm.epsilon,
        settings,
        conv.depthwise,
        activation,
        shortcut,
    )
