"""Batch normalization, and batch renormalization."""

from typing import Any

from ... import config, ops
from ...core.input_spec import InputSpec
from ...ops.dispatch import together
from .base import Normalization, in_single

_CLIPPING = ("rmax", "rmin", "dmax")


class BatchNormalization(Normalization):
    """Normalization of each channel by the batch (training) or by moving statistics (inference).

    Ioffe & Szegedy 2015, with Keras's arguments: (x - mean) / sqrt(variance + epsilon) * gamma +
    beta. While training, moving statistics become momentum * moving + (1 - momentum) * batch; a
    frozen layer infers. Inputs and outputs have the same shape, the weights the size of the
    channels. With `renorm` (Ioffe 2017) the batch's result is corrected to that of statistics that
    move along, as far as `renorm_clipping` allows.

    Args:
        axis: the axis of the channels.
        momentum: the share of the moving statistics that stays.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether the result is multiplied by gamma.
        beta_initializer: the first values of beta.
        gamma_initializer: the first values of gamma.
        moving_mean_initializer: the first values of the moving mean.
        moving_variance_initializer: the first values of the moving variance.
        beta_regularizer: a loss for beta.
        gamma_regularizer: a loss for gamma.
        beta_constraint: what is applied to beta after each training step.
        gamma_constraint: what is applied to gamma after each training step.
        renorm: whether to correct the batch's result.
        renorm_clipping: bounds of the correction, by the keys "rmax", "rmin" and "dmax".
        renorm_momentum: momentum of the statistics to which it is corrected.
        synchronized: whether the batch is that of all replicas; see `ops.moments`.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: other keys or bounds in `renorm_clipping`; later, an axis that the inputs do not
            have, or of unknown size.
    """

    _keeps_spec = True
    moving_mean: Any
    moving_variance: Any

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis, self.momentum, self.epsilon = int(axis), float(momentum), float(epsilon)
        beta = beta_initializer, beta_regularizer, beta_constraint
        gamma = gamma_initializer, gamma_regularizer, gamma_constraint
        self._set_affine(center, scale, beta, gamma)
        self._describe_weight("moving_mean", moving_mean_initializer)
        self._describe_weight("moving_variance", moving_variance_initializer)
        self.renorm, self.renorm_momentum = renorm, renorm_momentum
        self.renorm_clipping = _checked_clipping(renorm_clipping or {}) if renorm else None
        self.synchronized = synchronized

    def build(self, input_shape: Any) -> None:
        """Makes gamma and beta, and the moving statistics, of the size of the channels."""
        shape = self._sizes_along(input_shape)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: shape[0]})
        # In half precision a moving average would stand still: its steps are below the rounding.
        self._make_affine(shape, autocast=False)
        kept: dict[str, Any] = {"trainable": False, "autocast": False}
        self.moving_mean = self._make_weight("moving_mean", shape, **kept)
        self.moving_variance = self._make_weight("moving_variance", shape, **kept)
        if self.renorm:
            deviation = self._first_deviation
            self.moving_stddev = self.add_weight(shape, deviation, **kept)
            self.renorm_mean = self._make_weight("moving_mean", shape, **kept)
            self.renorm_stddev = self.add_weight(shape, deviation, **kept)

    def _first_deviation(self, shape: Any, dtype: Any = None) -> Any:
        return ops.sqrt(self.moving_variance_initializer(shape, dtype))  # pyright: ignore

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """Computes the normalized inputs; half precision in float32.

        With a `mask` of the shape of the inputs without the channels, which are last, only elements
        where it is true count for the batch's statistics.
        """
        if mask is not None and len(mask.shape) != len(inputs.shape) - 1:
            raise ValueError(
                "The mask provided should be one dimension less than the inputs. Received: "
                f"mask.shape={tuple(mask.shape)}, inputs.shape={tuple(inputs.shape)}"
            )
        mean, variance = self.moving_mean, self.moving_variance
        gamma, beta = self.gamma, self.beta
        if training and self.trainable:
            plain = mask is None and not self.renorm and not self.synchronized
            whole = self._by_one_kernel(inputs) if plain else None
            outputs, mean, variance = whole or (None, *self._moments(inputs, mask))
            if self.renorm:
                gamma, beta = self._corrected(mean, variance)
                self._move_renormed(mean, variance)
            else:
                self._move("moving_mean", mean, self.momentum)
                self._move("moving_variance", variance, self.momentum)
            if outputs is not None:
                return outputs
        return ops.batch_normalization(inputs, mean, variance, self.axis, beta, gamma, self.epsilon)

    def _by_one_kernel(self, inputs: Any) -> Any:
        """Outputs, mean and variance of the batch by a kernel of the backend, or None."""
        backend, (x, beta, gamma) = together(inputs, self.beta, self.gamma)
        return backend.batch_normalized(x, self.axis, beta, gamma, self.epsilon)

    def _move(self, name: str, value: Any, momentum: float) -> Any:
        """Move a statistic towards that of a batch; gives the new one."""
        moving = getattr(self, name)
        kept, came = ops.multiply(moving, momentum), ops.multiply(value, 1 - momentum)
        moved = ops.add(kept, ops.stop_gradient(came))
        moving.assign(moved)
        return moved

    def _moments(self, inputs: Any, mask: Any) -> tuple[Any, Any]:
        """Mean and variance of the batch for each channel, in float32 at least."""
        inputs = in_single(inputs)
        rank = len(inputs.shape)
        axes = tuple(i for i in range(rank) if i != self.axis % rank)
        if mask is None:
            return ops.moments(inputs, axes, synchronized=self.synchronized)
        mask = ops.broadcast_to(ops.expand_dims(ops.cast(mask, "bool"), -1), ops.shape(inputs))
        count = ops.sum(ops.cast(mask, ops.dtype(inputs)), axes, True)
        count = ops.add(count, config.epsilon())
        mean = ops.divide(ops.sum(ops.where(mask, inputs, 0), axes, True), count)
        apart = ops.where(mask, ops.subtract(inputs, mean), 0)
        variance = ops.divide(ops.sum(ops.square(apart), axes, True), count)
        return ops.squeeze(mean, axes), ops.squeeze(variance, axes)

    # Renormalization --------------------------------------------------------------------------

    def _corrected(self, mean: Any, variance: Any) -> tuple[Any, Any]:
        """gamma and beta, with the correction to the moving statistics in them."""
        bounds = self.renorm_clipping or {}
        least = self.epsilon**0.5
        apart = ops.maximum(self.renorm_stddev, least)
        r = ops.divide(ops.sqrt(ops.add(variance, self.epsilon)), apart)
        d = ops.divide(ops.subtract(mean, self.renorm_mean), apart)
        if bounds.get("rmin") is not None:
            r = ops.maximum(r, bounds["rmin"])
        if bounds.get("rmax") is not None:
            r = ops.minimum(r, bounds["rmax"])
        if bounds.get("dmax") is not None:
            d = ops.clip(d, -bounds["dmax"], bounds["dmax"])
        r, d = ops.stop_gradient(r), ops.stop_gradient(d)
        if self.gamma is not None:
            r, d = ops.multiply(r, self.gamma), ops.multiply(d, self.gamma)
        return r, d if self.beta is None else ops.add(d, self.beta)

    def _move_renormed(self, mean: Any, variance: Any) -> None:
        deviation = ops.sqrt(ops.add(variance, self.epsilon))
        self._move("renorm_mean", mean, self.renorm_momentum)
        self._move("renorm_stddev", deviation, self.renorm_momentum)
        self._move("moving_mean", mean, self.momentum)
        moved = self._move("moving_stddev", deviation, self.momentum)
        self.moving_variance.assign(ops.relu(ops.subtract(ops.square(moved), self.epsilon)))


def _checked_clipping(bounds: dict[str, float]) -> dict[str, float]:
    if set(bounds) - set(_CLIPPING):
        raise ValueError(
            f"Received invalid keys for `renorm_clipping` argument: {bounds}. Supported values: "
            f"{list(_CLIPPING)}."
        )
    rmax, rmin, dmax = (bounds.get(name) for name in _CLIPPING)
    if rmax is not None and rmin is not None and rmax < rmin:
        raise ValueError(
            "rmax should be greater than rmin in the `renorm_clipping` argument. Received: "
            f"rmax={rmax}, rmin={rmin}."
        )
    if dmax is not None and dmax < 0:
        raise ValueError(
            f"dmax should be non-negative in the `renorm_clipping` argument. Received: dmax={dmax}."
        )
    return bounds
