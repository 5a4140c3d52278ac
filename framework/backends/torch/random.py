"""Random draws in PyTorch.

Four ways to the same bits. On CUDA Triton's kernels draw, one for each call. Small draws on the CPU
come from NumPy. Once many words have been drawn there, large draws take kernels that inductor has
compiled, the first of which costs some seconds; where it has no compiler, nothing changes. Traced,
on tensors that are not plain ones, and on other devices, Philox is written in int64 operations.
"""

import importlib.util
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch

from ...context import state
from .. import host_draws as host
from .. import philox
from ..derived.random import LOW, STEP, TINY, threshold
from .distribution import is_spread
from .placing import is_noted_step, number, on_host, sent

LARGE = 1 << 20  # words from which on a draw may take a compiled kernel
_PATIENCE = 1 << 26  # words that are drawn in large draws before kernels are compiled
_compiled: dict[str, object] = {}
_state = {"drawn": 0, "broken": False}


# In int64 operations


def _block(index, key, stream=0):
    """The four words of the blocks that `index` counts, as int64.

    A product of two 32-bit words can pass 2^63; it then wraps, and the mask behind the arithmetic
    shift still takes the right bits.
    """
    k0, k1 = key[0] & philox.MASK, key[1] & philox.MASK
    c0, c1 = index & philox.MASK, index >> 32
    c2, c3 = torch.full_like(index, stream), torch.zeros_like(index)
    for _ in range(philox.ROUNDS):
        p0, p1 = c0 * philox.MULTIPLIERS[0], c2 * philox.MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            ((p1 >> 32) & philox.MASK) ^ c1 ^ k0,
            p1 & philox.MASK,
            ((p0 >> 32) & philox.MASK) ^ c3 ^ k1,
            p0 & philox.MASK,
        )
        k0, k1 = (k0 + philox.WEYL[0]) & philox.MASK, (k1 + philox.WEYL[1]) & philox.MASK
    return c0, c1, c2, c3


def _fused_words(key, count, stream=0):
    """Words in the form that a compiler fuses: each computed where it ends up."""
    index = torch.arange(count, device=key.device)
    c0, c1, c2, c3 = _block(index >> 2, key, stream)
    lane = index & 3
    return torch.where(lane < 2, torch.where(lane == 0, c0, c1), torch.where(lane == 2, c2, c3))


