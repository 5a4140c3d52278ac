"""Dense: a product with a matrix, and an activation."""

from typing import Any

from ... import activations, ops
from ...core.input_spec import InputSpec
from ...quantization import products
from ...quantization.adaptable import Adaptable
from ...typing import Tensor
from ..described import Described
from ..weighted import WeightedLayer


class Dense(Adaptable, Described, WeightedLayer):
    """activation(x @ kernel + bias) over the last axis of x.

    Shapes: inputs (…, in), of two axes or more, kernel (in, units), bias (units,); the result is
    (…, units).

    Args:
        units: how many numbers come out for each vector.
        activation: a name or a callable; None for none.
        use_bias: whether there is a bias.
        kernel_initializer: what the kernel begins with.
        bias_initializer: what the bias begins with.
        kernel_regularizer: a loss for the kernel, or None.
        bias_regularizer: a loss for the bias, or None.
        activity_regularizer: a loss for the outputs, or None.
        kernel_constraint: what the kernel is kept to, or None.
        bias_constraint: what the bias is kept to, or None.
        **kwargs: see Layer and `Adaptable`.

    Raises ValueError unless `units` is a positive integer.
    """

    _spec_settings = ("units", "activation")

    supports_masking = True

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if not isinstance(units, int) or units < 1:
            raise ValueError(
                "Received an invalid value for `units`, expected a positive integer. Received: "
                f"units={units}"
            )
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self._describe_weight("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._describe_weight("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        """Makes kernel and bias. ValueError where the last size of the inputs is unknown."""
        inputs = input_shape[-1]
        if inputs is None:
            raise ValueError(
                f"{self.name}: the last size of the inputs must be known; got {input_shape}."
            )
        self.kernel = self._make_weight("kernel", (inputs, self.units), memory_format="dense")
        self.bias = self._make_weight("bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: inputs})

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the outputs, (…, units)."""
        y = ops.dense(inputs, self.kernel, self.bias)
        return y if self.activation is activations.linear else self.activation(y)

    def _result_shape(self, inputs: Any) -> tuple[int | None, ...] | None:
        shape = getattr(inputs, "shape", ())
        if len(shape) < 2 or not activations.keeps_shape(self.activation):
            return None
        return (*shape[:-1], self.units)


def dense_side_by_side(inputs: Tensor, *layers: Dense) -> list[Tensor]:
    """Returns what each of several layers gives for the same inputs.

    Where their kernels have 8 bits, one product serves all at inference, if the backend has a
    kernel for it: products of few vectors take less time than it takes to call them.

    Args:
        inputs: (…, in).
        layers: layers whose results are (…, units).
    """
    if layers[0].quantization_mode == "int8":
        found = products.side_by_side(layers, inputs)
        if found is not None:
            return found
    return [layer(inputs) for layer in layers]
