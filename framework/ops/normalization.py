"""Normalization with given or own statistics."""

from typing import Any

from .. import config
from ..typing import Axis, Ints, TensorLike
from . import checks
from .dispatch import Tensor, float_promoted, floating, together
from .errors import wrong
from .op import op


@op
def layer_normalization(
    x: TensorLike,
    gamma: TensorLike | None = None,
    beta: TensorLike | None = None,
    axis: Ints = -1,
    epsilon: float | None = None,
    *,
    rms_scaling: bool = False,
) -> Tensor:
    """Computes (x - mean) / sqrt(variance + epsilon) * gamma + beta along `axis` (Ba et al. 2016).

    `axis` is one axis or several; gamma and beta have its size (their sizes, in the order of x), or
    broadcast with x. `epsilon` is `config.epsilon()` unless given. The result has the dtype of x;
    half precision is computed in float32. `rms_scaling` is what old Keras code has for
    x / sqrt(variance + epsilon) * gamma.
    """
    backend, (x, gamma, beta) = together(x, gamma, beta)
    if x.dtype not in backend.float_types:
        backend, x = floating(x)
    axis, epsilon = _normalized(backend, x, axis, epsilon)
    if rms_scaling:
        return backend.variance_normalization(x, gamma, axis, epsilon)
    return backend.layer_normalization(x, gamma, beta, axis, epsilon)


@op
def rms_normalization(
    x: TensorLike, scale: TensorLike | None = None, axis: Ints = -1, epsilon: float | None = None
) -> Tensor:
    """Computes x / sqrt(mean(x^2) + epsilon) * scale along `axis` (Zhang & Sennrich 2019).

    `axis`, `scale`, `epsilon` and the dtype are those of `layer_normalization`; a number counts as
    a vector of one.
    """
    backend, (x, scale) = together(x, scale)
    if x.dtype not in backend.float_types:
        backend, x = floating(x)
    if not len(x.shape):
        x = backend.reshape(x, (1,))
    axis, epsilon = _normalized(backend, x, axis, epsilon)
    return backend.rms_normalization(x, scale, axis, epsilon)


def _normalized(backend, x, axis, epsilon) -> tuple[Any, float]:
    """One axis or several in rising order, and epsilon."""
    epsilon = config.epsilon() if epsilon is None else epsilon
    if type(axis) is int and -len(x.shape) <= axis < len(x.shape):
        return axis, epsilon
    axes = tuple(sorted(checks.axes_of(backend, x, axis)))
    return axes[0] if len(axes) == 1 else axes, epsilon


@op
def batch_normalization(
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    axis: int,
    offset: TensorLike | None = None,
    scale: TensorLike | None = None,
    epsilon: float = 1e-3,
) -> Tensor:
    """Computes (x - mean) / sqrt(variance + epsilon) * scale + offset with statistics per channel.

    mean, variance, offset and scale are vectors of the size of `axis`.
    """
    vectors = together(x, mean, variance, offset, scale)
    backend, (x, mean, variance, offset, scale) = vectors
    if x.dtype not in backend.float_types:
        backend, x = floating(x)
    if not -len(x.shape) <= axis < len(x.shape):
        checks.axis_of(backend, x, axis)
    size = x.shape[axis]
    if mean.shape[0] != size and size is not None:
        raise wrong("mean", mean, f"a vector of {size} elements, the size of axis {axis} of x")
    return backend.batch_normalization(x, mean, variance, axis, offset, scale, epsilon)


@op
def moments(
    x: TensorLike, axes: Ints, keepdims: bool = False, synchronized: bool = False
) -> tuple[Tensor, Tensor]:
    """Returns (mean, variance) along one axis or several; the variance divides by the number of
    elements.

    Half precision is computed in float32, and results that float16 cannot hold become its largest
    number. `synchronized` takes the moments of all replicas of a tf.distribute strategy or of a
    torch.distributed group, each of which must hold as many elements; an array of jax is whole
    already.
    """
    backend, x = floating(x)
    axes = checks.axes_of(backend, x, axes, "axes")
    wide, back = backend.in_single(x)
    over = backend.across_replicas if synchronized else _alone
    mean = over(backend.mean(wide, axes, True))
    variance = over(backend.mean(backend.square(backend.subtract(wide, mean)), axes, True))
    if not keepdims:
        mean, variance = backend.squeeze(mean, axes), backend.squeeze(variance, axes)
    if backend.dtype(x) == "float16":
        mean, variance = (backend.clip(m, -65504.0, 65504.0) for m in (mean, variance))
    return back(mean), back(variance)


def _alone(x: Tensor) -> Tensor:
    return x


@op
def normalize(
    x: TensorLike, axis: Axis = -1, order: int = 2, epsilon: float | None = None
) -> Tensor:
    """Computes x / max(norm, epsilon), with the norm (sum |x|^order)^(1/order) over one axis or
    several.

    `axis` None is all axes; a number counts as a vector of one. `epsilon` is `config.epsilon()`
    unless given. Its gradient at zero is finite.
    """
    if not isinstance(order, int) or isinstance(order, bool) or order < 1:
        raise wrong("order", order, "an integer of at least 1")
    epsilon = config.epsilon() if epsilon is None else epsilon
    backend, x = floating(x)
    if not backend.static_shape(x):
        x = backend.reshape(x, (1,))
    axes = checks.axes_of(backend, x, axis)
    wide, back = backend.in_single(x)
    if order == 2:
        total = backend.sum(backend.square(wide), axes, True)
        scale = backend.rsqrt(backend.maximum(total, epsilon**2))
        return back(backend.multiply(wide, scale))
    return back(backend.divide(wide, backend.maximum(_norm(backend, wide, axes, order), epsilon)))


def _norm(backend, x, axes, order):
    """(sum |x|^order)^(1/order); zero, with the gradient zero, for zeros."""
    size = backend.absolute(x)
    if order == 1:
        return backend.sum(size, axes, True)
    total = backend.sum(backend.power(size, order), axes, True)
    some = backend.greater(total, 0.0)
    root = backend.power(backend.where(some, total, 1.0), 1.0 / order)
    return backend.where(some, root, 0.0)


@op
def psnr(x1: TensorLike, x2: TensorLike, max_val: float) -> Tensor:
    """Computes the peak signal-to-noise ratio in dB: 10 log10(max_val^2 / mean((x1 - x2)^2)), a
    number.

    x1 and x2 have one shape; `max_val` is the largest value that a signal can have. Infinite for
    equal signals.
    """
    backend, x1, x2 = float_promoted(x1, x2)
    x1, x2 = (x if hasattr(x, "shape") else backend.asarray(x) for x in (x1, x2))
    checks.same_shape(backend, "x1", x1, "x2", x2)
    wide, back = backend.in_single(backend.subtract(x1, x2))
    error = backend.mean(backend.square(wide))
    peak = backend.asarray(max_val, backend.dtype(error))
    decibels = backend.subtract(
        backend.multiply(backend.log10(peak), 20.0), backend.multiply(backend.log10(error), 10.0)
    )
    return back(decibels)
