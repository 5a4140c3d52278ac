"""Normalization with given or own statistics."""

from .dispatch import Tensor, together
from .op import op


@op
def layer_normalization(x, gamma=None, beta=None, axis: int = -1, epsilon: float = 1e-3) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta along one axis (Ba et al. 2016)."""
    backend, (x, gamma, beta) = together(x, gamma, beta)
    return backend.layer_normalization(x, gamma, beta, axis, epsilon)


@op
def rms_normalization(x, scale=None, axis: int = -1, epsilon: float = 1e-6) -> Tensor:
    """x / sqrt(mean(x^2) + epsilon) * scale along one axis (Zhang & Sennrich 2019)."""
    backend, (x, scale) = together(x, scale)
    return backend.rms_normalization(x, scale, axis, epsilon)


@op
def batch_normalization(
    x, mean, variance, axis: int, offset=None, scale=None, epsilon=1e-3
) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset with statistics per channel."""
    backend, (x, mean, variance, offset, scale) = together(x, mean, variance, offset, scale)
    return backend.batch_normalization(x, mean, variance, axis, offset, scale, epsilon)
