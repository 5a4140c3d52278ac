"""Kernels of neural networks, on tensors with channels last."""

from .. import dtypes
from .dispatch import Tensor, floating, promoted_all, tensor, together


def relu(x) -> Tensor:
    """max(x, 0)."""
    backend, x = tensor(x)
    return backend.relu(x)


def relu6(x) -> Tensor:
    """min(max(x, 0), 6)."""
    backend, x = floating(x)
    return backend.relu6(x)


def leaky_relu(x, negative_slope: float = 0.2) -> Tensor:
    """x where positive, `negative_slope` * x elsewhere."""
    backend, x = floating(x)
    return backend.leaky_relu(x, negative_slope)


def elu(x, alpha: float = 1.0) -> Tensor:
    """x where positive, alpha * (exp(x) - 1) elsewhere."""
    backend, x = floating(x)
    return backend.elu(x, alpha)


def gelu(x, approximate: bool = True) -> Tensor:
    """x * P(X <= x) for a standard normal X (Hendrycks & Gimpel 2016); by tanh if `approximate`."""
    backend, x = floating(x)
    return backend.gelu(x, approximate)


def silu(x) -> Tensor:
    """x * sigmoid(x)."""
    backend, x = floating(x)
    return backend.silu(x)


swish = silu


def sigmoid(x) -> Tensor:
    """1 / (1 + exp(-x))."""
    backend, x = floating(x)
    return backend.sigmoid(x)


def softplus(x) -> Tensor:
    """log(1 + exp(x)), without overflow."""
    backend, x = floating(x)
    return backend.softplus(x)


def softmax(x, axis: int = -1) -> Tensor:
    """exp(x) over its sum along `axis`."""
    backend, x = floating(x)
    return backend.softmax(x, axis)


def log_softmax(x, axis: int = -1) -> Tensor:
    """The logarithm of softmax along `axis`."""
    backend, x = floating(x)
    return backend.log_softmax(x, axis)


def one_hot(x, num_classes: int, axis: int = -1, dtype=None) -> Tensor:
    """1 at the position that each integer of `x` names, along a new axis; zeros out of range."""
    backend, x = tensor(x)
    return backend.one_hot(x, num_classes, axis, dtypes.standardize(dtype))


def dense(x, kernel, bias=None) -> Tensor:
    """x @ kernel + bias.

    Shapes: x (…, in), kernel (in, out), bias (out,) or None; the result is (…, out).
    """
    backend, (x, kernel, bias) = together(x, kernel, bias)
    return backend.dense(x, kernel, bias)


def layer_normalization(x, gamma=None, beta=None, axis: int = -1, epsilon: float = 1e-3) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta along one axis (Ba et al. 2016)."""
    backend, (x, gamma, beta) = together(x, gamma, beta)
    return backend.layer_normalization(x, gamma, beta, axis, epsilon)


def rms_normalization(x, scale=None, axis: int = -1, epsilon: float = 1e-6) -> Tensor:
    """x / sqrt(mean(x^2) + epsilon) * scale along one axis (Zhang & Sennrich 2019)."""
    backend, (x, scale) = together(x, scale)
    return backend.rms_normalization(x, scale, axis, epsilon)


def batch_normalization(
    x, mean, variance, axis: int, offset=None, scale=None, epsilon=1e-3
) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) * scale + offset with statistics per channel."""
    backend, (x, mean, variance, offset, scale) = together(x, mean, variance, offset, scale)
    return backend.batch_normalization(x, mean, variance, axis, offset, scale, epsilon)


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


def max_pool(inputs, pool_size, strides=None, padding="valid", data_format=None) -> Tensor:
    """The largest element of each window; padding never wins."""
    return _pool(inputs, pool_size, strides, padding, data_format, "max")


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


def dot_product_attention(
    query, key, value, bias=None, mask=None, scale=None, is_causal: bool = False
) -> Tensor:
    """softmax(query key^T * scale + bias) value, fused where the backend can (Vaswani et al. 2017).

    Shapes: query (batch, target, heads, dim), key and value (batch, source, heads, dim); mask
    (boolean, true = attend) and bias broadcast to (batch, heads, target, source). `scale` is
    1 / sqrt(dim) unless given. A query that may attend to nothing gets the mean. The result has
    the shape of query.
    """
    backend, (query, key, value, bias, mask) = together(query, key, value, bias, mask)
    if mask is not None and backend.dtype(mask) != "bool":
        mask = backend.cast(mask, "bool")
    scale = query.shape[-1] ** -0.5 if scale is None else scale
    return backend.attention(query, key, value, mask, bias, scale, is_causal)


def rfft(x, fft_length: int | None = None) -> Tensor:
    """The discrete Fourier transform of real signals over the last axis: (…, length // 2 + 1)."""
    backend, x = floating(x)
    return backend.rfft(x, x.shape[-1] if fft_length is None else fft_length)


def irfft(x, fft_length: int | None = None) -> Tensor:
    """The real signals whose rfft is `x`, over the last axis."""
    backend, x = tensor(x)
    return backend.irfft(x, 2 * (x.shape[-1] - 1) if fft_length is None else fft_length)


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
