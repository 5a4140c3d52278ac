"""JAX's kernels for windows, channels last."""

import jax.numpy as jnp
from jax import lax

from . import precision
from .neural import AXES


def conv_transpose(x, kernel, strides, crops, dilation):
    """Transposed convolution with a kernel of (*size, out, in), without the elements in `crops`."""
    rank = kernel.ndim - 2
    spatial = AXES[rank]
    reach = [(k - 1) * d for k, d in zip(kernel.shape, dilation, strict=False)]
    return lax.conv_general_dilated(
        x,
        jnp.flip(kernel, tuple(range(rank))),
        (1,) * rank,
        [(r - front, r - back) for r, (front, back) in zip(reach, crops, strict=True)],
        lhs_dilation=strides,
        rhs_dilation=dilation,
        dimension_numbers=(f"N{spatial}C", f"{spatial}OI", f"N{spatial}C"),
        precision=precision.of_convolution(x, kernel),
    )
