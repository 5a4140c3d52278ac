"""Convolutions at inference with the normalization behind them folded in, on oneDNN where it runs.

Measured on 2 cores: ResNet-50's last 3x3 (7x7x512, batch 1) takes 0.9 ms with a kernel that oneDNN
has arranged for itself, 2.3 ms with one that it must rearrange at every call.
"""

import threading

import torch
from torch._C._functorch import peek_interpreter_stack  # pyright: ignore[reportMissingImports]

from ..base import explicit_pads
from . import neural, precision

_FRESH = {
    "relu": torch.relu_,
    "relu6": lambda y: y.clamp_(0, 6),
    "silu": lambda y: torch.nn.functional.silu(y, inplace=True),
    "hard_silu": lambda y: torch.nn.functional.hardswish(y, inplace=True),
    "sigmoid": torch.sigmoid_,
    "gelu": torch.nn.functional.gelu,
    "hard_sigmoid": lambda y: torch.nn.functional.hardsigmoid(y, inplace=True),
}
# How oneDNN calls what it can compute while it writes a convolution's results.
_FUSED = {
    None: ("none", [], ""),
    "relu": ("relu", [], ""),
    "relu6": ("hardtanh", [0.0, 6.0], ""),
    "silu": ("swish", [], ""),
    "hard_silu": ("hardswish", [], ""),
    "sigmoid": ("sigmoid", [], ""),
    "gelu": ("gelu", [], "none"),
    "hard_sigmoid": ("hardsigmoid", [], ""),
}


def conv_batch_norm(
    backend,
    x,
    kernel,
    bias,
    mean,
    variance,
    gamma,
    beta,
    epsilon,
    conv,
    depth,
    activation,
    shortcut,
):
    """The derived form's result; see `Backend.conv_batch_norm`."""
    if torch.is_grad_enabled() or not _is_eager(x, kernel):
        run = neural.depthwise_conv if depth else neural.conv
        y = run(x, kernel, **conv, bias=bias)
        if mean is not None:
            y = neural.batch_normalization(y, mean, variance, -1, beta, gamma, epsilon)
        return backend.finished(y, activation, shortcut)
    folded = _folded(kernel, bias, mean, variance, gamma, beta, epsilon, depth)
    return folded(x, conv, activation, shortcut)


def conv(x, kernel, strides, padding, dilation, groups, bias=None):
    """`neural.conv`; at inference by a kernel that oneDNN arranges once, where it is a weight.

    oneDNN alone would arrange it at every call.
    """
    settings = {"strides": strides, "padding": padding, "dilation": dilation, "groups": groups}
    if (
        torch.is_grad_enabled()
        or type(kernel) is not torch.nn.Parameter
        or kernel.ndim > 4
        or not _is_eager(x, kernel)
        or not _suits_onednn(x, kernel)
        or kernel.is_inference()  # nothing could be kept: it would be arranged at every call
    ):
        return neural.conv(x, kernel, **settings, bias=bias)
    folded = _folded(kernel, bias, None, None, None, None, 0.0, False)
    return folded(x, settings, None, None)


def dense_block(backend, x, kernel, bias, activation):
    """activation(x @ kernel + bias) at inference; large products by a kernel arranged once.

    oneDNN's product takes 15 us longer to call than BLAS's, and computes the activation as it
    writes the results: 1576 rows of 384 by 1536 with GELU took 14 ms and not 21 (AVX-512).
    """
    base = kernel if kernel._base is None else kernel._base
    large = x.numel() * kernel.shape[1] >= 1 << 24
    if (
        not large
        or torch.is_grad_enabled()
        or kernel.ndim != 2
        or not _is_eager(x, base)
        or not _suits_onednn(x, kernel)
        or kernel.is_inference()
    ):
        y = backend.matmul(x, kernel) if bias is None else neural.dense(x, kernel, bias)
        return y if activation is None else backend.finished(y, activation, None)
    stamp = (base.data_ptr(), base._version, kernel.stride())
    packed = getattr(base, "_isozoo_packed", None)
    if packed is None or packed.stamp != stamp:
        with torch.inference_mode(False), torch.no_grad():
            weight = without_subnormals(kernel.detach()).t().contiguous()
            packed = Packed(stamp, torch.ops.mkldnn._reorder_linear_weight(weight))
        base._isozoo_packed = packed
    return torch.ops.mkldnn._linear_pointwise(x, packed.kernel, bias, *_FUSED[activation])


