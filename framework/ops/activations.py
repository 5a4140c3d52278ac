"""Activation functions. Integers are answered in the default float, but for relu."""

from collections.abc import Callable
from typing import Any

from ..typing import Axis, TensorLike
from . import checks
from .dispatch import Tensor, floating, numeric, tensor
from .errors import wrong
from .op import op


@op
def relu(x: TensorLike) -> Tensor:
    """Computes max(x, 0). Booleans count as int32."""
    backend, x = tensor(x)
    if x.dtype not in backend.float_types:
        backend, x = numeric(x)
        if backend.dtype(x).startswith("u"):
            return x
    return backend.relu(x)


@op
def relu6(x: TensorLike) -> Tensor:
    """Computes min(max(x, 0), 6)."""
    backend, x = floating(x)
    return backend.relu6(x)


@op
def leaky_relu(x: TensorLike, negative_slope: float = 0.2) -> Tensor:
    """Returns x where positive, `negative_slope` * x elsewhere."""
    backend, x = floating(x)
    return backend.leaky_relu(x, negative_slope)


@op
def elu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """Returns x where positive, alpha * (exp(x) - 1) elsewhere."""
    backend, x = floating(x)
    return backend.elu(x, alpha)


@op
def selu(x: TensorLike) -> Tensor:
    """Computes 1.0507 * elu(x, 1.6733): self-normalizing (Klambauer et al. 2017)."""
    backend, x = floating(x)
    return backend.selu(x)


@op
def celu(x: TensorLike, alpha: float = 1.0) -> Tensor:
    """Returns x where positive, alpha * (exp(x / alpha) - 1) elsewhere (Barron 2017)."""
    backend, x = floating(x)
    return backend.celu(x, alpha)


@op
def gelu(x: TensorLike, approximate: bool = True) -> Tensor:
    """Computes x * P(X <= x) for a standard normal X (Hendrycks & Gimpel 2016); by tanh if
    `approximate`.
    """
    backend, x = floating(x)
    return backend.gelu(x, approximate)


@op
def silu(x: TensorLike) -> Tensor:
    """Computes x * sigmoid(x)."""
    backend, x = floating(x)
    return backend.silu(x)


swish = silu


@op
def glu(x: TensorLike, axis: int = -1) -> Tensor:
    """Returns the first half of `axis` times the sigmoid of the second (Dauphin et al. 2016).

    The result has half as many elements along `axis`, whose size must be even.
    """
    backend, x = floating(x)
    place = checks.axis_of(backend, x, axis)
    size = backend.static_shape(x)[place]
    if size is not None and size % 2:
        raise wrong("x", x, f"an even size of axis {axis}, which is halved")
    return backend.glu(x, place)


@op
def sigmoid(x: TensorLike) -> Tensor:
    """Computes 1 / (1 + exp(-x))."""
    backend, x = floating(x)
    return backend.sigmoid(x)


@op
def log_sigmoid(x: TensorLike) -> Tensor:
    """Computes log(sigmoid(x)), without underflow."""
    backend, x = floating(x)
    return backend.log_sigmoid(x)


@op
def sparse_sigmoid(x: TensorLike) -> Tensor:
    """Computes (x + 1) / 2, no lower than 0 and no higher than 1."""
    backend, x = floating(x)
    return backend.clip(backend.multiply(backend.add(x, 1.0), 0.5), 0.0, 1.0)


@op
def hard_sigmoid(x: TensorLike) -> Tensor:
    """Computes x / 6 + 1/2, no lower than 0 and no higher than 1."""
    backend, x = floating(x)
    return backend.hard_sigmoid(x)


@op
def hard_silu(x: TensorLike) -> Tensor:
    """Computes x * hard_sigmoid(x) (Howard et al. 2019)."""
    backend, x = floating(x)
    return backend.hard_silu(x)


hard_swish = hard_silu


@op
def hard_tanh(x: TensorLike) -> Tensor:
    """Returns x, no lower than -1 and no higher than 1."""
    backend, x = floating(x)
    return backend.clip(x, -1.0, 1.0)


