"""Philox draws on GPUs, in one kernel each: the bits that `backends.philox` defines.

Imported only where Triton is. A program computes BLOCK blocks of four words; block number b of a
key's stream s is Philox4x32-10 of the counter (b in 64 bits, s, 0).
"""

# Types and layouts are Triton's, and arrays of it are no Python values.
# pyright: reportMissingImports=false, reportArgumentType=false, reportIndexIssue=false

import math
from typing import Any

import torch
import triton
import triton.language as tl

from ..derived.random import LOW, STEP, TINY

_BLOCK = 256
_TURN = tl.constexpr(2 * math.pi)
_LOW, _STEP, _TINY = tl.constexpr(LOW), tl.constexpr(STEP), tl.constexpr(TINY)


@triton.jit
def _words(key, stream, BLOCK: tl.constexpr):
    """The words of this program's blocks, four tensors, and the place of the first element."""
    k0 = tl.load(key).to(tl.uint64) & 0xFFFFFFFF
    k1 = tl.load(key + 1).to(tl.uint64) & 0xFFFFFFFF
    first = tl.program_id(0).to(tl.int64) * BLOCK
    index = first + tl.arange(0, BLOCK)
    low, high = index.to(tl.uint32), (index >> 32).to(tl.uint32)
    zero = low * 0
    w0, w1, w2, w3 = tl.philox(k0 | (k1 << 32), low, high, zero + stream, zero)
    return w0, w1, w2, w3, first * 4


@triton.jit
def _in_order(w0, w1, w2, w3):
    return tl.interleave(tl.interleave(w0, w2), tl.interleave(w1, w3))


@triton.jit
def _unit(word):
    return (word & _LOW).to(tl.float32) * _STEP


@triton.jit
def words_kernel(key, out, count, stream, BLOCK: tl.constexpr):
    w0, w1, w2, w3, start = _words(key, stream, BLOCK)
    place = start + tl.arange(0, 4 * BLOCK)
    words = _in_order(w0, w1, w2, w3).to(tl.int64)
    tl.store(out + place, words, mask=place < count)


@triton.jit
def uniform_kernel(key, out, count, BLOCK: tl.constexpr):
    w0, w1, w2, w3, start = _words(key, 0, BLOCK)
    place = start + tl.arange(0, 4 * BLOCK)
    tl.store(out + place, _unit(_in_order(w0, w1, w2, w3)), mask=place < count)


@triton.jit
def _pair(first, second):
    """Two standard normal draws of two words (Box and Muller 1958)."""
    radius = tl.sqrt(-2.0 * tl.log(tl.maximum(_unit(first), _TINY)))
    angle = _unit(second) * _TURN
    return radius * tl.sin(angle), radius * tl.cos(angle)


@triton.jit
def normal_kernel(key, out, count, BLOCK: tl.constexpr):
    w0, w1, w2, w3, start = _words(key, 0, BLOCK)
    n0, n1 = _pair(w0, w1)
    n2, n3 = _pair(w2, w3)
    place = start + tl.arange(0, 4 * BLOCK)
    tl.store(out + place, _in_order(n0, n1, n2, n3), mask=place < count)


@triton.jit
def dropout_kernel(x, key, out, count, least, scale, BLOCK: tl.constexpr):
    w0, w1, w2, w3, start = _words(key, 0, BLOCK)
    place = start + tl.arange(0, 4 * BLOCK)
    inside = place < count
    value = tl.load(x + place, mask=inside, other=0.0)
    kept = _in_order(w0, w1, w2, w3) >= least.to(tl.uint32)
    scaled = (value.to(tl.float32) * scale).to(value.dtype)
    tl.store(out + place, tl.where(kept, scaled, 0.0), mask=inside)


def _grid(count: int) -> tuple[int]:
    return (triton.cdiv(count, 4 * _BLOCK),)


def words(key: Any, count: int, stream: int) -> Any:
    """Returns the first `count` words of a stream of a key (int64 of shape (2,)), as int64."""
    out = torch.empty(count, dtype=torch.int64, device=key.device)
    if count:
        words_kernel[_grid(count)](key, out, count, stream, BLOCK=_BLOCK)
    return out


def uniform(key: Any, count: int) -> Any:
    """Returns `count` float32 draws from [0, 1)."""
    out = torch.empty(count, dtype=torch.float32, device=key.device)
    if count:
        uniform_kernel[_grid(count)](key, out, count, BLOCK=_BLOCK)
    return out


def normal(key: Any, count: int) -> Any:
    """Returns `count` standard normal float32 draws."""
    out = torch.empty(count, dtype=torch.float32, device=key.device)
    if count:
        normal_kernel[_grid(count)](key, out, count, BLOCK=_BLOCK)
    return out


def dropout(x: Any, key: Any, least: int, scale: float) -> Any:
    """Returns x * scale where the element's word is at least `least`, else 0.

    `x` is a float32, float16 or bfloat16 tensor; the result is contiguous.
    """
    x = x.contiguous()
    out = torch.empty_like(x)
    if x.numel():
        dropout_kernel[_grid(x.numel())](x, key, out, x.numel(), least, scale, BLOCK=_BLOCK)
    return out
