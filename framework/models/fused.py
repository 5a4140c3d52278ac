"""A convolution, the normalization behind it, an activation and a shortcut, as one kernel."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..configs import plain_class
from ..context import state
from ..core.keras_tensor import KerasTensor
from ..layers import BatchNormalization, Conv1D, Conv2D, DepthwiseConv2D, Layer
from ..ops.dispatch import Tensor, together
from ..ops.errors import wrong
from ..ops.op import op
from ..ops.spatial import checked_padding, groups_of

_FUSIBLE = (Conv1D, Conv2D, DepthwiseConv2D, BatchNormalization)
ACTIVATIONS = ("relu", "relu6", "silu", "hard_silu", "sigmoid")


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
        activation: "relu", "relu6", "silu", "hard_silu", "sigmoid" or None.
        shortcut: a tensor like the result, or None.

    Raises:
        InvalidArgumentError: another activation, or channels that do not fit.
    """
    symbolic = isinstance(x, KerasTensor)  # of a model, whose layers must be found
    if symbolic or conv.resolve_training() or not (_is_fusible(conv) and _is_fusible(norm)):
        y = norm(conv(x))
        y = y if shortcut is None else ops.add(y, shortcut)
        return y if activation is None else getattr(ops, activation)(y)
    return fused(x, conv, norm, activation, shortcut)


def _is_fusible(layer: Layer) -> bool:
    """Whether a layer is one of ours with nothing around its call: what a kernel may stand for."""
    plain = layer.built and plain_class(type(layer)) in _FUSIBLE
    return plain and state.observer is None and not layer._native_hooks()


@op
def fused(
    x: Tensor,
    conv: Any,
    norm: Any,
    activation: str | None = None,
    shortcut: Any = None,
    padding: Any = None,
) -> Tensor:
    """Computes `activation(norm(conv(x)) + shortcut)` of the layers' weights, for inference.

    Args:
        x: what the convolution takes, (batch, *spatial, in).
        conv: a convolution, channels last; its own activation is left out.
        norm: the normalization behind it, or None.
        activation: see `conv_norm`.
        shortcut: a tensor like the result, or None.
        padding: zeros around x, (before, behind) for each axis; the convolution's own if None.

    Raises:
        InvalidArgumentError: another activation, or channels that do not fit.
    """
    if activation is not None and activation not in ACTIVATIONS:
        raise wrong("activation", activation, f"None or one of {', '.join(ACTIVATIONS)}")
    settings: dict[str, Any] = {
        "strides": conv.strides,
        "padding": checked_padding(conv.window_padding if padding is None else padding),
        "dilation": conv.dilation_rate,
    }
    kernel = conv.kernel
    weights = [conv.bias, *([None] * 4 if norm is None else _weights(norm))]
    backend, (x, kernel, shortcut, *weights) = together(x, kernel, shortcut, *weights)
    if not conv.depthwise:
        settings["groups"] = groups_of(x, kernel)
    epsilon = 0.0 if norm is None else norm.epsilon
    return backend.conv_batch_norm(
        x, kernel, *weights, epsilon, settings, conv.depthwise, activation, shortcut
    )


def _weights(norm: Any) -> list[Any]:
    return [norm.moving_mean, norm.moving_variance, norm.gamma, norm.beta]