@op
def softplus(x: TensorLike) -> Tensor:
    """Computes log(1 + exp(x)), without overflow."""
    backend, x = floating(x)
    return backend.softplus(x)


@op
def sparse_plus(x: TensorLike) -> Tensor:
    """Returns 0 up to -1, (x + 1)^2 / 4 up to 1, x from there."""
    backend, x = floating(x)
    return backend.sparse_plus(x)


@op
def squareplus(x: TensorLike, b: float = 4) -> Tensor:
    """Computes (x + sqrt(x^2 + b)) / 2 (Barron 2021), without cancellation below zero."""
    backend, x = floating(x)
    return backend.squareplus(x, b)


@op
def softsign(x: TensorLike) -> Tensor:
    """Computes x / (1 + |x|)."""
    backend, x = floating(x)
    return backend.softsign(x)


@op
def tanh_shrink(x: TensorLike) -> Tensor:
    """Computes x - tanh(x)."""
    backend, x = floating(x)
    return backend.subtract(x, backend.tanh(x))


@op
def soft_shrink(x: TensorLike, threshold: float = 0.5) -> Tensor:
    """Returns x moved towards zero by `threshold`, which is not negative; zero where it would cross
    it.
    """
    backend, x = floating(x)
    _not_negative(threshold)
    return backend.soft_shrink(x, threshold)


@op
def hard_shrink(x: TensorLike, threshold: float = 0.5) -> Tensor:
    """Returns x where |x| > `threshold`, which is not negative; zero elsewhere."""
    backend, x = floating(x)
    _not_negative(threshold)
    return backend.hard_shrink(x, threshold)


def _not_negative(threshold: Any) -> None:
    if isinstance(threshold, int | float) and threshold < 0:
        raise wrong("threshold", threshold, "a number of at least 0")


@op
def threshold(x: TensorLike, threshold: float, default_value: float) -> Tensor:
    """Returns x where greater than `threshold`, `default_value` elsewhere; NaN stays NaN."""
    backend, x = floating(x)
    return backend.threshold(x, threshold, default_value)


@op
def softmax(x: TensorLike, axis: Axis = -1) -> Tensor:
    """Computes exp(x) over its sum along `axis`: one axis, several in a tuple, or None for all."""
    backend, x = floating(x)
    if type(axis) is int and -len(x.shape) <= axis < len(x.shape):
        return backend.softmax(x, axis)
    return _over_axes(backend, backend.softmax, x, axis)


@op
def log_softmax(x: TensorLike, axis: Axis = -1) -> Tensor:
    """Returns the logarithm of softmax along `axis`: one axis, several in a tuple, or None for
    all.
    """
    backend, x = floating(x)
    if type(axis) is int and -len(x.shape) <= axis < len(x.shape):
        return backend.log_softmax(x, axis)
    return _over_axes(backend, backend.log_softmax, x, axis)


def _over_axes(backend: Any, kernel: Callable[..., Tensor], x: Tensor, axis: Any) -> Tensor:
    """A kernel of one axis over several: they go last and become one, and back."""
    rank = len(backend.static_shape(x))
    axes = checks.axes_of(backend, x, axis)
    if len(axes) == 1:
        return kernel(x, axes[0])
    order = [a for a in range(rank) if a not in axes] + list(axes)
    moved = backend.transpose(x, tuple(order))
    shape = backend.shape(moved)
    flat = backend.reshape(moved, (*shape[: rank - len(axes)], -1))
    y = backend.reshape(kernel(flat, -1), shape)
    return backend.transpose(y, tuple(order.index(a) for a in range(rank)))


@op
def sparsemax(x: TensorLike, axis: int = -1) -> Tensor:
    """Computes max(x - t, 0) with the t that makes it sum to 1 along `axis` (Martins & Astudillo
    2016).
    """
    backend, x = floating(x)
    return backend.sparsemax(x, checks.axis_of(backend, x, axis))
