"""Convolution, pooling, attention and padding in PyTorch, on channels-last memory.

Images are (batch, height, width, channels); torch sees them through a permuted view, which it
calls the channels-last memory format, so nothing is copied on the way in or out.
"""

import torch
from torch._C._functorch import peek_interpreter_stack  # pyright: ignore[reportMissingImports]
from torch.nn import functional as F

from ..base import explicit_pads
from . import precision
from .arrays import moved
from .distribution import is_spread
from .placing import beside


def arrange(tensor, memory_format):
    """`tensor` with its memory in the order that the kernels read; its shape stays.

    Dense kernels (in, out) lie as (out, in), convolution kernels (*size, in, out) as
    (out, *size, in), depthwise ones (*size, channels, multiplier) as (channels, multiplier, *size).
    """
    rank = tensor.ndim
    if memory_format == "dense":
        order = (1, 0)
    elif memory_format == "conv":
        # As a matrix that is turned, for which PyTorch has a copy that is three times as quick.
        turned = arrange(tensor.reshape(-1, tensor.shape[-1]), "dense").t()
        return turned.reshape(tensor.shape[-1], *tensor.shape[:-1]).permute(*range(1, rank), 0)
    elif memory_format == "depthwise":
        order = (rank - 2, rank - 1, *range(rank - 2))
    else:
        return tensor.contiguous()
    back = tuple(order.index(axis) for axis in range(rank))
    return tensor.permute(order).contiguous().permute(back)


def dense(x, kernel, bias):
    """x (…, in) @ kernel (in, out) + bias, one fused call."""
    if kernel.ndim != 2:
        return _plain(x, kernel, bias)
    weight = kernel.t()
    if x.is_cuda:
        return precision.product(F.linear, x, weight, bias)
    # torch.compile knows no such question, and picks its own kernels.
    eager = not torch.compiler.is_compiling()
    if eager and torch.is_inference_mode_enabled() and _suits_onednn(x, weight):
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    if not precision.watched:
        return F.linear(x, weight, bias)
    return precision.product(F.linear, x, weight, bias)


