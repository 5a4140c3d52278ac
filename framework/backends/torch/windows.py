"""PyTorch's kernels for windows, and statistics over replicas. Images have their channels last."""

import torch
from torch.nn import functional as F

from ..base import Backend
from . import precision
from .distribution import is_spread
from .neural import channels_first, channels_last

_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_ADAPTIVE = {
    "average": {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d},
    "max": {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d},
}


def conv_transpose(backend, x, kernel, strides, crops, dilation):
    """Transposed convolution with a kernel of (*size, out, in), without the elements in `crops`."""
    rank = kernel.ndim - 2
    # What is cut on both sides torch does not compute.
    both = tuple(max(min(pair), 0) for pair in crops)
    weight = kernel.permute(rank + 1, rank, *range(rank))
    if weight.dtype is torch.float64 or any(step > 1 for step in dilation):
        weight = weight.contiguous()  # without which torch's own loops have no derivative

    def run(x, weight):
        return _TRANSPOSED[rank](x, weight, None, strides, both, 0, 1, dilation)

    y = precision.product(run, channels_first(x), weight, kinds=precision.CONV)
    rest = tuple((a - p, b - p) for (a, b), p in zip(crops, both, strict=True))
    return backend.cropped(channels_last(y), rest)


def adaptive_pool(backend, x, size, kind):
    """The "max" or "average" of `size` windows that cover (batch, *spatial, channels)."""
    if not x.is_floating_point():
        return Backend.adaptive_pool(backend, x, size, kind)
    return channels_last(_ADAPTIVE[kind][len(size)](channels_first(x), size))


def unfold(backend, x, size, dilation, padding, stride):
    """Windows of (batch, channels, height, width) as columns."""
    if not x.is_floating_point():
        return Backend.unfold(backend, x, size, dilation, padding, stride)
    return F.unfold(x, size, dilation, padding, stride)


def fold(backend, x, output, size, dilation, padding, stride):
    """The sum of columns at the places that `unfold` took them from."""
    if not x.is_floating_point():
        return Backend.fold(backend, x, output, size, dilation, padding, stride)
    return F.fold(x, output, size, dilation, padding, stride)


def across_replicas(backend, x):
    """The mean over the processes of the default group, with its gradient; `x` without one.

    What is made of a DTensor is that of all processes already.
    """
    distributed = torch.distributed
    if is_spread(x):
        return x
    if not (distributed.is_available() and distributed.is_initialized()):
        return x
    from torch.distributed.nn import functional

    return functional.all_reduce(x.contiguous()) / distributed.get_world_size()
