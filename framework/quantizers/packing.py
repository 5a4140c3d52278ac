"""Two numbers of 4 bits in a byte."""

import numpy as np

from .. import ops
from ..typing import Tensor, TensorLike

_BYTES = ("int8", "uint8")


def pack_int4(
    arr: TensorLike, axis: int = 0, dtype: str = "int8"
) -> tuple[Tensor, tuple[int, ...], int]:
    """Returns numbers of 4 bits two in a byte, the first of each pair in the low half.

    Args:
        arr: numbers of -8 to 7 as int8, or of 0 to 15 as uint8.
        axis: along which pairs are made; with an odd size a 0 is put behind.
        dtype: "int8" or "uint8", that of `arr` and of the result.

    Returns:
        The bytes, with half the size (rounded up) on `axis`; their shape; the size of that axis
        before.

    Raises:
        ValueError: another dtype.
        TypeError: an array of another dtype than `dtype`.
    """
    _check(dtype)
    if ops.dtype(arr) != dtype:
        raise TypeError(f"Expected {dtype} tensor for packing, got {ops.dtype(arr)}.")
    # On the host: it is done once for a weight, and shifts of int8 overflow alike only there.
    numbers = np.moveaxis(np.asarray(ops.convert_to_numpy(arr)), axis, 0)
    size = numbers.shape[0]
    if size % 2:
        numbers = np.concatenate([numbers, np.zeros_like(numbers[:1])])
    halves = numbers.view(np.uint8) & 0x0F
    packed = np.moveaxis((halves[::2] | (halves[1::2] << 4)).view(dtype), 0, axis)
    packed = np.ascontiguousarray(packed)
    return ops.convert_to_tensor(packed), tuple(packed.shape), size


def unpack_int4(packed: TensorLike, orig_len: int, axis: int = 0, dtype: str = "int8") -> Tensor:
    """Returns the numbers that `pack_int4` packed.

    Args:
        packed: bytes, int8 or uint8.
        orig_len: the size of `axis` before packing.
        axis: along which pairs were made.
        dtype: "int8" for numbers of -8 to 7, "uint8" for numbers of 0 to 15.

    Raises:
        ValueError: another dtype.
        TypeError: bytes of another dtype.
    """
    _check(dtype)
    if ops.dtype(packed) not in _BYTES:
        raise TypeError(f"Expected int8 or uint8 tensor for unpacking, got {ops.dtype(packed)}")
    shape = tuple(packed.shape)
    axis %= len(shape)
    halves = ops.stack(
        [ops.bitwise_and(packed, 0x0F), ops.bitwise_and(ops.right_shift(packed, 4), 0x0F)],
        axis=axis + 1,
    )
    if dtype == "int8":  # 8 to 15 are the negative numbers
        halves = ops.subtract(ops.bitwise_xor(halves, 8), 8)
    pairs = (*shape[:axis], -1 if shape[axis] is None else 2 * shape[axis], *shape[axis + 1 :])
    whole = ops.reshape(halves, tuple(-1 if n is None else n for n in pairs))
    if orig_len != pairs[axis]:
        whole = whole[(slice(None),) * axis + (slice(0, orig_len),)]
    return ops.cast(whole, dtype)


def _check(dtype: str) -> None:
    if dtype not in _BYTES:
        raise ValueError(f"Expected dtype to be 'int8' or 'uint8', but got '{dtype}'.")
