"""Activation functions as layers."""

import warnings
from typing import Any

from .. import activations, ops
from ..core.input_spec import InputSpec
from ..typing import Tensor
from .described import Described
from .weighted import WeightedLayer


class Activation(Described):
    """A function of its inputs, given by its name or as a callable.

    Args:
        activation: a name from `isozoo.activations`, a config, or a callable; None is the identity.
        **kwargs: see Layer.
    """

    _spec_settings = ("activation",)

    supports_masking = True

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the activation of inputs of any shape."""
        return self.activation(inputs)

    def _result_shape(self, inputs: Any) -> tuple[int | None, ...] | None:
        kept = activations.keeps_shape(self.activation)
        return getattr(inputs, "shape", None) if kept else None


class ReLU(Described):
    """max(x, 0), or a rectified unit with a slope, a ceiling and a threshold of its own.

    min(x, max_value) for x above `threshold`, else negative_slope * (x - threshold).

    Args:
        max_value: the ceiling, not negative; None for none.
        negative_slope: the slope below the threshold, not negative.
        threshold: where the function bends, not negative.
        **kwargs: see Layer.

    Raises ValueError for a negative argument.
    """

    supports_masking = True
    _keeps_spec = True

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if max_value is not None and max_value < 0:
            raise ValueError(
                "max_value of a ReLU layer cannot be a negative value. Received: "
                f"max_value={max_value}"
            )
        for name, value in (("negative_slope", negative_slope), ("threshold", threshold)):
            if value is None or value < 0:
                raise ValueError(
                    f"{name} of a ReLU layer cannot be None or a negative value. Received: "
                    f"{name}={value}"
                )
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the rectified inputs, of any shape."""
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Described):
    """x where it is positive, negative_slope * x elsewhere.

    Args:
        negative_slope: the slope below zero, not negative.
        **kwargs: see Layer; `alpha` is an older name of `negative_slope`.

    Raises ValueError for a negative slope.
    """

    supports_masking = True

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        if "alpha" in kwargs:
            negative_slope = kwargs.pop("alpha")
            warnings.warn(
                "Argument `alpha` is deprecated. Use `negative_slope` instead.", stacklevel=2
            )
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(
                "The negative_slope value of a Leaky ReLU layer cannot be None or negative value. "
                f"Expected a float. Received: negative_slope={negative_slope}"
            )
        self.negative_slope = negative_slope

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the rectified inputs, of any shape; floats for integers."""
        return ops.leaky_relu(inputs, self.negative_slope)


class PReLU(Described, WeightedLayer):
    """x where it is positive, alpha * x elsewhere, with a learned `alpha` (He et al. 2015).

    Args:
        alpha_initializer: what `alpha` begins with.
        alpha_regularizer: a loss for `alpha`, or None.
        alpha_constraint: what `alpha` is kept to, or None.
        shared_axes: axes along which `alpha` is the same, counted with the batch as 0: [1, 2] gives
            each channel of images (batch, height, width, channels) one number.
        **kwargs: see Layer.
    """

    supports_masking = True

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._describe_weight("alpha", alpha_initializer, alpha_regularizer, alpha_constraint)
        if shared_axes is not None:
            shared_axes = list(shared_axes) if hasattr(shared_axes, "__len__") else [shared_axes]
        self.shared_axes = shared_axes

    def build(self, input_shape: Any) -> None:
        """Makes `alpha` in the shape of the inputs without the batch, 1 along shared axes.

        ValueError where the size of an axis that is not shared is unknown.
        """
        shared = {axis % len(input_shape) for axis in self.shared_axes or ()}
        axes = range(1, len(input_shape))
        shape = tuple(1 if axis in shared else input_shape[axis] for axis in axes)
        if None in shape:
            raise ValueError(
                f"{self.name}: the sizes of the axes that are not in `shared_axes` must be known; "
                f"got inputs of shape {tuple(input_shape)} and shared_axes={self.shared_axes}."
            )
        self.alpha = self._make_weight("alpha", shape)
        own = {axis: input_shape[axis] for axis in axes if axis not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=own)

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the rectified inputs, of the shape that the layer was built for."""
        below = ops.multiply(self.alpha, ops.relu(ops.negative(inputs)))
        return ops.subtract(ops.relu(inputs), below)


class ELU(Described):
    """x where it is positive, alpha * (exp(x) - 1) elsewhere (Clevert et al. 2015).

    Args:
        alpha: how far the function falls below zero.
        **kwargs: see Layer.
    """

    supports_masking = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the activation of inputs of any shape; floats for integers."""
        return ops.elu(inputs, self.alpha)


class Softmax(Described):
    """exp(x) / sum(exp(x)) over one axis or several.

    Args:
        axis: an axis, or a list of axes over which the results sum to one together.
        **kwargs: see Layer.
    """

    supports_masking = True

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns shares of the inputs' shape that sum to one over the axis.

        `mask` broadcasts to the inputs; where it is False, or no more than 0.5, the share is 0, as
        it is everywhere along an axis that is masked wholly.

        ValueError for a mask that does not broadcast to the inputs.
        """
        axis = tuple(self.axis) if isinstance(self.axis, list | tuple) else self.axis
        if mask is None:
            return ops.softmax(inputs, axis)
        self._check_mask(inputs, mask)
        if ops.dtype(mask) != "bool":
            mask = ops.greater(mask, 0.5)
        low = -3e4 if ops.dtype(inputs) == "float16" else -1e9
        shares = ops.softmax(ops.where(mask, inputs, low), axis)
        return ops.where(mask, shares, 0)

    def _check_mask(self, inputs: Tensor, mask: Tensor) -> None:
        theirs, own = tuple(mask.shape), tuple(inputs.shape)
        pairs = zip(reversed(theirs), reversed(own), strict=False)
        if len(theirs) > len(own):
            fault = " and must not have more dimensions."
        elif all(None in pair or pair[0] in (1, pair[1]) for pair in pairs):
            return
        else:
            fault = ". Each mask dimension must be 1 or match the corresponding input dimension."
        raise ValueError(
            f"The `mask` must be broadcastable to `inputs`{fault} Received: "
            f"inputs.shape={own}, mask.shape={theirs}"
        )
