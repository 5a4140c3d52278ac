"""Activation functions."""

from .dispatch import Tensor, floating, tensor
from .op import op


@op
def relu(x) -> Tensor:
    """max(x, 0)."""
    backend, x = tensor(x)
    return backend.relu(x)


@op
def relu6(x) -> Tensor:
    """min(max(x, 0), 6)."""
    backend, x = floating(x)
    return backend.relu6(x)


@op
def leaky_relu(x, negative_slope: float = 0.2) -> Tensor:
    """x where positive, `negative_slope` * x elsewhere."""
    backend, x = floating(x)
    return backend.leaky_relu(x, negative_slope)


@op
def elu(x, alpha: float = 1.0) -> Tensor:
    """x where positive, alpha * (exp(x) - 1) elsewhere."""
    backend, x = floating(x)
    return backend.elu(x, alpha)


@op
def gelu(x, approximate: bool = True) -> Tensor:
    """x * P(X <= x) for a standard normal X (Hendrycks & Gimpel 2016); by tanh if `approximate`."""
    backend, x = floating(x)
    return backend.gelu(x, approximate)


@op
def silu(x) -> Tensor:
    """x * sigmoid(x)."""
    backend, x = floating(x)
    return backend.silu(x)


swish = silu


@op
def sigmoid(x) -> Tensor:
    """1 / (1 + exp(-x))."""
    backend, x = floating(x)
    return backend.sigmoid(x)


@op
def softplus(x) -> Tensor:
    """log(1 + exp(x)), without overflow."""
    backend, x = floating(x)
    return backend.softplus(x)


@op
def softmax(x, axis: int = -1) -> Tensor:
    """exp(x) over its sum along `axis`."""
    backend, x = floating(x)
    return backend.softmax(x, axis)


@op
def log_softmax(x, axis: int = -1) -> Tensor:
    """The logarithm of softmax along `axis`."""
    backend, x = floating(x)
    return backend.log_softmax(x, axis)