def _plain_words(key, shape, stream=0):
    count = math.prod(shape)
    if torch.compiler.is_compiling():
        return _fused_words(key, count, stream).reshape(shape)
    index = torch.arange(-(-count // 4), device=key.device)
    return torch.stack(_block(index, key, stream), -1).reshape(-1)[:count].reshape(shape)


def _plain_normal(key, shape, dtype):
    count = math.prod(shape)
    words = _plain_words(key, (-(-count // 2), 2)) & LOW
    u, v = (words.to(dtype) * STEP).unbind(-1)
    radius = torch.sqrt(-2.0 * torch.log(u.clamp(min=TINY)))
    angle = v * (2 * math.pi)
    both = torch.stack([radius * torch.sin(angle), radius * torch.cos(angle)], -1)
    return both.reshape(-1)[:count].reshape(shape)


# By inductor: two float32 stand in one int64, since inductor does not interleave well


def _two_words(key, pairs):
    index = torch.arange(pairs, device=key.device)
    c0, c1, c2, c3 = _block(index >> 1, key)
    odd = (index & 1) == 1
    return torch.where(odd, c2, c0), torch.where(odd, c3, c1)


def _packed(first, second):
    low, high = (x.view(torch.int32).to(torch.int64) for x in (first, second))
    return (low & philox.MASK) | (high << 32)


def _uniform_kernel(key, pairs):
    first, second = _two_words(key, pairs)
    return _packed(*((w & LOW).to(torch.float32) * STEP for w in (first, second)))


def _normal_kernel(key, pairs):
    first, second = _two_words(key, pairs)
    u, v = ((w & LOW).to(torch.float32) * STEP for w in (first, second))
    radius = torch.sqrt(-2.0 * torch.log(u.clamp(min=TINY)))
    angle = v * (2 * math.pi)
    return _packed(radius * torch.sin(angle), radius * torch.cos(angle))


def _dropout_kernel(key, x, least, scale):
    kept = _fused_words(key, x.shape[0]) >= least
    return torch.where(kept, x * scale, torch.zeros((), dtype=x.dtype, device=x.device))


_KERNELS = {"uniform": _uniform_kernel, "normal": _normal_kernel, "dropout": _dropout_kernel}


@lru_cache(maxsize=1)
def _triton() -> Any:
    """The kernels of Triton, or None where it is not installed."""
    if importlib.util.find_spec("triton") is None:
        return None
    from . import triton_kernels

    return triton_kernels


def _gpu_kernels(device) -> Any:
    return _triton() if device.type == "cuda" else None


_TRITON_FLOATS = (torch.float32, torch.float16, torch.bfloat16)


def _run(name, *args):
    """The result of a compiled kernel, or None where nothing can be compiled."""
    try:
        if name not in _compiled:
            _compiled[name] = torch.compile(_KERNELS[name], fullgraph=True, dynamic=True)
        with torch.no_grad():
            return _compiled[name](*args)  # pyright: ignore[reportCallIssue]
    except (MemoryError, torch.OutOfMemoryError):
        raise  # there may be room another time, and the other ways need more
    except Exception:  # whatever the compiler lacks: the other ways give the same draws
        _state["broken"] = True
        return None


def _worth_compiling(count, device):
    """Whether a draw should take a compiled kernel, after it has been counted."""
    if _state["broken"] or count < LARGE or device.type != "cpu" or is_noted_step():
        return False
    if _state["drawn"] < _PATIENCE:
        _state["drawn"] += count
        return False
    return True


def ordinary(*tensors):
    """Whether nothing watches the operations on these tensors: no tracing, no transformation."""
    return (
        not torch.compiler.is_compiling()
        and not torch._C._len_torch_dispatch_stack()
        and torch._C._functorch.peek_interpreter_stack() is None  # pyright: ignore
        and not torch._C._get_tracing_state()
        and all(isinstance(x, tuple) or type(x) in _PLAIN for x in tensors)
    )


_PLAIN = (torch.Tensor, torch.nn.Parameter)


def _drawable(*tensors):
    """Whether kernels of our own may draw: nothing watches, or what watches can call them again."""
    return ordinary(*tensors) or is_noted_step()


def _by_host(draw, *args):
    """What NumPy draws, as a tensor."""
    return on_host(lambda *args: torch.from_numpy(draw(*args)), *args)


def _device(key):
    if isinstance(key, tuple):
        return state.device or torch.get_default_device()
    return key.device


def _key(key, device=None):
    """A key as int64 of shape (2,)."""
    if isinstance(key, tuple):
        made = torch.tensor(key, dtype=torch.int64)
        device = device or state.device
        return made if device is None else sent(made, device)
    return key.to(device=device, dtype=torch.int64)


def _gpu_key(key, device):
    """A key as two whole numbers on the device; the kernels take their lowest 32 bits."""
    return _key(key, device) if isinstance(key, tuple) else key.to(device)


def _here(key):
    """A key as this process has it: every process has the whole one."""
    return key.to_local() if is_spread(key) else key


def random_words(key, shape, stream=0):
    """Words of a stream of `key`, as int64."""
    key = _here(key)
    if _drawable(key):
        device = _device(key)
        if device.type == "cpu":
            return _by_host(host.random_words, key, shape, stream)
        if (kernels := _gpu_kernels(device)) is not None:
            return kernels.words(_gpu_key(key, device), math.prod(shape), stream).reshape(shape)
    key = _key(key)
    if torch.compiler.is_compiling() and key.device.type == "cpu":
        return _opaque_words(key, tuple(shape), stream)
    return _plain_words(key, shape, stream)


@torch.library.custom_op("isozoo::random_words", mutates_args=())
def _opaque_words(key: torch.Tensor, shape: Sequence[int], stream: int) -> torch.Tensor:
    """Words that inductor takes as they are: it needs minutes for the rounds of a rejection."""
    return torch.from_numpy(host.random_words(key, shape, stream))


@_opaque_words.register_fake
def _(key, shape, stream):
    return key.new_empty(shape)


@_opaque_words.register_vmap
def _(info, in_dims, key, shape, stream):
    keys = key.movedim(in_dims[0], 0).unbind(0)
    return torch.stack([_opaque_words(k, shape, stream) for k in keys]), 0


def random_uniform(key, shape):
    """Uniform float32 in [0, 1), see `derived.random`."""
    key = _here(key)
    if _drawable(key):
        count, device = math.prod(shape), _device(key)
        if (kernels := _gpu_kernels(device)) is not None:
            return kernels.uniform(_gpu_key(key, device), count).reshape(shape)
        if _worth_compiling(count, device):
            packed = _run("uniform", _key(key), -(-count // 2))
            if packed is not None:
                return packed.view(torch.float32)[:count].reshape(shape)
        if device.type == "cpu":
            return _by_host(host.random_uniform, key, shape)
    return (_plain_words(_key(key), shape) & LOW).to(torch.float32) * STEP


def random_normal(key, shape, dtype):
    """Standard normal draws, see `derived.random`."""
    key = _here(key)
    if _drawable(key):
        count, device = math.prod(shape), _device(key)
        if dtype == "float32" and (kernels := _gpu_kernels(device)) is not None:
            return kernels.normal(_gpu_key(key, device), count).reshape(shape)
        if dtype == "float32" and _worth_compiling(count, device):
            packed = _run("normal", _key(key), -(-count // 2))
            if packed is not None:
                return packed.view(torch.float32)[:count].reshape(shape)
        if device.type == "cpu":
            return _by_host(host.random_normal, key, shape, dtype)
    return _plain_normal(_key(key), shape, getattr(torch, dtype))


def random_dropout(x, key, shape, rate):
    """x / (1 - rate) or 0, see `derived.random`."""
    key = _here(key)
    if is_spread(x):
        return _where(_kept_of(x, key, tuple(shape), rate), x, rate)
    if _drawable(key, x):
        whole = tuple(shape) == tuple(x.shape)
        fits = _gpu_kernels(x.device) is not None and x.dtype in _TRITON_FLOATS
        if whole and (fits or _worth_compiling(x.numel(), x.device)):
            key = _gpu_key(key, x.device) if fits else _key(key, x.device)
            recorded = x.requires_grad and torch.is_grad_enabled()
            y = (_Dropout.apply if recorded else _dropped)(x, key, rate)
            if y is not None:
                return y
        if x.device.type == "cpu":
            return _where(_by_host(host.random_kept, key, shape, rate), x, rate)
    return _where(_plain_words(_key(key, x.device), shape) >= threshold(rate), x, rate)


def _kept_of(x, key, shape, rate):
    """Which elements of a DTensor stay. Of rows that are cut, each process draws its own."""
    from . import sharded

    rows = sharded.own_rows(x) if shape == tuple(x.shape) and x.device.type == "cpu" else None
    if rows is None or not ordinary(key):
        return random_words(key, shape) >= threshold(rate)
    first, count = rows
    size = math.prod(shape[1:])
    kept = host.random_kept(key, (count, *shape[1:]), rate, first * size)
    return sharded.of_rows(torch.from_numpy(kept), x)


def _where(kept, x, rate):
    zero = torch.zeros((), dtype=x.dtype, device=x.device)
    return torch.where(kept, x * (1.0 / (1.0 - rate)), zero)


def _dropped(x, key, rate):
    """Dropout in one kernel, or None where nothing can be compiled."""
    if (kernels := _gpu_kernels(x.device)) is not None:
        return kernels.dropout(x, key, threshold(rate), 1.0 / (1.0 - rate))
    least = number(threshold(rate), None, x.device)
    scale = number(1.0 / (1.0 - rate), torch.float64, x.device)
    y = _run("dropout", key, x.reshape(-1), least, scale)
    return y if y is None else y.view(x.shape)


class _Dropout(torch.autograd.Function):
    """Dropout in one kernel. It is linear, so its derivative is itself: no mask is kept."""

    @staticmethod
    def forward(ctx, x, key, rate):
        ctx.key, ctx.rate = key, rate
        return _dropped(x, key, rate)

    @staticmethod
    def backward(ctx, *gradients):
        return random_dropout(gradients[0], ctx.key, gradients[0].shape, ctx.rate), None, None

    @staticmethod
    def jvp(ctx, *tangents):
        return random_dropout(tangents[0], ctx.key, tangents[0].shape, ctx.rate)
