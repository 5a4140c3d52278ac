"""Convolution over one, two or three spatial axes."""

from collections.abc import Sequence
from typing import Any

from ..typing import Ints, TensorLike
from .dispatch import Tensor, promoted_all
from .errors import wrong
from .op import op
from .spatial import channels_last, check_channels, check_window, checked_padding, groups_of, ntuple


@op
def conv(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Ints = 1,
    padding: str | Sequence[Any] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
    bias: TensorLike | None = None,
) -> Tensor:
    """Computes the convolution (cross-correlation) over 1, 2 or 3 spatial axes.

    Shapes: inputs (batch, *spatial, in), kernel (*size, in / groups, out), bias (out,) or None,
    which is added; the result is (batch, *output, out). `padding` is "valid", "same" (the odd
    element goes behind, as in TensorFlow) or a pair (before, behind) for each spatial axis. With
    `data_format` "channels_first" the channels of inputs and result stand behind the batch; None is
    the configured format. The number of groups follows from the shapes. An error when the channels
    do not fit or the window is larger than what it moves over.
    """
    weights = (kernel,) if bias is None else (kernel, bias)
    backend, (inputs, kernel, *given) = promoted_all(inputs, *weights)
    inputs, back = channels_last(backend, inputs, data_format)
    rank, groups = len(kernel.shape) - 2, groups_of(inputs, kernel)
    padding, dilation = checked_padding(padding), ntuple(dilation_rate, rank, "dilation_rate")
    if padding != "same":
        check_window(inputs, kernel.shape[:rank], padding, dilation, "kernel")
    strides = ntuple(strides, rank, "strides")
    if not given:
        return back(backend.conv(inputs, kernel, strides, padding, dilation, groups))
    if tuple(given[0].shape) != (kernel.shape[-1],):
        raise wrong("bias", given[0], f"({kernel.shape[-1]},), one number for each output channel")
    return back(backend.biased_conv(inputs, kernel, strides, padding, dilation, groups, given[0]))


@op
def depthwise_conv(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Ints = 1,
    padding: str | Sequence[Any] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Tensor:
    """Computes the convolution of each channel with its own kernels.

    Shapes: inputs (batch, *spatial, channels), kernel (*size, channels, multiplier); the result is
    (batch, *output, channels * multiplier). The other arguments are those of `conv`.
    """
    backend, (inputs, kernel) = promoted_all(inputs, kernel)
    inputs, back = channels_last(backend, inputs, data_format)
    check_channels(inputs, kernel, -2, "(*size, channels, multiplier)")
    return back(_depthwise(backend, inputs, kernel, strides, padding, dilation_rate))


def _depthwise(backend, inputs, kernel, strides, padding, dilation_rate):
    rank = len(kernel.shape) - 2
    padding, dilation = checked_padding(padding), ntuple(dilation_rate, rank, "dilation_rate")
    if padding != "same":
        check_window(inputs, kernel.shape[:rank], padding, dilation, "kernel")
    strides = ntuple(strides, rank, "strides")
    return backend.depthwise_conv(inputs, kernel, strides, padding, dilation)


@op
def separable_conv(
    inputs: TensorLike,
    depthwise_kernel: TensorLike,
    pointwise_kernel: TensorLike,
    strides: Ints = 1,
    padding: str | Sequence[Any] = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Tensor:
    """Applies `depthwise_conv`, then `conv` with a kernel of one element that mixes the channels.

    Shapes: inputs (batch, *spatial, channels), depthwise_kernel (*size, channels, multiplier),
    pointwise_kernel (1, ..., channels * multiplier, out); the result is (batch, *output, out).
    """
    backend, tensors = promoted_all(inputs, depthwise_kernel, pointwise_kernel)
    inputs, depthwise_kernel, pointwise_kernel = tensors
    inputs, back = channels_last(backend, inputs, data_format)
    form = "(*size, channels, multiplier)"
    check_channels(inputs, depthwise_kernel, -2, form)
    y = _depthwise(backend, inputs, depthwise_kernel, strides, padding, dilation_rate)
    check_channels(y, pointwise_kernel, -2, "(1, ..., channels * multiplier, out)")
    ones = (1,) * (len(y.shape) - 2)
    return back(backend.conv(y, pointwise_kernel, ones, "valid", ones, 1))


@op
def conv_transpose(
    inputs: TensorLike,
    kernel: TensorLike,
    strides: Ints = 1,
    padding: str | Sequence[Any] = "valid",
    output_padding: Ints | None = None,
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Tensor:
    """Returns the transpose of `conv`: what its derivative by the inputs does to the outputs.

    Shapes: inputs (batch, *spatial, in), kernel (*size, out, in); the result is
    (batch, *output, out). With a window that reaches k = (size - 1) * dilation + 1 elements, n
    inputs and stride s, an output axis has (n - 1) s + max(k, s) elements ("valid") or n s
    ("same"); with `output_padding` p it has (n - 1) s + k + p or (n - 1) s + k % 2 + p. Of what
    "same" cuts off, the odd element is cut behind, as in TensorFlow.
    """
    backend, (inputs, kernel) = promoted_all(inputs, kernel)
    inputs, back = channels_last(backend, inputs, data_format)
    check_channels(inputs, kernel, -1, "(*size, out, in)")
    rank, padding = len(kernel.shape) - 2, checked_padding(padding)
    if not isinstance(padding, str):
        raise wrong("padding", padding, "'valid' or 'same'")
    strides = ntuple(strides, rank, "strides")
    dilation = ntuple(dilation_rate, rank, "dilation_rate")
    more = (None,) * rank
    if output_padding is not None:
        more = ntuple(output_padding, rank, "output_padding")
    axes = zip(kernel.shape[:rank], strides, dilation, more, strict=True)
    crops = tuple(_crop((k - 1) * d + 1, s, padding, p) for k, s, d, p in axes)
    return back(backend.conv_transpose(inputs, kernel, strides, crops, dilation))


def _crop(reach: int, stride: int, padding: str, more: int | None) -> tuple[int, int]:
    """What to cut before and behind the (n - 1) * stride + reach elements; negative: to add."""
    if padding == "valid":
        return 0, -(max(stride - reach, 0) if more is None else more)
    excess = reach - stride if more is None else reach - reach % 2 - more
    front = max(excess, 0) // 2
    return front, excess - front