class Packed:
    """A kernel (out, in) in oneDNN's own arrangement, which is left out of copies and files."""

    def __init__(self, stamp=None, kernel=None) -> None:
        self.stamp, self.kernel = stamp, kernel

    def __reduce__(self):
        return Packed, ()


def _folded(*arguments):
    """What is kept with a kernel (the first), made again when a tensor that it came from changed.

    torch counts the writes to a tensor in `_version`.
    """
    kernel, *_ = tensors = arguments[:-2]
    try:
        stamp = [None if t is None else (id(t), t.data_ptr(), t._version) for t in tensors]
    except RuntimeError:  # of a tensor of inference mode nothing tells when it is written to
        return Folded(None, *_fold(*arguments))
    folded = getattr(kernel, "_isozoo_folded", None)
    if folded is None or folded.stamp != stamp:
        # Kept tensors outlive this call: they must not be tied to an inference-mode block.
        with torch.inference_mode(False), torch.no_grad():
            folded = Folded(stamp, *_fold(*arguments))
        kernel._isozoo_folded = folded
    return folded


class Folded:
    """A convolution with its normalization folded in.

    `kernel` has torch's axes, (out, in / groups, *size), or is oneDNN's own arrangement of that.
    A signal is an image one pixel high, of which oneDNN keeps the channels last.
    """

    def __init__(self, stamp, kernel, bias) -> None:
        self.is_signal = kernel.ndim == 3
        kernel = kernel.unsqueeze(2) if self.is_signal else kernel
        self.stamp, self.kernel, self.bias = stamp, kernel, bias
        self.filters, self.size = kernel.shape[0], tuple(kernel.shape[2:])
        self.packed = False

    def __call__(self, x, conv, activation, shortcut):
        if not self.is_signal:
            return self._of_images(x, conv, activation, shortcut)
        steps, holes = conv["strides"], conv["dilation"]
        pads = explicit_pads(conv["padding"], x.shape[1:-1], self.size[1:], steps, holes)
        changed = {"strides": (1, *steps), "dilation": (1, *holes), "padding": ((0, 0), *pads)}
        shortcut = None if shortcut is None else shortcut.unsqueeze(-3)
        y = self._of_images(x.unsqueeze(1), {**conv, **changed}, activation, shortcut)
        return y.squeeze(1)

    def _of_images(self, x, conv, activation, shortcut):
        strides, dilation = conv["strides"], conv["dilation"]
        x, padding = neural.padded(x, self.size, strides, conv["padding"], dilation)
        x = neural.channels_first(x)
        groups = conv.get("groups", x.shape[1])
        settings = padding, strides, dilation, groups
        if self.packed or self._pack(x, *settings):
            return _by_onednn(x, self, settings, activation, shortcut)
        run = neural.CONVS[len(self.size)]
        y = precision.convolution(
            run, x, self.kernel, self.bias, strides, padding, dilation, groups
        )
        y = neural.channels_last(y)
        if shortcut is not None:
            y = y.add_(shortcut) if y.shape == shortcut.shape else y + shortcut
        # Nothing else holds this tensor, and no gradient is wanted: it may be overwritten.
        return y if activation is None else _FRESH[activation](y)

    def _pack(self, x, padding, strides, dilation, groups) -> bool:
        """Have oneDNN arrange the kernel, where it can be used; says whether it was."""
        if len(self.size) != 2 or not _suits_onednn(x, self.kernel):
            return False
        with _packing, torch.inference_mode(False), torch.no_grad():
            if not self.packed:  # another thread may have been first
                # Which arrangement it chooses depends on neither batch nor the picture's size.
                self.kernel = _arranged(
                    self.kernel, padding, strides, dilation, groups, list(x.shape)
                )
                self.packed = True
        return True


