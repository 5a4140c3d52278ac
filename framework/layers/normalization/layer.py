"""Layer normalization."""

from typing import Any

from ... import ops
from .base import Normalization


class LayerNormalization(Normalization):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta along axes of each example.

    Ba et al. 2016, with Keras's arguments. Inputs and outputs have the same shape; gamma and beta
    have the sizes of the axes.

    Args:
        axis: the axis, or axes, along which mean and variance are taken.
        epsilon: added to the variance.
        center: whether beta is added.
        scale: whether the result is multiplied by gamma.
        beta_initializer: the first values of beta.
        gamma_initializer: the first values of gamma.
        beta_regularizer: a loss for beta.
        gamma_regularizer: a loss for gamma.
        beta_constraint: what is applied to beta after each training step.
        gamma_constraint: what is applied to gamma after each training step.
        rms_scaling: x / sqrt(variance + epsilon) * gamma instead, which is not what
            RMSNormalization computes; for old programs.
        **kwargs: the arguments of `Layer`.

    Raises:
        TypeError: an `axis` that is neither a number nor numbers.
        ValueError: later, an axis that the inputs do not have, or of unknown size.
    """

    _keeps_spec = True

    def __init__(
        self,
        axis: Any = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        *,
        rms_scaling: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._take_wide_inputs()
        self._set_axes(axis)
        self.epsilon, self.rms_scaling = epsilon, rms_scaling
        beta = beta_initializer, beta_regularizer, beta_constraint
        gamma = gamma_initializer, gamma_regularizer, gamma_constraint
        self._set_affine(center and not rms_scaling, scale or rms_scaling, beta, gamma)

    def build(self, input_shape: Any) -> None:
        """Makes gamma and beta, of the sizes of the axes."""
        self._make_affine(self._sizes_along(input_shape))

    def call(self, inputs: Any) -> Any:
        """Computes the normalized inputs; half precision in float32."""
        vectors = self.gamma, self.beta
        y = ops.layer_normalization(
            inputs, *vectors, self.axis, self.epsilon, rms_scaling=self.rms_scaling
        )
        return self._in_compute_dtype(y)
