"""Group normalization."""

from typing import Any

from ... import ops
from ...core.input_spec import InputSpec
from ...ops.dispatch import floating, together
from ...ops.op import op
from .base import HALVES, Normalization, in_single


@op
def _of_last_axis(x: Any, gamma: Any, beta: Any, groups: int, epsilon: float) -> Any:
    """Normalizes groups of the last axis; see `GroupNormalization`."""
    backend, (x, gamma, beta) = together(x, gamma, beta)
    if x.dtype not in backend.float_types:
        backend, x = floating(x)
    return backend.group_normalization(x, gamma, beta, groups, epsilon)


class GroupNormalization(Normalization):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta over each group of channels.

    Wu & He 2018, with Keras's arguments. Mean and variance are those of all elements of an example
    whose channels are in the group. Inputs and outputs have the same shape; gamma and beta have the
    size of the channels.

    Args:
        groups: the number of groups, which divides that of the channels; -1 for one for each
            channel (instance normalization).
        axis: the axis of the channels.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether the result is multiplied by gamma.
        beta_initializer: the first values of beta.
        gamma_initializer: the first values of gamma.
        beta_regularizer: a loss for beta.
        gamma_regularizer: a loss for gamma.
        beta_constraint: what is applied to beta after each training step.
        gamma_constraint: what is applied to gamma after each training step.
        **kwargs: the arguments of `Layer`.

    Raises:
        ValueError: `groups` below 1; later, channels that it does not divide, or of unknown number.
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(groups, int) or (groups <= 0 and groups != -1):
            raise ValueError(
                "Received an invalid value for argument `groups`, expected a positive integer (or "
                f"`-1` for instance normalization). Received: groups={groups}"
            )
        super().__init__(**kwargs)
        self._take_wide_inputs()
        self.groups, self.axis, self.epsilon = groups, int(axis), epsilon
        beta = beta_initializer, beta_regularizer, beta_constraint
        gamma = gamma_initializer, gamma_regularizer, gamma_constraint
        self._set_affine(center, scale, beta, gamma)

    def build(self, input_shape: Any) -> None:
        """Makes gamma and beta, of the size of the channels."""
        (channels,) = self._sizes_along(input_shape)
        if self.groups == -1:
            self.groups = channels
        if channels < self.groups:
            raise ValueError(
                f"Number of groups ({self.groups}) cannot be more than the number of channels "
                f"({channels})."
            )
        if channels % self.groups:
            raise ValueError(
                f"Number of groups ({self.groups}) must be a multiple of the number of channels "
                f"({channels})."
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})
        self._make_affine((channels,))

    def call(self, inputs: Any) -> Any:
        """Computes the normalized inputs; half precision in float32."""
        rank = len(inputs.shape)
        if self.axis % rank == rank - 1 > 0:
            dtype = ops.dtype(inputs)
            y = _of_last_axis(inputs, self.gamma, self.beta, self.groups, self.epsilon)
            return self._in_compute_dtype(ops.cast(y, dtype) if dtype in HALVES else y)
        axis, shape = self.axis % rank, ops.shape(inputs)
        channels = inputs.shape[axis]
        sizes = (self.groups, channels // self.groups)
        # The groups stand behind the batch, and all else of a group behind them.
        x = in_single(inputs)
        x = x if axis == 1 else ops.moveaxis(x, axis, 1)
        rest = tuple(shape[i] for i in range(1, rank) if i != axis)
        x = ops.reshape(x, (shape[0], *sizes, *rest))
        inside: Any = tuple(range(2, rank + 1))
        x = ops.layer_normalization(x, axis=inside, epsilon=self.epsilon)
        x = ops.reshape(x, (shape[0], channels, *rest))
        x = x if axis == 1 else ops.moveaxis(x, 1, axis)
        x = self._scaled(x, (channels,) + (1,) * (rank - 1 - axis))
        dtype = ops.dtype(inputs)
        return self._in_compute_dtype(ops.cast(x, dtype) if dtype in HALVES else x)

    def _scaled(self, x: Any, shape: tuple[int, ...]) -> Any:
        if self.gamma is not None:
            x = ops.multiply(x, ops.reshape(self.gamma, shape))
        return x if self.beta is None else ops.add(x, ops.reshape(self.beta, shape))
