"""Convolution and pooling over one, two or three spatial axes."""

from .dispatch import Tensor, promoted_all, tensor, together
from .op import op


def _ntuple(value, rank: int, name: str) -> tuple[int, ...]:
    values = (value,) * rank if isinstance(value, int) else tuple(int(v) for v in value)
    if len(values) != rank:
        raise ValueError(f"`{name}` needs {rank} integers for {rank} spatial axes; got {value!r}.")
    return values


def _padding(padding):
    if isinstance(padding, str):
        padding = padding.lower()
        if padding not in ("valid", "same"):
            raise ValueError(
                f"`padding` must be 'valid', 'same' or pairs (before, behind); got {padding!r}."
            )
    return padding


@op
def conv(inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1) -> Tensor:
    """Convolution (cross-correlation) over 1, 2 or 3 spatial axes.

    Shapes: inputs (batch, *spatial, in), kernel (*size, in / groups, out); the result is
    (batch, *output, out). `padding` is "valid", "same" (the odd element goes behind, as in
    TensorFlow) or a pair (before, behind) for each spatial axis. The number of groups follows
    from the shapes. Raises ValueError when the channels do not fit.
    """
    backend, (inputs, kernel) = promoted_all(inputs, kernel)
    inputs, back = _channels_last(backend, inputs, data_format)
    rank, groups = len(kernel.shape) - 2, _groups(inputs, kernel)
    return back(
        backend.conv(
            inputs,
            kernel,
            _ntuple(strides, rank, "strides"),
            _padding(padding),
            _ntuple(dilation_rate, rank, "dilation_rate"),
            groups,
        )
    )


def _groups(inputs, kernel) -> int:
    """How many groups of channels a kernel makes of the inputs. ValueError when it does not fit."""
    rank = len(kernel.shape) - 2
    if len(inputs.shape) != rank + 2:
        raise ValueError(
            f"conv: a kernel of shape {tuple(kernel.shape)} needs inputs with {rank + 2} axes "
            f"(batch, {rank} spatial, channels); got shape {tuple(inputs.shape)}."
        )
    channels, per_group = inputs.shape[-1], kernel.shape[-2]
    if channels % per_group or not channels or kernel.shape[-1] % (channels // per_group):
        raise ValueError(
            f"conv: inputs with {channels} channels (shape {tuple(inputs.shape)}) do not fit a "
            f"kernel of shape {tuple(kernel.shape)}, (*size, in / groups, out)."
        )
    return channels // per_group


@op
def depthwise_conv(
    inputs, kernel, strides=1, padding="valid", data_format=None, dilation_rate=1
) -> Tensor:
    """Convolution of each channel with its own kernels.

    Shapes: inputs (batch, *spatial, channels), kernel (*size, channels, multiplier); the result is
    (batch, *output, channels * multiplier).
    """
    backend, (inputs, kernel) = promoted_all(inputs, kernel)
    inputs, back = _channels_last(backend, inputs, data_format)
    rank = len(kernel.shape) - 2
    if inputs.shape[-1] != kernel.shape[-2]:
        raise ValueError(
            f"depthwise_conv: inputs with {inputs.shape[-1]} channels do not fit a kernel of shape "
            f"{tuple(kernel.shape)}, (*size, channels, multiplier)."
        )
    return back(
        backend.depthwise_conv(
            inputs,
            kernel,
            _ntuple(strides, rank, "strides"),
            _padding(padding),
            _ntuple(dilation_rate, rank, "dilation_rate"),
        )
    )


@op
def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None) -> Tensor:
    """The largest element of each window; padding never wins."""
    return _pool(inputs, pool_size, strides, padding, data_format, "max")


@op
def average_pool(inputs, pool_size, strides=None, padding="valid", data_format=None) -> Tensor:
    """The mean of each window over its real elements; padding does not count."""
    return _pool(inputs, pool_size, strides, padding, data_format, "average")


def _pool(inputs, pool_size, strides, padding, data_format, kind):
    backend, inputs = tensor(inputs)
    inputs, back = _channels_last(backend, inputs, data_format)
    rank = len(inputs.shape) - 2
    size = _ntuple(pool_size, rank, "pool_size")
    steps = size if strides is None else _ntuple(strides, rank, "strides")
    return back(backend.pool(inputs, size, steps, _padding(padding), kind))


def _channels_last(backend, x, data_format):
    """`x` with its channels last, and the function that puts a result's channels back."""
    if data_format in (None, "channels_last"):
        return x, lambda y: y
    return backend.moveaxis(x, 1, -1), lambda y: backend.moveaxis(y, -1, 1)


@op
def conv_batch_norm(
    inputs,
    kernel,
    bias,
    mean,
    variance,
    gamma,
    beta,
    epsilon,
    strides,
    padding,
    dilation_rate,
    depthwise,
    activation=None,
    shortcut=None,
) -> Tensor:
    """activation(batch normalization(convolution) + shortcut), at inference, in one kernel.

    Arguments are those of `conv` (or `depthwise_conv`) and of `batch_normalization`, channels
    last; `activation` is "relu", "relu6" or None, `shortcut` a tensor like the result or None.
    Where the backend keeps what it computes, the normalization is folded into the kernel.
    Raises ValueError for another activation.
    """
    if activation not in (None, "relu", "relu6"):
        raise ValueError(f"`activation` must be 'relu', 'relu6' or None; got {activation!r}.")
    backend, (*tensors, shortcut) = together(
        inputs, kernel, bias, mean, variance, gamma, beta, shortcut
    )
    inputs, kernel = tensors[:2]
    rank = len(kernel.shape) - 2
    settings = {
        "strides": _ntuple(strides, rank, "strides"),
        "padding": _padding(padding),
        "dilation": _ntuple(dilation_rate, rank, "dilation_rate"),
    }
    if not depthwise:
        settings["groups"] = _groups(inputs, kernel)
    return backend.conv_batch_norm(*tensors, epsilon, settings, depthwise, activation, shortcut)
