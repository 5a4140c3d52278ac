"""Quantizers by the largest magnitude, and by the range of each group of rows."""

from typing import Any

from .. import ops
from ..backends import registry
from ..configs import Configurable
from ..context import entered
from ..typing import Tensor, TensorLike
from .parameters import parameters_of_ranges, whole_groups

_EPSILON = 1e-7


class Quantizer(Configurable):
    """Base of quantizers. A subclass overrides `__call__`, and `get_config` if need be.

    Args:
        output_dtype: the dtype of quantized numbers.
    """

    def __init__(self, output_dtype: str = "int8") -> None:
        self.output_dtype = output_dtype

    def __call__(self, x: Any) -> Any:
        """Returns x as it is."""
        return x


class AbsMaxQuantizer(Quantizer):
    """Scales numbers so that the largest magnitude becomes the end of a range, and rounds them.

    Args:
        axis: over which axes the largest magnitude is taken, unless a call says so.
        value_range: the least and the greatest quantized number.
        epsilon: what is added to the largest magnitude, so that zeros have a scale.
        output_dtype: the dtype of quantized numbers.

    Raises ValueError for a range that int8 does not hold.
    """

    def __init__(
        self,
        axis: Any = None,
        value_range: tuple[int, int] = (-127, 127),
        epsilon: float = _EPSILON,
        output_dtype: str = "int8",
    ) -> None:
        super().__init__(output_dtype)
        self.axis = axis if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        low, high = value_range
        self.value_range = (low, high)
        self.epsilon = epsilon
        if output_dtype == "int8" and not -128 <= self.value_range[0] <= self.value_range[1] <= 127:
            raise ValueError(
                "Quantizer with output_dtype='int8' requires value_range to be within the interval "
                f"[-128, 127]. Received: value_range={value_range}"
            )

    def __call__(
        self, x: TensorLike, axis: Any = None, to_numpy: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Returns `abs_max_quantize` of x over `axis`; that of the constructor, else the last."""
        axis = (-1 if self.axis is None else self.axis) if axis is None else axis
        return abs_max_quantize(
            x, axis, self.value_range, self.output_dtype, self.epsilon, to_numpy
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same quantizer."""
        found = {
            "value_range": self.value_range,
            "epsilon": self.epsilon,
            "output_dtype": self.output_dtype,
        }
        return found if self.axis is None else {**found, "axis": self.axis}


def abs_max_quantize(
    inputs: TensorLike,
    axis: Any,
    value_range: tuple[int, int] = (-127, 127),
    dtype: str = "int8",
    epsilon: float = _EPSILON,
    to_numpy: bool = False,
) -> tuple[Tensor, Tensor]:
    """Returns numbers scaled by their largest magnitude over axes, rounded; and the scale.

    q = clip(round(x * s), *value_range) with s = value_range[1] / (max|x| + epsilon), so that
    x is about q / s.

    Args:
        inputs: floats.
        axis: an axis, or several, over which one scale holds.
        value_range: the least and the greatest quantized number.
        dtype: the dtype of quantized numbers.
        epsilon: what is added to the largest magnitude.
        to_numpy: whether to compute on the host, which leaves an accelerator's memory alone.

    Returns:
        q, of the shape of `inputs`, and s, with sizes of 1 on the axes, in the dtype of `inputs`.
    """
    if to_numpy:
        return _on_the_host(
            lambda x: abs_max_quantize(x, axis, value_range, dtype, epsilon), inputs
        )
    axis = tuple(axis) if isinstance(axis, list) else axis
    inputs = ops.convert_to_tensor(inputs)
    largest = ops.max(ops.abs(inputs), axis=axis, keepdims=True)
    scale = ops.cast(ops.divide(value_range[1], ops.add(largest, epsilon)), ops.dtype(inputs))
    scaled = ops.clip(ops.round(ops.multiply(inputs, scale)), value_range[0], value_range[1])
    return ops.cast(scaled, dtype), scale


def abs_max_quantize_grouped_with_zero_point(
    inputs: TensorLike,
    block_size: int,
    value_range: tuple[int, int] = (-8, 7),
    dtype: str = "int8",
    epsilon: float = _EPSILON,
    to_numpy: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Returns a matrix quantized by the range of each group of its rows in each column.

    With the least number a <= 0 and the greatest b >= 0 of a group (0 is always among them, so
    that the zero point is in the range):
    s = (b - a + epsilon) / (high - low), z = round(-a / s) + low, q = round(x / s) + z, and x is
    about s (q - z).

    Args:
        inputs: floats, (rows, columns).
        block_size: how many rows make a group; the last one may have fewer.
        value_range: (low, high), the least and the greatest quantized number.
        dtype: the dtype of quantized numbers.
        epsilon: what is added to the width of a range.
        to_numpy: whether to compute on the host, which leaves an accelerator's memory alone.

    Returns:
        q (rows, columns); s (groups, columns) in the dtype of `inputs`; z (groups, columns) int8.
    """
    if to_numpy:
        return _on_the_host(
            lambda x: abs_max_quantize_grouped_with_zero_point(
                x, block_size, value_range, dtype, epsilon
            ),
            inputs,
        )
    inputs = ops.convert_to_tensor(inputs)
    low, high = value_range
    rows, columns = inputs.shape
    groups = whole_groups(ops.transpose(inputs), block_size)
    least = ops.minimum(ops.min(groups, axis=-1), 0)
    greatest = ops.maximum(ops.max(groups, axis=-1), 0)
    bits = int(high - low + 1).bit_length() - 1
    scale, zero = parameters_of_ranges(least, greatest, bits, False, epsilon, True)
    levels = ops.round(ops.divide(groups, ops.expand_dims(scale, -1)))
    shifted = ops.add(levels, ops.cast(ops.expand_dims(zero, -1), ops.dtype(levels)))
    quantized = ops.reshape(ops.clip(shifted, low, high), (columns, -1))[:, :rows]
    return ops.cast(ops.transpose(quantized), dtype), ops.transpose(scale), ops.transpose(zero)


def _on_the_host(function: Any, inputs: TensorLike) -> Any:
    """What a function gives on the NumPy backend, as tensors of the current one."""
    with entered(backend=registry.get("numpy"), device=None, autocast=None):
        found = function(ops.convert_to_numpy(inputs))
    return tuple(ops.convert_to_tensor(x) for x in found)
