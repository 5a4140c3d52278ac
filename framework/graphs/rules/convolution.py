"""ONNX's convolutions.

Definition: github.com/onnx/onnx, docs/Operators.md. Tensors are (batch, channels, *spatial),
kernels (out, in / groups, *size).
"""

from __future__ import annotations

from itertools import product as places
from typing import Any

from ... import ops
from ...ops.joining import split
from ..calls import Call, dtype_of, product, rank_of, shape_of
from ..registry import rule


def window(call: Call, rank: int, size: Any = None) -> tuple[list[int], list[int], list[int]]:
    """Returns sizes, strides and dilations of a window over `rank` axes."""
    size = list(call.get("kernel_shape") or size or ())
    strides = list(call.get("strides") or [1] * rank)
    dilations = list(call.get("dilations") or [1] * rank)
    if not len(size) == len(strides) == len(dilations) == rank:
        raise call.wrong(f"its window has not {rank} sizes, strides and dilations")
    if min([*strides, *dilations, 1]) < 1 or min([*size, 1]) < 0:
        raise call.wrong("sizes, strides and dilations are at least 1")
    return [int(n) for n in size], [int(n) for n in strides], [int(n) for n in dilations]


def pads_of(
    call: Call, sizes: Any, window: list[int], strides: list[int], dilations: list[int]
) -> list[tuple[int, int]]:
    """Returns how many elements stand before and behind each spatial axis."""
    automatic = call.get("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        pairs = []
        for n, k, s, d in zip(sizes, window, strides, dilations, strict=True):
            if not isinstance(n, int):
                raise call.wrong(f"auto_pad {automatic} over an axis of unknown size")
            total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
            less, more = total // 2, total - total // 2
            pairs.append((less, more) if automatic == "SAME_UPPER" else (more, less))
        return pairs
    pads = call.get("pads")
    if pads is None or automatic == "VALID":
        return [(0, 0)] * len(window)
    if len(pads) != 2 * len(window):
        raise call.wrong(f"it has {len(pads)} pads; {2 * len(window)} are expected")
    half = len(window)
    return [(int(pads[i]), int(pads[i + half])) for i in range(half)]


@rule("Conv", weights=(1, 2))
def _conv(call: Call, x: Any, kernel: Any, bias: Any = None) -> Any:
    y = convolved(call, x, kernel)
    return y if bias is None else ops.add(y, per_channel(bias, rank_of(y)))


def convolved(call: Call, x: Any, kernel: Any) -> Any:
    """Returns the convolution that a node's attributes describe, without a bias."""
    x, strides, pads, dilations = padded(call, x, kernel)
    kernel, depthwise = arranged(call, kernel, shape_of(x)[1])
    run = ops.depthwise_conv if depthwise else ops.conv
    return run(x, kernel, strides, pads, "channels_first", dilations)


def padded(
    call: Call, x: Any, kernel: Any
) -> tuple[Any, list[int], list[tuple[int, int]], list[int]]:
    """Returns x cut where a pad is negative, strides, pads and dilations."""
    rank = rank_of(x) - 2
    size, strides, dilations = window(call, rank, shape_of(kernel)[2:])
    groups, channels = call.get("group", 1), shape_of(x)[1]
    if isinstance(channels, int) and channels != shape_of(kernel)[1] * groups:
        raise call.wrong(
            f"{channels} channels meet a kernel for {groups} groups of {shape_of(kernel)[1]}"
        )
    pads = pads_of(call, shape_of(x)[2:], size, strides, dilations)
    if any(n < 0 for pair in pads for n in pair):
        cuts = [slice(max(-low, 0), -max(-high, 0) or None) for low, high in pads]
        x = ops.get_item(x, (slice(None), slice(None), *cuts))
        pads = [(max(low, 0), max(high, 0)) for low, high in pads]
    within(call, shape_of(x)[2:], pads)
    return x, strides, pads, dilations


def within(call: Call, sizes: Any, pads: list[tuple[int, int]]) -> None:
    """Raises GraphError where pads make more elements of one channel than any program needs."""
    call.limit(product([n + low + high for n, (low, high) in zip(sizes, pads, strict=True)]))


def arranged(call: Call, kernel: Any, channels: Any) -> tuple[Any, bool]:
    """Returns a kernel as (*size, in / groups, out), and whether each channel has its own: then as
    (*size, channels, multiplier). torch makes its own order of it again without a copy."""
    groups, spatial = call.get("group", 1), range(2, rank_of(kernel))
    if groups > 1 and groups == channels:
        out = shape_of(kernel)[0]
        kernel = ops.reshape(kernel, (channels, out // channels, *shape_of(kernel)[2:]))
        return ops.transpose(kernel, (*spatial, 0, 1)), True
    out, channels, *size = shape_of(kernel)
    if set(size) == {1}:
        # By way of a matrix, which XLA multiplies by as it is; else it turns four axes each time.
        matrix = ops.transpose(ops.reshape(kernel, (out, channels)))
        return ops.reshape(matrix, (*size, channels, out)), False
    return ops.transpose(kernel, (*spatial, 1, 0)), False


def per_channel(x: Any, rank: int) -> Any:
    """Returns (channels,) in a shape that meets (batch, channels, *spatial) of `rank` axes."""
    return ops.reshape(x, (-1, *(1,) * (rank - 2)))


@rule("ConvTranspose", weights=(1, 2))
def _conv_transpose(call: Call, x: Any, kernel: Any, bias: Any = None) -> Any:
    rank = rank_of(x) - 2
    size, strides, dilations = window(call, rank, shape_of(kernel)[2:])
    groups = call.get("group", 1)
    sizes = shape_of(x)[2:]
    more = list(call.get("output_padding") or [0] * rank)
    wanted = call.get("output_shape")
    full = [
        (n - 1) * s + (k - 1) * d + 1
        for n, s, k, d in zip(sizes, strides, size, dilations, strict=True)
    ]
    automatic = call.get("auto_pad", "NOTSET")
    if wanted is None and automatic in ("SAME_UPPER", "SAME_LOWER"):
        wanted = [n * s for n, s in zip(sizes, strides, strict=True)]
    if wanted is not None:
        crops = []
        for have, want, add in zip(full, wanted[-rank:], more, strict=True):
            total = have + add - want
            less, rest = total // 2, total - total // 2
            crops.append((less, rest - add) if automatic == "SAME_UPPER" else (rest, less - add))
    else:
        pads = pads_of(call, sizes, size, strides, dilations)
        crops = [(low, high - add) for (low, high), add in zip(pads, more, strict=True)]
    parts = [x] if groups == 1 else split(x, groups, 1)
    kernels = [kernel] if groups == 1 else split(kernel, groups, 0)
    made = [
        _transposed(part, inner, strides, dilations)
        for part, inner in zip(parts, kernels, strict=True)
    ]
    y = made[0] if groups == 1 else ops.concatenate(made, 1)
    y = _cropped(y, crops)
    return y if bias is None else ops.add(y, per_channel(bias, rank_of(y)))


def _transposed(x: Any, kernel: Any, strides: list[int], dilations: list[int]) -> Any:
    """All (n - 1) s + k elements of the transposed convolution, or more of them."""
    rank = rank_of(x) - 2
    kernel = ops.transpose(kernel, (*range(2, rank + 2), 1, 0))
    return ops.conv_transpose(x, kernel, strides, "valid", None, "channels_first", dilations)


def _cropped(y: Any, crops: list[tuple[int, int]]) -> Any:
    """Cuts elements off the ends of the spatial axes; puts zeros there for negative numbers."""
    cuts = tuple(slice(max(low, 0), -max(high, 0) or None) for low, high in crops)
    if any(low > 0 or high > 0 for low, high in crops):
        y = ops.get_item(y, (slice(None), slice(None), *cuts))
    more = [(max(-low, 0), max(-high, 0)) for low, high in crops]
    return ops.pad(y, [(0, 0), (0, 0), *more]) if any(map(any, more)) else y


@rule("Col2Im", numbers=(1, 2))
def _col2im(call: Call, x: Any, image: Any, block: Any) -> Any:
    sizes = [int(n) for n in call.ints(image, "the image's shape")]
    blocks = [int(n) for n in call.ints(block, "the block's shape")]
    rank = len(sizes)
    strides = list(call.get("strides") or [1] * rank)
    dilations = list(call.get("dilations") or [1] * rank)
    pads = list(call.get("pads") or [0] * 2 * rank)
    pairs = [(pads[i], pads[i + rank]) for i in range(rank)]
    counts = [
        (n + low + high - (k - 1) * d - 1) // s + 1
        for n, (low, high), k, s, d in zip(sizes, pairs, blocks, strides, dilations, strict=True)
    ]
    batch = shape_of(x)[0]
    channels = shape_of(x)[1] // _times(blocks)
    x = ops.reshape(x, (batch, channels, _times(blocks), *counts))
    whole = [n + low + high for n, (low, high) in zip(sizes, pairs, strict=True)]
    y: Any = None
    for number, place in enumerate(places(*(range(k) for k in blocks))):
        part = ops.get_item(x, (slice(None), slice(None), number))
        part = _spread(part, strides)
        before = [p * d for p, d in zip(place, dilations, strict=True)]
        sizes_now = [(c - 1) * s + 1 for c, s in zip(counts, strides, strict=True)]
        around = [(b, n - b - m) for b, n, m in zip(before, whole, sizes_now, strict=True)]
        part = ops.pad(part, [(0, 0), (0, 0), *around])
        y = part if y is None else ops.add(y, part)
    return _cropped(y, pairs)


def _times(numbers: list[int]) -> int:
    total = 1
    for n in numbers:
        total *= n
    return total


def _spread(x: Any, strides: list[int]) -> Any:
    """Puts stride - 1 zeros between the elements of each spatial axis."""
    for axis, stride in enumerate(strides, 2):
        if stride > 1:
            shape = shape_of(x)
            x = ops.expand_dims(x, axis + 1)
            x = ops.pad(
                x, [(0, stride - 1) if n == axis + 1 else (0, 0) for n in range(len(shape) + 1)]
            )
            x = ops.reshape(x, (*shape[:axis], shape[axis] * stride, *shape[axis + 1 :]))
            keep = tuple(slice(None) for _ in range(axis))
            x = ops.get_item(x, (*keep, slice(0, shape[axis] * stride - stride + 1)))
    return x


@rule("ConvInteger", weights=(1,))
def _conv_integer(call: Call, x: Any, kernel: Any, x_zero: Any = None, zero: Any = None) -> Any:
    return ops.cast(integer_conv(call, x, kernel, x_zero, zero), "int32")


# Terms of a sum of products of two integers of 9 bits that float32 holds exactly; and of one of 9
# bits and one of 5.
_TERMS, _TERMS_OF_HALVES = 258, 4112


def integer_conv(call: Call, x: Any, kernel: Any, x_zero: Any, zero: Any) -> Any:
    """Returns the convolution of integers less their zero points, exactly, in float64.

    On CPUs convolutions of float32 have kernels that those of float64 lack, and hold such sums if
    these have few terms. Of more terms the kernel's upper and lower half are convolved each by
    itself. On other devices kernels may sum what is no product of the two (Winograd's).
    """
    terms = product(shape_of(kernel)[1:])
    bytes_alone = {dtype_of(x), dtype_of(kernel)} <= {"int8", "uint8"}
    bytes_alone &= call.backend.device_names(None)[0].startswith("cpu")
    halves = bytes_alone and terms is not None and _TERMS < terms <= _TERMS_OF_HALVES
    narrow = bytes_alone and terms is not None and terms <= _TERMS
    wide = "float32" if narrow or halves else "float64"
    x = _less(x, x_zero, wide)
    if zero is not None and rank_of(zero) == 1:
        zero = ops.reshape(zero, (-1, *(1,) * (rank_of(kernel) - 1)))
    if not halves:
        return ops.cast(convolved(call, x, _less(kernel, zero, wide)), "float64")
    whole = _less(kernel, zero, "int32")
    upper, lower = ops.right_shift(whole, 4), ops.bitwise_and(whole, 15)
    high, low = (
        ops.cast(convolved(call, x, ops.cast(half, wide)), "float64") for half in (upper, lower)
    )
    return ops.add(ops.multiply(high, 16.0), low)


def _less(x: Any, zero: Any, dtype: str) -> Any:
    """Integers in another dtype, less a zero point."""
    x = ops.cast(x, dtype)
    return x if zero is None else ops.subtract(x, ops.cast(zero, dtype))
