"""Activations by the names that published configs give them (transformers' ACT2FN)."""

from collections.abc import Callable
from typing import Any

from ..framework import ops


def gelu_tanh(x: Any) -> Any:
    """Computes the Gaussian error linear unit by its tanh form."""
    return ops.gelu(x, approximate=True)


def quick_gelu(x: Any) -> Any:
    """Computes x * sigmoid(1.702 x), an approximation of the Gaussian error linear unit."""
    return ops.multiply(x, ops.sigmoid(ops.multiply(x, 1.702)))


# Name in a config -> what a layer's `activation` takes.
NAMES: dict[str, str | Callable[..., Any]] = {
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": gelu_tanh,
    "gelu_fast": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "quick_gelu": quick_gelu,
    "relu": "relu",
    "relu6": "relu6",
    "leaky_relu": "leaky_relu",
    "mish": "mish",
    "sigmoid": "sigmoid",
    "silu": "silu",
    "swish": "silu",
    "tanh": "tanh",
    "linear": "linear",
}


def get(name: str) -> str | Callable[..., Any]:
    """Returns the activation that a config's name means. ValueError for an unknown name."""
    if name not in NAMES:
        raise ValueError(f"Unknown activation {name!r}; the names are: {', '.join(NAMES)}.")
    return NAMES[name]
