"""Products of vectors and kernels of 8 bits, by oneDNN on CPUs.

Measured on one core with AVX-512, 576 to 1536 units, 8 rows: 0.15 ms, where the same product of
float32 took 0.48 ms and torch's `_int_mm` 0.35 ms. Three times as many rows took 0.15 ms, too: what
is read is the kernel. So vectors that are not to be rounded go in as the sum of three that are: as
the digits, to the base 256, of whole numbers of 23 bits.
"""

import functools
import threading

import torch

_HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(
    torch.ops.onednn, "qlinear_pointwise"
)
# One lock for all kernels, each of which is packed once.
_packing = threading.Lock()


# A float32 from 2^23 to 2^24 is a whole number, and its lower 23 bits are what it is above 2^23:
# two bytes and seven bits. Numbers around _MIDDLE, whose digits are all 64, stand for those around
# 0.
_BASE = 256
_ZERO = 64
_MIDDLE = _ZERO * (1 + _BASE + _BASE**2)
_LARGEST = 2.0**23 - 1 - _MIDDLE  # 22 bits and a sign


class Packed:
    """Kernels side by side as oneDNN has arranged them, and what their columns are multiplied by.

    Args:
        stamp: tells these kernels from others, and from what they were before.
        parts: pairs of levels and scales.
        by_rows: whether levels are (out, in).
    """

    def __init__(self, stamp, parts, by_rows) -> None:
        self.stamp = stamp
        rows = torch.cat([levels if by_rows else levels.t() for levels, _ in parts]).contiguous()
        self.kernel = torch.ops.onednn.qlinear_prepack(rows, None)
        self.shares = torch.cat([scale.float() for _, scale in parts]).reciprocal()
        self.zeros = torch.zeros(len(rows), dtype=torch.int32)
        self.middle = torch.tensor(2.0**23 + _MIDDLE)
        self.weights = torch.tensor([[1.0, _BASE, _BASE**2]])
        self.shifts = torch.tensor([[0], [8], [16]], dtype=torch.int32)

    def multiply(self, x, zero):
        """x, levels (rows, in) as bytes, times the kernels: floats (rows, out)."""
        return torch.ops.onednn.qlinear_pointwise(
            x, 1.0, zero, self.kernel, self.shares, self.zeros, None, 1.0, 0,
            torch.float32, "none", [], "",
        )  # fmt: skip


def quantized_dense(x, parts, epsilon, by_rows=False):
    """x @ levels / scales, or None where this has no kernel for it.

    Args:
        x: floats (…, in).
        parts: pairs of levels, int8 (in, out), or (out, in) if `by_rows`, and of scales (out,),
            what floats were multiplied by to be levels. The results stand side by side.
        epsilon: what is added to the largest magnitude of a row of `x`, by which the row is rounded
            to 8 bits; None leaves it as it is.
        by_rows: see `parts`.
    """
    if not (
        _HAS_ONEDNN
        and not torch.compiler.is_compiling()  # first: torch.compile does not know the next one
        and torch.is_inference_mode_enabled()
        and type(x) is torch.Tensor
        and x.is_cpu
        and x.dtype is torch.float32
        and torch.backends.mkldnn.enabled
        and (epsilon is not None or 0 < x.numel() <= _MANY * x.shape[-1])
        and _is_exact()
    ):
        return None
    for levels, scale in parts:
        if levels.ndim != 2 or levels.is_inference() or scale.is_inference():
            return None  # of tensors of inference mode nothing tells when they are written to
    packed = _packed(parts, by_rows)
    largest = x.abs().amax(-1, True)  # sooner than a norm, which is of one thread
    if epsilon is None:
        return _unrounded(x, largest, packed)
    steps = largest.add_(epsilon).reciprocal_().mul_(127.0)
    # Levels from -127 to 127, as the numbers from 1 to 255 that the kernel reads.
    rounded = (x * steps).round_().add_(128).to(torch.uint8)
    return packed.multiply(rounded, 128).div_(steps)


def _unrounded(x, largest, packed):
    """The product with vectors as floats, (…, out).

    Each vector becomes whole numbers, of which the largest magnitude is `_LARGEST`: half of one,
    2^-23 of that magnitude, is what rounding takes or adds. Digits are the lowest bytes of a
    shifted number.
    """
    *batch, inputs = x.shape
    # Of zeros, steps are infinite and numbers NaN: some digits, and 0 when it is divided again.
    steps = torch.div(_LARGEST, largest)
    numbers = torch.addcmul(packed.middle, x, steps).reshape(1, -1).view(torch.int32)
    digits = torch.empty((3, x.numel()), dtype=torch.uint8)
    torch.bitwise_right_shift(numbers, packed.shifts, out=digits)
    y = packed.multiply(digits.view(-1, inputs), _ZERO).view(3, -1)
    if steps.numel() == 1:  # three divisions in the place of many
        return torch.mm(torch.div(packed.weights, steps.view(1, 1)), y).view(*batch, -1)
    return torch.mm(packed.weights, y).view(*batch, -1).div_(steps)


# Rows of which the threefold is multiplied sooner than the kernel is turned into floats.
_MANY = 192


@functools.cache
def _is_exact() -> bool:
    """Whether oneDNN's sums are those of the whole numbers that go in.

    Without the instructions of VNNI sums of pairs have 16 bits: they are cut off there, or the
    kernel's levels are halved. It may also be told to do without them, so it is tried.
    """
    with torch.inference_mode(False), torch.no_grad():
        levels = torch.tensor([127, -127, 125], dtype=torch.int8)[:, None].expand(3, 64)
        packed = Packed(None, [(levels, torch.ones(3))], by_rows=True)
        found = packed.multiply(torch.full((8, 64), 255, dtype=torch.uint8), 0)
        return torch.equal(found, (levels.float().sum(1) * 255).expand(8, 3))


def _packed(parts, by_rows):
    """The arranged kernels, kept with the first's levels, and made again when one changes."""
    stamp = tuple((id(t), t.data_ptr(), t._version) for part in parts for t in part)
    first = parts[0][0]
    found = getattr(first, "_isozoo_packed", None)
    if found is None or found.stamp != stamp:
        with _packing, torch.inference_mode(False), torch.no_grad():
            found = Packed(stamp, parts, by_rows)
        first._isozoo_packed = found
    return found
