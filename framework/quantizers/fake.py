"""Numbers rounded as a quantization would round them, for training that knows of it."""

from typing import Any

from .. import dtypes, ops
from ..core.operation import Operation
from ..core.symbolic import KerasTensor
from ..core.symbolic import among as symbolic_among
from ..typing import Tensor, TensorLike


class _FakeQuant(Operation):
    """A recorded call of `fake_quant_with_min_max_vars`."""

    def __init__(self, num_bits: int, narrow_range: bool, axis: int | None) -> None:
        super().__init__()
        self.num_bits, self.narrow_range, self.axis = num_bits, narrow_range, axis

    def call(self, inputs: Any, min_vals: Any, max_vals: Any) -> Any:
        """Returns the rounded inputs."""
        return fake_quant_with_min_max_vars(
            inputs, min_vals, max_vals, self.num_bits, self.narrow_range, self.axis
        )

    def compute_output_spec(self, inputs: Any, min_vals: Any, max_vals: Any) -> Any:
        """Returns the shape and the dtype of the inputs."""
        return KerasTensor(inputs.shape, inputs.dtype)


def fake_quant_with_min_max_vars(
    inputs: TensorLike,
    min_vals: TensorLike,
    max_vals: TensorLike,
    num_bits: int = 8,
    narrow_range: bool = False,
    axis: int | None = None,
) -> Tensor:
    """Returns numbers rounded to the levels between a least and a greatest number.

    The range is moved so that 0 is a level. The gradient by the inputs is 1 inside of the range
    and 0 outside; what is cut off below and above goes to `min_vals` and `max_vals`. Definition:
    `tf.quantization.fake_quant_with_min_max_vars`.

    Args:
        inputs: floats.
        min_vals: the least number; with `axis` one for each place on it.
        max_vals: the greatest number, alike.
        num_bits: levels are [0, 2^num_bits - 1].
        narrow_range: whether levels begin with 1.
        axis: along which each place has a range of its own; None for one range.

    Returns: floats of the shape and dtype of `inputs`.
    """
    if symbolic_among(((inputs, min_vals, max_vals), {})):
        return _FakeQuant(num_bits, narrow_range, axis)(inputs, min_vals, max_vals)
    inputs = ops.convert_to_tensor(inputs)
    dtype, rank = ops.dtype(inputs), len(inputs.shape)
    along = None if axis is None else axis % rank

    def spread(x: Tensor) -> Tensor:
        """One number for each place of the axis, so that it broadcasts; in float32 or wider."""
        x = ops.cast(x, dtypes.result_type(ops.dtype(x), "float32"))
        size = () if along is None else tuple(-1 if i == along else 1 for i in range(rank))
        return ops.reshape(x, size)

    @ops.custom_gradient
    def rounded(x: Tensor, least: Tensor, greatest: Tensor) -> Any:
        low, high, scale, inverse = _nudged(spread(least), spread(greatest), num_bits, narrow_range)
        zero = ops.floor(ops.add(ops.multiply(ops.negative(low), inverse), 0.5))
        shifted = ops.subtract(ops.clip(ops.cast(x, ops.dtype(low)), low, high), low)
        levels = ops.floor(ops.add(ops.subtract(ops.multiply(shifted, inverse), zero), 0.5))
        others = None if along is None else tuple(i for i in range(rank) if i != along)

        def gradient(upstream: Tensor) -> Any:
            def of_limit(cut_off: Tensor, limit: Tensor) -> Tensor:
                taken = ops.sum(ops.where(cut_off, upstream, 0.0), axis=others)
                return ops.cast(ops.reshape(taken, limit.shape), ops.dtype(limit))

            inside = ops.logical_and(ops.greater_equal(x, low), ops.less_equal(x, high))
            return (
                ops.where(inside, upstream, ops.zeros_like(upstream)),
                of_limit(ops.less_equal(x, low), least),
                of_limit(ops.greater_equal(x, high), greatest),
            )

        return ops.cast(ops.multiply(levels, scale), dtype), gradient

    return rounded(inputs, *(ops.convert_to_tensor(x) for x in (min_vals, max_vals)))


def _nudged(least: Tensor, greatest: Tensor, num_bits: int, narrow_range: bool) -> Any:
    """The range moved so that 0 is a level: (least, greatest, scale, 1 / scale)."""
    lowest, highest = int(narrow_range), 2 ** int(num_bits) - 1
    width = ops.subtract(greatest, least)
    scale = ops.divide(width, highest - lowest)
    inverse = ops.divide(highest - lowest, width)
    zero = ops.round(ops.clip(ops.subtract(lowest, ops.divide(least, scale)), lowest, highest))
    low = ops.multiply(ops.subtract(lowest, zero), scale)
    high = ops.multiply(ops.subtract(highest, zero), scale)
    return low, high, scale, inverse
