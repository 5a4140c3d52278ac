"""Activation functions by name."""

from collections.abc import Callable
from typing import Any

from ..ops import elementwise, nn
from ..ops.dispatch import Tensor

relu, relu6, leaky_relu, elu = nn.relu, nn.relu6, nn.leaky_relu, nn.elu
silu, swish, sigmoid, softplus = nn.silu, nn.silu, nn.sigmoid, nn.softplus
softmax, log_softmax = nn.softmax, nn.log_softmax
tanh = elementwise.tanh


def linear(x) -> Tensor:
    """x itself."""
    return x


def gelu(x, approximate: bool = False) -> Tensor:
    """The Gaussian error linear unit; exact unless `approximate` (by tanh), as in Keras."""
    return nn.gelu(x, approximate)


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
