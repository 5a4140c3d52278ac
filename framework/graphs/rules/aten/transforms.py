"""Fourier transforms along axes, of complex tensors.

Definition: pytorch/aten/src/ATen/native/SpectralOps.cpp; `norm` is 0 for sums as they are, 1 for
those over the root of their number of terms, 2 for those over that number.
"""

from __future__ import annotations

from typing import Any

from .... import ops
from ...calls import Call, dtype_of, shape_of
from .binding import aten


def _pair(x: Any) -> tuple[Any, Any]:
    """The real and imaginary parts."""
    if dtype_of(x).startswith("complex"):
        return ops.real(x), ops.imag(x)
    return x, ops.zeros_like(x)


def _complex(pair: tuple[Any, Any]) -> Any:
    return ops.view_as_complex(ops.stack(list(pair), -1))


def _along(pair: tuple[Any, Any], axis: int, forward: bool) -> tuple[Any, Any]:
    """The sums of one axis; those of the inverse are not divided."""
    real, imag = (ops.moveaxis(part, axis, -1) for part in pair)
    real, imag = ops.fft((real, imag if forward else ops.negative(imag)))
    imag = imag if forward else ops.negative(imag)
    return ops.moveaxis(real, -1, axis), ops.moveaxis(imag, -1, axis)


def _scaled(x: Any, sizes: list[Any], norm: int) -> Any:
    if not norm:
        return x
    count = 1
    for n in sizes:
        count = count * n
    return ops.multiply(x, count ** (-0.5 if norm == 1 else -1.0))


@aten("_fft_c2c")
def _of_complex(call: Call, x: Any, dim: list[int], norm: int, forward: bool) -> Any:
    pair, sizes = _pair(x), [shape_of(x)[axis] for axis in dim]
    for axis in dim:
        pair = _along(pair, axis, forward)
    real, imag = (_scaled(part, sizes, norm) for part in pair)
    return _complex((real, imag))


@aten("_fft_r2c")
def _of_real(call: Call, x: Any, dim: list[int], norm: int, onesided: bool) -> Any:
    sizes = [shape_of(x)[axis] for axis in dim]
    *others, last = dim
    if onesided:
        pair = tuple(ops.moveaxis(part, -1, last) for part in ops.rfft(ops.moveaxis(x, last, -1)))
    else:
        pair = _along(_pair(x), last, True)
    for axis in others:
        pair = _along((pair[0], pair[1]), axis, True)
    real, imag = (_scaled(part, sizes, norm) for part in pair)
    return _complex((real, imag))


@aten("_fft_c2r")
def _to_real(call: Call, x: Any, dim: list[int], norm: int, size: int) -> Any:
    """The real tensor of which x has half of the transform; its last axis has `size` elements."""
    *others, last = dim
    pair = _pair(x)
    for axis in others:
        pair = _along(pair, axis, False)
    real, imag = (ops.moveaxis(part, last, -1) for part in pair)
    y = ops.multiply(ops.irfft((real, imag), size), float(size))
    sizes = [*(shape_of(x)[axis] for axis in others), size]
    return _scaled(ops.moveaxis(y, -1, last), sizes, norm)
