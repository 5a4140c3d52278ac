"""Activation functions by name."""

from collections.abc import Callable
from typing import Any

from .. import ops
from ..ops.dispatch import Tensor

relu, relu6, leaky_relu, elu = ops.relu, ops.relu6, ops.leaky_relu, ops.elu
silu, swish, sigmoid, softplus = ops.silu, ops.silu, ops.sigmoid, ops.softplus
softmax, log_softmax = ops.softmax, ops.log_softmax
tanh = ops.tanh


def linear(x) -> Tensor:
    """x itself."""
    return x


def gelu(x, approximate: bool = False) -> Tensor:
    """The Gaussian error linear unit; exact unless `approximate` (by tanh), as in Keras."""
    return ops.gelu(x, approximate)


_NAMES: dict[str, Callable[..., Any]] = {
    "linear": linear,
    "relu": relu,
    "relu6": relu6,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "gelu": gelu,
    "silu": silu,
    "swish": silu,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "softplus": softplus,
    "softmax": softmax,
    "log_softmax": log_softmax,
}


def get(identifier: Any) -> Callable[..., Any]:
    """The activation of a name; `linear` for None; a callable as it is.

    ValueError, with the names there are, for an unknown name.
    """
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier
    if identifier not in _NAMES:
        raise ValueError(f"Unknown activation {identifier!r}; the names are: {', '.join(_NAMES)}.")
    return _NAMES[identifier]
