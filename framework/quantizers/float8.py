"""Scales of float8 training, which follow the magnitudes of the last steps.

Definition: Micikevicius et al. 2022 (arXiv:2209.05433), and the scales of NVIDIA's Transformer
Engine.
"""

from typing import Any

import ml_dtypes

from .. import ops
from ..typing import Tensor, TensorLike


def largest(dtype: str) -> float:
    """Returns the largest number of a float8 dtype."""
    return float(ml_dtypes.finfo(getattr(ml_dtypes, dtype)).max)


def compute_float8_scale(
    amax: TensorLike, scale: TensorLike, dtype_max: TensorLike, margin: int = 0
) -> Tensor:
    """Returns amax / dtype_max * 2^margin; the old scale where amax is 0 or not finite.

    Args:
        amax: the largest magnitude of the last steps.
        scale: the scale so far.
        dtype_max: the largest number of the float8 dtype.
        margin: how many powers of two are left free.
    """
    amax = ops.convert_to_tensor(amax)
    usable = ops.logical_and(ops.greater(amax, 0.0), ops.isfinite(amax))
    found = ops.divide(ops.multiply(amax, 2.0**margin), dtype_max)
    return ops.where(usable, found, scale)


def compute_float8_amax_history(x: TensorLike, amax_history: TensorLike) -> Tensor:
    """Returns the magnitudes of the last steps with that of x in front.

    The others move to the left by one; the oldest, in front so far, is forgotten.

    Args:
        x: what a step multiplied.
        amax_history: magnitudes, (steps,).
    """
    newest = ops.cast(ops.max(ops.abs(x)), ops.dtype(amax_history))
    moved = ops.roll(amax_history, shift=-1)
    return ops.concatenate([ops.reshape(newest, (1,)), moved[1:]], axis=0)


def quantize_and_dequantize(
    inputs: TensorLike, scale: TensorLike, quantized_dtype: str, compute_dtype: str
) -> Tensor:
    """Returns numbers rounded to what a float8 dtype holds of inputs / scale, times the scale.

    Args:
        inputs: floats.
        scale: a scalar.
        quantized_dtype: "float8_e4m3fn" or "float8_e5m2".
        compute_dtype: the dtype of the result.
    """
    scale = ops.cast(scale, compute_dtype)
    limit = largest(quantized_dtype)
    scaled = ops.clip(ops.divide(inputs, scale), -limit, limit)
    rounded = ops.cast(ops.cast(scaled, quantized_dtype), compute_dtype)
    return ops.multiply(rounded, scale)


def step(x: TensorLike, scale: Any, history: Any, dtype: str) -> tuple[Tensor, Tensor]:
    """Returns the scale and the history of magnitudes for the step after one that multiplied x."""
    new_scale = compute_float8_scale(ops.max(history, axis=0), scale, largest(dtype))
    return new_scale, compute_float8_amax_history(x, history)
