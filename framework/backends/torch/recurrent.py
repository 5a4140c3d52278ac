"""Recurrent networks by torch's own kernels, which run all steps at once."""

import torch

from . import precision


def lstm(x, h, c, kernel, recurrent_kernel, bias):
    """(outputs (batch, steps, units), h, c) of an LSTM; None where torch's kernel is not for it."""
    if not _suits(x, h, c, kernel, recurrent_kernel, bias):
        return None
    weights = [kernel.t(), recurrent_kernel.t()]
    if bias is not None:  # torch has two biases, and adds them
        weights += [bias, torch.zeros_like(bias)]

    def run(x, h, c, *weights):
        given = _together(weights)
        return torch.lstm(x, (h, c), given, len(given) > 2, 1, 0.0, _differs(x, given), False, True)

    states = h.unsqueeze(0), c.unsqueeze(0)
    outputs, h, c = precision.product(run, x, *states, *weights, kinds=precision.RNN)
    return outputs, h.squeeze(0), c.squeeze(0)


def gru(x, h, kernel, recurrent_kernel, bias):
    """(outputs (batch, steps, units), h) of a GRU; None where torch's kernel is not for it."""
    if not _suits(x, h, kernel, recurrent_kernel, bias):
        return None
    weights = [_reset_first(kernel, 1).t(), _reset_first(recurrent_kernel, 1).t()]
    if bias is not None:
        weights += [_reset_first(bias[0], 0), _reset_first(bias[1], 0)]

    def run(x, h, *weights):
        given = _together(weights)
        return torch.gru(x, h, given, len(given) > 2, 1, 0.0, _differs(x, given), False, True)

    outputs, h = precision.product(run, x, h.unsqueeze(0), *weights, kinds=precision.RNN)
    return outputs, h.squeeze(0)


def _differs(x, weights):
    """Whether derivatives are wanted, for which cuDNN keeps what it calls training's."""
    return torch.is_grad_enabled() and any(t.requires_grad for t in (x, *weights))


def _suits(x, *others):
    """Whether torch's kernel computes what a loop would: plain tensors of one whole float dtype."""
    whole = x.dtype in (torch.float32, torch.float64)
    if not whole or torch.compiler.is_compiling() or not x.shape[1]:
        return False
    for t in (x, *others):
        if t is None:
            continue
        plain = type(t) in (torch.Tensor, torch.nn.Parameter) and t.dtype is x.dtype
        if not plain or torch._C._functorch.is_functorch_wrapped_tensor(t):  # pyright: ignore
            return False
    return True


def _reset_first(weight, axis):
    """Blocks z, r, g along an axis as torch has them: r, z, g."""
    z, r, g = weight.chunk(3, axis)
    return torch.cat((r, z, g), axis)


def _together(weights):
    """The weights; on CUDA in one piece of memory, which cuDNN would otherwise make, and warn."""
    if not weights[0].is_cuda:
        return list(weights)
    flat = torch.cat([w.reshape(-1) for w in weights])
    parts = flat.split([w.numel() for w in weights])
    return [part.view(w.shape) for part, w in zip(parts, weights, strict=True)]