_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def _suits_onednn(x, weight):
    # F.linear calls BLAS. oneDNN's product has no derivative and takes 15 us longer to call, but
    # large ones took 0.75 to 0.95 of the time (768 to 3072 units, AVX-512).
    return (
        x.numel() * weight.shape[0] >= 1 << 24
        and _ONEDNN
        and type(x) is torch.Tensor
        and x.is_cpu
        and x.dtype is weight.dtype is torch.float32
        and weight.is_contiguous()
        and torch.backends.mkldnn.enabled
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def _plain(x, kernel, bias):
    y = precision.product(torch.matmul, x, kernel)
    return y if bias is None else y + bias


CONVS = {2: F.conv2d, 3: F.conv3d}


def channels_first(x):
    """A view of (batch, *spatial, channels) with torch's order of axes."""
    return x.permute(0, -1, *range(1, x.ndim - 1))


def channels_last(x):
    """A view of (batch, channels, *spatial) with the channels last."""
    return x.permute(0, *range(2, x.ndim), 1)


def _are_unlike(low, high) -> bool:
    """Whether two numbers differ; symbolic ones may, and are not compared."""
    return isinstance(low, torch.SymInt) or isinstance(high, torch.SymInt) or low != high


def padded(x, size, strides, padding, dilation):
    """(x, zeros on each side that are left for torch to add, one number for each axis)."""
    pads = explicit_pads(padding, x.shape[1:-1], size, strides, dilation)
    if any(_are_unlike(low, high) for low, high in pads):
        x = F.pad(x, (0, 0, *(p for pair in reversed(pads) for p in pair)))
        return x, (0,) * len(size)
    return x, tuple(low for low, _ in pads)


def torch_kernel(kernel, depth):
    """A kernel (*size, in / groups, out), or (*size, channels, multiplier), in torch's axes."""
    rank = kernel.ndim - 2
    if not depth:
        return kernel.permute(rank + 1, rank, *range(rank))
    kernel = kernel.permute(rank, rank + 1, *range(rank))
    return kernel.reshape(-1, 1, *kernel.shape[2:])


def _convolve(x, kernel, bias, strides, padding, dilation, groups):
    """`kernel` has torch's axes already: (out, in / groups, *size)."""
    x, kernel, bias = _where_convolved(x, kernel, bias)
    x, amount = padded(x, kernel.shape[2:], strides, padding, dilation)
    run = CONVS[kernel.ndim - 2]
    x = channels_first(x)
    if kernel.dtype is torch.float64:  # oneDNN has none, and torch's own loops no derivative
        kernel = kernel.contiguous()
    return channels_last(
        precision.convolution(run, x, kernel, bias, strides, amount, dilation, groups)
    )


def _where_convolved(x, *weights):
    """Operands as torch convolves DTensors: inputs cut along the rows, and whole weights."""
    if not any(map(is_spread, (x, *weights))):
        return x, *weights
    from . import sharded

    x = sharded.cut_by_rows(x) if is_spread(x) else x
    return x, *(sharded.whole(w) if is_spread(w) else w for w in weights)


def conv(x, kernel, strides, padding, dilation, groups, bias=None):
    """Convolution of (batch, *spatial, channels) with a kernel of (*size, in / groups, out)."""
    if kernel.ndim == 3:
        # oneDNN keeps channels last for images only: a signal is an image one pixel high.
        pads = explicit_pads(padding, x.shape[1:-1], kernel.shape[:1], strides, dilation)
        image = x.unsqueeze(1), kernel.unsqueeze(0), (1, *strides), ((0, 0), *pads), (1, *dilation)
        return conv(*image, groups, bias).squeeze(1)
    return _convolve(x, torch_kernel(kernel, False), bias, strides, padding, dilation, groups)


def depthwise_conv(x, kernel, strides, padding, dilation, bias=None):
    """Each channel with its own kernels: (*size, channels, multiplier)."""
    if kernel.ndim == 3:
        pads = explicit_pads(padding, x.shape[1:-1], kernel.shape[:1], strides, dilation)
        image = x.unsqueeze(1), kernel.unsqueeze(0), (1, *strides), ((0, 0), *pads), (1, *dilation)
        return depthwise_conv(*image, bias).squeeze(1)
    channels = kernel.shape[-2]
    return _convolve(x, torch_kernel(kernel, True), bias, strides, padding, dilation, channels)


def batch_normalization(x, mean, variance, axis, beta, gamma, epsilon):
    """Normalization by given statistics, over the channels at `axis`."""
    constant = not (mean.requires_grad or variance.requires_grad)
    alike = all(t is None or t.dtype is mean.dtype for t in (beta, gamma))
    if not (constant and alike and x.ndim >= 2 and mean.shape[0]):
        # torch's kernel takes two axes or more, a channel, vectors of one dtype, and statistics as
        # constants, which those of a batch in training are not.
        return _by_batch(x, mean, variance, axis, beta, gamma, epsilon)
    moved = x.movedim(axis, 1) if axis not in (1, 1 - x.ndim) else x
    y = F.batch_norm(moved, mean, variance, gamma, beta, False, 0.0, epsilon)
    return y.movedim(1, axis) if moved is not x else y


def batch_normalized(x, axis, beta, gamma, epsilon):
    """torch's kernel of normalization in training, which has a gradient in one pass.

    From moments and elementwise ops, which autograd goes through one by one, it took 6 times as
    long on CPU.
    """
    channels = x.shape[axis]
    count = x.numel() // max(channels, 1)
    plain = x.dtype in (torch.float32, torch.float64) and x.ndim >= 2 and count > 1 and epsilon > 0
    alike = all(t is None or t.dtype is x.dtype for t in (beta, gamma))
    if not (plain and alike) or peek_interpreter_stack() is not None:
        return None  # torch.func refuses the statistics' assignment
    if is_spread(x):
        return None  # torch would gather the whole batch, and lose statistics of cut channels
    moved = x.movedim(axis, 1) if axis not in (1, 1 - x.ndim) else x
    mean, variance = x.new_zeros(channels), x.new_zeros(channels)
    y = F.batch_norm(moved, mean, variance, gamma, beta, True, 1.0, epsilon)
    # torch's running variance is that of a sample, divided by one less.
    return y.movedim(1, axis) if moved is not x else y, mean, variance * ((count - 1) / count)


def _by_batch(x, mean, variance, axis, beta, gamma, epsilon):
    sizes = [1] * x.ndim
    sizes[axis] = -1
    scale = torch.rsqrt(variance + epsilon)
    scale = scale if gamma is None else scale * gamma
    shift = -mean * scale if beta is None else beta - mean * scale
    return (x * scale.reshape(sizes) + shift.reshape(sizes)).to(x.dtype)


def hard_sigmoid(x):
    """min(max(x + 3, 0), 6) / 6."""
    if x.is_cuda and x.dtype is torch.float64:  # torch's kernel has its 1/6 in float32 there
        return F.relu6(x + 3) / 6
    return F.hardsigmoid(x)


def hard_silu(x):
    """x * hard_sigmoid(x)."""
    if x.is_cuda and x.dtype is torch.float64:
        return x * hard_sigmoid(x)
    return F.hardswish(x)


def _largest(x, size, strides):
    """The largest of each window of integers, of which torch has no kernel on CUDA."""
    for axis, (length, step) in enumerate(zip(size, strides, strict=True)):
        x = x.unfold(1 + axis, length, step)
    return x.amax(tuple(range(-len(size), 0)))


def pool(x, size, strides, padding, kind):
    """Window "max", "average" (padding does not count) or "sum"; (batch, *spatial, channels)."""
    if len(size) == 1:
        pads = explicit_pads(padding, x.shape[1:-1], size, strides)
        y = pool(x.unsqueeze(1), (1, *size), (1, *strides), ((0, 0), *pads), kind)
        return y.squeeze(1)
    pads = explicit_pads(padding, x.shape[1:-1], size, strides)
    real = x.shape[1:-1]
    flat = (0, 0, *(p for pair in reversed(pads) for p in pair))
    padded = any(_are_unlike(p, 0) for p in flat)
    rank = len(size)
    if kind == "max":
        if padded:
            low = float("-inf") if x.is_floating_point() else torch.iinfo(x.dtype).min
            x = F.pad(x, flat, value=low)
        if x.is_cuda and not x.is_floating_point():
            return _largest(x, size, strides)
        function = F.max_pool2d if rank == 2 else F.max_pool3d
        x = channels_first(x)
        if x.is_cuda and x.dtype is torch.float64 and rank == 2:
            # In two dimensions the derivative's kernel reads at odd addresses (torch 2.11).
            y = F.max_pool3d(x.unsqueeze(2), (1, *size), (1, *strides)).squeeze(2)
            return channels_last(y)
        return channels_last(function(x, size, strides))
    x = F.pad(x, flat) if padded else x
    function = F.avg_pool2d if rank == 2 else F.avg_pool3d
    mean = channels_last(function(channels_first(x), size, strides))
    cells = 1
    for n in size:
        cells *= n
    if kind == "sum":
        return mean * cells
    if not padded:
        return mean
    ones = torch.ones((1, *real, 1), dtype=x.dtype, device=x.device)
    return mean * cells / pool(ones, size, strides, padding, "sum")


def last_sizes(x, axis):
    """The sizes of the axes that `axis` names, if they are the last ones in order; else None."""
    if axis == -1 or axis == x.ndim - 1:
        return x.shape[-1:]
    if isinstance(axis, tuple) and axis == tuple(range(x.ndim - len(axis), x.ndim)):
        return x.shape[axis[0] :]
    return None


def fits(vector, x, sizes):
    """Whether torch's normalizations take the vector (or None) as it is."""
    return vector is None or (vector.dtype is x.dtype and vector.shape == sizes)


def group_normalization(x, gamma, beta, groups, epsilon):
    """Normalizes groups of the last axis over all others but the first.

    Sums go over whole rows of channels, which are then gathered to groups: torch reduces the axes
    of a group several times as slowly. Its own kernel takes the variance of channels-last tensors
    as a difference of squares, which loses digits where the mean is large.
    """
    batch, channels = x.shape[0], x.shape[-1]
    rows = x.reshape(batch, -1, channels)

    def of_groups(sums):
        means = sums.reshape(batch, groups, -1).mean(-1, keepdim=True)
        return means.expand(batch, groups, channels // groups).reshape(batch, 1, channels)

    centred = rows - of_groups(rows.mean(1))
    scale = torch.rsqrt(of_groups(centred.square().mean(1)) + epsilon)
    scale = scale if gamma is None else scale * gamma
    y = centred * scale if beta is None else torch.addcmul(beta, centred, scale)
    return y.reshape(x.shape)


def attention(query, key, value, mask, bias, scale, is_causal):
    """softmax(q k^T * scale + bias) v over (batch, length, heads, dim) tensors, fused."""
    q, k, v = query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
    if is_causal and not (mask is None and bias is None):
        causal = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril()
        mask, is_causal = causal if mask is None else mask & causal, False
    mask = _added(mask, bias, q.dtype)

    def attend(q, k, v, mask=mask):
        return F.scaled_dot_product_attention(q, k, v, mask, 0.0, is_causal, scale=scale)

    if any(map(is_spread, (q, k, v))):
        from . import sharded

        return sharded.attended(attend, q, k, v, mask).transpose(1, 2)
    y = precision.product(attend, q, k, v).transpose(1, 2)
    if torch.compiler.is_exporting():
        # What stands for the kernel in other formats lays its result out in another way, of which
        # the views that were traced after it could not be taken.
        y = y.clone(memory_format=torch.contiguous_format)
    return y


def _added(mask, bias, dtype):
    """What a mask and a bias add to scores; None where there is neither."""
    if mask is not None:
        # Finite, so that a row with nothing to attend to gives the mean: torch alone gives zeros.
        low = -6e4 if dtype == torch.float16 else -1e30
        return torch.where(mask, 0.0 if bias is None else bias, low).to(dtype)
    return bias if bias is None else bias.to(dtype)


def one_token(query, key, value, keys, values, position, bias, mask, scale):
    """`cached_attention` of one token a row; the cache is written in place, and nothing moves."""
    place = beside(position, keys).long().reshape(1)
    keys.index_copy_(2, place, key.transpose(1, 2))
    values.index_copy_(2, place, value.transpose(1, 2))
    batch, _, heads, size = query.shape
    groups = keys.shape[1]
    q = query.reshape(batch, groups, heads // groups, size)
    added = _added(mask, bias, q.dtype)
    if added is not None and added.ndim == 4 and added.shape[1] == heads > groups:
        added = added.reshape(added.shape[0], groups, heads // groups, -1)

    def attend(q, keys, values):
        return F.scaled_dot_product_attention(q, keys, values, added, 0.0, False, scale=scale)

    y = precision.product(attend, q, keys, values)
    return y.reshape(batch, 1, heads, size), keys, values


def pad(x, pads, mode, value):
    """Padding of any axes by "constant", "reflect" or "symmetric"."""
    if mode == "constant":
        return F.pad(x, tuple(p for pair in reversed(pads) for p in pair), value=value)
    for axis, (low, high) in enumerate(pads):
        if low or high:
            x = moved(torch.index_select)(
                x, axis, _mirror(x.shape[axis], low, high, mode).to(x.device)
            )
    return x


def _mirror(size, low, high, mode):
    # Reflection repeats with period 2n - 2 ("reflect") or 2n ("symmetric"), as in NumPy.
    index = torch.arange(-low, size + high)
    if mode == "edge":
        return index.clamp(0, size - 1)
    if mode == "wrap":
        return index % size
    period = max(2 * size - 2, 1) if mode == "reflect" else 2 * size
    index = index % period
    last = period if mode == "reflect" else period - 1
    return torch.where(index < size, index, last - index)
