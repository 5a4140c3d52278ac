"""Recurrent networks by torch's own kernels, which run all steps at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch

from . import precision

# Whether the program that is traced may hold the kernels as operators of its own.
_kept: ContextVar[bool] = ContextVar("kernels_kept", default=False)


def lstm(x, h, c, kernel, recurrent_kernel, bias):
    """(outputs (batch, steps, units), h, c) of an LSTM; None where torch's kernel is not for it."""
    if not _suits(x, h, c, kernel, recurrent_kernel, bias):
        return None
    weights = [kernel.t(), recurrent_kernel.t()]
    if bias is not None:  # torch has two biases, and adds them
        weights += [bias, torch.zeros_like(bias)]

    def run(x, h, c, *weights):
        given = _together(weights)
        called = stand_in("lstm") if _kept.get() else torch.lstm
        return called(x, (h, c), given, len(given) > 2, 1, 0.0, _differs(x, given), False, True)

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
        called = stand_in("gru") if _kept.get() else torch.gru
        return called(x, h, given, len(given) > 2, 1, 0.0, _differs(x, given), False, True)

    outputs, h = precision.product(run, x, h.unsqueeze(0), *weights, kinds=precision.RNN)
    return outputs, h.squeeze(0)


def _differs(x, weights):
    """Whether derivatives are wanted, for which cuDNN keeps what it calls training's."""
    return torch.is_grad_enabled() and any(t.requires_grad for t in (x, *weights))


def _suits(x, *others):
    """Whether torch's kernel computes what a loop would: plain tensors of one whole float dtype."""
    whole = x.dtype in (torch.float32, torch.float64)
    kept = _kept.get()
    if not whole or (torch.compiler.is_compiling() and not kept) or not x.shape[1]:
        return False
    for t in (x, *others):
        if t is None:
            continue
        if kept:
            if t.dtype is not x.dtype:
                return False
            continue
        plain = type(t) in (torch.Tensor, torch.nn.Parameter) and t.dtype is x.dtype
        if not plain or torch._C._functorch.is_functorch_wrapped_tensor(t):  # pyright: ignore
            return False
    return True


def _reset_first(weight, axis):
    """Blocks z, r, g along an axis as torch has them: r, z, g."""
    units = weight.shape[axis] // 3
    z, r, g = (weight.narrow(axis, place * units, units) for place in range(3))
    return torch.cat((r, z, g), axis)


def _together(weights):
    """The weights; on CUDA in one piece of memory, which cuDNN would otherwise make, and warn."""
    if not weights[0].is_cuda:
        return list(weights)
    flat = torch.cat([w.reshape(-1) for w in weights])
    parts = flat.split([w.numel() for w in weights])
    return [part.view(w.shape) for part, w in zip(parts, weights, strict=True)]


# Programs ---------------------------------------------------------------------------------------

# torch follows its own kernels step by step, for which it needs to know how many there are. So a
# program is traced with operators that stand for them, and give what they give: x (batch, steps,
# in), the states, the weights, and the settings of one layer.
_SCHEMAS = {
    "lstm": "(Tensor x, Tensor[] hx, Tensor[] params, bool has_biases, int num_layers, "
    "float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor, Tensor)",
    "gru": "(Tensor x, Tensor hx, Tensor[] params, bool has_biases, int num_layers, "
    "float dropout, bool train, bool bidirectional, bool batch_first) -> (Tensor, Tensor)",
}
_library: list[Any] = []


def stand_in(name: str) -> Any:
    """Returns the operator that stands for torch's kernel "lstm" or "gru" in a program."""
    if not _library:
        library = torch.library.Library("isozoo", "FRAGMENT")  # noqa: TOR901 - kept for good
        for kernel, schema in _SCHEMAS.items():
            library.define(f"{kernel}{schema}")
            library.impl(kernel, getattr(torch, kernel), "CompositeExplicitAutograd")
            torch.library.register_fake(f"isozoo::{kernel}", _shapes, lib=library)
        _library.append(library)
    return getattr(torch.ops.isozoo, name).default


def _shapes(x: Any, hx: Any, *_: Any) -> tuple[Any, ...]:
    states = list(hx) if isinstance(hx, list | tuple) else [hx]
    outputs = x.new_empty((*x.shape[:2], states[0].shape[-1]))
    return (outputs, *(torch.empty_like(state) for state in states))


@contextmanager
def kernels_kept() -> Iterator[None]:
    """A context in which programs that are traced hold the stand-ins for torch's kernels."""
    token = _kept.set(True)
    try:
        yield
    finally:
        _kept.reset(token)


def put_in_kernels(graph_module: Any) -> None:
    """Puts torch's kernels in a program in the places of those that stand for them."""
    aten = torch.ops.aten
    kernels = {stand_in("lstm"): aten.lstm.input, stand_in("gru"): aten.gru.input}
    for part in graph_module.modules():
        for node in getattr(part, "graph", torch.fx.Graph()).nodes:
            if node.op == "call_function" and node.target in kernels:
                node.target = kernels[node.target]
