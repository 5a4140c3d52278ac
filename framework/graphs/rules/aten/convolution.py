"""Convolutions: tensors are (batch, channels, *spatial), kernels (out, in / groups, *size)."""

from __future__ import annotations

from typing import Any

from .... import ops
from ....ops.joining import split
from ...calls import Call, rank_of, shape_of
from .binding import aten, pair


def per_channel(x: Any, rank: int) -> Any:
    """Returns (channels,) in a shape that meets (batch, channels, *spatial) of `rank` axes."""
    return ops.reshape(x, (-1, *(1,) * (rank - 2)))


@aten("conv1d", "conv2d", "conv3d", "conv1d.padding", "conv2d.padding", "conv3d.padding")
def _conv(
    call: Call,
    x: Any,
    kernel: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    rank = rank_of(kernel)
    if rank_of(x) < rank:  # one sample
        found = _conv(call, ops.expand_dims(x, 0), kernel, bias, stride, padding, dilation, groups)
        return ops.squeeze(found, 0)
    axes = rank - 2
    stride, dilation = pair(stride, axes), pair(dilation, axes)
    size, channels = shape_of(kernel)[2:], shape_of(x)[1]
    if padding == "same":  # strides are 1: the odd element goes behind
        whole = [(k - 1) * d for k, d in zip(size, dilation, strict=True)]
        pads = [(n // 2, n - n // 2) for n in whole]
    else:
        pads = [(n, n) for n in pair(0 if padding == "valid" else padding, axes)]
    spatial = range(2, rank)
    # To (*size, in / groups, out), of which torch makes its own order again without a copy.
    if groups > 1 and groups == channels:
        out = shape_of(kernel)[0]
        kernel = ops.reshape(kernel, (channels, out // channels, *size))
        kernel = ops.transpose(kernel, (*spatial, 0, 1))
        y = ops.depthwise_conv(x, kernel, stride, pads, "channels_first", dilation)
    else:
        kernel = ops.transpose(kernel, (*spatial, 1, 0))
        y = ops.conv(x, kernel, stride, pads, "channels_first", dilation)
    return y if bias is None else ops.add(y, per_channel(bias, rank))


@aten("convolution")
def _convolution(
    call: Call,
    x: Any,
    kernel: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
) -> Any:
    if transposed:
        return _transposed(call, x, kernel, bias, stride, padding, output_padding, groups, dilation)
    return _conv(call, x, kernel, bias, stride, padding, dilation, groups)


@aten("conv_transpose1d", "conv_transpose2d.input", "conv_transpose3d.input")
def _transposed(
    call: Call,
    x: Any,
    kernel: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Any:
    """Kernels are (in, out / groups, *size)."""
    rank = rank_of(kernel)
    axes = rank - 2
    stride, dilation = pair(stride, axes), pair(dilation, axes)
    parts = [x] if groups == 1 else split(x, groups, 1)
    kernels = [kernel] if groups == 1 else split(kernel, groups, 0)
    made = []
    for part, inner in zip(parts, kernels, strict=True):
        inner = ops.transpose(inner, (*range(2, rank), 1, 0))
        made.append(
            ops.conv_transpose(part, inner, stride, "valid", None, "channels_first", dilation)
        )
    y = made[0] if groups == 1 else ops.concatenate(made, 1)
    # `valid` gives (n - 1) s + max(reach, s) elements; padding cuts, output_padding adds.
    cuts, more = [], []
    sizes = zip(
        shape_of(x)[2:],
        shape_of(y)[2:],
        shape_of(kernel)[2:],
        stride,
        dilation,
        pair(padding, axes),
        pair(output_padding, axes),
        strict=True,
    )
    for n, have, k, s, d, pad, extra in sizes:
        end = (n - 1) * s + (k - 1) * d + 1 - pad + extra
        cuts.append(slice(pad, end))
        surplus = max(s - (k - 1) * d - 1, 0)
        more.append((0, max(extra - pad - surplus, 0)))
        del have
    if any(map(any, more)):
        y = ops.pad(y, [(0, 0), (0, 0), *more])
    y = ops.get_item(y, (slice(None), slice(None), *cuts))
    return y if bias is None else ops.add(y, per_channel(bias, rank))
