"""Which arithmetic JAX's products and convolutions use for float32: it stands in the program.

On GPUs and TPUs JAX multiplies float32 in a shorter format unless a product says otherwise. So each
says it, and neither `jax.default_matmul_precision` nor the device decides. Gradients take it over.
"""

from typing import Any

import jax.numpy as jnp
from jax import lax

from ... import config

_PRODUCTS = {
    "float32": lax.Precision.HIGHEST,
    "bfloat16_3x": lax.DotAlgorithmPreset.BF16_BF16_F32_X3,
    "tf32": lax.Precision.DEFAULT,
}
# Convolutions take no algorithms of products.
_CONVOLUTIONS = {**_PRODUCTS, "bfloat16_3x": lax.Precision.HIGHEST}
_EXACT = (jnp.float32, jnp.complex64)


def of_product(*operands: Any) -> Any:
    """Returns the `precision` of a product of these operands; None where there is no choice."""
    return _PRODUCTS[config.float32_precision()] if _is_single(operands) else None


def of_convolution(*operands: Any) -> Any:
    """Returns the `precision` of a convolution of these operands."""
    return _CONVOLUTIONS[config.float32_precision()] if _is_single(operands) else None


def _is_single(operands: tuple[Any, ...]) -> bool:
    return any(x.dtype in _EXACT for x in operands)
