"""NumPy's kernels for windows, channels last."""

import numpy as np


def conv_transpose(x, kernel, strides, dilation):
    """Transposed convolution with a kernel of (*size, out, in): all that the windows reach."""
    rank = kernel.ndim - 2
    sizes = x.shape[1:-1]
    axes = list(zip(sizes, kernel.shape[:rank], strides, dilation, strict=True))
    whole = [(n - 1) * s + (k - 1) * d + 1 for n, k, s, d in axes]
    total = np.zeros((len(x), *whole, kernel.shape[-2]), x.dtype)
    for tap in np.ndindex(*kernel.shape[:rank]):
        cut = tuple(
            slice(t * d, t * d + (n - 1) * s + 1, s)
            for t, (n, _, s, d) in zip(tap, axes, strict=True)
        )
        total[(slice(None), *cut)] += np.matmul(x, kernel[tap].T)
    return total