# One lock for all kernels, each of which is packed once: a lock of its own could not be pickled.
_packing = threading.Lock()


def _suits_onednn(x, kernel) -> bool:
    return (
        _HAS_ONEDNN
        and x.device.type == "cpu"
        and x.dtype == kernel.dtype == torch.float32
        and x.numel() > 0
        and torch.backends.mkldnn.enabled
        and not torch.is_autocast_enabled("cpu")
    )


def _arranged(*settings):
    return torch.ops.mkldnn._reorder_convolution_weight(*settings)


def _by_onednn(x, folded, settings, activation, shortcut):
    convolve = torch.ops.mkldnn._convolution_pointwise
    if shortcut is None or shortcut.shape != _shape(x, folded, settings):
        activation, after = (activation, None) if shortcut is None else (None, activation)
        y = neural.channels_last(
            convolve(x, folded.kernel, folded.bias, *settings, *_FUSED[activation])
        )
        y = y if shortcut is None else y + shortcut
        return y if after is None else _FRESH[after](y)
    # Behind a sum it knows no activation but this one.
    unary = ("relu", [], "") if activation == "relu" else (None, [], None)
    other = neural.channels_first(shortcut)
    y = convolve.binary(x, other, folded.kernel, folded.bias, *settings, "add", 1.0, *unary)
    y = neural.channels_last(y)
    return y if activation in (None, "relu") else _FRESH[activation](y)


def _shape(x, folded, settings):
    """The shape, channels last, of a convolution's result."""
    padding, strides, dilation, _ = settings
    sizes = zip(x.shape[2:], padding, folded.size, strides, dilation, strict=True)
    spatial = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, p, k, s, d in sizes]
    return (x.shape[0], *spatial, folded.filters)


def _has_onednn() -> bool:
    found = getattr(torch.ops, "mkldnn", None)
    names = "_convolution_pointwise _reorder_convolution_weight _linear_pointwise"
    names = (*names.split(), "_reorder_linear_weight")
    return torch.backends.mkldnn.is_available() and all(hasattr(found, name) for name in names)


_HAS_ONEDNN = _has_onednn()


def _is_eager(x, kernel) -> bool:
    """Whether a call is to be computed now, of tensors with memory.

    Not traced, and neither fake, distributed nor inside of a transform.
    """
    return (
        type(x) in _WITH_MEMORY
        and type(kernel) in _WITH_MEMORY
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
        and peek_interpreter_stack() is None
    )


_WITH_MEMORY = (torch.Tensor, torch.nn.Parameter)


def _fold(kernel, bias, mean, variance, gamma, beta, epsilon, depth):
    """(kernel in torch's axes, bias), computed in float64."""
    if mean is None:
        # `data`, for what is kept with the kernel must not refer to it as a view does.
        kept = without_subnormals(kernel.data)
        arranged = neural.arrange(kept, "depthwise" if depth else "conv")
        return neural.torch_kernel(arranged, depth), bias
    scale = torch.rsqrt(variance.double() + epsilon)
    scale = scale if gamma is None else scale * gamma
    shift = (0 if bias is None else bias) - mean
    shift = shift * scale + (0 if beta is None else beta)
    factor = scale.reshape(kernel.shape[-2:]) if depth else scale
    folded = without_subnormals((kernel * factor).to(kernel.dtype))
    folded = neural.torch_kernel(neural.arrange(folded, "depthwise" if depth else "conv"), depth)
    return folded, shift.to(kernel.dtype)


def without_subnormals(kernel):
    """A kernel with zeros for numbers below 1.2e-38, which slow CPUs down a hundred times.

    Trained nets hold them, of units that weight decay let die: two kernels of PP-OCRv6's detector
    took 210 of its 350 ms.
    """
    if kernel.dtype != torch.float32 or kernel.device.type != "cpu":
        return kernel
    small = (kernel != 0) & (kernel.abs() < torch.finfo(torch.float32).tiny)
    return kernel.masked_fill(small, 0.0) if bool(small.any()) else kernel
